//! A part of a message, and the events that tell of it.

use super::annotation;
use super::assemble::{Tell, answer_place};
use super::item::{self, Body, Content, Item, OWN};
use crate::canonical::{Citation, Extras, Part, Place};
use crate::json::ObjectWriter;
use crate::{Losses, RawJson};

/// A part of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub(super) item: usize,
    pub(super) content: usize,
    pub(super) at: Place,
}

impl Said {
    /// The members by which an event names this part.
    pub(super) fn places(self, items: &[Item], event: &mut ObjectWriter<'_>) {
        let id = items.get(self.item).map_or("", |item| &item.id);
        event.text("item_id", id);
        event.count("output_index", self.item as u64);
        event.count("content_index", self.content as u64);
    }
}

pub(super) const fn empty_text() -> item::Said {
    item::Said::Text {
        text: String::new(),
        annotations: Vec::new(),
        logprobs: Vec::new(),
    }
}

/// The phase of the message, and the other extras of a part. Those of other dialects are lost.
pub(super) fn split_extras(part: &Part, losses: &mut Losses) -> (Option<RawJson>, Extras) {
    if losses.from() != OWN {
        losses.dropped_extras(&answer_place(part), &part.extras);
        return (None, Extras::new());
    }
    let (phase, rest): (Extras, Extras) = part
        .extras
        .iter()
        .cloned()
        .partition(|(name, _)| name == "phase");
    (phase.into_iter().next().map(|(_, phase)| phase), rest)
}

pub(super) fn contents(items: &mut [Item], item: usize) -> Option<&mut Vec<Content>> {
    match &mut items.get_mut(item)?.body {
        Body::Message(contents) => Some(contents),
        Body::Call { .. } | Body::Reasoning(_) | Body::Raw(_) => None,
    }
}

pub(super) fn content(items: &mut [Item], said: Said) -> Option<&mut Content> {
    contents(items, said.item)?.get_mut(said.content)
}

pub(super) fn look(items: &[Item], said: Said) -> Option<&Content> {
    match &items.get(said.item)?.body {
        Body::Message(contents) => contents.get(said.content),
        Body::Call { .. } | Body::Reasoning(_) | Body::Raw(_) => None,
    }
}

/// Adds a citation to a text.
pub(super) fn cite(items: &mut [Item], said: Said, citation: &Citation, tell: &mut Tell<'_, '_>) {
    let Some(item::Said::Text {
        text, annotations, ..
    }) = content(items, said).map(|content| &mut content.body)
    else {
        return;
    };
    let length = text.chars().count() as u64;
    let index = annotations.len();
    let places = [
        Place::member("answer"),
        said.at,
        Place::item("citations", index),
    ];
    let from = tell.losses.from();
    let Some(annotation) = annotation::of_citation(citation, from, length) else {
        tell.losses.dropped(&places);
        return;
    };
    if from != OWN && citation.cited_text.is_some() {
        tell.losses.approximated(&places);
    }
    annotations.push(annotation.clone());
    tell.sink
        .event("response.output_text.annotation.added", |event| {
            said.places(items, event);
            event.count("annotation_index", index as u64);
            event.raw("annotation", annotation.as_str());
        });
}

pub(super) fn text_event(
    items: &[Item],
    said: Said,
    delta: &str,
    logprobs: &[RawJson],
    tell: &mut Tell<'_, '_>,
) {
    tell.sink.event("response.output_text.delta", |event| {
        said.places(items, event);
        event.text("delta", delta);
        item::raw_list(event, "logprobs", logprobs);
    });
}

pub(super) fn done_event(items: &[Item], said: Said, tell: &mut Tell<'_, '_>) {
    match look(items, said).map(|content| &content.body) {
        Some(item::Said::Text { text, logprobs, .. }) => {
            tell.sink.event("response.output_text.done", |event| {
                said.places(items, event);
                event.text("text", text);
                item::raw_list(event, "logprobs", logprobs);
            });
        }
        Some(item::Said::Refusal(text)) => tell.sink.event("response.refusal.done", |event| {
            said.places(items, event);
            event.text("refusal", text);
        }),
        Some(item::Said::Raw(_)) | None => {}
    }
}

/// Tells that a part was `added` or is `done`.
pub(super) fn part_event(items: &[Item], said: Said, step: &str, tell: &mut Tell<'_, '_>) {
    let Some(content) = look(items, said) else {
        return;
    };
    let kind = format!("response.content_part.{step}");
    tell.sink.event(&kind, |event| {
        said.places(items, event);
        content.write_as_part(event);
    });
}
