//! The parts of messages and of tool results, one function for each kind.

use super::{To, media};
use crate::Losses;
use crate::canonical::{Citation, Field, NOTE_MARK, Part, PartBody, Place, Role};
use crate::json::{ListWriter, ObjectWriter};

/// The text of a part that is nothing but text.
pub(super) fn plain(part: &Part) -> Option<&str> {
    match &part.body {
        PartBody::Text { text, citations }
            if citations.is_empty() && part.extras.is_empty() && part.cache.is_none() =>
        {
            Some(text)
        }
        _ => None,
    }
}

/// Lists what stands beside the content of a part and is not written: members of its own dialect, and a mark for
/// the cache where it cannot stand.
pub(super) fn losses_beside(places: &[Place], part: &Part, to: &To<'_>, losses: &mut Losses) {
    if !to.own {
        losses.dropped_extras(places, &part.extras);
    }
    if part.cache.is_some() {
        lose_mark(places, part, to, losses);
    }
}

/// Lists a mark for the cache as lost, under the name that the client gave it.
fn lose_mark(places: &[Place], part: &Part, to: &To<'_>, losses: &mut Losses) {
    let mark = match anthropic_mark(part) {
        Some(AnthropicMark::OfMessage) => {
            let turn = places.first().copied().unwrap_or_default();
            return losses.dropped(&[turn, Place::member("cache_control")]);
        }
        Some(AnthropicMark::OfPart) => Place::member("cache_control"),
        None => to.request.place(Field::CacheMark),
    };
    losses.dropped(&below(places, mark));
}

/// Marks in Anthropic's words, as some clients of Chat write them.
enum AnthropicMark {
    OfPart,
    OfMessage,
}

fn anthropic_mark(part: &Part) -> Option<AnthropicMark> {
    let mut notes = part.extras.iter();
    notes.find_map(|(name, _)| match name.strip_prefix(NOTE_MARK)? {
        "cache_control" => Some(AnthropicMark::OfPart),
        "message.cache_control" => Some(AnthropicMark::OfMessage),
        _ => None,
    })
}

fn below(places: &[Place], place: Place) -> Vec<Place> {
    [places, &[place]].concat()
}

/// Writes a part of what stands at `above`.
pub(super) fn write(
    list: &mut ListWriter<'_>,
    above: &[Place],
    part: &Part,
    role: Role,
    to: &To<'_>,
    losses: &mut Losses,
) {
    let places = below(above, part.at);
    match &part.body {
        PartBody::Opaque { raw, .. } if to.own => list.raw(raw.as_str()),
        PartBody::Text { text, citations } => list.object(|object| {
            if role == Role::Assistant {
                object.text("type", "output_text");
                object.text("text", text);
                annotations(object, citations);
            } else {
                object.text("type", "input_text");
                object.text("text", text);
            }
            finish(object, &places, part, to, losses);
        }),
        PartBody::Refusal { text } => list.object(|object| {
            object.text("type", "refusal");
            object.text("refusal", text);
            finish(object, &places, part, to, losses);
        }),
        PartBody::Image(media) | PartBody::Audio(media) | PartBody::Document(media) => {
            media::write(list, &places, part, media, to, losses);
        }
        PartBody::Opaque { .. }
        | PartBody::ToolUse(_)
        | PartBody::ToolResult(_)
        | PartBody::Reasoning(_) => losses.dropped(&places),
    }
}

/// What a part ends with: a mark for the cache, and the members that only this dialect knows.
pub(super) fn finish(
    object: &mut ObjectWriter<'_>,
    places: &[Place],
    part: &Part,
    to: &To<'_>,
    losses: &mut Losses,
) {
    match &part.cache {
        // Only OpenAI's own marks are known to fit: models before gpt-5.6 refuse any (openai-python,
        // `response_create_params.py`), and all of them cache without.
        Some(mark) if to.openai() && anthropic_mark(part).is_none() => {
            object.object("prompt_cache_breakpoint", |breakpoint| {
                breakpoint.text("mode", "explicit");
                breakpoint.text_if("ttl", mark.ttl.as_deref());
            })
        }
        Some(_) => lose_mark(places, part, to, losses),
        None => {}
    }
    to.extras(object, places, &part.extras, losses);
}

/// The annotations of an answer's text, which are required.
fn annotations(object: &mut ObjectWriter<'_>, citations: &[Citation]) {
    object.list("annotations", |list| {
        for raw in citations
            .iter()
            .filter_map(|citation| citation.raw.as_ref())
        {
            list.raw(raw.as_str());
        }
    });
}
