//! Tools, and whether they must be called.

use super::To;
use crate::canonical::{AllowedMode, Field, Place, Tool, ToolBody, ToolChoice};
use crate::json::{ListWriter, ObjectWriter};
use crate::{Dialect, Losses, RawJson};

pub(super) fn write(object: &mut ObjectWriter<'_>, to: &To<'_>, losses: &mut Losses) {
    let tools = &to.request.tools;
    let any = super::list_if(object, "tools", |list| {
        for tool in tools {
            one(list, tool, to, losses);
        }
    });
    match &to.request.tool_choice {
        None => {}
        Some(wanted) if any || to.own => choice(object, wanted, to, losses),
        // Where no tool is left, none can be forced.
        Some(ToolChoice::Auto | ToolChoice::None) => {}
        Some(_) => to.dropped(Field::ToolChoice, losses),
    }
}

fn one(list: &mut ListWriter<'_>, tool: &Tool, to: &To<'_>, losses: &mut Losses) {
    match &tool.body {
        ToolBody::Function {
            name,
            description,
            schema,
            strict,
        } => list.object(|object| {
            object.text("type", "function");
            object.text("name", &to.tool_name(name));
            object.text_if("description", description.as_deref());
            parameters(object, schema.as_ref(), *strict, to);
            beside(object, tool, to, losses);
        }),
        ToolBody::Custom {
            name,
            description,
            format,
        } if to.profile.custom_tools => list.object(|object| {
            object.text("type", "custom");
            object.text("name", &to.tool_name(name));
            object.text_if("description", description.as_deref());
            object.raw_if("format", format.as_ref());
            beside(object, tool, to, losses);
        }),
        ToolBody::Custom {
            name, description, ..
        } => {
            losses.approximated(&[tool.at]);
            free_text(list, &to.tool_name(name), description.as_deref());
        }
        ToolBody::Opaque { origin, raw, .. } => match origin {
            Dialect::OpenAiResponses => list.raw(raw.as_str()),
            _ => losses.dropped(&[tool.at]),
        },
    }
}

/// This API holds calls to their schemas unless told not to (OpenAI's document of the API: `strict` is true by
/// default); all others do the opposite.
fn parameters(
    object: &mut ObjectWriter<'_>,
    schema: Option<&RawJson>,
    strict: Option<bool>,
    to: &To<'_>,
) {
    object.raw_if("parameters", schema);
    if to.own {
        object.flag_if("strict", strict);
        return;
    }
    if schema.is_none() {
        object.raw("parameters", r#"{"type":"object","properties":{}}"#);
    }
    object.flag("strict", strict.unwrap_or(false));
}

fn beside(object: &mut ObjectWriter<'_>, tool: &Tool, to: &To<'_>, losses: &mut Losses) {
    to.extras(object, &[tool.at], &tool.extras, losses);
    if tool.cache.is_some() {
        // OpenAI has no marks on tools, so this is Anthropic's, whoever the client is.
        losses.dropped(&[tool.at, Place::member("cache_control")]);
    }
}

/// A function that stands for a tool with free text.
fn free_text(list: &mut ListWriter<'_>, name: &str, description: Option<&str>) {
    const SCHEMA: &str = r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}"#;
    list.object(|object| {
        object.text("type", "function");
        object.text("name", name);
        object.text_if("description", description);
        object.raw("parameters", SCHEMA);
        object.flag("strict", false);
    });
}

fn choice(object: &mut ObjectWriter<'_>, choice: &ToolChoice, to: &To<'_>, losses: &mut Losses) {
    match choice {
        ToolChoice::Auto => object.text("tool_choice", "auto"),
        ToolChoice::None => object.text("tool_choice", "none"),
        ToolChoice::Required => object.text("tool_choice", "required"),
        ToolChoice::Function(name) => object.object("tool_choice", |choice| {
            choice.text("type", "function");
            choice.text("name", &to.tool_name(name));
        }),
        ToolChoice::Custom(name) => object.object("tool_choice", |choice| {
            choice.text("type", kind_of(name, to));
            choice.text("name", &to.tool_name(name));
        }),
        ToolChoice::Allowed { mode, names } => object.object("tool_choice", |choice| {
            choice.text("type", "allowed_tools");
            choice.text("mode", mode_word(*mode));
            choice.list("tools", |list| {
                for name in names {
                    list.object(|tool| {
                        tool.text("type", kind_of(name, to));
                        tool.text("name", &to.tool_name(name));
                    });
                }
            });
        }),
        ToolChoice::Opaque { origin, raw } => match origin {
            Dialect::OpenAiResponses => object.raw("tool_choice", raw.as_str()),
            _ => to.dropped(Field::ToolChoice, losses),
        },
    }
}

const fn mode_word(mode: AllowedMode) -> &'static str {
    match mode {
        AllowedMode::Auto => "auto",
        AllowedMode::Required => "required",
    }
}

/// What kind of tool has this name.
fn kind_of(name: &str, to: &To<'_>) -> &'static str {
    if to.profile.custom_tools && to.custom_tools.contains(name) {
        "custom"
    } else {
        "function"
    }
}
