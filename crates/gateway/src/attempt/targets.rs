//! One target after another, each with one key after another.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{Attempts, Spare};
use crate::answer::Answer;
use crate::call::Call;
use crate::conversations::Keep;
use crate::failure::Failure;
use crate::fault::{Fault, Verdict};
use crate::gateway::{Gateway, Served};
use crate::keys::{Access, Closed};
use crate::outgoing::{Outgoing, Step, Unsendable, prepare};
use crate::plan::{Candidate, Exchange};
use crate::refusal::Refusal;
use crate::settle::Settlement;

/// What one target is asked.
#[derive(Clone, Copy)]
struct Question<'a> {
    target: &'a Candidate,
    outgoing: &'a Outgoing,
    /// Whether another target waits for its turn.
    more: bool,
}

/// What a call has to tell when no target has answered.
#[derive(Default)]
struct Told {
    /// The fault of the last attempt.
    last: Option<(Access, Exchange, Fault)>,
    /// Why the first target that could not be asked could not.
    unable: Option<Refusal>,
}

impl Told {
    fn unable(&mut self, refusal: Refusal) {
        self.unable.get_or_insert(refusal);
    }

    fn into_failure(self, call: &Call, attempts: usize) -> Failure {
        match self.last {
            Some((access, exchange, fault)) => {
                Failure::from_fault(&access, exchange, fault, call, attempts)
            }
            None => self
                .unable
                .unwrap_or_else(Refusal::no_attempt_allowed)
                .into(),
        }
    }
}

/// What is known while targets are tried.
struct Round {
    told: Told,
    /// The target that is back first of those that are left alone, and when.
    resting: Option<(Candidate, Duration)>,
}

impl Round {
    fn rests(&mut self, target: Candidate, until: Duration) {
        if self
            .resting
            .as_ref()
            .is_none_or(|(_, first)| until < *first)
        {
            self.resting = Some((target, until));
        }
    }
}

impl Gateway {
    /// Tries the candidates in their order until one answers or nothing more is to be won.
    pub(crate) async fn attempt_all(
        &self,
        call: &Call,
        candidates: Vec<Candidate>,
        settlement: &mut Settlement,
    ) -> Result<Served, Failure> {
        let settings = &self.parts.settings;
        let deadline = Instant::now() + settings.total_for(call.head.stream());
        let attempts = Attempts {
            transport: self.parts.transport.as_ref(),
            settings,
            call,
            id: settlement.record.id,
            deadline,
            unix: settlement.record.started_unix,
        };
        let mut round = Round {
            told: Told::default(),
            resting: None,
        };
        let mut targets = candidates.into_iter().peekable();
        while attempts.are_left(settlement)
            && let Some(target) = targets.next()
        {
            let access = match self.open_target(&target) {
                Ok(access) => access,
                Err(Closed::Resting(out)) => {
                    round.rests(target, out.until);
                    continue;
                }
                // It could be called when the call was planned.
                Err(Closed::Refused(refusal)) => {
                    round.told.unable(refusal);
                    continue;
                }
            };
            let more = targets.peek().is_some();
            let tried = self.try_target(&attempts, target, access, more, &mut round, settlement);
            if let Some(done) = tried.await {
                return done;
            }
        }
        // With everyone resting somebody must still be tried, but nobody is troubled who asked to be left alone as long as
        // another has said what is wrong.
        if settlement.record.attempts.is_empty()
            && let Some((target, _)) = round.resting.take()
        {
            let (rng, now) = (self.parts.rng.as_ref(), self.parts.clock.monotonic());
            let access = Access::force(&target.member, &target.model, rng, now)?;
            let tried = self.try_target(&attempts, target, access, false, &mut round, settlement);
            if let Some(done) = tried.await {
                return done;
            }
        }
        Err(round
            .told
            .into_failure(call, settlement.record.attempts.len()))
    }

    /// Asks one target. `None` if another may do better.
    async fn try_target(
        &self,
        attempts: &Attempts<'_>,
        target: Candidate,
        access: Access,
        more: bool,
        round: &mut Round,
        settlement: &mut Settlement,
    ) -> Option<Result<Served, Failure>> {
        let (call, deadline) = (attempts.call, attempts.deadline);
        let outgoing = match prepare(call, &target) {
            Ok(Step::Send(outgoing)) => outgoing,
            Ok(Step::Estimate(answer)) => return Some(Ok(Served::new(access, answer, deadline))),
            Err(Unsendable::Anywhere(refusal)) => return Some(Err(refusal.into())),
            Err(Unsendable::Here(refusal)) => {
                round.told.unable(refusal);
                return None;
            }
        };
        let question = Question {
            target: &target,
            outgoing: &outgoing,
            more,
        };
        match self.ask(attempts, question, access, settlement).await {
            (access, Ok(answer)) => {
                let (store, client) = (&self.parts.conversations, &settlement.record.client);
                let keep = Keep::of(store.as_ref(), call, &outgoing, client.as_ref());
                Some(Ok(Served::new(access, answer, deadline).keeping(keep)))
            }
            (access, Err(fault)) => {
                let verdict = fault.verdict();
                round.told.last = Some((access, target.exchange, fault));
                (verdict == Verdict::Relay).then(|| {
                    let told = std::mem::take(&mut round.told);
                    Err(told.into_failure(call, settlement.record.attempts.len()))
                })
            }
        }
    }

