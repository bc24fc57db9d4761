//! What a call learns while it asks one target after another.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use orchestra_health::{Out, OutReason, Target};

use super::onward::Outgrown;
use super::waiting::Waited;
use crate::call::Call;
use crate::failure::Failure;
use crate::fault::Fault;
use crate::keys::Access;
use crate::refusal::Refusal;
use crate::settle::{Sent, Settlement};
use crate::stage::{Candidate, Exchange, Stage};

/// What a call has to tell when no target has answered.
#[derive(Default)]
pub(super) struct Told {
    /// The fault of the last attempt. Like all that a call comes to only when something fails, in a place of its own: every
    /// call has room for what is written here outright.
    pub(super) last: Option<Box<(Access, Exchange, Fault)>>,
    /// Why the first target that could not be asked could not.
    unable: Option<Refusal>,
}

impl Told {
    pub(super) fn unable(&mut self, refusal: Refusal) {
        self.unable.get_or_insert(refusal);
    }

    fn into_failure(self, call: &Call, attempts: usize, sent_away: Option<Refusal>) -> Failure {
        match self.last {
            Some(last) => {
                let (access, exchange, fault) = *last;
                Failure::from_fault(&access, exchange, fault, call, attempts)
            }
            None => sent_away
                .or(self.unable)
                .unwrap_or_else(Refusal::no_attempt_allowed)
                .into(),
        }
    }
}

/// A target whose turn it is.
#[derive(Clone, Copy)]
pub(super) struct Turn<'a> {
    /// Its place in the plan.
    pub(super) at: usize,
    pub(super) target: &'a Candidate,
    /// Whether another target waits for its turn.
    pub(super) more: bool,
    /// How often this call has asked the target again already.
    pub(super) retried: u32,
}

/// A target that failed in a way that may pass.
pub(super) struct Failed {
    /// Its place in the plan.
    pub(super) at: usize,
    pub(super) target: Candidate,
    /// What is known of it, with the key that it failed with.
    pub(super) health: Arc<Target>,
    /// How long it asked to be left alone.
    pub(super) pause: Duration,
    /// How often this call has asked it again already.
    pub(super) retried: u32,
}

impl Failed {
    /// `None` if the fault would be the same the next time, or is none after which the tree has the target asked again.
    pub(super) fn of(
        turn: &Turn<'_>,
        stage: &Stage,
        access: &Access,
        fault: &Fault,
        retried: u32,
    ) -> Option<Self> {
        Some(Self {
            at: turn.at,
            pause: stage.pause(fault)?,
            target: turn.target.clone(),
            health: Arc::clone(access.health()),
            retried,
        })
    }
}

/// What came of a target that was asked before its turn, and failed.
pub(super) struct Early {
    /// Its place in the plan.
    pub(super) at: usize,
    pub(super) access: Access,
    pub(super) fault: Fault,
    pub(super) sent: Sent,
}

/// Whether others than those that failed may be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    Yes,
    No,
}

/// A target that is left alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest {
    /// Its place in the plan.
    pub(super) at: usize,
    /// Why, and until when.
    pub(super) out: Out,
    /// How often this call has asked it again already; `None` if it has not asked it yet.
    pub(super) retried: Option<u32>,
}

/// What is known while targets are tried.
pub(super) struct Round<'r> {
    pub(super) stages: &'r [Stage],
    pub(super) told: Told,
    /// Places in the plan that the call has come to.
    visited: BTreeSet<usize>,
    /// Targets that are left alone.
    pub(super) resting: Vec<Rest>,
    /// Whether the call waited for them.
    pub(super) waited: Waited,
    /// Targets that may do better if they are asked again, in the order in which they failed.
    pub(super) failed: Vec<Failed>,
    /// Whether a second target was asked while the first one was slow.
    pub(super) hedged: bool,
    /// Whether the call has paid for the hedges of others.
    pub(super) paid_in: bool,
    /// That target, if it failed and its turn has not come.
    pub(super) early: Option<Box<Early>>,
    /// Set when the call was too long for a target.
    pub(super) outgrown: Option<Outgrown>,
    pub(super) settlement: &'r mut Settlement,
}

