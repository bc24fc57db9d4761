//! One place of a plan.

use std::sync::Arc;
use std::time::Duration;

use orchestra_routing::{Compat, Exit, Failures, Settings};
use orchestra_types::ModelId;

use crate::alternatives::{Alternatives, Trouble};
use crate::fault::{Fault, FaultKind, Phase, Reached, Verdict};
use crate::providers::Member;
use crate::refusal::Refusal;

/// One place to try.
#[derive(Debug)]
pub(crate) struct Stage {
    /// Where, or why it cannot be tried.
    pub(crate) target: Result<Candidate, Refusal>,
    /// Where it stands in the tree; empty without one.
    pub(crate) path: String,
    /// What the tree says of calls there.
    pub(crate) settings: Settings,
    /// In whose manner the tree is meant.
    pub(crate) compat: Compat,
    /// Where to go on after a failure: the first that the failure fits. None, and the failure is the answer.
    pub(crate) exits: Vec<Exit>,
    /// Where to go on instead after failures for which the operator has named another model.
    pub(crate) alternatives: Alternatives,
    /// The failure that this is an alternative for; nothing else leads here.
    pub(crate) only_after: Option<Trouble>,
}

impl Stage {
    /// Where to go on after a failure with this status, `None` for one without an answer. `usual` says whether another target
    /// might not have it.
    pub(crate) fn exit(&self, status: Option<u16>, usual: bool) -> Option<usize> {
        let exit = self.exits.iter().find(|exit| exit.on.fit(status, usual));
        exit.map(|exit| exit.to)
    }

    /// How long the target must be left alone before it is asked again after a fault; `None` if it is not. A tree may say
    /// after which statuses it is; whoever did not answer is always asked again. In Portkey's manner whoever took longer than
    /// the tree gives is asked again only if 408 is listed.
    pub(crate) fn pause(&self, fault: &Fault) -> Option<Duration> {
        let retry = self.settings.retry.as_ref();
        let statuses = retry.and_then(|retry| retry.statuses.as_ref());
        match statuses.zip(fault.status_in(self.compat)) {
            None if self.compat == Compat::Portkey && fault.took_longer_than_asked() => None,
            None => fault.passes_after(),
            Some((statuses, status)) => statuses
                .contains(&status)
                .then(|| fault.pause_for_any())
                .flatten(),
        }
    }

    /// Where to go on after an attempt failed. What the client has seen is never sent twice, and who has no time left goes
    /// nowhere.
    pub(crate) fn after(&self, fault: &Fault) -> Option<usize> {
        let too_late = matches!(fault.kind, FaultKind::Timeout(Phase::Total));
        if too_late || fault.reached == Reached::Streaming {
            return None;
        }
        self.exit(
            fault.status_in(self.compat),
            fault.verdict() == Verdict::NextTarget,
        )
    }
}

/// One target: a provider and the model's name there.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) member: Arc<Member>,
    pub(crate) model: ModelId,
    pub(crate) exchange: Exchange,
}

/// How a call gets to a target and its answer back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exchange {
    /// In the client's own dialect: bytes pass as they are.
    Direct,
    /// In another dialect, at one of the endpoints that the provider translates to.
    Translated,
    /// Not at all: the gateway counts tokens by itself where the provider cannot.
    Estimated,
}

/// On after a failure that another target may not have.
pub(crate) const fn usual(to: usize) -> Exit {
    Exit {
        on: Failures::Usual,
        to,
    }
}
