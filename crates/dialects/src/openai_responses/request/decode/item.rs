//! The items of the conversation, one function for each kind.

use super::{message, part};
use crate::canonical::{Part, PartBody, Place, Role, ToolInput, ToolResult, ToolUse, Turn};
use crate::json::{Invalid, JsonKind, Locate, Raw};
use crate::openai_responses::members::{maybe, need, others};
use crate::openai_responses::reasoning;
use crate::{Dialect, envelope};

/// Reads `input`: a text, or items.
pub(in crate::openai_responses) fn input(value: Raw<'_>) -> Result<Vec<Turn>, Invalid> {
    match value.kind() {
        Some(JsonKind::Text) => {
            let part = Part::text(value.want_text()?);
            Ok(vec![
                Turn::new(Role::User, vec![part]).at(Place::member("input")),
            ])
        }
        Some(JsonKind::List) => value
            .want_items()?
            .map(|(index, item)| {
                let turn = read(item).at_index(index)?;
                Ok(turn.at(Place::item("input", index)))
            })
            .collect(),
        found => {
            let found = found.unwrap_or(JsonKind::Null);
            let problem = format!("is {found}; make it a string or a list of items");
            Err(Invalid::here(problem))
        }
    }
}

fn read(item: Raw<'_>) -> Result<Turn, Invalid> {
    let [kind, role, id] = item.pick(["type", "role", "id"]);
    let kind = kind.map(Raw::want_text).transpose().at("type")?;
    match kind.as_deref() {
        Some("message") => message::read(item),
        None if role.is_some() => message::read(item),
        // The types let a reference leave its type out.
        None if id.is_some() => Ok(opaque("item_reference", item)),
        None => Err(missing_type(item)),
        Some("function_call") => function_call(item),
        Some("custom_tool_call") => custom_tool_call(item),
        Some("function_call_output") => function_call_output(item),
        Some("custom_tool_call_output") => tool_result(item, true),
        Some("reasoning") => reasoning_item(item),
        Some(kind) => Ok(opaque(kind, item)),
    }
}

fn missing_type(item: Raw<'_>) -> Invalid {
    match item.kind() {
        Some(JsonKind::Object) => Invalid::here(
            "has neither `type` nor `role`; a message needs a role, everything else a type",
        ),
        found => {
            let found = found.unwrap_or(JsonKind::Null);
            Invalid::here(format!("is {found}; make it an object"))
        }
    }
}

/// An item of one part.
fn turn(role: Role, body: PartBody, item: Raw<'_>, known: &[&str]) -> Turn {
    let part = Part {
        extras: others(item, known),
        ..body.into()
    };
    Turn::new(role, vec![part])
}

fn function_call(item: Raw<'_>) -> Result<Turn, Invalid> {
    const KNOWN: [&str; 5] = ["type", "id", "call_id", "name", "arguments"];
    let [arguments] = item.pick(["arguments"]);
    let input = ToolInput::Json(need(arguments, "arguments")?);
    Ok(turn(Role::Assistant, call(item, input)?, item, &KNOWN))
}

fn custom_tool_call(item: Raw<'_>) -> Result<Turn, Invalid> {
    const KNOWN: [&str; 5] = ["type", "id", "call_id", "name", "input"];
    let [text] = item.pick(["input"]);
    let input = ToolInput::Text(need(text, "input")?);
    Ok(turn(Role::Assistant, call(item, input)?, item, &KNOWN))
}

fn call(item: Raw<'_>, input: ToolInput) -> Result<PartBody, Invalid> {
    let [id, call_id, name] = item.pick(["id", "call_id", "name"]);
    Ok(PartBody::ToolUse(ToolUse {
        id: need(call_id, "call_id")?,
        name: need(name, "name")?,
        input,
        item_id: maybe(id, "id")?,
    }))
}

/// Outputs that answer no call, which the types allow, are of no use to any other dialect.
fn function_call_output(item: Raw<'_>) -> Result<Turn, Invalid> {
    match item.member("call_id") {
        Some(_) => tool_result(item, false),
        None => Ok(opaque("function_call_output", item)),
    }
}

fn tool_result(item: Raw<'_>, custom: bool) -> Result<Turn, Invalid> {
    const KNOWN: [&str; 3] = ["type", "call_id", "output"];
    let [call_id, output] = item.pick(["call_id", "output"]);
    let output = output.ok_or_else(|| Invalid::here("is missing; add it as a string"));
    let result = ToolResult {
        id: need(call_id, "call_id")?,
        parts: output
            .and_then(|output| part::content(output, "output"))
            .at("output")?,
        is_error: false,
        custom,
        object: None,
    };
    Ok(turn(Role::User, PartBody::ToolResult(result), item, &KNOWN))
}

fn reasoning_item(item: Raw<'_>) -> Result<Turn, Invalid> {
    let [summary, content, encrypted] = item.pick(["summary", "content", "encrypted_content"]);
    summary.map_or(Ok(()), is_list).at("summary")?;
    content.map_or(Ok(()), is_list).at("content")?;
    let encrypted = maybe(encrypted, "encrypted_content")?;
    let Some(mut parts) = reasoning::parts(item) else {
        return Ok(opaque("reasoning", item));
    };
    let sealed = encrypted.as_deref().and_then(envelope::open);
    if let (Some(sealed), Some(first)) = (sealed, parts.first_mut())
        && let PartBody::Reasoning(thoughts) = &mut first.body
    {
        thoughts.signature = sealed.signature;
        thoughts.encrypted = sealed.encrypted;
        thoughts.id = sealed.id;
        thoughts.origin = sealed.origin;
    }
    Ok(Turn::new(Role::Assistant, parts))
}

fn is_list(value: Raw<'_>) -> Result<(), Invalid> {
    value.want_items().map(drop)
}

/// What only this dialect knows: tools that ran at the provider, references, and whatever comes next.
fn opaque(kind: &str, item: Raw<'_>) -> Turn {
    let role = if kind.ends_with("_output") || kind.ends_with("_response") {
        Role::User
    } else {
        Role::Assistant
    };
    let body = PartBody::Opaque {
        origin: Dialect::OpenAiResponses,
        kind: kind.to_owned(),
        raw: item.into(),
    };
    Turn::new(role, vec![body.into()])
}
