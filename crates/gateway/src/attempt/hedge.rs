//! A second target, asked while the first one is slow.
//!
//! It is the next one in the plan, asked early: whoever has a usable answer first wins, and the other exchange is dropped. If
//! both fail, the plan is followed as if the second had been asked when its turn came.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use orchestra_routing::{HedgeAfter, Share};
use tokio::time::timeout;

use super::ask::{Question, form};
use super::round::{Early, Round};
use super::{Attempts, Spare};
use crate::answer::Answer;
use crate::fault::Fault;
use crate::gateway::Gateway;
use crate::hedging::is_repeatable;
use crate::keys::Access;
use crate::served::Served;
use crate::settle::Sent;

/// When a second target is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) after: Duration,
    pub(super) most_extra: Share,
}

/// What came of a target beside which a second one may have been asked.
pub(super) enum Raced {
    /// One of them answered.
    Answered(Box<Served>),
    /// The first one failed; and so did the second one, if it was asked.
    Failed(Box<Fault>),
}

/// How a race of two ended.
enum End {
    /// The first one answered; the second one may have failed before.
    First(Answer, Option<Fault>),
    /// The second one answered; the first one may have failed before.
    Second(Answer, Option<Fault>),
    /// The first one failed in a way that leads nowhere.
    Nowhere(Fault),
    /// Both failed.
    Neither(Fault, Fault),
}

/// One of two that are asked at the same time.
#[derive(Clone, Copy)]
pub(super) struct Lane<'l> {
    pub(super) attempts: &'l Attempts<'l>,
    pub(super) question: Question<'l>,
    pub(super) access: &'l Access,
}

impl Gateway {
    /// When a second target is asked beside this one; `None` if none is. One is asked once for a call, and never beside a target
    /// that is asked again.
    pub(super) fn due(&self, lane: Lane<'_>, round: &mut Round<'_>) -> Option<Due> {
        let Lane {
            attempts,
            question,
            access,
        } = lane;
        let (model, own) = (attempts.call.head.model(), question.stage.settings.hedge);
        let hedging = attempts.settings.hedging.of(model, own)?;
        let fresh = question.more && question.retried == 0 && !round.hedged;
        if !fresh || attempts.remaining(round.settlement) < 2 || !is_repeatable(attempts.call) {
            return None;
        }
        let after = match hedging.after {
            HedgeAfter::Never => return None,
            HedgeAfter::Time(time) => time,
            HedgeAfter::Percentile(percent) => {
                let form = form(round.settlement.record.streamed);
                let now = self.parts.clock.monotonic();
                access.health().percentile(percent, form, now)?
            }
        };
        // What is held back is no sign of slowness.
        let after = after + attempts.hold_back.time;
        let most_extra = hedging.most_extra;
        if !round.paid_in {
            round.paid_in = true;
            self.hedges.deposit(model, most_extra);
        }
        Some(Due { after, most_extra })
    }

