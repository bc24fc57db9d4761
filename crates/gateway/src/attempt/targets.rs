//! One target after another.

use std::time::Duration;

use tokio::time::Instant;

use super::{Attempts, Spare};
use crate::answer::Answer;
use crate::call::Call;
use crate::conversations::Keep;
use crate::failure::Failure;
use crate::fault::{Fault, Verdict};
use crate::gateway::{Gateway, Served};
use crate::outgoing::{Outgoing, Step, Unsendable, prepare};
use crate::plan::Candidate;
use crate::providers::Member;
use crate::refusal::Refusal;
use crate::settle::Settlement;

impl Gateway {
    /// Tries the candidates in their order until one answers or nothing more is to be won.
    pub(crate) async fn attempt_all(
        &self,
        call: &Call,
        candidates: Vec<Candidate>,
        settlement: &mut Settlement,
    ) -> Result<Served, Failure> {
        let settings = &self.parts.settings;
        let attempts = Attempts {
            transport: self.parts.transport.as_ref(),
            settings,
            call,
            id: settlement.record.id,
            deadline: Instant::now() + settings.total_for(call.head.stream()),
            unix: settlement.record.started_unix,
        };
        let deadline = attempts.deadline;
        let mut last: Option<(Candidate, Fault)> = None;
        let mut unable = None;
        let mut targets = candidates.into_iter().peekable();
        while settlement.record.attempts.len() < settings.max_attempts
            && let Some(target) = targets.next()
        {
            let outgoing = match prepare(call, &target) {
                Ok(Step::Send(outgoing)) => outgoing,
                Ok(Step::Estimate(answer)) => return Ok(Served::new(target, answer, deadline)),
                Err(Unsendable::Anywhere(refusal)) => return Err(refusal.into()),
                Err(Unsendable::Here(refusal)) => {
                    unable = unable.or(Some(refusal));
                    continue;
                }
            };
            let more_allowed = settlement.record.attempts.len() + 1 < settings.max_attempts;
            let spare = if more_allowed && targets.peek().is_some() {
                Spare::Ready
            } else {
                Spare::None
            };
            let sent = self.send(&attempts, &target, &outgoing, spare, settlement);
            match sent.await {
                Ok(answer) => {
                    let (store, client) = (&self.parts.conversations, &settlement.record.client);
                    let keep = Keep::of(store.as_ref(), call, &outgoing, client.as_ref());
                    return Ok(Served::new(target, answer, deadline).keeping(keep));
                }
                Err(fault) => {
                    let verdict = fault.verdict();
                    last = Some((target, fault));
                    if verdict == Verdict::Relay {
                        break;
                    }
                }
            }
        }
        Err(match last {
            Some((target, fault)) => {
                Failure::from_fault(&target, fault, call, settlement.record.attempts.len())
            }
            None => unable.unwrap_or_else(Refusal::no_attempt_allowed).into(),
        })
    }

    /// One attempt, and what is booked of it.
    async fn send(
        &self,
        attempts: &Attempts<'_>,
        target: &Candidate,
        outgoing: &Outgoing,
        spare: Spare,
        settlement: &mut Settlement,
    ) -> Result<Answer, Fault> {
        let began = self.parts.clock.monotonic();
        let provider = target.member.provider.id();
        settlement.attempt(provider, &target.model, outgoing.translated_to());
        let outcome = attempts.run(target, outgoing, spare).await;
        self.note(&target.member, began, outcome.as_ref().err(), settlement);
        if outcome.is_ok() {
            settlement.record.losses.add(&outgoing.losses);
        }
        outcome
    }

    /// Books how the attempt that was begun went. The target's health hears of faults here; of
    /// success when the answer is whole.
    pub(crate) fn note(
        &self,
        member: &Member,
        began: Duration,
        fault: Option<&Fault>,
        settlement: &mut Settlement,
    ) {
        let now = self.parts.clock.monotonic();
        settlement.attempted(fault.map(Fault::name), now.saturating_sub(began));
        if let Some(fault) = fault {
            member.health.record(fault.weight(), now);
            tracing::warn!(
                call = %settlement.record.id, provider = %member.provider.id(), fault = fault.name(),
                status = fault.status.map(|s| s.as_u16()), cause = fault.cause(), "attempt failed"
            );
        }
    }
}
