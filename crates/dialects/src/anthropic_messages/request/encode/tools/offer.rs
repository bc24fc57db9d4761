//! The tools on offer.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::canonical::{Tool, ToolBody, ToolChoice, portable_name};
use crate::json::{JsonKind, ListWriter, Raw};
use crate::{Dialect, RawJson};

use super::super::context::{Context, Mark};
use super::super::schema::{Closed, Words};
use super::super::write;

/// Takes no arguments.
const NO_ARGUMENTS: &str = r#"{"type":"object","properties":{}}"#;
/// Takes one text, as a tool of free text does.
const FREE_TEXT: &str =
    r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;
/// Takes anything.
pub(super) const ANYTHING: &str = r#"{"type":"object"}"#;

/// A tool in Anthropic's terms.
pub(super) enum Offer<'a> {
    Function(Function<'a>),
    /// Anthropic's own.
    Raw(&'a RawJson),
}

/// A tool of the client's.
#[derive(Default)]
pub(super) struct Function<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) description: Option<Cow<'a, str>>,
    pub(super) schema: Cow<'a, str>,
    pub(super) strict: Option<bool>,
    pub(super) mark: Option<Mark<'a>>,
    pub(super) extras: &'a [(String, RawJson)],
}

impl Offer<'_> {
    pub(super) fn write(&self, list: &mut ListWriter<'_>) {
        match self {
            Self::Raw(raw) => list.raw(raw.as_str()),
            Self::Function(function) => list.object(|object| {
                object.text("name", &function.name);
                object.text_if("description", function.description.as_deref());
                object.raw("input_schema", &function.schema);
                object.flag_if("strict", function.strict);
                write::mark(object, function.mark);
                object.extras(function.extras);
            }),
        }
    }
}

/// The tools on offer.
pub(super) fn offers<'a>(context: &mut Context<'a, '_>) -> Vec<Offer<'a>> {
    let tools = context.request.tools.iter();
    tools.filter_map(|tool| offer(context, tool)).collect()
}

/// A tool, if it may be called at all: where only some are allowed, the others are left out.
fn offer<'a>(context: &mut Context<'a, '_>, tool: &'a Tool) -> Option<Offer<'a>> {
    if let Some(ToolChoice::Allowed { names, .. }) = &context.request.tool_choice
        && let Some(name) = tool.name()
        && !names.iter().any(|allowed| allowed == name)
    {
        context.losses.dropped(&[tool.at]);
        return None;
    }
    let function = match &tool.body {
        ToolBody::Function {
            name,
            description,
            schema,
            strict,
        } => Function {
            name: name_of(context, tool, name),
            description: description.as_deref().map(Cow::Borrowed),
            ..function(context, tool, schema.as_ref(), *strict)
        },
        ToolBody::Custom {
            name,
            description,
            format,
        } => Function {
            name: name_of(context, tool, name),
            description: free_text_description(description.as_deref(), format.as_ref()),
            schema: FREE_TEXT.into(),
            ..Function::default()
        },
        ToolBody::Opaque { origin, raw, .. } if *origin == Dialect::AnthropicMessages => {
            return Some(Offer::Raw(raw));
        }
        ToolBody::Opaque { .. } => {
            context.losses.dropped(&[tool.at]);
            return None;
        }
    };
    if matches!(tool.body, ToolBody::Custom { .. }) {
        context.losses.approximated(&[tool.at]);
    }
    Some(Offer::Function(Function {
        mark: context.mark(&[tool.at], tool.cache.as_ref()),
        extras: context.extras(&[tool.at], &tool.extras),
        ..function
    }))
}

fn name_of<'a>(context: &mut Context<'a, '_>, tool: &Tool, name: &'a str) -> Cow<'a, str> {
    if context.own() {
        return Cow::Borrowed(name);
    }
    let portable = portable_name(name);
    if matches!(portable, Cow::Owned(_)) {
        context.approximated_in(&[tool.at], member(context.request.origin, "name"));
    }
    portable
}

