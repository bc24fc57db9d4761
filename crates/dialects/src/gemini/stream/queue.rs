//! The parts of one choice in their order, although several may be open at once.

use std::collections::VecDeque;

use crate::canonical::{Part, PartBody};
use crate::event::Delta;
use crate::fold::extend;

use super::super::answer::SECTION_BREAK;

/// Parts that were begun and are not written to their end.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// How many parts were written to their end.
    written: u32,
    parts: VecDeque<Waiting>,
}

/// A part that was begun.
#[derive(Debug)]
pub(super) struct Waiting {
    /// What of it has come and was not written.
    pub(super) part: Part,
    pub(super) stopped: bool,
    /// Whether any text of it was written.
    pub(super) told: bool,
}

impl Queue {
    pub(super) fn start(&mut self, part: Part) {
        self.parts.push_back(Waiting {
            part,
            stopped: false,
            told: false,
        });
    }

    pub(super) fn add(&mut self, index: u32, delta: &Delta) {
        let Some(waiting) = self.waiting(index) else {
            return;
        };
        match delta {
            // The section before has been written.
            Delta::Section if waiting.told => {
                extend(&mut waiting.part, &Delta::Text(SECTION_BREAK.into()));
            }
            _ => extend(&mut waiting.part, delta),
        }
    }

    pub(super) fn stop(&mut self, index: u32) {
        if let Some(waiting) = self.waiting(index) {
            waiting.stopped = true;
        }
    }

    /// The part whose turn it is.
    pub(super) fn front(&mut self) -> Option<&mut Waiting> {
        self.parts.front_mut()
    }

    /// Takes that part if it was stopped.
    pub(super) fn take_stopped(&mut self) -> Option<Waiting> {
        self.parts.front().filter(|waiting| waiting.stopped)?;
        self.written += 1;
        self.parts.pop_front()
    }

    fn waiting(&mut self, index: u32) -> Option<&mut Waiting> {
        let place = index.checked_sub(self.written)?;
        self.parts.get_mut(usize::try_from(place).ok()?)
    }
}

impl Waiting {
    /// Takes the text that has come since the last time: thoughts or not.
    pub(super) fn take_text(&mut self) -> Option<String> {
        let text = match &mut self.part.body {
            PartBody::Text { text, .. } | PartBody::Refusal { text } => std::mem::take(text),
            PartBody::Reasoning(thoughts) => {
                let texts = std::mem::take(&mut thoughts.texts);
                texts.join(SECTION_BREAK)
            }
            _ => return None,
        };
        self.told |= !text.is_empty();
        (!text.is_empty()).then_some(text)
    }
}

/// Whether a part can be written piece by piece.
pub(super) const fn flows(part: &Part) -> bool {
    matches!(
        part.body,
        PartBody::Text { .. } | PartBody::Refusal { .. } | PartBody::Reasoning(_)
    )
}
