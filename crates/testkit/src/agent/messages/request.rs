//! The fields of a Messages request and their rules (Anthropic's API reference; refusals as seen
//! from its API).

use super::{block, turns};
use crate::agent::asked::{Asked, Choice, Thoughts, Tool};
use crate::agent::schema;
use crate::agent::spot::{Refusal, Spot};
use crate::request::Request;

const FIELDS: [&str; 18] = [
    "cache_control",
    "container",
    "diagnostics",
    "inference_geo",
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "output_config",
    "service_tier",
    "speed",
    "stop_sequences",
    "stream",
    "system",
    "thinking",
    "tool_choice",
    "tools",
    "user_profile_id",
];

/// Fields of the older version only.
const SAMPLING: [&str; 3] = ["temperature", "top_p", "top_k"];

/// Fields that only a client that names betas may send.
const BETA: [&str; 1] = ["context_management"];

const EFFORTS: [&str; 5] = ["low", "medium", "high", "xhigh", "max"];

/// Reads a request.
pub(in crate::agent) fn read(root: &Spot<'_>, request: &Request) -> Result<Asked, Refusal> {
    let betas = request.head.header("anthropic-beta").is_some();
    root.only(&fields(request, betas)?)?;
    let mut asked = Asked {
        model: root.want_text("model")?.to_owned(),
        stream: root.flag("stream")?.unwrap_or(false),
        parallel: true,
        ..Asked::default()
    };
    let most = root
        .want("max_tokens")
        .and_then(|_| root.at_least("max_tokens", 1))?;
    asked.thoughts = thinking(root, most.unwrap_or_default())?;
    settings(root)?;
    asked.schema = output_config(root)?;
    tools(root, &mut asked)?;
    block::system(root)?;
    turns::conversation(root, betas, &mut asked)?;
    cache_marks(root)?;
    Ok(asked)
}

fn fields(request: &Request, betas: bool) -> Result<Vec<&'static str>, Refusal> {
    let mut fields = FIELDS.to_vec();
    match request.head.header("anthropic-version") {
        Some(b"2023-06-01") => fields.extend(SAMPLING),
        Some(b"2026-10-21") => {}
        _ => return Err(Refusal::new("anthropic-version: header is required")),
    }
    if betas {
        fields.extend(BETA);
    }
    Ok(fields)
}

fn settings(root: &Spot<'_>) -> Result<(), Refusal> {
    root.within("temperature", 0.0, 1.0)?;
    root.within("top_p", 0.0, 1.0)?;
    root.at_least("top_k", 0)?;
    root.if_one_of("service_tier", &["auto", "standard_only"])?;
    if let Some(metadata) = root.get("metadata") {
        metadata.only(&["user_id"])?;
        metadata.get_text("user_id")?;
    }
    for stop in root.list("stop_sequences")? {
        let blank = stop.text()?.trim().is_empty();
        stop.must(!blank, "must not be blank")?;
    }
    Ok(())
}

/// With thinking there is no choice of sampling, and no forced tool.
fn thinking(root: &Spot<'_>, max_tokens: u64) -> Result<Thoughts, Refusal> {
    let Some(thinking) = root.get("thinking") else {
        return Ok(Thoughts::None);
    };
    match thinking.one_of(
        "type",
        &["enabled", "adaptive", "disabled", "between_tools"],
    )? {
        "disabled" => {
            thinking.only(&["type"])?;
            return Ok(Thoughts::None);
        }
        "enabled" => {
            thinking.only(&["type", "budget_tokens", "display"])?;
            let budget = thinking.at_least("budget_tokens", 1024)?;
            let fits = budget.is_some_and(|budget| budget < max_tokens);
            thinking.must(fits, "budget_tokens must be there and less than max_tokens")?;
        }
        _ => thinking.only(&["type", "display"])?,
    }
    let cold = root
        .get("temperature")
        .is_none_or(|value| value.value.as_f64() == Some(1.0));
    thinking.must(cold, "temperature may only be 1 when thinking")?;
    thinking.must(
        root.get("top_k").is_none(),
        "top_k must not be there when thinking",
    )?;
    if let Some(choice) = root.get("tool_choice") {
        let forced = ["any", "tool"].contains(&choice.kind()?);
        choice.must(!forced, "a tool cannot be forced when thinking")?;
    }
    let display = thinking.if_one_of("display", &["summarized", "omitted"])?;
    Ok(match display {
        Some("omitted") => Thoughts::Sealed,
        _ => Thoughts::Told,
    })
}

fn output_config(root: &Spot<'_>) -> Result<Option<serde_json::Value>, Refusal> {
    let Some(config) = root.get("output_config") else {
        return Ok(None);
    };
    config.only(&["effort", "format"])?;
    config.if_one_of("effort", &EFFORTS)?;
    let Some(format) = config.get("format") else {
        return Ok(None);
    };
    format.only(&["type", "schema"])?;
    format.one_of("type", &["json_schema"])?;
    let schema = format.want("schema")?;
    schema::closed(&schema)?;
    Ok(Some(schema.value.clone()))
}

fn tools(root: &Spot<'_>, asked: &mut Asked) -> Result<(), Refusal> {
    for tool in root.list("tools")? {
        asked.tools.extend(read_tool(&tool)?);
    }
    asked.names_are_unique(root)?;
    let Some(choice) = root.get("tool_choice") else {
        return Ok(());
    };
    choice.must(!root.list("tools")?.is_empty(), "needs tools")?;
    let kind = choice.one_of("type", &["auto", "any", "tool", "none"])?;
    match kind {
        "none" => choice.only(&["type"])?,
        "tool" => choice.only(&["type", "name", "disable_parallel_tool_use"])?,
        _ => choice.only(&["type", "disable_parallel_tool_use"])?,
    }
    asked.parallel = choice.flag("disable_parallel_tool_use")? != Some(true);
    asked.choice = match kind {
        "none" => Choice::Never,
        "any" => Choice::Must,
        "tool" => Choice::Only(choice.want_text("name")?.to_owned()),
        _ => Choice::Free,
    };
    asked.choice_exists(&choice)
}

/// Anthropic's own tools have a type other than `custom`, and run elsewhere or by themselves.
fn read_tool(tool: &Spot<'_>) -> Result<Option<Tool>, Refusal> {
    if tool.get_text("type")?.is_some_and(|kind| kind != "custom") {
        return Ok(None);
    }
    tool.only(&[
        "type",
        "name",
        "description",
        "input_schema",
        "strict",
        "cache_control",
        "defer_loading",
        "eager_input_streaming",
    ])?;
    let name = tool.identifier("name", 128)?.to_owned();
    tool.get_text("description")?;
    let schema = tool.want("input_schema")?;
    schema::arguments(&schema)?;
    if tool.flag("strict")? == Some(true) {
        schema::closed(&schema)?;
    }
    let schema = schema.value.clone();
    Ok(Some(Tool { name, schema }))
}

/// At most four places may be marked for the cache.
fn cache_marks(root: &Spot<'_>) -> Result<(), Refusal> {
    let marks = root
        .value
        .to_string()
        .matches("\"cache_control\":{")
        .count();
    root.must(
        marks <= 4,
        format_args!("{marks} cache_control marks are more than 4"),
    )
}
