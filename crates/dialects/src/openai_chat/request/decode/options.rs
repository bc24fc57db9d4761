//! How an answer is made.

use super::super::super::inner;
use crate::RawJson;
use crate::canonical::{Effort, Extras, OutputFormat, ReasoningMode, Request, Sampling, Verbosity};
use crate::json::{Invalid, JsonKind, Locate as _, Raw};

/// Reads a member that says how tokens are drawn; false if it is none.
pub(super) fn read_sampling(
    sampling: &mut Sampling,
    name: &str,
    value: Raw<'_>,
) -> Result<bool, Invalid> {
    match name {
        "max_completion_tokens" => sampling.max_output_tokens = Some(value.want_count()?),
        "temperature" => sampling.temperature = Some(value.want_number()?),
        "top_p" => sampling.top_p = Some(value.want_number()?),
        // Of vLLM and its kin; OpenAI has no such field.
        "top_k" => match value.want_integer()? {
            // Their way to say "all tokens".
            -1 => return Ok(false),
            _ => sampling.top_k = Some(value.want_count()?),
        },
        "stop" => sampling.stop = read_stop(value)?,
        "n" => sampling.n = Some(value.want_count()?),
        "seed" => sampling.seed = Some(value.want_integer()?),
        "frequency_penalty" => sampling.frequency_penalty = Some(value.want_number()?),
        "presence_penalty" => sampling.presence_penalty = Some(value.want_number()?),
        "logit_bias" => sampling.logit_bias = Some(object(value)?),
        "logprobs" => sampling.logprobs = Some(value.want_flag()?),
        "top_logprobs" => sampling.top_logprobs = Some(value.want_count()?),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Notes what can be written in several ways: one stop text, the format that is the default, DeepSeek's switch.
pub(super) fn note_spelling(extras: &mut Extras, name: &str, value: Raw<'_>) {
    let several = match name {
        "stop" => value.kind() == Some(JsonKind::Text),
        "response_format" | "thinking" => true,
        _ => false,
    };
    if several {
        inner::note(extras, name, value);
    }
}

/// Reads a member that takes one of a few words, or an object with one. New words are no errors: false, and
/// the member is carried along.
pub(super) fn read_worded(
    request: &mut Request,
    name: &str,
    value: Raw<'_>,
) -> Result<bool, Invalid> {
    match name {
        "reasoning_effort" => {
            request.reasoning.effort = Effort::parse(&value.want_text()?);
            Ok(request.reasoning.effort.is_some())
        }
        "verbosity" => {
            request.verbosity = Verbosity::parse(&value.want_text()?);
            Ok(request.verbosity.is_some())
        }
        "thinking" => read_thinking(request, value),
        "response_format" => read_format(request, value),
        _ => Ok(false),
    }
}

/// An object that is carried along.
pub(super) fn object(value: Raw<'_>) -> Result<RawJson, Invalid> {
    value.want_object().map(Into::into)
}

/// `stream_options`: whether the client wants to be told of usage.
pub(super) fn read_stream(request: &mut Request, value: Raw<'_>) -> Result<(), Invalid> {
    for (name, value) in value.want_members()? {
        if name == "include_usage" {
            request.include_usage = value.want_flag().at(&name)?;
        } else {
            inner::keep(&mut request.extras, "stream_options", &name, value);
        }
    }
    Ok(())
}

/// One text or several.
fn read_stop(value: Raw<'_>) -> Result<Vec<String>, Invalid> {
    match value.kind() {
        Some(JsonKind::Text) => Ok(vec![value.want_string()?]),
        Some(JsonKind::List) => value
            .want_items()?
            .map(|(index, text)| text.want_string().at_index(index))
            .collect(),
        _ => Err(Invalid::here("is neither a string nor a list of strings")),
    }
}

/// DeepSeek's switch (`protocols`, section 4), with the budget that clients of Claude models add to it.
fn read_thinking(request: &mut Request, value: Raw<'_>) -> Result<bool, Invalid> {
    let mode = match &*value.want_type()? {
        "enabled" => ReasoningMode::Enabled,
        "disabled" => ReasoningMode::Disabled,
        "adaptive" => ReasoningMode::Adaptive,
        _ => return Ok(false),
    };
    request.reasoning.mode = Some(mode);
    for (name, value) in value.want_members()? {
        match &*name {
            "type" => {}
            "budget_tokens" => {
                request.reasoning.budget_tokens = Some(value.want_count().at(&name)?);
            }
            _ => inner::keep(&mut request.extras, "thinking", &name, value),
        }
    }
    Ok(true)
}

fn read_format(request: &mut Request, value: Raw<'_>) -> Result<bool, Invalid> {
    let kind = value.want_type()?;
    request.output = match &*kind {
        "text" => OutputFormat::Text,
        "json_object" => OutputFormat::JsonObject,
        "json_schema" => {
            let schema = value.want_member("json_schema")?;
            read_schema(request, schema).at("json_schema")?
        }
        _ => return Ok(false),
    };
    for (name, value) in value.want_members()? {
        if name != "type" && name != kind {
            inner::keep(&mut request.extras, "response_format", &name, value);
        }
    }
    Ok(true)
}

fn read_schema(request: &mut Request, value: Raw<'_>) -> Result<OutputFormat, Invalid> {
    let (mut name, mut description, mut schema, mut strict) = (None, None, None, None);
    for (member, value) in value.want_members()? {
        match &*member {
            "name" => name = Some(value.want_string().at(&member)?),
            "description" => description = Some(value.want_string().at(&member)?),
            "schema" => schema = Some(object(value).at(&member)?),
            "strict" => strict = Some(value.want_flag().at(&member)?),
            _ => inner::keep(
                &mut request.extras,
                "response_format",
                &format!("json_schema.{member}"),
                value,
            ),
        }
    }
    Ok(OutputFormat::JsonSchema {
        name,
        description,
        schema: schema.unwrap_or_else(anything),
        strict,
    })
}

/// The types let a schema be absent.
fn anything() -> RawJson {
    RawJson::of_written("{}".to_owned())
}
