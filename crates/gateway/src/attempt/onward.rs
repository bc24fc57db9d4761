//! Where a call goes on after a target has failed.

use orchestra_types::ModelId;

use super::round::{Round, Turn};
use crate::alternatives::Trouble;
use crate::fault::Fault;
use crate::gateway::Gateway;
use crate::stage::{Candidate, Stage};

/// The rule that leads from a window that is too small to a larger one.
const LARGER: &str = "larger_context";

/// A call that was too long for some target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outgrown {
    /// The largest window known that was too small, in tokens.
    most: Option<u64>,
}

impl Outgrown {
    /// Whether a window may be large enough, in tokens if it is known. Beside windows that are known to be too small, one
    /// that is not known is no better bet.
    const fn may_fit(self, window: Option<u64>) -> bool {
        match (self.most, window) {
            (Some(most), Some(window)) => window > most,
            (Some(_), None) => false,
            (None, _) => true,
        }
    }
}

impl Gateway {
    /// The stage that comes next after the fault of the one whose turn it was: first what the operator has named for such a
    /// fault, then where the plan leads after it, then, for a call that is too long, a target that takes more.
    pub(super) fn onward(
        &self,
        round: &mut Round<'_>,
        turn: &Turn<'_>,
        fault: &Fault,
    ) -> Option<usize> {
        let (stages, trouble) = (round.stages, Trouble::of(fault));
        let stage = &stages[turn.at];
        if let Some(trouble) = trouble
            && let Some(to) = stage.alternatives.after(trouble)
        {
            round.settlement.led_by(Some(trouble.rule()));
            return Some(to);
        }
        let next = Self::beyond(stages, stage.after(fault), fault);
        if next.is_some() || trouble != Some(Trouble::TooLong) {
            return next;
        }
        let larger = self.larger(round, turn, fault)?;
        round.settlement.led_by(Some(LARGER));
        Some(larger)
    }

    /// Whether a second target that is being asked may help after this fault of the first one: the plan leads on, and to no
    /// alternative that the operator has named.
    pub(super) fn leads_on(stages: &[Stage], stage: &Stage, fault: &Fault) -> bool {
        match Trouble::of(fault) {
            Some(trouble) if stage.alternatives.after(trouble).is_some() => false,
            Some(Trouble::TooLong) => true,
            Some(Trouble::Refused) | None => {
                Self::beyond(stages, stage.after(fault), fault).is_some()
            }
        }
    }

    /// Of the targets to which other failures would lead, the first with a window that is known to be larger than every one
    /// that was too small. Where none of those is known: the first whose window is known, else the next that is another model
    /// at least.
    fn larger(&self, round: &mut Round<'_>, turn: &Turn<'_>, fault: &Fault) -> Option<usize> {
        let window = self.window(turn.target);
        let before = round.outgrown.and_then(|outgrown| outgrown.most);
        let outgrown = Outgrown {
            most: window.max(before),
        };
        round.outgrown = Some(outgrown);
        let others: Vec<(usize, Option<u64>, &ModelId)> = others(round.stages, turn, fault)
            .map(|(at, target)| (at, self.window(target), &target.model))
            .filter(|(_, window, _)| outgrown.may_fit(*window))
            .collect();
        let known = others.iter().find(|(_, window, _)| window.is_some());
        let another = || {
            others
                .iter()
                .find(|(_, _, model)| **model != turn.target.model)
        };
        known.or_else(another).map(|(at, ..)| *at)
    }

    /// Whether the call may be short enough for the target of a stage, as far as others have said. Who names an alternative
    /// knows best.
    pub(super) fn may_fit(&self, round: &Round<'_>, at: usize) -> bool {
        let Some(outgrown) = round.outgrown else {
            return true;
        };
        match &round.stages[at] {
            Stage {
                target: Ok(target),
                only_after: None,
                ..
            } => outgrown.may_fit(self.window(target)),
            _ => true,
        }
    }

    /// The next stage that may do better than a provider whose error was passed on: not that provider itself.
    fn beyond(stages: &[Stage], mut next: Option<usize>, fault: &Fault) -> Option<usize> {
        while let Some(at) = next
            && let Ok(target) = &stages[at].target
            && fault.is_known_of(&target.member.provider)
        {
            next = stages[at].exit(None, true);
        }
        next
    }

    fn window(&self, target: &Candidate) -> Option<u64> {
        let providers = self.providers();
        self.finder(&providers)
            .window(&target.member, &target.model)
    }
}

/// The targets behind a stage, as other failures would lead to them.
fn others<'s>(
    stages: &'s [Stage],
    turn: &Turn<'_>,
    fault: &Fault,
) -> impl Iterator<Item = (usize, &'s Candidate)> {
    let stage = &stages[turn.at];
    let first = stage.exit(fault.status_in(stage.compat), true);
    let chain = std::iter::successors(first, |at| stages[*at].exit(None, true));
    chain.filter_map(|at| Some((at, stages[at].target.as_ref().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_fits_if_it_is_larger_than_those_that_did_not() {
        let known = Outgrown { most: Some(8) };
        let unknown = Outgrown { most: None };
        for (outgrown, window, expected) in [
            (known, Some(9), true),
            (known, Some(8), false),
            (known, None, false),
            (unknown, Some(1), true),
            (unknown, None, true),
        ] {
            assert_eq!(
                outgrown.may_fit(window),
                expected,
                "{outgrown:?} {window:?}"
            );
        }
    }
}
