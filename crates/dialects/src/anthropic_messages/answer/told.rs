//! What an answer said, as far as the stop reason depends on it.

use std::borrow::Cow;

use crate::canonical::{Finish, Part, PartBody};
use crate::structured_output;

use super::super::stop_reason::StopReason;

/// Which kinds of parts an answer holds.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Told {
    calls: bool,
    /// A call that stands for the answer itself.
    structured: bool,
    refusal: bool,
}

impl Told {
    /// Takes note of a block of Anthropic's, by its kind and name.
    pub(in super::super) fn note_block(&mut self, kind: &str, name: Option<&str>) {
        if kind == "tool_use" {
            let structured = name == Some(structured_output::TOOL);
            self.structured |= structured;
            self.calls |= !structured;
        }
    }

    /// Takes note of a part.
    pub(in super::super) const fn note(&mut self, part: &Part) {
        match part.body {
            PartBody::ToolUse(_) => self.calls = true,
            PartBody::Refusal { .. } => self.refusal = true,
            _ => {}
        }
    }

    /// Why the model stopped, if its only call was the answer itself.
    pub(in super::super) fn finish(self, finish: Finish) -> Finish {
        match finish {
            Finish::ToolUse if self.structured && !self.calls => Finish::Stop,
            finish => finish,
        }
    }

    /// The stop reason that Anthropic's clients go by: some servers say `stop` of calls and of refusals too.
    pub(in super::super) fn stop_reason(self, finish: &Finish, own: bool) -> StopReason<'_> {
        let mut reason = StopReason::of(finish, own);
        if *finish == Finish::Stop && self.calls {
            reason.word = Cow::Borrowed("tool_use");
        } else if *finish == Finish::Stop && self.refusal {
            reason.word = Cow::Borrowed("refusal");
        }
        reason
    }
}
