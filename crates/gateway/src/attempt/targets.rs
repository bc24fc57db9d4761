//! One target after another, each with one key after another.

use tokio::time::Instant;

use super::Attempts;
use super::ask::{Asked, Question};
use super::round::{Failed, Round, Turn};
use crate::call::Call;
use crate::conversations::Keep;
use crate::failure::Failure;
use crate::fault::{Fault, Verdict};
use crate::gateway::{Gateway, Served};
use crate::keys::{Access, Closed};
use crate::outgoing::{Outgoing, Step, Unsendable, prepare};
use crate::plan::{Candidate, Plan, Stage};
use crate::retries::Retries;
use crate::routes::edit;
use crate::settle::Settlement;

/// What came of asking one stage.
pub(super) enum Tried {
    /// The call is over.
    Over(Box<Result<Served, Failure>>),
    /// It may go on at this stage, or nowhere else.
    Next(Option<usize>),
}

/// A call that is over; `None` while another target, or the same one again, may do better.
type Done = Option<Result<Served, Failure>>;

impl Gateway {
    /// Follows the plan until a target answers or nothing more is to be won; then asks those again whose failure may have
    /// passed; then those that were left alone.
    pub(crate) async fn attempt_all(
        &self,
        call: &Call,
        plan: Plan,
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
            request_timeout: None,
            most: plan.most_attempts(settings),
        };
        let mut round = Round::new(&plan.stages, settlement);
        if let Some(done) = self.ask_each(&attempts, &mut round, 0).await {
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

    /// Asks every target that may be asked and that the plan leads to from this place, as long as it has not been there.
    async fn ask_each(&self, attempts: &Attempts<'_>, round: &mut Round<'_>, first: usize) -> Done {
        let mut next = Some(first);
        while attempts.are_left(round.settlement)
            && let Some(at) = next
            && round.visit(at)
        {
            let stage = &round.stages[at];
            next = match self.open_stage(stage) {
                Ok((target, access)) => {
                    access.offer(self.parts.clock.monotonic());
                    let turn = Turn {
                        at,
                        target,
                        more: stage.exit(None, true).is_some(),
                        retried: 0,
                    };
                    match self.try_stage(attempts, turn, access, round).await {
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
        while attempts.remaining(round.settlement) > usize::from(round.has_resting())
            && let Some(failed) = round.next_failed()
        {
            let stage = &round.stages[failed.at];
            let retries = attempts.retries(stage, &failed.target);
            if failed.retried >= retries.as_last {
                continue;
            }
            let Some(access) = self.again(attempts, &failed, retries).await else {
                continue;
            };
            let turn = Turn {
                at: failed.at,
                target: &failed.target,
                more: round.has_resting() || round.leads_to_others(stage),
                retried: failed.retried + 1,
            };
            match self.try_stage(attempts, turn, access, round).await {
                Tried::Over(done) => return Some(*done),
                Tried::Next(None) => {}
                Tried::Next(Some(next)) => {
                    if let Some(done) = self.ask_each(attempts, round, next).await {
                        return Some(done);
                    }
                }
            }
        }
        None
    }

    /// Asks targets that should be left alone: with everyone resting somebody must still be tried.
    async fn ask_resting(&self, attempts: &Attempts<'_>, round: &mut Round<'_>) -> Done {
        while attempts.are_left(round.settlement)
            && let Some(at) = round.next_resting()
        {
            let Ok(target) = &round.stages[at].target else {
                continue;
            };
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
            if let Tried::Over(done) = self.try_stage(attempts, turn, access, round).await {
                return Some(*done);
            }
        }
        None
    }

    /// Asks the target of one stage, with what the stage changes of the call.
    async fn try_stage(
        &self,
        attempts: &Attempts<'_>,
        turn: Turn<'_>,
        access: Access,
        round: &mut Round<'_>,
    ) -> Tried {
        let stage = &round.stages[turn.at];
        let edited = match edit(attempts.call, &stage.settings, &attempts.settings.head) {
            Ok(edited) => edited,
            Err(refusal) => {
                round.told.unable(refusal);
                return Tried::Next(stage.exit(None, true));
            }
        };
        let attempts = Attempts {
            call: edited.as_ref().unwrap_or(attempts.call),
            request_timeout: stage.settings.request_timeout,
            ..*attempts
        };
        let forwards = stage.settings.forward_headers.clone();
        let outgoing = match prepare(attempts.call, turn.target) {
            Ok(Step::Send(outgoing)) => Outgoing {
                forwards: forwards.unwrap_or_default(),
                ..outgoing
            },
            Ok(Step::Estimate(answer)) => {
                return Tried::over(Ok(Served::new(access, answer, attempts.deadline)));
            }
            Err(Unsendable::Anywhere(refusal)) => return Tried::over(Err(refusal.into())),
            Err(Unsendable::Here(refusal)) => {
                round.told.unable(refusal);
                return Tried::Next(stage.exit(None, true));
            }
        };
        let question = Question {
            target: turn.target,
            outgoing: &outgoing,
            stage,
            more: turn.more,
            retries: attempts.retries(stage, turn.target),
            retried: turn.retried,
        };
        let asked = self.ask(&attempts, question, access, round.settlement);
        match asked.await {
            Asked::Answered(access, answer) => {
                let (store, client) = (&self.parts.conversations, &round.settlement.record.client);
                let keep = Keep::of(store.as_ref(), attempts.call, &outgoing, client.as_ref());
                let served = Served::new(access, answer, attempts.deadline);
                Tried::over(Ok(served.keeping(keep)))
            }
            Asked::Failed(access, fault, retried) => {
                if let Some(failed) = Failed::of(&turn, stage, &access, &fault, retried) {
                    round.failed(failed);
                }
                let next = Self::beyond(round.stages, stage.after(&fault), &fault);
                let relay = fault.verdict() == Verdict::Relay && next.is_none();
                round.told.last = Some((access, turn.target.exchange, fault));
                if relay {
                    Tried::over(Err(round.failure(attempts.call)))
                } else {
                    Tried::Next(next)
                }
            }
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

    /// The stage's target and a way to it.
    fn open_stage<'s>(&self, stage: &'s Stage) -> Result<(&'s Candidate, Access), Closed> {
        let target = stage.target.as_ref();
        let target = target.map_err(|refusal| Closed::Refused(refusal.clone()))?;
        Ok((target, self.open_target(target)?))
    }

    pub(super) fn open_target(&self, target: &Candidate) -> Result<Access, Closed> {
        let now = self.parts.clock.monotonic();
        Access::open(&target.member, &target.model, self.parts.rng.as_ref(), now)
    }
}

impl Tried {
    fn over(done: Result<Served, Failure>) -> Self {
        Self::Over(Box::new(done))
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

    /// How often the same target may be asked again: what its tree says, else the rules.
    fn retries(&self, stage: &Stage, target: &Candidate) -> Retries {
        let (rules, provider) = (&self.settings.retries, target.member.provider.id());
        let usual = if target.member.provider.retries_itself() && !rules.names(provider) {
            Retries::NONE
        } else {
            rules.of(self.call.head.model(), provider)
        };
        let own = stage.settings.retry.as_ref();
        own.map_or(usual, |retry| usual.times(retry.attempts))
    }
}
