//! Server-sent events, counted.

use crate::json::{ObjectWriter, Writer};

/// Where events go: nowhere, when the answer is written in one piece.
#[derive(Debug)]
pub(in crate::openai_responses) struct Sink<'o> {
    out: Option<&'o mut String>,
    /// The number of the next event.
    number: u64,
}

impl<'o> Sink<'o> {
    /// Events go nowhere.
    pub(in crate::openai_responses) const fn none() -> Self {
        Self {
            out: None,
            number: 0,
        }
    }

    /// Events are added behind `out`, the first with this number.
    pub(in crate::openai_responses) const fn new(out: &'o mut String, number: u64) -> Self {
        Self {
            out: Some(out),
            number,
        }
    }

    /// The number of the next event.
    pub(in crate::openai_responses) const fn number(&self) -> u64 {
        self.number
    }

    /// Adds an event of this type, with `fill` writing its other members.
    pub(in crate::openai_responses) fn event(
        &mut self,
        kind: &str,
        fill: impl FnOnce(&mut ObjectWriter<'_>),
    ) {
        let Some(out) = &mut self.out else { return };
        for piece in ["event: ", kind, "\ndata: "] {
            out.push_str(piece);
        }
        Writer::append_object(out, |object| {
            object.text("type", kind);
            object.count("sequence_number", self.number);
            fill(object);
        });
        out.push_str("\n\n");
        self.number += 1;
    }
}