/// Schema and strictness.
fn function<'a>(
    context: &mut Context<'a, '_>,
    tool: &Tool,
    schema: Option<&'a RawJson>,
    strict: Option<bool>,
) -> Function<'a> {
    if context.own() {
        return Function {
            schema: schema.map_or(Cow::Borrowed(NO_ARGUMENTS), |schema| schema.as_str().into()),
            strict,
            ..Function::default()
        };
    }
    let origin = context.request.origin;
    // Without the flag nothing is enforced, so that only `true` needs to be said.
    let strict = strict.filter(|strict| *strict);
    let enforced = strict.filter(|_| context.profile.json_schema);
    if strict.is_some() && enforced.is_none() {
        context.dropped_in(&[tool.at], member(origin, "strict"));
    }
    let closed = match schema.filter(|_| enforced.is_some()) {
        Some(schema) => {
            let closed = Closed::of(schema.raw(), Words::default());
            if closed.changed {
                context.approximated_in(&[tool.at], member(origin, "parameters"));
            }
            Some(closed.text)
        }
        None => None,
    };
    Function {
        schema: closed.unwrap_or_else(|| object_schema(schema)),
        strict: enforced,
        ..Function::default()
    }
}

/// A schema of an object, which Anthropic requires. OpenAI takes one that does not say that it is.
fn object_schema(schema: Option<&RawJson>) -> Cow<'_, str> {
    let Some(schema) = schema else {
        return NO_ARGUMENTS.into();
    };
    let raw = schema.raw();
    if raw.kind() != Some(JsonKind::Object) || !raw.says_something() {
        return NO_ARGUMENTS.into();
    }
    if raw.member("type").is_some() {
        return schema.as_str().into();
    }
    let rest = schema.as_str().trim_start_matches('{');
    format!(r#"{{"type":"object",{rest}"#).into()
}

/// What a tool of free text is for, with the grammar that its text must follow.
fn free_text_description<'a>(
    description: Option<&'a str>,
    format: Option<&RawJson>,
) -> Option<Cow<'a, str>> {
    let grammar = format.map(RawJson::raw).and_then(|format| {
        let [kind, syntax, definition] = format.pick(["type", "syntax", "definition"]);
        let grammar = kind.and_then(Raw::text).as_deref() == Some("grammar");
        let definition = definition.and_then(Raw::text).filter(|_| grammar)?;
        Some((syntax.and_then(Raw::text), definition))
    });
    let Some((syntax, definition)) = grammar else {
        return description.map(Cow::Borrowed);
    };
    let mut text = description.unwrap_or_default().to_owned();
    let gap = if text.is_empty() { "" } else { "\n\n" };
    let syntax = syntax
        .map(|syntax| format!("{syntax} "))
        .unwrap_or_default();
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "{gap}`input` must follow this {syntax}grammar:\n{definition}"
    );
    Some(text.into())
}

/// Chat keeps what makes up a function one level deeper.
fn member(origin: Dialect, name: &'static str) -> &'static str {
    match (origin, name) {
        (Dialect::OpenAiChat, "name") => "function.name",
        (Dialect::OpenAiChat, "strict") => "function.strict",
        (Dialect::OpenAiChat, "parameters") => "function.parameters",
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_says_that_it_is_an_object() {
        for (schema, expected) in [
            ("{}", NO_ARGUMENTS),
            (
                r#"{"properties":{}}"#,
                r#"{"type":"object","properties":{}}"#,
            ),
            (r#"{ "type": "object" }"#, r#"{ "type": "object" }"#),
        ] {
            let schema = RawJson::parse(schema).expect("sound");
            assert_eq!(object_schema(Some(&schema)), expected);
        }
        assert_eq!(object_schema(None), NO_ARGUMENTS);
    }

    #[test]
    fn a_grammar_is_told_in_words() {
        let format =
            RawJson::parse(r#"{"type":"grammar","syntax":"lark","definition":"start: \"a\""}"#)
                .expect("sound");
        let text = free_text_description(Some("Edits."), Some(&format)).expect("some");
        assert_eq!(
            text,
            "Edits.\n\n`input` must follow this lark grammar:\nstart: \"a\""
        );
    }
}
