//! How the answer is made.
//!
//! What is not understood of `reasoning`, `text` and `include` stays among the extras: of the first two under
//! dotted names, such as `reasoning.context`, which the encoder puts back where they stood.

use crate::RawJson;
use crate::canonical::{Effort, NOTE_MARK, OutputFormat, Request, ThoughtDisplay, Verbosity};
use crate::json::{Invalid, Locate, Raw, Writer};
use crate::openai_responses::members::{maybe, need};

/// Asks for the probabilities of the answer's tokens.
pub(in crate::openai_responses) const LOGPROBS: &str = "message.output_text.logprobs";
/// Asks for thoughts that can be returned to a provider that keeps nothing.
pub(in crate::openai_responses) const ENCRYPTED: &str = "reasoning.encrypted_content";

pub(super) fn member(request: &mut Request, name: &str, value: Raw<'_>) -> Result<(), Invalid> {
    let sampling = &mut request.sampling;
    match name {
        "max_output_tokens" => sampling.max_output_tokens = Some(value.want_count()?),
        "temperature" => sampling.temperature = Some(value.want_number()?),
        "top_p" => sampling.top_p = Some(value.want_number()?),
        "top_logprobs" => sampling.top_logprobs = Some(value.want_count()?),
        "include" => include(request, value)?,
        "reasoning" => reasoning(request, value)?,
        "text" => text(request, value)?,
        "prompt_cache_key" => request.cache.key = Some(value.want_string()?),
        "prompt_cache_retention" => request.cache.retention = Some(value.want_string()?),
        "safety_identifier" => end_user(request, value.want_string()?),
        "user" => older_end_user(request, value.want_string()?),
        _ => keep(request, name, value),
    }
    Ok(())
}

fn keep(request: &mut Request, name: &str, value: Raw<'_>) {
    request.extras.push((name.to_owned(), value.into()));
}

fn end_user(request: &mut Request, user: String) {
    if let Some(older) = request.user.replace(user) {
        request
            .extras
            .retain(|(name, _)| *name != older_user_note());
        let older = RawJson::string(&older);
        request.extras.push(("user".to_owned(), older));
    }
}

/// `user` is the name that `safety_identifier` replaces. With both given, each stays what it is.
fn older_end_user(request: &mut Request, user: String) {
    if request.user.is_none() {
        request.user = Some(user);
        let note = RawJson::string("the older name");
        request.extras.push((older_user_note(), note));
    } else {
        let user = RawJson::string(&user);
        request.extras.push(("user".to_owned(), user));
    }
}

/// Notes that the client knows the end user by the older name.
pub(in crate::openai_responses) fn older_user_note() -> String {
    format!("{NOTE_MARK}user")
}

fn include(request: &mut Request, value: Raw<'_>) -> Result<(), Invalid> {
    let mut rest = Vec::new();
    for (index, item) in value.want_items()? {
        match &*item.want_text().at_index(index)? {
            ENCRYPTED => request.reasoning.encrypted = true,
            LOGPROBS => request.sampling.logprobs = Some(true),
            _ => rest.push(item),
        }
    }
    if !rest.is_empty() {
        let rest = Writer::list_of(rest.into_iter().map(Raw::json));
        request.extras.push(("include".to_owned(), rest));
    }
    Ok(())
}

fn reasoning(request: &mut Request, value: Raw<'_>) -> Result<(), Invalid> {
    for (name, value) in value.want_members()? {
        let options = &mut request.reasoning;
        let word = value.text();
        let word = word.as_deref().unwrap_or_default();
        match &*name {
            "effort" if Effort::parse(word).is_some() => options.effort = Effort::parse(word),
            "summary" if display(word).is_some() => options.display = display(word),
            name => keep(request, &format!("reasoning.{name}"), value),
        }
    }
    Ok(())
}

fn display(word: &str) -> Option<ThoughtDisplay> {
    match word {
        "auto" => Some(ThoughtDisplay::Auto),
        "concise" => Some(ThoughtDisplay::Concise),
        "detailed" => Some(ThoughtDisplay::Detailed),
        _ => None,
    }
}

fn text(request: &mut Request, value: Raw<'_>) -> Result<(), Invalid> {
    for (name, value) in value.want_members()? {
        let word = value.text();
        let verbosity = Verbosity::parse(word.as_deref().unwrap_or_default());
        match &*name {
            "format" => format(request, value).at("format")?,
            "verbosity" if verbosity.is_some() => request.verbosity = verbosity,
            name => keep(request, &format!("text.{name}"), value),
        }
    }
    Ok(())
}

fn format(request: &mut Request, format: Raw<'_>) -> Result<(), Invalid> {
    let known: &[&str] = match &*format.want_type()? {
        "text" => &["type"],
        "json_object" => {
            request.output = OutputFormat::JsonObject;
            &["type"]
        }
        "json_schema" => {
            request.output = json_schema(format)?;
            &["type", "name", "description", "schema", "strict"]
        }
        _ => {
            keep(request, "text.format", format);
            return Ok(());
        }
    };
    for (name, value) in format.members() {
        if !known.contains(&&*name) {
            keep(request, &format!("text.format.{name}"), value);
        }
    }
    Ok(())
}

fn json_schema(format: Raw<'_>) -> Result<OutputFormat, Invalid> {
    let [name, description, schema, strict] =
        format.pick(["name", "description", "schema", "strict"]);
    let schema = schema.ok_or_else(|| Invalid::here("is missing; add it as an object"));
    Ok(OutputFormat::JsonSchema {
        name: Some(need(name, "name")?),
        description: maybe(description, "description")?,
        schema: schema.and_then(super::object_of).at("schema")?,
        strict: strict.map(Raw::want_flag).transpose().at("strict")?,
    })
}
