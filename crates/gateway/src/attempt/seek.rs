//! A kept answer, before a target is asked for one.

use super::Attempts;
use super::letter::{Letter, Written};
use super::round::Round;
use crate::cache::{Asked, Hit, Slot};
use crate::call::Call;
use crate::gateway::Gateway;
use crate::hedging::is_repeatable;
use crate::outgoing::Outgoing;
use crate::stage::{Candidate, Stage};

/// What came of looking for a kept answer.
pub(super) enum Sought {
    /// There is one.
    Found(Hit),
    /// There is none; what the target is sent has been written by the way.
    Written(Box<Letter>),
    /// Nobody has looked.
    Nothing,
}

impl Gateway {
    /// Looks for a kept answer of the target whose turn it is. It takes no place there, and does not ask how the target fares.
    pub(super) fn seek(&self, attempts: &Attempts<'_>, round: &mut Round<'_>, at: usize) -> Sought {
        let stage = &round.stages[at];
        let Ok(target) = &stage.target else {
            return Sought::Nothing;
        };
        let wanted = attempts.cache.wanted(attempts.call, &stage.settings);
        // Who was asked before its turn has failed.
        if wanted.is_none() || round.is_early(at) {
            return Sought::Nothing;
        }
        // What cannot be sent is told when the target's turn comes.
        let Ok(Written::Letter(letter)) = Letter::write(attempts, stage, target) else {
            return Sought::Nothing;
        };
        let Some(slot) = &letter.slot else {
            return Sought::Nothing;
        };
        if let Some(found) = attempts.cache.find(slot, self.parts.clock.monotonic()) {
            let (provider, model) = (target.member.provider.id(), &target.model);
            return Sought::Found(Hit::new(found, provider, model, &stage.path));
        }
        // What may not be kept is never found either, and nobody need be told that it was looked for.
        let call = letter.edited.as_deref().unwrap_or(attempts.call);
        round.settlement.record.cache = is_repeatable(call).then(|| slot.not_found());
        Sought::Written(Box::new(letter))
    }
}

impl Attempts<'_> {
    /// Where the target's answer to the call is looked for and kept, if it is.
    pub(super) fn slot(
        &self,
        call: &Call,
        stage: &Stage,
        target: &Candidate,
        outgoing: &Outgoing,
    ) -> Option<Box<Slot>> {
        let max_age = self.cache.wanted(call, &stage.settings)?;
        let translated = outgoing.translated_to().is_some();
        let asked = Asked {
            call,
            target,
            outgoing,
            rewritten: translated || self.settings.recovery.asks(call, &stage.settings),
        };
        Some(Box::new(self.cache.slot(&asked, max_age)))
    }
}
