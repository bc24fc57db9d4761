//! What has been told of an answer, and to whom.

use crate::canonical::Part;
use crate::event::{Delta, StreamEvent};
use crate::json::Raw;
use crate::openai_responses::answer::Held;

/// What the parts so far amount to.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The index of the next part.
    next: u32,
    pub(super) held: Held,
}

/// Who hears of parts.
#[derive(Debug)]
pub(super) struct Tell<'t> {
    pub(super) events: &'t mut Vec<StreamEvent>,
    pub(super) told: &'t mut Told,
}

impl Tell<'_> {
    pub(super) fn start(&mut self, part: Part) -> u32 {
        self.told.held.note(&part);
        let index = self.told.next;
        self.told.next = index.saturating_add(1);
        self.events.push(StreamEvent::PartStart {
            choice: 0,
            part: index,
            content: Box::new(part),
        });
        index
    }

    pub(super) fn delta(&mut self, part: u32, delta: Delta) {
        self.events.push(StreamEvent::PartDelta {
            choice: 0,
            part,
            delta,
        });
    }

    pub(super) fn stop(&mut self, part: u32) {
        self.events.push(StreamEvent::PartStop { choice: 0, part });
    }

    /// A part that is whole from the start.
    pub(super) fn whole(&mut self, part: Part) {
        let part = self.start(part);
        self.stop(part);
    }

    pub(super) fn logprobs(&mut self, tokens: Raw<'_>) {
        self.events.push(StreamEvent::Logprobs {
            choice: 0,
            tokens: tokens.into(),
        });
    }
}

/// What is new of a text of which so many bytes have been told.
pub(super) fn rest(whole: &str, told: usize) -> Option<&str> {
    whole.get(told..).filter(|rest| !rest.is_empty())
}
