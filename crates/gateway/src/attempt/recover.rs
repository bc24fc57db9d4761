//! What is left of a call while its stream runs: where the stream may be gone on with if it dies.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use orchestra_dialects::{Dialect, EndRule};
use orchestra_routing::HoldBack;
use tokio::time::Instant;

use super::ask::Question;
use super::round::Failed;
use super::stream::end_rule;
use super::{Attempts, is_event_stream};
use crate::call::Call;
use crate::fault::{Fault, FaultKind, Reached};
use crate::gateway::Gateway;
use crate::keys::Access;
use crate::outgoing::Outgoing;
use crate::plan::Plan;
use crate::recovery::continuation;
use crate::retries::Retries;
use crate::routes::edit;
use crate::settle::Settlement;
use crate::stage::Stage;
use crate::transport::UpstreamBody;

/// The rest of a call's plan, owned by the stream that runs.
pub(crate) struct Recovery {
    gateway: Gateway,
    call: Box<Call>,
    stages: Vec<Stage>,
    /// How often the call may be sent.
    most: usize,
    deadline: Instant,
    /// The stage whose stream runs.
    at: usize,
    /// Stages that the call has been brought to since it had an answer.
    visited: BTreeSet<usize>,
    /// How often that stage was asked again.
    retried: u32,
}

/// A stream that goes on with another.
pub(crate) struct Resumed {
    pub(crate) access: Access,
    pub(crate) body: UpstreamBody,
    pub(crate) rule: EndRule,
    pub(crate) from: Dialect,
    /// Whether it begins with a repetition of what it was to go on from.
    pub(crate) repeats: bool,
    /// The longest of its events, in bytes.
    pub(crate) max_event_bytes: usize,
}

impl Recovery {
    /// `at` is the stage whose stream is about to run.
    pub(crate) fn new(
        gateway: Gateway,
        call: Box<Call>,
        plan: Plan,
        at: usize,
        deadline: Instant,
    ) -> Self {
        let most = plan.most_attempts(&gateway.parts.settings);
        Self {
            gateway,
            call,
            stages: plan.stages,
            most,
            deadline,
            at,
            visited: BTreeSet::from([at]),
            retried: 0,
        }
    }

    /// Asks one target after another to go on from `told`, after the stream at `dead` has ended with `fault`; the same target
    /// if no other is left. `None` if nobody does, or no attempts or time are left.
    pub(crate) async fn resume(
        &mut self,
        dead: &Access,
        fault: &Fault,
        told: &str,
        settlement: &mut Settlement,
    ) -> Option<Resumed> {
        while self.attempts(settlement).are_left(settlement) && Instant::now() < self.deadline {
            let (at, access) = match self.next_place() {
                Some(at) => match self.open(at, told) {
                    Some(access) => (at, access),
                    None => continue,
                },
                None => (self.at, self.again(dead, fault, told, settlement).await?),
            };
            if let Some(resumed) = self.ask(at, access, told, settlement).await {
                (self.at, self.retried) = (at, if at == self.at { self.retried } else { 0 });
                return Some(resumed);
            }
        }
        None
    }

