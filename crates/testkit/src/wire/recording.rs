//! A recorded stream, told as it was recorded.

use super::chat::ErrorEvent;
use super::{Events, Family, Narrator, gemini, messages};

/// Tells a recorded stream. Faults that generate content write it into comments.
#[derive(Debug)]
pub(crate) struct Recording {
    events: Events,
    family: Family,
}

impl Recording {
    pub(crate) fn new(events: Events, family: Family) -> Self {
        Self { events, family }
    }
}

impl Narrator for Recording {
    fn open(&mut self, out: &mut Events) {
        *out = std::mem::take(&mut self.events);
    }

    fn piece(&mut self, piece: &str, out: &mut Events) {
        out.comment(piece);
    }

    fn close(&mut self, _: &mut Events) {}

    fn error(&mut self, _: u64, out: &mut Events) {
        match self.family {
            Family::OpenAi => out.data(&ErrorEvent::FAULT),
            Family::Anthropic => messages::tell_fault("req_recorded", out),
            Family::Google => gemini::tell_fault(out),
        }
    }
}
