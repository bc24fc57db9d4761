//! Tools, and whether they must be called.

use crate::Dialect;
use crate::canonical::{AllowedMode, Place, Tool, ToolBody, ToolChoice};
use crate::json::{Invalid, JsonKind, Locate, Raw};
use crate::openai_responses::members::{maybe, need, others};

pub(super) fn list(value: Raw<'_>) -> Result<Vec<Tool>, Invalid> {
    value
        .want_items()?
        .map(|(index, tool)| read(tool, Place::item("tools", index)).at_index(index))
        .collect()
}

fn read(tool: Raw<'_>, at: Place) -> Result<Tool, Invalid> {
    let (body, known): (_, &[&str]) = match &*tool.want_type()? {
        "function" => (
            function(tool)?,
            &["type", "name", "description", "parameters", "strict"],
        ),
        "custom" => (custom(tool)?, &["type", "name", "description", "format"]),
        kind => return Ok(Tool::new(opaque(kind, tool), at)),
    };
    Ok(Tool {
        extras: others(tool, known),
        ..Tool::new(body, at)
    })
}

fn function(tool: Raw<'_>) -> Result<ToolBody, Invalid> {
    let [name, description, parameters, strict] =
        tool.pick(["name", "description", "parameters", "strict"]);
    Ok(ToolBody::Function {
        name: need(name, "name")?,
        description: maybe(description, "description")?,
        schema: parameters
            .map(super::object_of)
            .transpose()
            .at("parameters")?,
        strict: strict.map(Raw::want_flag).transpose().at("strict")?,
    })
}

fn custom(tool: Raw<'_>) -> Result<ToolBody, Invalid> {
    let [name, description, format] = tool.pick(["name", "description", "format"]);
    Ok(ToolBody::Custom {
        name: need(name, "name")?,
        description: maybe(description, "description")?,
        format: format.map(super::object_of).transpose().at("format")?,
    })
}

fn opaque(kind: &str, tool: Raw<'_>) -> ToolBody {
    ToolBody::Opaque {
        origin: Dialect::OpenAiResponses,
        kind: kind.to_owned(),
        raw: tool.into(),
    }
}

/// Reads `tool_choice`. What is no choice among functions and custom tools stays as it is: hosted tools, and whatever
/// comes next.
pub(super) fn choice(value: Raw<'_>) -> ToolChoice {
    let read = match value.kind() {
        Some(JsonKind::Text) => word(value),
        _ => named(value).or_else(|| allowed(value)),
    };
    read.unwrap_or_else(|| ToolChoice::Opaque {
        origin: Dialect::OpenAiResponses,
        raw: value.into(),
    })
}

fn word(value: Raw<'_>) -> Option<ToolChoice> {
    match &*value.text()? {
        "auto" => Some(ToolChoice::Auto),
        "none" => Some(ToolChoice::None),
        "required" => Some(ToolChoice::Required),
        _ => None,
    }
}

/// `{"type": "function", "name": "f"}` and the like, with nothing beside.
fn named(value: Raw<'_>) -> Option<ToolChoice> {
    let [kind, name] = value.pick(["type", "name"]).map(|member| member?.text());
    let name = name.filter(|_| value.members().count() == 2)?.into_owned();
    match &*kind? {
        "function" => Some(ToolChoice::Function(name)),
        "custom" => Some(ToolChoice::Custom(name)),
        _ => None,
    }
}

fn allowed(value: Raw<'_>) -> Option<ToolChoice> {
    let [kind, mode, tools] = value.pick(["type", "mode", "tools"]);
    if kind?.text()? != "allowed_tools" || value.members().count() != 3 {
        return None;
    }
    let mode = match &*mode?.text()? {
        "auto" => AllowedMode::Auto,
        "required" => AllowedMode::Required,
        _ => return None,
    };
    let name = |tool| match named(tool)? {
        ToolChoice::Function(name) | ToolChoice::Custom(name) => Some(name),
        _ => None,
    };
    let names = tools?.items().map(name).collect::<Option<_>>()?;
    Some(ToolChoice::Allowed { mode, names })
}
