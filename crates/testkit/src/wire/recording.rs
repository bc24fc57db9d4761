//! A recorded stream, told as it was recorded.

use super::chat::ErrorEvent;
use super::{Events, Family, Narrator, messages};

/// Tells a recorded stream. Faults that generate content write it into comments.
#[derive(Debug)]
pub(crate) struct Recording<'a> {
    stream: &'a [u8],
    family: Family,
}

impl<'a> Recording<'a> {
    pub(crate) fn new(stream: &'a [u8], family: Family) -> Self {
        Self { stream, family }
    }
}

impl Narrator for Recording<'_> {
    fn open(&mut self, out: &mut Events) {
        *out = Events::recorded(self.stream);
    }

    fn piece(&mut self, piece: &str, out: &mut Events) {
        out.comment(piece);
    }

    fn close(&mut self, _: &mut Events) {}

    fn error(&mut self, _: u64, out: &mut Events) {
        match self.family {
            Family::OpenAi => out.data(&ErrorEvent::FAULT),
            Family::Anthropic => messages::tell_fault("req_recorded", out),
        }
    }
}
