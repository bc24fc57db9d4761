//! One part after the other, in Anthropic's terms.

use std::borrow::Cow;

use crate::Dialect;
use crate::canonical::{
    Citation, Field, Part, PartBody, Place, Reasoning, Role, ToolInput, ToolResult, ToolUse,
    portable_name,
};
use crate::codec::Inexpressible;
use crate::json::{JsonKind, Raw, Rules, Writer};

use super::super::super::ids;
use super::context::Context;
use super::media;
use super::write::{Block, Body, Content};

type Planned<'a> = Result<Option<Block<'a>>, Inexpressible>;

/// Whether Anthropic would refuse the text.
pub(super) fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// A part of a turn; `None` if nothing is left of it.
pub(super) fn of<'a>(
    context: &mut Context<'a, '_>,
    part: &'a Part,
    role: Role,
    places: &[Place],
) -> Planned<'a> {
    let body = match &part.body {
        PartBody::Text { text, citations } => of_text(context, text, citations, places),
        PartBody::Refusal { text } => refusal(context, text, places),
        // The model's own pictures cannot be given back to it.
        PartBody::Image(_) | PartBody::Document(_) if role == Role::Assistant && !context.own() => {
            dropped(context, places)
        }
        PartBody::Image(image) => media::image(context, image, places)?,
        PartBody::Document(document) => media::document(context, document, places)?,
        PartBody::Audio(_) => dropped(context, places),
        PartBody::ToolUse(call) => Some(tool_use(context, call, places)),
        PartBody::ToolResult(result) => Some(tool_result(context, result, places)?),
        PartBody::Reasoning(thoughts) => reasoning(context, thoughts, places),
        PartBody::Opaque { origin, raw, .. } if *origin == Dialect::AnthropicMessages => {
            Some(Body::Raw(raw))
        }
        PartBody::Opaque { .. } => dropped(context, places),
    };
    Ok(body.map(|body| finished(context, body, part, places)))
}

/// A part of the instructions, which are text alone.
pub(super) fn of_system<'a>(
    context: &mut Context<'a, '_>,
    part: &'a Part,
    places: &[Place],
) -> Planned<'a> {
    match &part.body {
        PartBody::Text { .. } => of(context, part, Role::System, places),
        _ if context.own() => of(context, part, Role::System, places),
        _ => {
            context.losses.dropped(places);
            Ok(None)
        }
    }
}

/// A part of instructions in mid-conversation, as a text of the user's that says what it is.
pub(super) fn of_late_system<'a>(
    context: &mut Context<'a, '_>,
    part: &'a Part,
    places: &[Place],
) -> Planned<'a> {
    let mut block = of_system(context, part, places)?;
    if let Some(Block {
        body: Body::Text { text, .. },
        ..
    }) = &mut block
    {
        *text = format!("<system>{text}</system>").into();
        context.losses.approximated(places);
    }
    Ok(block)
}

fn finished<'a>(
    context: &mut Context<'a, '_>,
    body: Body<'a>,
    part: &'a Part,
    places: &[Place],
) -> Block<'a> {
    Block {
        body,
        mark: context.mark(places, part.cache.as_ref()),
        extras: context.extras(places, &part.extras),
    }
}

fn dropped<'a>(context: &mut Context<'a, '_>, places: &[Place]) -> Option<Body<'a>> {
    context.losses.dropped(places);
    None
}

/// Text. One that is empty says nothing, so that nothing is lost with it; whitespace alone may have said something.
fn of_text<'a>(
    context: &mut Context<'a, '_>,
    text: &'a str,
    citations: &'a [Citation],
    places: &[Place],
) -> Option<Body<'a>> {
    if is_blank(text) {
        if !text.is_empty() {
            context.losses.approximated(places);
        }
        return None;
    }
    let own = context.own();
    if !own && !citations.is_empty() {
        context.dropped_in(places, Field::Citations.path(context.request.origin));
    }
    Some(Body::Text {
        text: text.into(),
        citations: if own { citations } else { &[] },
    })
}

