//! Reads an answer.

use std::borrow::Cow;

use crate::canonical::{Answer, Choice, Extras, Place};
use crate::json::Raw;
use crate::usage::AnthropicCounts;

use super::super::{nested, stop_reason, text_of};
use super::{Told, block};

/// Reads an answer. A field of the wrong kind counts as absent.
pub(in super::super) fn decode(body: Raw<'_>) -> Answer {
    let mut answer = Answer::default();
    let mut choice = Choice::default();
    let mut told = Told::default();
    for (name, value) in body.members() {
        match &*name {
            // Always the same, or read below.
            "type" | "role" | "stop_reason" | "stop_sequence" => {}
            "id" => answer.id = text(value),
            "model" => answer.model = text(value),
            "content" => {
                for (index, item) in value.items().enumerate() {
                    let kind = text_of(item, "type").unwrap_or_default();
                    told.note_block(&kind, text_of(item, "name").as_deref());
                    let at = Place::item("content", index);
                    choice.parts.push(block::read(item).at(at));
                }
            }
            "usage" => read_usage(&mut answer, value),
            _ => answer.extras.push((name.into_owned(), value.into())),
        }
    }
    let sequence = text_of(body, "stop_sequence");
    let reason = text_of(body, "stop_reason");
    choice.finish = reason.map(|word| told.finish(stop_reason::read(&word, sequence)));
    answer.choices.push(choice);
    answer
}

fn text(value: Raw<'_>) -> String {
    value.text().map(Cow::into_owned).unwrap_or_default()
}

fn read_usage(answer: &mut Answer, usage: Raw<'_>) {
    let mut counts = AnthropicCounts::default();
    counts.update(usage);
    answer.usage = Some(counts.usage());
    answer.service_tier = text_of(usage, "service_tier");
    keep_usage_extras(&mut answer.extras, usage);
}

/// Keeps what `usage` holds beside the counters.
pub(in super::super) fn keep_usage_extras(extras: &mut Extras, usage: Raw<'_>) {
    const KNOWN: [&str; 7] = [
        "input_tokens",
        "output_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "cache_creation",
        "output_tokens_details",
        "service_tier",
    ];
    nested::keep(extras, "usage", usage, &KNOWN);
}
