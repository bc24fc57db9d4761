//! Tools and the choice among them.

use super::super::super::inner;
use crate::canonical::{AllowedMode, CacheMark, Extras, Place, Tool, ToolBody, ToolChoice};
use crate::json::{Invalid, JsonKind, Locate as _, Raw, Writer};
use crate::{Dialect, RawJson};

/// Reads `tools`.
pub(super) fn read_all(value: Raw<'_>, tools: &mut Vec<Tool>) -> Result<(), Invalid> {
    for (index, item) in value.want_items()? {
        let mut tool = read(item).at_index(index)?;
        tool.at = Place::item("tools", index);
        tools.push(tool);
    }
    Ok(())
}

/// Reads the old `functions`, which are functions without a frame.
pub(super) fn read_old(value: Raw<'_>, tools: &mut Vec<Tool>) -> Result<(), Invalid> {
    for (index, item) in value.want_items()? {
        let mut extras = Extras::new();
        let body = read_function(item, |name, value| {
            extras.push((name.to_owned(), value.into()));
        });
        let mut tool = Tool::new(body.at_index(index)?, Place::item("functions", index));
        tool.extras = extras;
        tools.push(tool);
    }
    Ok(())
}

fn read(value: Raw<'_>) -> Result<Tool, Invalid> {
    let kind = value.want_type()?;
    let mut extras = Extras::new();
    let body = match &*kind {
        "function" | "custom" => {
            let inner = value.want_member(&kind)?;
            let keep = |name: &str, value: Raw<'_>| inner::keep(&mut extras, &kind, name, value);
            match &*kind {
                "function" => read_function(inner, keep),
                _ => read_custom(inner, keep),
            }
            .at(&kind)?
        }
        _ => {
            let (kind, raw) = (kind.into_owned(), value.into());
            let origin = Dialect::OpenAiChat;
            return Ok(Tool::new(
                ToolBody::Opaque { origin, kind, raw },
                Place::default(),
            ));
        }
    };
    let mut tool = Tool::new(body, Place::default());
    for (name, value) in value.want_members()? {
        match &*name {
            "type" => {}
            "cache_control" => tool.cache = Some(read_mark(value).at(&name)?),
            _ if name == kind => {}
            _ => extras.push((name.into_owned(), value.into())),
        }
    }
    tool.extras = extras;
    Ok(tool)
}

fn read_function<'a>(
    value: Raw<'a>,
    mut keep: impl FnMut(&str, Raw<'a>),
) -> Result<ToolBody, Invalid> {
    let (mut name, mut description, mut schema, mut strict) = (None, None, None, None);
    for (member, value) in value.want_members()? {
        match &*member {
            "name" => name = Some(value.want_string().at(&member)?),
            "description" => description = Some(value.want_string().at(&member)?),
            "parameters" => schema = Some(super::options::object(value).at(&member)?),
            "strict" => strict = Some(value.want_flag().at(&member)?),
            _ => keep(&member, value),
        }
    }
    Ok(ToolBody::Function {
        name: name.ok_or_else(missing_name)?,
        description,
        schema,
        strict,
    })
}

fn read_custom<'a>(
    value: Raw<'a>,
    mut keep: impl FnMut(&str, Raw<'a>),
) -> Result<ToolBody, Invalid> {
    let (mut name, mut description, mut format) = (None, None, None);
    for (member, value) in value.want_members()? {
        match &*member {
            "name" => name = Some(value.want_string().at(&member)?),
            "description" => description = Some(value.want_string().at(&member)?),
            "format" => format = Some(flat_format(value).at(&member)?),
            _ => keep(&member, value),
        }
    }
    Ok(ToolBody::Custom {
        name: name.ok_or_else(missing_name)?,
        description,
        format,
    })
}

fn missing_name() -> Invalid {
    Invalid::here("has no `name`; give it one")
}

/// The canonical form has Responses' words, where a grammar has no frame of its own.
fn flat_format(value: Raw<'_>) -> Result<RawJson, Invalid> {
    if value.want_type()? != "grammar" {
        return Ok(value.into());
    }
    let grammar = value.want_member("grammar")?;
    let grammar = grammar.want_object().at("grammar")?;
    Ok(RawJson::of_written(Writer::object(|flat| {
        flat.text("type", "grammar");
        for (name, value) in grammar.members() {
            flat.raw(&name, value.json());
        }
    })))
}

/// Reads Anthropic's mark, which `OpenRouter` and `LiteLLM` take from Chat clients, or OpenAI's.
pub(super) fn read_mark(value: Raw<'_>) -> Result<CacheMark, Invalid> {
    let ttl = value.want_object()?.member("ttl").map(Raw::want_string);
    Ok(CacheMark {
        ttl: ttl.transpose().at("ttl")?,
    })
}

/// Reads `tool_choice`.
pub(super) fn read_choice(value: Raw<'_>) -> Result<ToolChoice, Invalid> {
    match value.kind() {
        Some(JsonKind::Text) => Ok(match &*value.want_text()? {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            "required" => ToolChoice::Required,
            _ => opaque(value),
        }),
        _ => read_framed_choice(value),
    }
}

fn read_framed_choice(value: Raw<'_>) -> Result<ToolChoice, Invalid> {
    let kind = value.want_type()?;
    Ok(match &*kind {
        "function" => ToolChoice::Function(read_name(value, &kind)?),
        "custom" => ToolChoice::Custom(read_name(value, &kind)?),
        "allowed_tools" => {
            let allowed = value.want_member(&kind)?;
            read_allowed(allowed)
                .at(&kind)?
                .unwrap_or_else(|| opaque(value))
        }
        _ => opaque(value),
    })
}

fn read_name(value: Raw<'_>, kind: &str) -> Result<String, Invalid> {
    let inner = value.want_member(kind)?.want_object().at(kind)?;
    let name = inner.want_member("name").at(kind)?;
    name.want_string().at("name").at(kind)
}

/// Among functions and custom tools; `None` if there are tools of other kinds among them.
fn read_allowed(value: Raw<'_>) -> Result<Option<ToolChoice>, Invalid> {
    let mode = match &*value.want_member("mode")?.want_text().at("mode")? {
        "auto" => AllowedMode::Auto,
        "required" => AllowedMode::Required,
        _ => return Ok(None),
    };
    let mut names = Vec::new();
    for (index, tool) in value.want_member("tools")?.want_items().at("tools")? {
        let read = || {
            let kind = tool.want_type()?;
            let known = matches!(&*kind, "function" | "custom");
            known.then(|| read_name(tool, &kind)).transpose()
        };
        match read().at_index(index).at("tools")? {
            Some(name) => names.push(name),
            None => return Ok(None),
        }
    }
    Ok(Some(ToolChoice::Allowed { mode, names }))
}

/// Reads the old `function_call`.
pub(super) fn read_old_choice(value: Raw<'_>) -> Result<ToolChoice, Invalid> {
    if value.kind() == Some(JsonKind::Text) {
        return read_choice(value);
    }
    let name = value
        .want_object()?
        .want_member("name")?
        .want_string()
        .at("name")?;
    Ok(ToolChoice::Function(name))
}

fn opaque(value: Raw<'_>) -> ToolChoice {
    ToolChoice::Opaque {
        origin: Dialect::OpenAiChat,
        raw: value.into(),
    }
}
