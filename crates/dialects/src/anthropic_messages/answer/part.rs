//! Writes the parts of an answer as content blocks.

use std::borrow::Cow;

use crate::canonical::{Citation, Part, PartBody, Place, Reasoning, ToolInput};
use crate::codec::AnswerContext;
use crate::json::{JsonKind, ListWriter, ObjectWriter, Raw, Rules};
use crate::{Dialect, Losses, RawJson, envelope};

use super::super::citation;
use super::places::{self, ANSWER};

/// What a part stands in.
pub(super) struct Around<'a> {
    pub(super) context: &'a AnswerContext<'a>,
    pub(super) parts: &'a [Part],
    pub(super) index: usize,
}

/// Writes the block that a part makes, if it makes one.
pub(super) fn write(list: &mut ListWriter<'_>, around: &Around<'_>, losses: &mut Losses) {
    let part = &around.parts[around.index];
    let own = losses.within_one_dialect();
    let places = [ANSWER, part.at];
    let extras: &[(String, RawJson)] = if own { &part.extras } else { &[] };
    match &part.body {
        PartBody::Text { text, citations } => {
            if !text.is_empty() || !citations.is_empty() {
                let within = places::index_within(around.parts, around.index);
                let sources = places::citations(losses.from(), part.at, within);
                list.object(|object| {
                    write_text(object, text, citations, &sources, losses);
                    object.extras(extras);
                });
            }
        }
        PartBody::Refusal { text } => {
            losses.approximated(&places);
            list.object(|object| write_text(object, text, &[], &places, losses));
        }
        PartBody::ToolUse(call) => list.object(|object| {
            object.text("type", "tool_use");
            object.text("id", &call_id(&call.id, around));
            object.text("name", &call.name);
            write_input(object, &call.input, &places, losses);
            object.extras(extras);
        }),
        PartBody::Reasoning(thoughts) => {
            let foreign = (!own).then(|| losses.from());
            write_thoughts(list, thoughts, foreign, extras);
        }
        PartBody::Opaque { origin, raw, .. } if *origin == Dialect::AnthropicMessages => {
            list.raw(raw.as_str());
        }
        PartBody::Image(_)
        | PartBody::Audio(_)
        | PartBody::Document(_)
        | PartBody::ToolResult(_)
        | PartBody::Opaque { .. } => return losses.dropped(&places),
    }
    if !own {
        losses.dropped_extras(&places, &part.extras);
    }
}

fn write_text(
    object: &mut ObjectWriter<'_>,
    text: &str,
    citations: &[Citation],
    places: &[Place],
    losses: &mut Losses,
) {
    object.text("type", "text");
    object.text("text", text);
    let written: Vec<RawJson> = citations
        .iter()
        .filter_map(|citation| write_citation(citation, places, losses))
        .collect();
    if !written.is_empty() {
        object.list("citations", |list| {
            written
                .iter()
                .for_each(|citation| list.raw(citation.as_str()));
        });
    }
}

/// A citation in Anthropic's words. Of another dialect's only pages can be cited, for the block as a whole.
pub(in super::super) fn write_citation(
    citation: &Citation,
    places: &[Place],
    losses: &mut Losses,
) -> Option<RawJson> {
    if losses.within_one_dialect() {
        return citation.raw.clone();
    }
    let written = citation::of_page(citation);
    match written {
        Some(_) => losses.approximated(places),
        None => losses.dropped(places),
    }
    written
}

/// Every call has an id, the result must name it.
fn call_id<'a>(id: &'a str, around: &Around<'_>) -> Cow<'a, str> {
    if id.is_empty() {
        return Cow::Owned(format!("toolu_{}_{}", around.context.id, around.index));
    }
    Cow::Borrowed(id)
}

/// The input as an object, which the type requires.
pub(in super::super) fn write_input(
    object: &mut ObjectWriter<'_>,
    input: &ToolInput,
    places: &[Place],
    losses: &mut Losses,
) {
    let text = match input {
        ToolInput::Text(text) => {
            return object.object("input", |object| object.text("input", text));
        }
        ToolInput::Json(text) => text.trim_ascii(),
    };
    let is_object = || {
        Raw::parse(text, Rules::ANSWER).is_ok_and(|value| value.kind() == Some(JsonKind::Object))
    };
    if text.is_empty() {
        object.raw("input", "{}");
    } else if is_object() {
        object.raw("input", text);
    } else {
        losses.approximated(places);
        object.object("input", |object| object.text("arguments", text));
    }
}

/// Thoughts; those of another provider with its proof in an envelope.
fn write_thoughts(
    list: &mut ListWriter<'_>,
    thoughts: &Reasoning,
    foreign: Option<Dialect>,
    extras: &[(String, RawJson)],
) {
    let (signature, data) = match foreign {
        None => (thoughts.signature.clone(), thoughts.encrypted.clone()),
        Some(from) => {
            let shown = thoughts.texts.iter().any(|text| !text.is_empty());
            if shown {
                (Some(envelope::mark(thoughts, from)), None)
            } else {
                (None, envelope::seal(thoughts))
            }
        }
    };
    let text = joined(&thoughts.texts);
    if signature.is_none() && text.is_empty() {
        if let Some(data) = data {
            list.object(|object| {
                object.text("type", "redacted_thinking");
                object.text("data", &data);
                object.extras(extras);
            });
        }
        return;
    }
    list.object(|object| {
        object.text("type", "thinking");
        object.text("thinking", &text);
        // The type wants a string where there is no signature too.
        object.text("signature", signature.as_deref().unwrap_or_default());
        object.extras(extras);
    });
}

/// Sections become paragraphs.
fn joined(texts: &[String]) -> String {
    let said: Vec<&str> = texts
        .iter()
        .map(|text| &**text)
        .filter(|text| !text.is_empty())
        .collect();
    said.join("\n\n")
}