    fn open_target(&self, target: &Candidate) -> Result<Access, Closed> {
        let now = self.parts.clock.monotonic();
        Access::open(&target.member, &target.model, self.parts.rng.as_ref(), now)
    }

    /// Asks one target, again with another key while its provider refuses them and attempts are left. Says with
    /// which key the answer or the fault came.
    async fn ask(
        &self,
        attempts: &Attempts<'_>,
        question: Question<'_>,
        mut access: Access,
        settlement: &mut Settlement,
    ) -> (Access, Result<Answer, Fault>) {
        loop {
            let sending = self.send(attempts, question, &access, settlement);
            let fault = match sending.await {
                Ok(answer) => return (access, Ok(answer)),
                Err(fault) => fault,
            };
            match self.other_key(&access, &fault, attempts.deadline).await {
                Some(other) if attempts.allow(&other, question, settlement) => access = other,
                Some(_) => return (access, Err(fault)),
                None => {
                    access.judge(fault.weight(), self.parts.clock.monotonic());
                    return (access, Err(fault));
                }
            }
        }
    }

    /// What the same target can be asked with after a fault that is the key's: another key that is not benched,
    /// perhaps a newer version of the one that was refused.
    async fn other_key(&self, access: &Access, fault: &Fault, deadline: Instant) -> Option<Access> {
        if !fault.blames_key() {
            return None;
        }
        access.refused(self.parts.clock.monotonic());
        if let Some(source) = &self.parts.keys {
            // Whatever comes of it: what counts is which keys the member has then.
            let _ = timeout_at(deadline, access.renew(source)).await;
        }
        access.another(self.parts.rng.as_ref(), self.parts.clock.monotonic())
    }

    /// One attempt, and what is booked of it.
    async fn send(
        &self,
        attempts: &Attempts<'_>,
        question: Question<'_>,
        access: &Access,
        settlement: &mut Settlement,
    ) -> Result<Answer, Fault> {
        let Question {
            target,
            outgoing,
            more,
        } = question;
        let began = self.parts.clock.monotonic();
        let (provider, key) = (target.member.provider.id(), access.used());
        settlement.attempt(provider, &target.model, outgoing.translated_to(), key);
        let spare = if more && attempts.are_left(settlement) {
            Spare::Ready
        } else {
            Spare::None
        };
        let outcome = attempts.run(access, outgoing, spare).await;
        self.note(access, began, outcome.as_ref().err(), settlement);
        if outcome.is_ok() {
            settlement.record.losses.add(&outgoing.losses);
        }
        outcome
    }

    /// Writes into record and log how the attempt that was begun went. The target's health hears of success when
    /// the answer is whole.
    pub(crate) fn note(
        &self,
        access: &Access,
        began: Duration,
        fault: Option<&Fault>,
        settlement: &mut Settlement,
    ) {
        let now = self.parts.clock.monotonic();
        settlement.attempted(fault.map(Fault::name), now.saturating_sub(began));
        match fault {
            None => {
                access.accepted();
                access.first_token(now);
            }
            Some(fault) => tracing::warn!(
                call = %settlement.record.id, provider = %access.member.provider.id(), key = access.name(),
                fault = fault.name(), status = fault.status.map(|s| s.as_u16()), cause = fault.cause(),
                "attempt failed"
            ),
        }
    }
}

impl Attempts<'_> {
    /// Whether the call may be sent once more.
    fn are_left(&self, settlement: &Settlement) -> bool {
        settlement.record.attempts.len() < self.settings.max_attempts
    }

    /// Whether the same target may be asked with another key. From the third on, keys leave the last attempt to
    /// the target that waits: an account with many keys may be closed as a whole.
    fn allow(&self, other: &Access, question: Question<'_>, settlement: &Settlement) -> bool {
        let kept = usize::from(question.more && other.keys_tried() > 1);
        settlement.record.attempts.len() + kept < self.settings.max_attempts
    }
}
