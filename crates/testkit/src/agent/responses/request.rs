//! The fields of a Responses request and their rules (OpenAI's API reference; refusals as seen
//! from its API).

use serde_json::{Value, json};

use super::item;
use crate::agent::asked::{Asked, Choice, Thoughts, Tool};
use crate::agent::schema;
use crate::agent::spot::{Refusal, Spot};

const FIELDS: [&str; 31] = [
    "background",
    "client_metadata",
    "context_management",
    "conversation",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "moderation",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
];

const EFFORTS: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/// Reads a request.
pub(in crate::agent) fn read(root: &Spot<'_>) -> Result<Asked, Refusal> {
    root.only(&[&FIELDS[..], &["user"]].concat())?;
    for stored in ["previous_response_id", "conversation", "background"] {
        let absent = root.get(stored).is_none();
        root.must(absent, format_args!("{stored}: nothing is stored here"))?;
    }
    let mut asked = Asked {
        model: root.want_text("model")?.to_owned(),
        stream: root.flag("stream")?.unwrap_or(false),
        parallel: root.flag("parallel_tool_calls")?.unwrap_or(true),
        ..Asked::default()
    };
    settings(root)?;
    asked.thoughts = reasoning(root)?;
    asked.schema = text(root)?;
    tools(root, &mut asked)?;
    item::input(root, &mut asked)?;
    asked.repeated = repeated(root);
    Ok(asked)
}

fn settings(root: &Spot<'_>) -> Result<(), Refusal> {
    root.within("temperature", 0.0, 2.0)?;
    root.within("top_p", 0.0, 1.0)?;
    root.at_least("max_output_tokens", 16)?;
    root.get_text("instructions")?;
    root.get_text("prompt_cache_key")?;
    root.get_text("user")?;
    if let Some(metadata) = root.get("metadata") {
        for name in metadata.object()?.keys() {
            metadata.want_text(name)?;
        }
    }
    if let Some(options) = root.get("stream_options") {
        options.only(&["include_obfuscation"])?;
    }
    Ok(())
}

/// Thoughts are told as a summary if one is asked for, and sealed if they are to be handed back.
fn reasoning(root: &Spot<'_>) -> Result<Thoughts, Refusal> {
    let mut sealed = false;
    for include in root.list("include")? {
        sealed |= include.text()? == "reasoning.encrypted_content";
    }
    let Some(reasoning) = root.get("reasoning") else {
        return Ok(Thoughts::None);
    };
    reasoning.only(&["effort", "summary", "context", "mode"])?;
    let effort = reasoning.if_one_of("effort", &EFFORTS)?;
    let summary = reasoning.if_one_of("summary", &["auto", "concise", "detailed"])?;
    Ok(match (effort, sealed, summary) {
        (Some("none"), ..) => Thoughts::None,
        (_, true, Some(_)) => Thoughts::Told,
        (_, true, None) => Thoughts::Sealed,
        (_, false, _) => Thoughts::Counted,
    })
}

fn text(root: &Spot<'_>) -> Result<Option<Value>, Refusal> {
    let Some(text) = root.get("text") else {
        return Ok(None);
    };
    text.only(&["format", "verbosity"])?;
    text.if_one_of("verbosity", &["low", "medium", "high"])?;
    let Some(format) = text.get("format") else {
        return Ok(None);
    };
    match format.one_of("type", &["text", "json_object", "json_schema"])? {
        "json_schema" => {
            format.only(&["type", "name", "description", "schema", "strict"])?;
            format.identifier("name", 64)?;
            let schema = format.want("schema")?;
            if format.flag("strict")? == Some(true) {
                schema::closed(&schema)?;
            }
            Ok(Some(schema.value.clone()))
        }
        "json_object" => {
            format.only(&["type"])?;
            Ok(Some(schema::in_words(root.want("input")?.value)))
        }
        _ => {
            format.only(&["type"])?;
            Ok(None)
        }
    }
}

fn tools(root: &Spot<'_>, asked: &mut Asked) -> Result<(), Refusal> {
    for tool in root.list("tools")? {
        if tool.kind()? == "function" {
            asked.tools.push(function(&tool)?);
        }
    }
    asked.names_are_unique(root)?;
    let Some(choice) = root.get("tool_choice") else {
        return Ok(());
    };
    asked.choice = read_choice(&choice)?;
    if choice.value["type"] == "allowed_tools" {
        choice.only(&["type", "mode", "tools"])?;
        asked.allow_only(&choice, |tool| Ok(tool.clone()))?;
    }
    asked.choice_exists(&choice)
}

fn function(tool: &Spot<'_>) -> Result<Tool, Refusal> {
    tool.only(&[
        "type",
        "name",
        "description",
        "parameters",
        "strict",
        "defer_loading",
    ])?;
    let name = tool.identifier("name", 128)?.to_owned();
    tool.get_text("description")?;
    let parameters = tool.get("parameters");
    if let Some(parameters) = &parameters {
        schema::arguments(parameters)?;
        if tool.flag("strict")? == Some(true) {
            schema::closed(parameters)?;
        }
    }
    let schema = parameters.map_or(Value::Null, |parameters| parameters.value.clone());
    Ok(Tool { name, schema })
}

fn read_choice(choice: &Spot<'_>) -> Result<Choice, Refusal> {
    if choice.value.is_string() {
        let word = choice.text()?;
        choice.must(
            ["none", "auto", "required"].contains(&word),
            "must be none, auto or required",
        )?;
        return Ok(match word {
            "none" => Choice::Never,
            "required" => Choice::Must,
            _ => Choice::Free,
        });
    }
    if choice.kind()? != "function" {
        return Ok(Choice::Free);
    }
    choice.only(&["type", "name"])?;
    Ok(Choice::Only(choice.want_text("name")?.to_owned()))
}

/// A response repeats most of its request.
fn repeated(root: &Spot<'_>) -> Value {
    let or = |name: &str, default: Value| root.get(name).map_or(default, |at| at.value.clone());
    json!({
        "instructions": or("instructions", Value::Null),
        "max_output_tokens": or("max_output_tokens", Value::Null),
        "metadata": or("metadata", json!({})),
        "parallel_tool_calls": or("parallel_tool_calls", true.into()),
        "reasoning": or("reasoning", Value::Null),
        "temperature": or("temperature", 1.0.into()),
        "text": or("text", json!({"format": {"type": "text"}})),
        "tool_choice": or("tool_choice", "auto".into()),
        "tools": or("tools", json!([])),
        "top_p": or("top_p", 1.0.into()),
        "truncation": or("truncation", "disabled".into()),
    })
}
