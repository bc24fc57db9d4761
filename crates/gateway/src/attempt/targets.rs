//! One target after another, each with one key after another.

use orchestra_routing::HoldBack;
use tokio::time::Instant;

use super::Attempts;
use super::round::{Others, Rest, Round, Turn};
use super::seek::Sought;
use super::turn::Tried;
use crate::call::Call;
use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::keys::{Access, Closed};
use crate::plan::Plan;
use crate::served::Reply;
use crate::settle::Settlement;

/// A call that is over; `None` while another target, or the same one again, may do better.
type Done = Option<Result<Reply, Failure>>;

impl Gateway {
    /// Follows the plan until a target answers or nothing more is to be won; then asks those again whose failure may have
    /// passed; then waits for those that have no room; then asks those that were left alone.
    pub(crate) async fn attempt_all(
        &self,
        call: &Call,
        plan: &Plan,
        settlement: &mut Settlement,
    ) -> Result<Reply, Failure> {
        let settings = &self.parts.settings;
        let attempts = Attempts {
            transport: self.parts.transport.as_ref(),
            settings,
            cache: &self.cache,
            call,
            id: settlement.record.id,
            deadline: Instant::now() + settings.total_for(call.head.stream()),
            unix: settlement.record.started_unix,
            request_timeout: None,
            most: plan.most_attempts(settings),
            hold_back: HoldBack::NONE,
            memory: None,
        };
        let mut round = Round::new(&plan.stages, settlement);
        let done = self.ask_all(&attempts, &mut round).await;
        if let Some(early) = round.early.take() {
            // Its turn never came.
            let now = self.parts.clock.monotonic();
            early.fault.book(&early.access, now);
            round.settlement.not_decided_by(early.sent);
        }
        match done {
            Some(done) => done,
            None => Err(round.failure(call)),
        }
    }

    async fn ask_all(&self, attempts: &Attempts<'_>, round: &mut Round<'_>) -> Done {
        if let Some(done) = self.ask_each(attempts, round, 0).await {
            return Some(done);
        }
        loop {
            if let Some(done) = self.ask_again(attempts, round).await {
                return Some(done);
            }
            let Some((rest, access)) = self.next_place(attempts, round).await else {
                break;
            };
            if let Some(done) = self.ask_placed(attempts, round, rest, access).await {
                return Some(done);
            }
        }
        self.ask_resting(attempts, round).await
    }

    /// Asks every target that may be asked and that the plan leads to from this place, as long as it has not been there.
    async fn ask_each(&self, attempts: &Attempts<'_>, round: &mut Round<'_>, first: usize) -> Done {
        let mut next = Some(first);
        while let Some(at) = next
            && (attempts.are_left(round.settlement) || round.is_early(at))
            && round.visit(at)
        {
            let stage = &round.stages[at];
            if !round.is_early(at) && !self.may_fit(round, at) {
                next = stage.exit(None, true);
                continue;
            }
            let letter = match self.seek(attempts, round, at) {
                Sought::Found(hit) => return Some(Ok(Reply::Kept(hit))),
                Sought::Written(letter) => Some(letter),
                Sought::Nothing => None,
            };
            next = match self.come_to(at, round) {
                Ok((target, access, had)) => {
                    let turn = Turn {
                        at,
                        target,
                        more: stage.exit(None, true).is_some(),
                        retried: 0,
                    };
                    match self
                        .try_stage(attempts, turn, access, had, letter, round)
                        .await
                    {
                        Tried::Over(done) => return Some(*done),
                        Tried::Next(next) => next,
                    }
                }
                Err(Closed::Resting(out)) => {
                    round.rests(at, out);
                    stage.exit(None, true)
                }
                // It could perhaps be called when the call was planned.
                Err(Closed::Refused(refusal)) => {
                    round.told.unable(refusal);
                    stage.exit(None, true)
                }
            };
        }
        None
    }

    /// No other target is left: asks those again whose failure may have passed. What they say then may lead to a target that
    /// their first failure did not. The last attempt is for one that was left alone, if there is one: it may have recovered.
    async fn ask_again(&self, attempts: &Attempts<'_>, round: &mut Round<'_>) -> Done {
        loop {
            let others = self.others(round);
            let kept = usize::from(round.has_resting() || others == Others::Yes);
            if attempts.remaining(round.settlement) <= kept {
                return None;
            }
            let failed = round.next_failed(others)?;
            let stage = &round.stages[failed.at];
            if !self.may_fit(round, failed.at) {
                continue;
            }
            let retries = attempts.retries(stage, &failed.target);
            if failed.retried >= retries.as_last {
                continue;
            }
            let access = match self.again(attempts, &failed, retries).await {
                Ok(access) => access,
                Err(out) => {
                    out.into_iter()
                        .for_each(|out| round.rests_again(&failed, out));
                    continue;
                }
            };
            round.settlement.led_by(None);
            let turn = Turn {
                at: failed.at,
                target: &failed.target,
                more: round.has_resting() || round.leads_to_others(stage),
                retried: failed.retried + 1,
            };
            if let Some(done) = self.ask_from(attempts, turn, access, round).await {
                return Some(done);
            }
        }
    }

    /// Whether a target may have room soon that has not failed.
    fn others(&self, round: &Round<'_>) -> Others {
        let (most, clock) = (self.parts.settings.overload.max_wait, &self.parts.clock);
        if !round.resting.is_empty() && round.can_wait(clock.monotonic(), most) {
            Others::Yes
        } else {
            Others::No
        }
    }

    /// Asks a target at which the call has got a place.
    async fn ask_placed(
        &self,
        attempts: &Attempts<'_>,
        round: &mut Round<'_>,
        rest: Rest,
        access: Access,
    ) -> Done {
        let stage = &round.stages[rest.at];
        let target = stage.target.as_ref().ok()?;
        if rest.retried.is_none() {
            access.offer(self.parts.clock.monotonic());
        }
        let turn = Turn {
            at: rest.at,
            target,
            more: !round.resting.is_empty() || round.leads_to_others(stage),
            retried: rest.retried.map_or(0, |retried| retried.saturating_add(1)),
        };
        round.settlement.led_by(None);
        self.ask_from(attempts, turn, access, round).await
    }

    /// Asks targets that should be left alone: with everyone resting somebody must still be tried.
    async fn ask_resting(&self, attempts: &Attempts<'_>, round: &mut Round<'_>) -> Done {
        while attempts.are_left(round.settlement)
            && let Some(at) = round.next_resting()
        {
            let Ok(target) = &round.stages[at].target else {
                continue;
            };
            if !self.may_fit(round, at) {
                continue;
            }
            let (rng, now) = (self.parts.rng.as_ref(), self.parts.clock.monotonic());
            let access = match Access::force(&target.member, &target.model, rng, now) {
                Ok(access) => access,
                Err(refusal) => {
                    round.told.unable(refusal);
                    continue;
                }
            };
            let turn = Turn {
                at,
                target,
                more: round.has_resting(),
                retried: u32::MAX,
            };
            if let Some(done) = self.ask_from(attempts, turn, access, round).await {
                return Some(done);
            }
        }
        None
    }

    /// Asks a target, and those that its failure leads to.
    async fn ask_from(
        &self,
        attempts: &Attempts<'_>,
        turn: Turn<'_>,
        access: Access,
        round: &mut Round<'_>,
    ) -> Done {
        match self
            .try_stage(attempts, turn, access, None, None, round)
            .await
        {
            Tried::Over(done) => Some(*done),
            Tried::Next(next) => self.ask_each(attempts, round, next?).await,
        }
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
        self.most.saturating_sub(made)
    }
}
