//! One target after another, each with one key after another.

use tokio::time::Instant;

use super::Attempts;
use super::ask::{Asked, Question};
use super::round::{Failed, Round};
use crate::call::Call;
use crate::conversations::Keep;
use crate::failure::Failure;
use crate::fault::Verdict;
use crate::gateway::{Gateway, Served};
use crate::keys::{Access, Closed};
use crate::outgoing::{Step, Unsendable, prepare};
use crate::plan::Candidate;
use crate::retries::Retries;
use crate::settle::Settlement;

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

    pub(super) fn open_target(&self, target: &Candidate) -> Result<Access, Closed> {
        let now = self.parts.clock.monotonic();
        Access::open(&target.member, &target.model, self.parts.rng.as_ref(), now)
    }
}

impl Attempts<'_> {
    /// Whether the call may be sent once more.
    pub(super) fn are_left(&self, settlement: &Settlement) -> bool {
        self.remaining(settlement) > 0
    }

    /// How often the call may still be sent.
    pub(super) fn remaining(&self, settlement: &Settlement) -> usize {
        let made = settlement.record.attempts.len();
        self.settings.max_attempts.saturating_sub(made)
    }

    /// How often the same target may be asked again.
    fn retries(&self, target: &Candidate) -> Retries {
        let (rules, provider) = (&self.settings.retries, target.member.provider.id());
        rules.of(self.call.head.model(), provider)
    }
}
