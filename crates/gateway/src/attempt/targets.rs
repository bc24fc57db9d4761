//! One target after another, each with one key after another.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::round::{Failed, Round};
use super::{Attempts, Spare};
use crate::answer::Answer;
use crate::call::Call;
use crate::conversations::Keep;
use crate::failure::Failure;
use crate::fault::{Fault, Verdict};
use crate::gateway::{Gateway, Served};
use crate::keys::{Access, Closed, chance};
use crate::outgoing::{Outgoing, Step, Unsendable, prepare};
use crate::plan::Candidate;
use crate::retries::Retries;
use crate::settle::Settlement;

/// What one target is asked.
#[derive(Clone, Copy)]
struct Question<'a> {
    target: &'a Candidate,
    outgoing: &'a Outgoing,
    /// Whether another target waits for its turn.
    more: bool,
    retries: Retries,
    /// How often this call has asked the target again already.
    retried: u32,
}

/// With which key the answer came; or the fault, after how many retries.
enum Asked {
    Answered(Access, Answer),
    Failed(Access, Fault, u32),
}

/// A call that is over; `None` while another target, or the same one again, may do better.
type Done = Option<Result<Served, Failure>>;

impl Gateway {
    /// Tries the candidates in their order until one answers or nothing more is to be won; then again those whose failure
    /// may have passed; then those that were left alone.
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
        let mut round = Round::new(settlement);
        if let Some(done) = self.ask_each(&attempts, candidates, &mut round).await {
            return done;
        }
        if let Some(done) = self.ask_again(&attempts, &mut round).await {
            return done;
        }
        if let Some(done) = self.ask_resting(&attempts, &mut round).await {
            return done;
        }
        Err(round.failure(call))
    }

    /// Asks every target that may be asked.
    async fn ask_each(
        &self,
        attempts: &Attempts<'_>,
        candidates: Vec<Candidate>,
        round: &mut Round<'_>,
    ) -> Done {
        let mut targets = candidates.into_iter().peekable();
        while attempts.are_left(round.settlement)
            && let Some(target) = targets.next()
        {
            let access = match self.open_target(&target) {
                Ok(access) => access,
                Err(Closed::Resting(out)) => {
                    round.rests(target, out);
                    continue;
                }
                // It could be called when the call was planned.
                Err(Closed::Refused(refusal)) => {
                    round.told.unable(refusal);
                    continue;
                }
            };
            access.offer(self.parts.clock.monotonic());
            let more = targets.peek().is_some();
            let tried = self.try_target(attempts, target, access, more, 0, round);
            if let Some(done) = tried.await {
                return Some(done);
            }
        }
        None
    }

    /// No other target is left: asks those again whose failure may have passed. The last attempt is for one that was left
    /// alone, if there is one: it may have recovered.
    async fn ask_again(&self, attempts: &Attempts<'_>, round: &mut Round<'_>) -> Done {
        while attempts.remaining(round.settlement) > usize::from(round.has_resting())
            && let Some(failed) = round.next_failed()
        {
            let retries = attempts.retries(&failed.target);
            if failed.retried >= retries.as_last {
                continue;
            }
            let Some(access) = self.again(attempts, &failed, retries).await else {
                continue;
            };
            let (retried, more) = (failed.retried + 1, round.has_resting());
            let tried = self.try_target(attempts, failed.target, access, more, retried, round);
            if let Some(done) = tried.await {
                return Some(done);
            }
        }
        None
    }

    /// Asks targets that should be left alone: with everyone resting somebody must still be tried.
    async fn ask_resting(&self, attempts: &Attempts<'_>, round: &mut Round<'_>) -> Done {
        while attempts.are_left(round.settlement)
            && let Some(target) = round.next_resting()
        {
            let (rng, now) = (self.parts.rng.as_ref(), self.parts.clock.monotonic());
            let access = match Access::force(&target.member, &target.model, rng, now) {
                Ok(access) => access,
                Err(refusal) => {
                    round.told.unable(refusal);
                    continue;
                }
            };
            let more = round.has_resting();
            let tried = self.try_target(attempts, target, access, more, u32::MAX, round);
            if let Some(done) = tried.await {
                return Some(done);
            }
        }
        None
    }

    /// Asks one target, which this call has asked again `retried` times before.
    async fn try_target(
        &self,
        attempts: &Attempts<'_>,
        target: Candidate,
        access: Access,
        more: bool,
        retried: u32,
        round: &mut Round<'_>,
    ) -> Done {
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
            retries: attempts.retries(&target),
            retried,
        };
        let asked = self.ask(attempts, question, access, round.settlement).await;
        let (access, fault, retried) = match asked {
            Asked::Failed(access, fault, retried) => (access, fault, retried),
            Asked::Answered(access, answer) => {
                let (store, client) = (&self.parts.conversations, &round.settlement.record.client);
                let keep = Keep::of(store.as_ref(), call, &outgoing, client.as_ref());
                return Some(Ok(Served::new(access, answer, deadline).keeping(keep)));
            }
        };
        if let Some(failed) = Failed::of(&target, &access, &fault, retried) {
            round.failed(failed);
        }
        let verdict = fault.verdict();
        round.told.last = Some((access, target.exchange, fault));
        match verdict {
            Verdict::Relay => Some(Err(round.failure(call))),
            Verdict::NextTarget => None,
        }
    }

    fn open_target(&self, target: &Candidate) -> Result<Access, Closed> {
        let now = self.parts.clock.monotonic();
        Access::open(&target.member, &target.model, self.parts.rng.as_ref(), now)
    }

    /// Asks one target: again with another key while its provider refuses them, again with any if its failure may pass and
    /// the rules want that before other targets are asked, as long as attempts are left.
    async fn ask(
        &self,
        attempts: &Attempts<'_>,
        mut question: Question<'_>,
        mut access: Access,
        settlement: &mut Settlement,
    ) -> Asked {
        loop {
            let sending = self.send(attempts, question, &access, settlement);
            let fault = match sending.await {
                Ok(answer) => return Asked::Answered(access, answer),
                Err(fault) => fault,
            };
            let next = match self.other_key(&access, &fault, attempts.deadline).await {
                Some(other) => {
                    let may = attempts.allow(&other, question, settlement);
                    may.then_some(other)
                }
                None => {
                    access.judge(fault.weight(), self.parts.clock.monotonic());
                    let again = self.before_others(attempts, question, &access, &fault, settlement);
                    let again = again.await;
                    question.retried += u32::from(again.is_some());
                    again
                }
            };
            match next {
                Some(next) => access = next,
                None => return Asked::Failed(access, fault, question.retried),
            }
        }
    }

    /// What the same target is asked with once more before other targets are, if the rules want that.
    async fn before_others(
        &self,
        attempts: &Attempts<'_>,
        question: Question<'_>,
        access: &Access,
        fault: &Fault,
        settlement: &Settlement,
    ) -> Option<Access> {
        let Question {
            target,
            more,
            retries,
            retried,
            ..
        } = question;
        let wanted =
            retried < retries.before_others && attempts.remaining(settlement) > usize::from(more);
        let failed = Failed::of(target, access, fault, retried).filter(|_| wanted)?;
        self.again(attempts, &failed, retries).await
    }

    /// What the same target is asked with once more, after a wait. `None` if the wait would be too long, the target's budget
    /// does not allow it, or the target is left alone by then.
    async fn again(
        &self,
        attempts: &Attempts<'_>,
        failed: &Failed,
        retries: Retries,
    ) -> Option<Access> {
        let draw = chance(self.parts.rng.as_ref());
        let wait = retries.wait(failed.pause, failed.retried, draw)?;
        if wait >= attempts.deadline.saturating_duration_since(Instant::now()) {
            return None;
        }
        if !failed.health.withdraw_retry(self.parts.clock.monotonic()) {
            return None;
        }
        sleep(wait).await;
        self.open_target(&failed.target).ok()
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
            target, outgoing, ..
        } = question;
        let began = self.parts.clock.monotonic();
        let (provider, key) = (target.member.provider.id(), access.used());
        settlement.attempt(provider, &target.model, outgoing.translated_to(), key);
        let spare = attempts.spare(question, settlement);
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
        self.remaining(settlement) > 0
    }

    /// How often the call may still be sent.
    fn remaining(&self, settlement: &Settlement) -> usize {
        let made = settlement.record.attempts.len();
        self.settings.max_attempts.saturating_sub(made)
    }

    /// How often the same target may be asked again.
    fn retries(&self, target: &Candidate) -> Retries {
        let (rules, provider) = (&self.settings.retries, target.member.provider.id());
        rules.of(self.call.head.model(), provider)
    }

    /// What can follow if the attempt that begins now fails.
    fn spare(&self, question: Question<'_>, settlement: &Settlement) -> Spare {
        if !self.are_left(settlement) {
            Spare::None
        } else if question.more {
            Spare::Ready
        } else if question.retried < question.retries.as_last {
            Spare::Again
        } else {
            Spare::None
        }
    }

    /// Whether the same target may be asked with another key. From the third on, keys leave the last attempt to
    /// the target that waits: an account with many keys may be closed as a whole.
    fn allow(&self, other: &Access, question: Question<'_>, settlement: &Settlement) -> bool {
        let kept = usize::from(question.more && other.keys_tried() > 1);
        self.remaining(settlement) > kept
    }
}
