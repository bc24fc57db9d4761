//! The events of a stream as they stand on the wire. All begin alike, so that their beginning is made once.

use std::fmt::Write as _;

use orchestra_types::Usage;

use crate::json::{ObjectWriter, Writer};
use crate::{RawJson, json_string, usage};

/// Writes whole events.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// Up to the first choice.
    head: String,
    /// Behind the last.
    tail: String,
}

impl Frames {
    /// For an answer. A client who wants to be told of usage gets `"usage":null` in every event but the one
    /// that tells it.
    pub(super) fn new(id: &str, created: u64, model: &str, include_usage: bool) -> Self {
        let (id, model) = (json_string(id), json_string(model));
        Self {
            head: format!(
                r#"data: {{"id":{id},"object":"chat.completion.chunk","created":{created},"model":{model},"choices":["#
            ),
            tail: if include_usage {
                r#","usage":null"#
            } else {
                ""
            }
            .to_owned(),
        }
    }

    /// From now on, tells the processing tier.
    pub(super) fn set_tier(&mut self, tier: &str) {
        self.tail.push_str(r#","service_tier":"#);
        self.tail.push_str(&json_string(tier));
    }

    /// A piece of a choice.
    pub(super) fn delta(
        &self,
        out: &mut String,
        choice: u32,
        fill: impl FnOnce(&mut ObjectWriter<'_>),
    ) {
        self.begin(out, choice);
        Writer::append_object(out, fill);
        out.push_str(r#","logprobs":null,"finish_reason":null}"#);
        self.end(out);
    }

    /// The probabilities of the tokens of the last piece.
    pub(super) fn logprobs(&self, out: &mut String, choice: u32, tokens: &RawJson) {
        self.begin(out, choice);
        out.push_str(r#"{},"logprobs":"#);
        Writer::append_object(out, |logprobs| {
            logprobs.raw("content", tokens.as_str());
            logprobs.null("refusal");
        });
        out.push_str(r#","finish_reason":null}"#);
        self.end(out);
    }

    /// Why a choice ended.
    pub(super) fn finish(&self, out: &mut String, choice: u32, word: &str) {
        self.begin(out, choice);
        out.push_str(r#"{},"logprobs":null,"finish_reason":"#);
        out.push_str(&json_string(word));
        out.push('}');
        self.end(out);
    }

    /// The usage, in an event without choices.
    pub(super) fn usage(&self, out: &mut String, usage: &Usage) {
        out.push_str(&self.head);
        out.push_str(r#"],"usage":"#);
        Writer::append_object(out, |object| usage::openai_chat(object, usage));
        let rest = self.tail.strip_prefix(r#","usage":null"#);
        out.push_str(rest.unwrap_or(&self.tail));
        out.push_str("}\n\n");
    }

    fn begin(&self, out: &mut String, choice: u32) {
        out.push_str(&self.head);
        // Writing to a string cannot fail.
        let _ = write!(out, r#"{{"index":{choice},"delta":"#);
    }

    fn end(&self, out: &mut String) {
        out.push(']');
        out.push_str(&self.tail);
        out.push_str("}\n\n");
    }
}
