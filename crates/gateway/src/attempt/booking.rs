//! What is booked of an attempt: in the call's record, and with the target and its key.

use std::time::Duration;

use orchestra_types::Money;

use super::ask::{Question, form};
use super::hedge::Lane;
use crate::answer::Answer;
use crate::fault::{Fault, Reached};
use crate::gateway::Gateway;
use crate::keys::Access;
use crate::routes::CallCost;
use crate::settle::{Sent, Settlement};

impl Gateway {
    /// Books that an attempt begins.
    pub(super) fn begin(
        &self,
        question: Question<'_>,
        access: &Access,
        settlement: &mut Settlement,
    ) -> Sent {
        let (target, outgoing) = (question.target, question.outgoing);
        let began = self.parts.clock.monotonic();
        let (provider, key) = (target.member.provider.id(), access.used());
        let to = outgoing.translated_to();
        let sent = settlement.attempt(provider, &target.model, to, key, began);
        settlement.attempt_at(sent, &question.stage.path);
        sent
    }

    /// Books how an attempt went.
    pub(super) fn end(
        &self,
        lane: Lane<'_>,
        sent: Sent,
        outcome: &Result<Answer, Fault>,
        settlement: &mut Settlement,
    ) {
        match outcome {
            Ok(answer) => {
                self.note(lane.access, sent, Ok(answer.held_back()), settlement);
                settlement.record.losses.add(&lane.question.outgoing.losses);
                self.heed_quota(lane.access, &answer.headers);
            }
            Err(fault) => self.failed(lane, sent, fault, settlement),
        }
    }

    /// Books that an attempt failed. A beginning that nobody will see may have cost something.
    pub(super) fn failed(
        &self,
        lane: Lane<'_>,
        sent: Sent,
        fault: &Fault,
        settlement: &mut Settlement,
    ) {
        self.note(lane.access, sent, Err(fault), settlement);
        if fault.reached == Reached::Begun {
            let now = self.parts.clock.monotonic();
            settlement.may_have_cost(sent, self.estimate(lane, now));
        }
    }

    /// Writes into record and log how the attempt that was begun went; `outcome` says how long its first content was held back.
    /// The target's health hears of success when the answer is whole.
    pub(crate) fn note(
        &self,
        access: &Access,
        sent: Sent,
        outcome: Result<Duration, &Fault>,
        settlement: &mut Settlement,
    ) {
        let held = outcome.unwrap_or_default();
        let now = self.parts.clock.monotonic().saturating_sub(held);
        settlement.attempted(sent, outcome.err().map(Fault::name), now);
        match outcome {
            Ok(_) => {
                access.accepted();
                access.first_token(form(settlement.record.streamed), now);
            }
            Err(fault) => {
                tracing::warn!(
                    call = %settlement.record.id, provider = %access.member.provider.id(), key = access.name(),
                    fault = fault.name(), status = fault.status.map(|s| s.as_u16()), cause = fault.cause(),
                    "attempt failed"
                );
                self.heed_refusal(access, fault);
            }
        }
    }

    /// What an exchange may have cost whose end nobody sees.
    pub(super) fn estimate(&self, lane: Lane<'_>, now: Duration) -> Option<Money> {
        let target = lane.question.target;
        let providers = self.providers();
        let price = self
            .finder(&providers)
            .price(&target.member, &target.model)?;
        let output = target.member.usual_output(&target.model, now);
        CallCost::of(lane.attempts.call).at(&price, output)
    }
}
