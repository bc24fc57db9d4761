//! The fields of a Chat Completions request and their rules (OpenAI's API reference; refusals as
//! seen from its API).

use serde_json::Value;

use super::message;
use crate::agent::asked::{Asked, Choice, Thoughts, Tool};
use crate::agent::schema;
use crate::agent::spot::{Refusal, Spot};

const FIELDS: [&str; 36] = [
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "modalities",
    "model",
    "moderation",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
];

const EFFORTS: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/// Reads a request. With `reasoning_content` by DeepSeek's rules where they differ.
pub(in crate::agent) fn read(root: &Spot<'_>, reasoning_content: bool) -> Result<Asked, Refusal> {
    let extensions: &[&str] = if reasoning_content {
        &["thinking"]
    } else {
        &["web_search_options"]
    };
    root.only(&[&FIELDS, extensions].concat())?;
    let mut asked = Asked {
        model: root.want_text("model")?.to_owned(),
        stream: root.flag("stream")?.unwrap_or(false),
        parallel: root.flag("parallel_tool_calls")?.unwrap_or(true),
        ..Asked::default()
    };
    sampling(root)?;
    asked.include_usage = include_usage(root, asked.stream)?;
    asked.thoughts = thoughts(root, reasoning_content)?;
    asked.schema = response_format(root)?;
    tools(root, &mut asked)?;
    message::conversation(root, reasoning_content, &mut asked)?;
    Ok(asked)
}

fn sampling(root: &Spot<'_>) -> Result<(), Refusal> {
    root.within("temperature", 0.0, 2.0)?;
    root.within("top_p", 0.0, 1.0)?;
    root.within("frequency_penalty", -2.0, 2.0)?;
    root.within("presence_penalty", -2.0, 2.0)?;
    root.at_least("max_tokens", 1)?;
    root.at_least("max_completion_tokens", 1)?;
    let both = root.get("max_tokens").is_some() && root.get("max_completion_tokens").is_some();
    root.must(
        !both,
        "max_tokens and max_completion_tokens exclude each other",
    )?;
    root.must(
        root.at_least("n", 1)?.unwrap_or(1) == 1,
        "the scripted model gives one choice",
    )?;
    root.if_one_of("verbosity", &["low", "medium", "high"])?;
    if let Some(metadata) = root.get("metadata") {
        let stored = root.flag("store")? == Some(true);
        metadata.must(stored, "is only allowed when store is true")?;
    }
    stop(root)
}

fn stop(root: &Spot<'_>) -> Result<(), Refusal> {
    let Some(stop) = root.get("stop") else {
        return Ok(());
    };
    if stop.value.is_string() {
        return Ok(());
    }
    let several = stop.items()?;
    stop.must(several.len() <= 4, "has more than 4 sequences")?;
    several.iter().try_for_each(|one| one.text().map(|_| ()))
}

fn include_usage(root: &Spot<'_>, stream: bool) -> Result<bool, Refusal> {
    let Some(options) = root.get("stream_options") else {
        return Ok(false);
    };
    options.must(stream, "is only allowed when stream is true")?;
    options.only(&["include_usage", "include_obfuscation"])?;
    Ok(options.flag("include_usage")? == Some(true))
}

/// DeepSeek's models think unless they are told not to; OpenAI's keep it to themselves.
fn thoughts(root: &Spot<'_>, reasoning_content: bool) -> Result<Thoughts, Refusal> {
    let effort = root.if_one_of("reasoning_effort", &EFFORTS)?;
    let told = match root.get("thinking") {
        Some(thinking) => {
            thinking.only(&["type"])?;
            thinking.one_of("type", &["enabled", "disabled"])? == "enabled"
        }
        None => reasoning_content,
    };
    Ok(match (told, effort) {
        (true, _) => Thoughts::Told,
        (false, Some("none") | None) => Thoughts::None,
        (false, Some(_)) if reasoning_content => Thoughts::None,
        (false, Some(_)) => Thoughts::Counted,
    })
}

fn response_format(root: &Spot<'_>) -> Result<Option<Value>, Refusal> {
    let Some(format) = root.get("response_format") else {
        return Ok(None);
    };
    match format.one_of("type", &["text", "json_object", "json_schema"])? {
        "json_schema" => {
            format.only(&["type", "json_schema"])?;
            json_schema(&format.want("json_schema")?).map(Some)
        }
        "json_object" => {
            format.only(&["type"])?;
            let prompt = root.want("messages")?.value.to_string();
            let told = prompt.to_lowercase().contains("json");
            format.must(told, "the messages must contain the word json")?;
            Ok(Some(schema::in_words(root.want("messages")?.value)))
        }
        _ => {
            format.only(&["type"])?;
            Ok(None)
        }
    }
}

fn json_schema(named: &Spot<'_>) -> Result<Value, Refusal> {
    named.only(&["name", "description", "schema", "strict"])?;
    named.identifier("name", 64)?;
    named.get_text("description")?;
    let schema = named.want("schema")?;
    if named.flag("strict")? == Some(true) {
        schema::closed(&schema)?;
    }
    Ok(schema.value.clone())
}

fn tools(root: &Spot<'_>, asked: &mut Asked) -> Result<(), Refusal> {
    let Some(tools) = root.get("tools") else {
        for name in ["tool_choice", "parallel_tool_calls"] {
            let rule = format_args!("{name} is only allowed when tools are given");
            root.must(root.get(name).is_none(), rule)?;
        }
        return Ok(());
    };
    let each = tools.items()?;
    tools.must(!each.is_empty(), "must not be empty")?;
    for tool in each {
        asked.tools.extend(read_tool(&tool)?);
    }
    asked.names_are_unique(&tools)?;
    if let Some(choice) = root.get("tool_choice") {
        asked.choice = read_choice(&choice)?;
        if let Some(allowed) = choice.get("allowed_tools") {
            allowed.only(&["mode", "tools"])?;
            asked.allow_only(&allowed, |tool| tool.want("function"))?;
        }
        asked.choice_exists(&choice)?;
    }
    Ok(())
}

fn read_tool(tool: &Spot<'_>) -> Result<Option<Tool>, Refusal> {
    match tool.one_of("type", &["function", "custom"])? {
        "function" => {
            tool.only(&["type", "function"])?;
            function(&tool.want("function")?).map(Some)
        }
        _ => {
            tool.only(&["type", "custom"])?;
            let custom = tool.want("custom")?;
            custom.only(&["name", "description", "format"])?;
            custom.identifier("name", 64)?;
            Ok(None)
        }
    }
}

fn function(function: &Spot<'_>) -> Result<Tool, Refusal> {
    function.only(&["name", "description", "parameters", "strict"])?;
    let name = function.identifier("name", 64)?.to_owned();
    function.get_text("description")?;
    let parameters = function.get("parameters");
    if let Some(parameters) = &parameters {
        schema::arguments(parameters)?;
        if function.flag("strict")? == Some(true) {
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
    match choice.one_of("type", &["function", "allowed_tools", "custom"])? {
        "function" => {
            choice.only(&["type", "function"])?;
            let function = choice.want("function")?;
            function.only(&["name"])?;
            Ok(Choice::Only(function.identifier("name", 64)?.to_owned()))
        }
        kind => {
            choice.only(&["type", kind])?;
            Ok(Choice::Free)
        }
    }
}