    fn attempts(&self, settlement: &Settlement) -> Attempts<'_> {
        let parts = &self.gateway.parts;
        Attempts {
            transport: parts.transport.as_ref(),
            settings: &parts.settings,
            cache: &self.gateway.cache,
            call: &self.call,
            id: settlement.record.id,
            deadline: self.deadline,
            unix: settlement.record.started_unix,
            request_timeout: None,
            most: self.most,
            hold_back: HoldBack::NONE,
            memory: None,
        }
    }

    /// The next stage that the plan leads to from a failure, where the call has not been.
    fn next_place(&mut self) -> Option<usize> {
        let mut at = self.at;
        loop {
            at = self.stages.get(at)?.exit(None, true)?;
            if self.visited.insert(at) {
                return Some(at);
            }
        }
    }

    /// A way to another target, if it can go on from `told` and is not to be left alone.
    fn open(&self, at: usize, told: &str) -> Option<Access> {
        let target = self.stages[at].target.as_ref().ok()?;
        self.goes_on(at, told)?;
        let access = self.gateway.open_target(target).ok()?;
        access.offer(self.gateway.parts.clock.monotonic());
        Some(access)
    }

    /// A way to the same target, if it can go on from `told`, the rules let it be asked again, and its budget does.
    async fn again(
        &mut self,
        dead: &Access,
        fault: &Fault,
        told: &str,
        settlement: &Settlement,
    ) -> Option<Access> {
        self.goes_on(self.at, told)?;
        let stage = &self.stages[self.at];
        let target = stage.target.as_ref().ok()?;
        let attempts = self.attempts(settlement);
        let retries = attempts.retries(stage, target);
        let failed = Failed {
            at: self.at,
            target: target.clone(),
            health: dead.health().clone(),
            pause: stage.pause(fault)?,
            retried: self.retried,
        };
        if failed.retried >= retries.as_last {
            return None;
        }
        let access = self.gateway.again(&attempts, &failed, retries).await.ok()?;
        self.retried += 1;
        Some(access)
    }

    /// `None` if the stage's target cannot go on from `told`.
    fn goes_on(&self, at: usize, told: &str) -> Option<()> {
        let target = self.stages[at].target.as_ref().ok()?;
        let profile = target.member.provider.profile(target.model.as_str());
        continuation(&self.call, target, &profile, told).ok()?;
        Some(())
    }

    /// One attempt, and what is booked of it.
    async fn ask(
        &self,
        at: usize,
        access: Access,
        told: &str,
        settlement: &mut Settlement,
    ) -> Option<Resumed> {
        let (stage, parts) = (&self.stages[at], &self.gateway.parts);
        let target = stage.target.as_ref().ok()?;
        let edited = edit(&self.call, &stage.settings, &parts.settings.head).ok()?;
        let call = edited.as_ref().unwrap_or(&self.call);
        let profile = target.member.provider.profile(target.model.as_str());
        let outgoing = Outgoing {
            forwards: stage.settings.forward_headers.clone().unwrap_or_default(),
            ..continuation(call, target, &profile, told).ok()?
        };
        let attempts = Attempts {
            call,
            request_timeout: stage.settings.request_timeout,
            ..self.attempts(settlement)
        };
        let question = Question {
            target,
            outgoing: &outgoing,
            slot: None,
            stage,
            more: false,
            retries: Retries::NONE,
            retried: self.retried,
        };
        let sent = self.gateway.begin(question, &access, settlement);
        let began = Instant::now();
        let outcome = attempts.stream(&access, &outgoing).await;
        let outcome = outcome.map_err(|fault| attempts.since(began, fault));
        self.gateway.note(
            &access,
            sent,
            outcome.as_ref().map(|_| Duration::ZERO),
            settlement,
        );
        match outcome {
            Ok(body) => {
                settlement.record.losses.add(&outgoing.losses);
                let providers = self.gateway.providers();
                let finder = self.gateway.finder(&providers);
                settlement.goes_on_at(finder.price(&target.member, &target.model));
                Some(Resumed {
                    rule: end_rule(&access, &outgoing),
                    access,
                    body,
                    from: outgoing.endpoint.dialect(),
                    repeats: profile.continues.repeats(),
                    max_event_bytes: parts.settings.max_event_bytes,
                })
            }
            Err(fault) => {
                fault.book(&access, parts.clock.monotonic());
                None
            }
        }
    }
}

impl Attempts<'_> {
    /// Sends the call and waits for a stream to begin, whatever it holds.
    async fn stream(&self, access: &Access, outgoing: &Outgoing) -> Result<UpstreamBody, Fault> {
        let patience = self.patience(super::Spare::None);
        let response = self.response(access, outgoing, patience).await?;
        if is_event_stream(response.headers()) {
            return Ok(response.into_body());
        }
        let kind = FaultKind::Malformed("it answered with something else than a stream".to_owned());
        Err(Fault {
            status: Some(response.status()),
            ..Fault::new(kind, Reached::Answered)
        })
    }
}

impl fmt::Debug for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recovery")
            .field("at", &self.at)
            .field("stages", &self.stages.len())
            .finish_non_exhaustive()
    }
}
