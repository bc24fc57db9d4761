//! Which target is asked beside one that is slow.

use super::Attempts;
use super::ask::Question;
use super::hedge::{Due, Lane};
use super::letter::{Letter, Written};
use super::round::{Round, Turn};
use crate::gateway::Gateway;
use crate::hedging::is_repeatable;
use crate::keys::Access;
use crate::stage::{Candidate, Stage};

/// A target that can be asked beside the first one.
pub(super) struct Second<'r> {
    pub(super) turn: Turn<'r>,
    pub(super) stage: &'r Stage,
    pub(super) letter: Letter,
    pub(super) access: Access,
}

impl Second<'_> {
    /// As one of two.
    pub(super) fn lane<'l>(&'l self, attempts: &'l Attempts<'l>) -> Lane<'l> {
        Lane {
            attempts,
            question: attempts.question(self.turn, self.stage, &self.letter),
            access: &self.access,
        }
    }
}

impl Gateway {
    /// The next target that the plan leads to and that may be asked besides, if that is paid for.
    pub(super) fn second<'r>(
        &self,
        base: &Attempts<'_>,
        first: Question<'_>,
        due: Due,
        round: &mut Round<'r>,
    ) -> Option<Second<'r>> {
        if !base.are_left(round.settlement) {
            return None;
        }
        let stages = round.stages;
        let onwards = |at: &usize| stages[*at].exit(None, true);
        let places = std::iter::successors(first.stage.exit(None, true), onwards);
        let mut places = places
            .take(stages.len())
            .filter(|at| !round.was_at(*at) && self.may_fit(round, *at));
        let second = places.find_map(|at| self.beside(base, first.target, at, stages))?;
        if !self.hedges.withdraw(base.call.head.model(), due.most_extra) {
            round.settlement.record.hedge_capped = true;
            return None;
        }
        round.hedged = true;
        second.access.offer(self.parts.clock.monotonic());
        tracing::debug!(
            call = %round.settlement.record.id, slow = %first.target.member.provider.id(),
            also = %second.turn.target.member.provider.id(), after_ms = due.after.as_millis(),
            "a second target is asked"
        );
        Some(second)
    }

    /// A place at a stage's target, if it is another one that is well and may be asked the same.
    fn beside<'r>(
        &self,
        base: &Attempts<'_>,
        first: &Candidate,
        at: usize,
        stages: &'r [Stage],
    ) -> Option<Second<'r>> {
        let stage = &stages[at];
        let target = stage.target.as_ref().ok()?;
        if target.member.provider.id() == first.member.provider.id() && target.model == first.model
        {
            return None;
        }
        let Ok(Written::Letter(letter)) = Letter::write(base, stage, target) else {
            return None;
        };
        if !is_repeatable(letter.attempts(base, stage).call) {
            return None;
        }
        let access = self.open_target(target).ok()?;
        // Whether a target is well again is not tried with calls that another target serves already.
        if access.is_probe() {
            return None;
        }
        let turn = Turn {
            at,
            target,
            more: stage.exit(None, true).is_some(),
            retried: 0,
        };
        Some(Second {
            turn,
            stage,
            letter,
            access,
        })
    }
}
