//! One target whose turn it is.

use super::Attempts;
use super::ask::{Asked, Question};
use super::hedge::{Lane, Raced};
use super::letter::{Letter, Written};
use super::round::{Failed, Round, Turn};
use crate::answer::Answer;
use crate::cache::{Slot, Storing};
use crate::conversations::Keep;
use crate::failure::Failure;
use crate::fault::{Fault, Verdict};
use crate::gateway::Gateway;
use crate::hedging::is_repeatable;
use crate::keys::{Access, Closed};
use crate::outgoing::Unsendable;
use crate::served::{Reply, Served};
use crate::stage::{Candidate, Stage};

/// What came of asking one stage.
pub(super) enum Tried {
    /// The call is over.
    Over(Box<Result<Reply, Failure>>),
    /// It may go on at this stage, or nowhere else.
    Next(Option<usize>),
}

impl Gateway {
    /// Asks the target of one stage, with what the stage changes of the call. `had` is its fault if it was asked
    /// already, `letter` what it is sent if that is written already.
    pub(super) async fn try_stage(
        &self,
        attempts: &Attempts<'_>,
        turn: Turn<'_>,
        access: Access,
        had: Option<Box<Fault>>,
        letter: Option<Box<Letter>>,
        round: &mut Round<'_>,
    ) -> Tried {
        let stage = &round.stages[turn.at];
        let written = match letter {
            Some(letter) => Ok(Written::Letter(*letter)),
            None => Letter::write(attempts, stage, turn.target),
        };
        let letter = match written {
            Ok(Written::Letter(letter)) => letter,
            Ok(Written::Estimate(answer)) => {
                return Tried::over(Ok(Served::new(access, answer, attempts.deadline)));
            }
            Err(Unsendable::Anywhere(refusal)) => return Tried::over(Err(refusal.into())),
            Err(Unsendable::Here(refusal)) => {
                round.told.unable(refusal);
                return Tried::Next(stage.exit(None, true));
            }
        };
        let (base, attempts) = (attempts, letter.attempts(attempts, stage));
        let question = attempts.question(turn, stage, &letter);
        let lane = Lane {
            attempts: &attempts,
            question,
            access: &access,
        };
        let had = match self.due(lane, round) {
            None => had,
            // In a place of its own, so that calls which are not hedged take no more memory.
            Some(due) => match Box::pin(self.race(base, lane, due, round)).await {
                Raced::Answered(served) => return Tried::over(Ok(*served)),
                Raced::Failed(fault) => Some(fault),
            },
        };
        let asked = self.ask(&attempts, question, access, had, round.settlement);
        match asked.await {
            Asked::Answered(access, answer) => {
                Tried::over(Ok(self.served(&attempts, question, access, answer, round)))
            }
            Asked::Failed(access, fault, retried) => {
                if let Some(failed) = Failed::of(&turn, stage, &access, &fault, retried) {
                    round.failed(failed);
                }
                let next = self.onward(round, &turn, &fault);
                let relay = fault.verdict() == Verdict::Relay && next.is_none();
                round.told.last = Some(Box::new((access, turn.target.exchange, fault)));
                if relay {
                    Tried::over(Err(round.failure(attempts.call)))
                } else {
                    Tried::Next(next)
                }
            }
        }
    }

    /// An answer, the conversation that is to be kept with it, and where it is kept itself.
    pub(super) fn served(
        &self,
        attempts: &Attempts<'_>,
        question: Question<'_>,
        access: Access,
        answer: Answer,
        round: &mut Round<'_>,
    ) -> Served {
        let (store, client) = (&self.parts.conversations, &round.settlement.record.client);
        let outgoing = question.outgoing;
        let keep = Keep::of(store.as_ref(), attempts.call, outgoing, client.as_ref());
        let at = || {
            let mut stages = round.stages.iter();
            stages.position(|stage| std::ptr::eq(stage, question.stage))
        };
        let recoverable = attempts.memory.and_then(|_| at());
        let served = Served::new(access, answer, attempts.deadline);
        let slot = question.slot.filter(|_| is_repeatable(attempts.call));
        round.settlement.record.cache = slot.map(Slot::not_found);
        let store = slot.map(|slot| Box::new(Storing::new(&self.cache, slot.clone())));
        served.keeping(keep).recoverable(recoverable).storing(store)
    }

    /// The target of a stage whose turn it is, a way to it, and its fault if it was asked before its turn.
    pub(super) fn come_to<'s>(
        &self,
        at: usize,
        round: &mut Round<'s>,
    ) -> Result<(&'s Candidate, Access, Option<Box<Fault>>), Closed> {
        let stage = &round.stages[at];
        if let (Ok(target), Some(early)) = (&stage.target, round.take_early(at)) {
            let early = *early;
            return Ok((target, early.access, Some(Box::new(early.fault))));
        }
        let (target, access) = self.open_stage(stage)?;
        access.offer(self.parts.clock.monotonic());
        Ok((target, access, None))
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
        Self::Over(Box::new(done.map(Reply::Fresh)))
    }
}