    /// Asks a target, and a second one as well if the first does not answer in time.
    pub(super) async fn race(
        &self,
        base: &Attempts<'_>,
        first: Lane<'_>,
        due: Due,
        round: &mut Round<'_>,
    ) -> Raced {
        let sent = self.begin(first.question, first.access, round.settlement);
        let spare = first.attempts.spare(first.question, round.settlement);
        let outgoing = first.question.outgoing;
        let mut running = pin!(first.attempts.run(first.access, outgoing, spare));
        if let Ok(outcome) = timeout(due.after, running.as_mut()).await {
            return self.alone(first, sent, outcome, round);
        }
        let Some(second) = self.second(base, first.question, due, round) else {
            let outcome = running.await;
            return self.alone(first, sent, outcome, round);
        };
        let attempts = second.letter.attempts(base, second.stage);
        let lane = second.lane(&attempts);
        let also = self.begin(lane.question, lane.access, round.settlement);
        round.settlement.is_hedge(also);
        let outgoing = lane.question.outgoing;
        // A third one that waits for its turn needs some of the time.
        let spare = match attempts.spare(lane.question, round.settlement) {
            Spare::Ready => Spare::Ready,
            Spare::Rival | Spare::ForWords | Spare::None => Spare::Rival,
        };
        let mut rival = pin!(attempts.run(lane.access, outgoing, spare));
        let end = match select(running.as_mut(), rival.as_mut()).await {
            Either::Left((Ok(answer), _)) => End::First(answer, None),
            Either::Right((Ok(answer), _)) => End::Second(answer, None),
            Either::Left((Err(fault), _)) => {
                let fault = self.lost(first, sent, fault, round);
                let stage = first.question.stage;
                match Self::leads_on(round.stages, stage, &fault) {
                    false => End::Nowhere(fault),
                    true => match rival.await {
                        Ok(answer) => End::Second(answer, Some(fault)),
                        Err(other) => End::Neither(fault, self.lost(lane, also, other, round)),
                    },
                }
            }
            Either::Right((Err(other), _)) => {
                let other = self.lost(lane, also, other, round);
                match running.await {
                    Ok(answer) => End::First(answer, Some(other)),
                    Err(fault) => End::Neither(self.lost(first, sent, fault, round), other),
                }
            }
        };
        let at = second.turn.at;
        self.decide(at, (first, sent), (lane, also), end, round)
    }

    /// Books how a race ended. The exchange of who lost is dropped next.
    fn decide(
        &self,
        at: usize,
        (first, sent): (Lane<'_>, Sent),
        (second, also): (Lane<'_>, Sent),
        end: End,
        round: &mut Round<'_>,
    ) -> Raced {
        let now = self.parts.clock.monotonic();
        match end {
            End::First(answer, other) => {
                match other {
                    None => self.call_off(second, also, now, round),
                    Some(fault) => fault.book(second.access, now),
                }
                let raced = self.alone(first, sent, Ok(answer), round);
                round.settlement.decided_by(sent);
                raced
            }
            End::Second(answer, other) => {
                match other {
                    None => {
                        self.call_off(first, sent, now, round);
                        first
                            .access
                            .outrun(form(round.settlement.record.streamed), now);
                    }
                    Some(fault) => fault.book(first.access, now),
                }
                self.alone(second, also, Ok(answer), round)
            }
            End::Nowhere(fault) => {
                self.call_off(second, also, now, round);
                round.settlement.decided_by(sent);
                Raced::Failed(Box::new(fault))
            }
            // The second one's fault counts when its turn comes.
            End::Neither(fault, other) => {
                round.early = Some(Box::new(Early {
                    at,
                    access: second.access.clone(),
                    fault: other,
                    sent: also,
                }));
                Raced::Failed(Box::new(fault))
            }
        }
    }

    /// Books one of the two that is dropped, with what it may have cost: no provider says.
    fn call_off(&self, lane: Lane<'_>, sent: Sent, now: Duration, round: &mut Round<'_>) {
        let cost = self.estimate(lane, now);
        round.settlement.called_off(sent, cost, now);
    }

    /// What came of one target alone.
    fn alone(
        &self,
        lane: Lane<'_>,
        sent: Sent,
        outcome: Result<Answer, Fault>,
        round: &mut Round<'_>,
    ) -> Raced {
        let (attempts, question, access) = (lane.attempts, lane.question, lane.access);
        self.end(lane, sent, &outcome, round.settlement);
        match outcome {
            Ok(answer) => {
                let served = self.served(attempts, question, access.clone(), answer, round);
                Raced::Answered(Box::new(served))
            }
            Err(fault) => Raced::Failed(Box::new(fault)),
        }
    }

    /// One of the two failed. Its target hears of that at once; what is the key's fault is for those who may try another.
    fn lost(&self, lane: Lane<'_>, sent: Sent, fault: Fault, round: &mut Round<'_>) -> Fault {
        self.failed(lane, sent, &fault, round.settlement);
        if !fault.blames_key() {
            let now = self.parts.clock.monotonic();
            lane.access.judge(fault.weight(), now);
        }
        fault
    }
}