fn refusal<'a>(context: &mut Context<'a, '_>, text: &'a str, places: &[Place]) -> Option<Body<'a>> {
    context.losses.approximated(places);
    (!is_blank(text)).then(|| Body::text(text))
}

fn tool_use<'a>(context: &mut Context<'a, '_>, call: &'a ToolUse, places: &[Place]) -> Body<'a> {
    let name = if context.own() {
        Cow::Borrowed(&*call.name)
    } else {
        portable_name(&call.name)
    };
    if matches!(name, Cow::Owned(_)) {
        context.approximated_in(places, "name");
    }
    let input = as_object(&call.input);
    if input.is_none() || matches!(call.input, ToolInput::Text(_)) {
        context.losses.approximated(places);
    }
    Body::ToolUse {
        id: ids::portable(&call.id),
        name,
        input: input.unwrap_or_else(|| wrapped("arguments", call.input.as_str()).into()),
    }
}

/// The input as the object that Anthropic needs; `None` if the model wrote something else.
fn as_object(input: &ToolInput) -> Option<Cow<'_, str>> {
    let text = match input {
        ToolInput::Text(text) => return Some(wrapped("input", text).into()),
        ToolInput::Json(text) => text.trim_ascii(),
    };
    if text.is_empty() {
        return Some("{}".into());
    }
    let value = Raw::parse(text, Rules::ANSWER).ok()?;
    (value.kind() == Some(JsonKind::Object)).then(|| text.into())
}

fn wrapped(name: &str, text: &str) -> String {
    Writer::object(|object| object.text(name, text))
}

fn tool_result<'a>(
    context: &mut Context<'a, '_>,
    result: &'a ToolResult,
    places: &[Place],
) -> Result<Body<'a>, Inexpressible> {
    let content = match (&*result.parts, &result.object) {
        ([], Some(object)) => Content::Text(object.as_str()),
        ([part], _) if is_plain(part) => Content::Text(part.as_text().unwrap_or_default()),
        (parts, _) => Content::Blocks(inner(context, parts, places)?),
    };
    let at = [0, 1].map(|step| places.get(step).copied().unwrap_or_default());
    Ok(Body::ToolResult {
        id: ids::portable(&result.id),
        content,
        is_error: result.is_error,
        at,
    })
}

/// Whether a result is a text as such. An empty one may stand, other than an empty block.
fn is_plain(part: &Part) -> bool {
    part.as_text().is_some()
        && part.at.index.is_none()
        && part.cache.is_none()
        && part.extras.is_empty()
}

/// What a result consists of: text, pictures, documents.
fn inner<'a>(
    context: &mut Context<'a, '_>,
    parts: &'a [Part],
    places: &[Place],
) -> Result<Vec<Block<'a>>, Inexpressible> {
    let mut blocks = Vec::new();
    for part in parts {
        let places: Vec<Place> = places.iter().copied().chain([part.at]).collect();
        blocks.extend(of(context, part, Role::User, &places)?);
    }
    Ok(blocks)
}

/// Thoughts that Anthropic made, with its proof. It refuses all others.
fn reasoning<'a>(
    context: &mut Context<'a, '_>,
    thoughts: &'a Reasoning,
    places: &[Place],
) -> Option<Body<'a>> {
    let own = thoughts.origin == Some(Dialect::AnthropicMessages);
    match (&thoughts.signature, &thoughts.encrypted) {
        (Some(signature), _) if own => Some(Body::Thinking {
            thinking: joined(&thoughts.texts),
            signature,
        }),
        (None, Some(data)) if own => Some(Body::RedactedThinking(data)),
        _ => dropped(context, places),
    }
}

fn joined(texts: &[String]) -> Cow<'_, str> {
    match texts {
        [] => "".into(),
        [text] => text.into(),
        texts => texts.join("\n\n").into(),
    }
}
