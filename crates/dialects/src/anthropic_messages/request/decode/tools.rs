//! Tools and the choice among them.

use crate::canonical::{Place, Request, Tool, ToolBody, ToolChoice};
use crate::json::{Invalid, Locate, Raw};
use crate::{Dialect, RawJson};

use super::super::super::nested;
use super::{block, keep};

pub(super) fn list(value: Raw<'_>) -> Result<Vec<Tool>, Invalid> {
    let items = value.want_items()?;
    items
        .map(|(index, item)| tool(item, Place::item("tools", index)).at_index(index))
        .collect()
}

/// A tool of the client, or one of Anthropic's, which are told apart by `type`.
fn tool(tool: Raw<'_>, at: Place) -> Result<Tool, Invalid> {
    let kind = tool
        .want_object()?
        .member("type")
        .map(Raw::want_text)
        .transpose();
    match kind.at("type")?.as_deref() {
        None | Some("custom") => function(tool, at),
        Some(kind) => {
            let body = ToolBody::Opaque {
                origin: Dialect::AnthropicMessages,
                kind: kind.to_owned(),
                raw: tool.into(),
            };
            Ok(Tool::new(body, at))
        }
    }
}

fn function(raw: Raw<'_>, at: Place) -> Result<Tool, Invalid> {
    let name = raw.want_member("name")?.want_string().at("name")?;
    let (mut description, mut schema, mut strict) = (None, None, None);
    let (mut cache, mut extras) = (None, Vec::new());
    for (name, value) in raw.members() {
        match &*name {
            "type" | "name" => {}
            "description" => description = Some(value.want_string().at("description")?),
            "input_schema" => {
                schema = Some(RawJson::from(value.want_object().at("input_schema")?));
            }
            "strict" => strict = Some(value.want_flag().at("strict")?),
            "cache_control" => cache = block::cache_mark(&mut extras, value),
            _ => keep(&mut extras, name, value),
        }
    }
    let body = ToolBody::Function {
        name,
        description,
        schema,
        strict,
    };
    Ok(Tool {
        body,
        cache,
        extras,
        at,
    })
}

pub(super) fn choice(request: &mut Request, value: Raw<'_>) -> Result<(), Invalid> {
    let choice = match &*value.want_type()? {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Function(value.want_member("name")?.want_string().at("name")?),
        _ => {
            request.tool_choice = Some(ToolChoice::Opaque {
                origin: Dialect::AnthropicMessages,
                raw: value.into(),
            });
            return Ok(());
        }
    };
    if let Some(flag) = value.member("disable_parallel_tool_use") {
        let flag = flag.want_flag().at("disable_parallel_tool_use")?;
        request.parallel_tool_calls = Some(!flag);
    }
    request.tool_choice = Some(choice);
    let known = ["type", "name", "disable_parallel_tool_use"];
    nested::keep(&mut request.extras, "tool_choice", value, &known);
    Ok(())
}
