//! One target, asked once or again.

use orchestra_health::{Form, Out};
use tokio::time::{Instant, sleep, timeout_at};

use super::hedge::Lane;
use super::letter::Letter;
use super::round::{Failed, Turn};
use super::{Attempts, Spare};
use crate::answer::Answer;
use crate::cache::Slot;
use crate::fault::Fault;
use crate::gateway::Gateway;
use crate::keys::{Access, Closed, chance};
use crate::outgoing::Outgoing;
use crate::retries::Retries;
use crate::settle::Settlement;
use crate::stage::{Candidate, Stage};

/// What one target is asked.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) target: &'a Candidate,
    pub(super) outgoing: &'a Outgoing,
    /// Where the answer is kept, if it is.
    pub(super) slot: Option<&'a Slot>,
    /// What the plan says of the target.
    pub(super) stage: &'a Stage,
    /// Whether another target waits for its turn.
    pub(super) more: bool,
    pub(super) retries: Retries,
    /// How often this call has asked the target again already.
    pub(super) retried: u32,
}

/// With which key the answer came; or the fault, after how many retries.
pub(super) enum Asked {
    Answered(Access, Answer),
    Failed(Access, Fault, u32),
}

impl Gateway {
    /// Asks one target: again with another key while its provider refuses them, again with any if its failure may pass and
    /// the rules want that before other targets are asked, as long as attempts are left. `had` is the fault of an attempt that
    /// was made already.
    pub(super) async fn ask(
        &self,
        attempts: &Attempts<'_>,
        mut question: Question<'_>,
        mut access: Access,
        mut had: Option<Box<Fault>>,
        settlement: &mut Settlement,
    ) -> Asked {
        loop {
            let fault = match had.take() {
                Some(fault) => *fault,
                None => match self.send(attempts, question, &access, settlement).await {
                    Ok(answer) => return Asked::Answered(access, answer),
                    Err(fault) => fault,
                },
            };
            let next = match self.other_key(&access, &fault, attempts.deadline).await {
                Some(other) => {
                    let may = attempts.allow(&other, question, settlement);
                    may.then_some(other)
                }
                None => {
                    access.judge(fault.weight(), self.parts.clock.monotonic());
                    if let Some(other) = self.key_with_room(&access, &fault)
                        && attempts.allow(&other, question, settlement)
                    {
                        access = other;
                        continue;
                    }
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
            stage,
            more,
            retries,
            retried,
            ..
        } = question;
        let wanted =
            retried < retries.before_others && attempts.remaining(settlement) > usize::from(more);
        let turn = Turn {
            at: 0,
            target,
            more,
            retried,
        };
        let failed = Failed::of(&turn, stage, access, fault, retried).filter(|_| wanted)?;
        self.again(attempts, &failed, retries).await.ok()
    }

    /// What the same target is asked with once more, after a wait. It is paid for from the target's budget once it has a
    /// place, and what cannot be paid for is not waited for.
    ///
    /// # Errors
    /// The wait would be too long, or the budget does not allow it; or how the target is left alone by then.
    pub(super) async fn again(
        &self,
        attempts: &Attempts<'_>,
        failed: &Failed,
        retries: Retries,
    ) -> Result<Access, Option<Out>> {
        let draw = chance(self.parts.rng.as_ref());
        let wait = retries.wait(failed.pause, failed.retried, draw);
        let wait = wait.ok_or(None)?;
        let late = wait >= attempts.deadline.saturating_duration_since(Instant::now());
        if late || !failed.health.affords_retry(self.parts.clock.monotonic()) {
            return Err(None);
        }
        sleep(wait).await;
        let access = self
            .open_target(&failed.target)
            .map_err(|closed| match closed {
                Closed::Resting(out) => Some(out),
                Closed::Refused(_) => None,
            })?;
        let paid = failed.health.withdraw_retry(self.parts.clock.monotonic());
        paid.then_some(access).ok_or(None)
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

    /// What the same target can be asked with after a word that it is asked too often with this key: another one, with which it
    /// takes calls. That is none that must be waited for.
    fn key_with_room(&self, access: &Access, fault: &Fault) -> Option<Access> {
        let now = self.parts.clock.monotonic();
        let limited = fault.limits_key();
        limited.then(|| access.another(self.parts.rng.as_ref(), now))?
    }

    /// One attempt, and what is booked of it.
    async fn send(
        &self,
        attempts: &Attempts<'_>,
        question: Question<'_>,
        access: &Access,
        settlement: &mut Settlement,
    ) -> Result<Answer, Fault> {
        let sent = self.begin(question, access, settlement);
        let spare = attempts.spare(question, settlement);
        let outcome = attempts.run(access, question.outgoing, spare).await;
        let lane = Lane {
            attempts,
            question,
            access,
        };
        self.end(lane, sent, &outcome, settlement);
        outcome
    }
}

impl Attempts<'_> {
    /// What the target whose turn it is is asked.
    pub(super) fn question<'q>(
        &self,
        turn: Turn<'q>,
        stage: &'q Stage,
        letter: &'q Letter,
    ) -> Question<'q> {
        Question {
            target: turn.target,
            outgoing: &letter.outgoing,
            slot: letter.slot.as_deref(),
            stage,
            more: turn.more,
            retries: self.retries(stage, turn.target),
            retried: turn.retried,
        }
    }

    /// How often the same target may be asked again: what its tree says, else the rules.
    pub(super) fn retries(&self, stage: &Stage, target: &Candidate) -> Retries {
        let (rules, provider) = (&self.settings.retries, target.member.provider.id());
        let usual = if target.member.provider.retries_itself() && !rules.names(provider) {
            Retries::NONE
        } else {
            rules.of(self.call.head.model(), provider)
        };
        let own = stage.settings.retry.as_ref();
        own.map_or(usual, |retry| usual.times(retry.attempts))
    }

    /// Whether another target can follow if the attempt that begins now fails.
    pub(super) fn spare(&self, question: Question<'_>, settlement: &Settlement) -> Spare {
        if !self.are_left(settlement) {
            Spare::None
        } else if question.more {
            Spare::Ready
        } else if question.stage.alternatives.are_there() {
            Spare::ForWords
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

/// How the answer comes of a call that asks for a stream, or does not.
pub(super) const fn form(streamed: bool) -> Form {
    if streamed { Form::Stream } else { Form::Whole }
}