impl<'r> Round<'r> {
    pub(super) fn new(stages: &'r [Stage], settlement: &'r mut Settlement) -> Self {
        Self {
            stages,
            told: Told::default(),
            visited: BTreeSet::new(),
            resting: Vec::new(),
            waited: Waited::default(),
            failed: Vec::new(),
            hedged: false,
            paid_in: false,
            early: None,
            outgrown: None,
            settlement,
        }
    }

    /// Comes to a place in the plan. `false` if the call was there before.
    pub(super) fn visit(&mut self, at: usize) -> bool {
        self.visited.insert(at)
    }

    /// Whether the call has been there.
    pub(super) fn was_at(&self, at: usize) -> bool {
        self.visited.contains(&at)
    }

    /// Whether the target at this place was asked before its turn, and failed.
    pub(super) fn is_early(&self, at: usize) -> bool {
        self.early.as_ref().is_some_and(|early| early.at == at)
    }

    /// What came of the target at this place, if it was asked before its turn.
    pub(super) fn take_early(&mut self, at: usize) -> Option<Box<Early>> {
        let early = self.early.take_if(|early| early.at == at)?;
        self.settlement.decided_by(early.sent);
        // It was no rule that led there.
        self.settlement.led_by(None);
        Some(early)
    }

    /// Whether some failure of this stage leads to a place where the call has not been.
    pub(super) fn leads_to_others(&self, stage: &Stage) -> bool {
        let mut places = stage.exits.iter().map(|exit| exit.to);
        places.any(|to| !self.was_at(to))
    }

    pub(super) fn rests(&mut self, at: usize, out: Out) {
        self.resting.push(Rest {
            at,
            out,
            retried: None,
        });
    }

    /// A target that failed was to be asked again, and has no room.
    pub(super) fn rests_again(&mut self, failed: &Failed, out: Out) {
        if !may_have_recovered(out.reason) {
            self.resting.push(Rest {
                at: failed.at,
                out,
                retried: Some(failed.retried),
            });
        }
    }

    pub(super) fn failed(&mut self, failed: Failed) {
        self.failed.push(failed);
    }

    /// The target to ask again next: the one that asked for the shortest pause, of these the one that failed first. Only one
    /// that asked for none if another may have room before.
    pub(super) fn next_failed(&mut self, others: Others) -> Option<Failed> {
        let places = (0..self.failed.len())
            .filter(|place| others == Others::No || self.failed[*place].pause.is_zero());
        let first = places.min_by_key(|place| self.failed[*place].pause)?;
        Some(self.failed.remove(first))
    }

    /// The target to ask although it is left alone: the one that would be back first. Who asked for a pause, or has as much
    /// as it takes, is not troubled once another has said what is wrong, or after it was waited for.
    pub(super) fn next_resting(&mut self) -> Option<usize> {
        if !self.waited.allows_last_resort() {
            return None;
        }
        let asked = !self.settlement.record.attempts.is_empty() || self.waited.in_vain();
        let places = (0..self.resting.len())
            .filter(|place| !asked || may_have_recovered(self.resting[*place].out.reason));
        let first = places.min_by_key(|place| self.resting[*place].out.until)?;
        Some(self.resting.remove(first).at)
    }

    /// Whether some target is left alone because it failed.
    pub(super) fn has_resting(&self) -> bool {
        let mut reasons = self.resting.iter().map(|rest| rest.out.reason);
        reasons.any(may_have_recovered)
    }

    /// What the client is told.
    pub(super) fn failure(&mut self, call: &Call) -> Failure {
        let sent_away = self.sent_away();
        let attempts = self.settlement.record.attempts.len();
        std::mem::take(&mut self.told).into_failure(call, attempts, sent_away)
    }
}

const fn may_have_recovered(reason: OutReason) -> bool {
    match reason {
        OutReason::Failing | OutReason::Probing => true,
        OutReason::Paused | OutReason::Full => false,
    }
}
