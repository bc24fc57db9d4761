//! Calls of tools.

use super::event::Event;
use super::tell::{Tell, rest};
use crate::canonical::{Place, ToolInput};
use crate::event::Delta;
use crate::json::Raw;
use crate::openai_responses::answer;

/// A call as far as it has come.
#[derive(Debug)]
pub(super) struct Call {
    at: Place,
    /// What its input is called.
    member: &'static str,
    kind: fn(String) -> ToolInput,
    /// Once it has begun.
    part: Option<u32>,
    /// How many bytes of its input have been told.
    told: usize,
}

impl Call {
    pub(super) const fn new(
        at: Place,
        member: &'static str,
        kind: fn(String) -> ToolInput,
    ) -> Self {
        Self {
            at,
            member,
            kind,
            part: None,
            told: 0,
        }
    }

    /// Begins, if the name is known. The input may be there already in some servers' first event, but is
    /// told again by what follows.
    pub(super) fn begin(&mut self, item: Raw<'_>, tell: &mut Tell<'_>) {
        let named = item.pick(["name", "call_id"]).iter().all(Option::is_some);
        if named {
            self.start(item, tell);
        }
    }

    fn start(&mut self, item: Raw<'_>, tell: &mut Tell<'_>) -> u32 {
        let index = usize::try_from(self.at.index.unwrap_or_default()).unwrap_or_default();
        let mut part = answer::call(item, index, self.member, self.kind).at(self.at);
        if let crate::canonical::PartBody::ToolUse(call) = &mut part.body {
            call.input.text_mut().clear();
        }
        *self.part.get_or_insert_with(|| tell.start(part))
    }

    pub(super) fn progress(&mut self, kind: &str, event: &Event<'_>, tell: &mut Tell<'_>) {
        if kind.ends_with(".delta") {
            self.more(&event.delta(), tell);
        } else if kind.ends_with(".done") {
            self.whole(&event.text(self.member), tell);
        }
    }

    fn more(&mut self, more: &str, tell: &mut Tell<'_>) {
        if let Some(part) = self.part.filter(|_| !more.is_empty()) {
            self.told += more.len();
            tell.delta(part, Delta::Input(more.to_owned()));
        }
    }

    fn whole(&mut self, whole: &str, tell: &mut Tell<'_>) {
        if let Some(rest) = rest(whole, self.told) {
            self.more(rest, tell);
        }
    }

    pub(super) fn complete(&mut self, item: Raw<'_>, tell: &mut Tell<'_>) {
        if self.part.is_none() {
            self.start(item, tell);
        }
        self.whole(&answer::text(item.member(self.member)), tell);
        self.close(tell);
    }

    pub(super) fn close(&mut self, tell: &mut Tell<'_>) {
        if let Some(part) = self.part.take() {
            tell.stop(part);
        }
    }
}
