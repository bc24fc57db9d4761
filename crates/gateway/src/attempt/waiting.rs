//! Waiting for a place when every target that may serve a call has as many calls as it takes, or asked for a short pause.

use std::sync::Arc;
use std::time::Duration;

use orchestra_health::{Out, OutReason, Standing, Wait};
use tokio::time::Instant;

use super::Attempts;
use super::round::{Rest, Round};
use crate::gateway::Gateway;
use crate::keys::{Access, DoorTo};
use crate::overload::{Priority, Shed, ShedAt, ShedReason, await_place, patience};
use crate::refusal::Refusal;
use crate::settle::Settlement;

/// Targets for which one call waits at one time, each with each of its keys.
const MOST_DOORS: usize = 64;

/// What a call has waited for.
#[derive(Debug, Default)]
pub(super) struct Waited {
    /// When it waits no longer; set when it first begins to wait.
    until: Option<Instant>,
    /// Why it was sent away.
    shed: Option<TurnedAway>,
}

impl Waited {
    /// Whether those that failed may be asked as the last resort: not by a crowd.
    pub(super) fn allows_last_resort(&self) -> bool {
        let late = |away: &TurnedAway| away.shed.reason == ShedReason::WaitTimeout;
        self.shed.as_ref().is_none_or(late)
    }

    /// Whether there was no place to be had.
    pub(super) const fn in_vain(&self) -> bool {
        self.shed.is_some()
    }
}

/// A call for which no target has room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TurnedAway {
    pub(crate) shed: Shed,
    /// When it should come back.
    rest: Duration,
}

impl TurnedAway {
    /// What the client is told.
    pub(crate) fn refusal(&self) -> Refusal {
        Refusal::shed(self.shed, self.rest)
    }
}

/// What is waited for, and for how long at most.
pub(crate) struct Queue {
    pub(crate) doors: Vec<DoorTo>,
    pub(crate) priority: Priority,
    pub(crate) deadline: Instant,
}

impl Gateway {
    /// Waits for a place at one of the targets that are left alone, if one of those can have room within the time that calls
    /// may wait. `None` if there is nothing to wait for, or nothing was had.
    pub(super) async fn next_place(
        &self,
        attempts: &Attempts<'_>,
        round: &mut Round<'_>,
    ) -> Option<(Rest, Access)> {
        let most = self.parts.settings.overload.max_wait;
        while attempts.are_left(round.settlement) && !round.waited.in_vain() {
            let now = self.parts.clock.monotonic();
            if !round.can_wait(now, most) {
                return None;
            }
            round.queue_failed(attempts, now);
            self.leave_those_that_fit(round);
            if round.resting.is_empty() {
                return None;
            }
            let (rests, doors): (Vec<Rest>, Vec<_>) = candidates(round, now).into_iter().unzip();
            if doors.is_empty() {
                // Their keys went meanwhile: there is nothing to wait for.
                return None;
            }
            let queue = Queue {
                doors,
                priority: attempts.call.given.priority,
                deadline: attempts.deadline,
            };
            let waiting = self.queue(queue, &mut round.waited.until, round.settlement);
            let (at, access) = match waiting.await {
                Ok(had) => had,
                Err(away) => {
                    round.waited.shed = Some(away);
                    return None;
                }
            };
            let rest = rests[at];
            round.resting.retain(|other| other.at != rest.at);
            // What is asked again is paid for when there is a place; the place goes on to the next one if it cannot be.
            let now = self.parts.clock.monotonic();
            if rest.retried.is_none() || access.health().withdraw_retry(now) {
                return Some((rest, access));
            }
        }
        None
    }

    /// No call waits for a target that is known to be too small for it.
    fn leave_those_that_fit(&self, round: &mut Round<'_>) {
        if round.outgrown.is_some() {
            let resting = std::mem::take(&mut round.resting);
            let fits = |rest: &Rest| self.may_fit(round, rest.at);
            round.resting = resting.into_iter().filter(fits).collect();
        }
    }

    /// Waits for a place at one of these targets until then, at most as long as calls may wait: a time that begins with the
    /// first wait of a call.
    pub(crate) async fn queue(
        &self,
        queue: Queue,
        until: &mut Option<Instant>,
        settlement: &mut Settlement,
    ) -> Result<(usize, Access), TurnedAway> {
        let (overload, clock) = (&self.parts.settings.overload, self.parts.clock.as_ref());
        let since = clock.monotonic();
        let mut doors = queue.doors;
        let targets: Vec<_> = doors.iter().map(|door| Arc::clone(&door.target)).collect();
        let busy_for = Wait::busy_for(&targets, queue.priority, since);
        let until = *until.get_or_insert_with(|| Instant::now() + patience(overload, busy_for));
        let until = until.min(queue.deadline);
        let place = match Wait::join(targets, queue.priority, overload.bounds(), since) {
            Some(wait) => {
                let place = await_place(&wait, clock, until).await;
                settlement.waited(clock.monotonic().saturating_sub(since));
                place
            }
            None => Err(ShedReason::QueueFull),
        };
        match place {
            Ok((at, ticket)) => {
                let (rng, now) = (self.parts.rng.as_ref(), clock.monotonic());
                Ok((at, doors.swap_remove(at).enter(ticket, rng, now)))
            }
            Err(reason) => Err(TurnedAway {
                shed: Shed::new(ShedAt::Target, reason),
                rest: busy_for.min(overload.max_wait),
            }),
        }
    }
}

/// The ways to the targets that are left alone.
fn candidates(round: &mut Round<'_>, now: Duration) -> Vec<(Rest, DoorTo)> {
    let mut candidates = Vec::new();
    for rest in &round.resting {
        let Ok(target) = &round.stages[rest.at].target else {
            continue;
        };
        match Access::doors(&target.member, &target.model, now) {
            Ok(doors) => candidates.extend(doors.into_iter().map(|door| (*rest, door))),
            Err(refusal) => round.told.unable(refusal),
        }
    }
    candidates.truncate(MOST_DOORS);
    candidates
}

/// Whether a target that is left alone may have room soon; of one that failed nobody knows.
pub(crate) fn may_have_room(out: &Out, now: Duration, most: Duration) -> bool {
    match out.reason {
        OutReason::Full => true,
        OutReason::Paused => out.until.saturating_sub(now) <= most,
        OutReason::Failing | OutReason::Probing => false,
    }
}

impl Round<'_> {
    /// Whether it is worth while to wait for one of the targets that are left alone.
    pub(super) fn can_wait(&self, now: Duration, most: Duration) -> bool {
        let mut outs = self.resting.iter().map(|rest| &rest.out);
        !self.waited.in_vain() && outs.any(|out| may_have_room(out, now, most))
    }

    /// Who waits for others anyway waits for those as well that failed for lack of room.
    fn queue_failed(&mut self, attempts: &Attempts<'_>, now: Duration) {
        for failed in std::mem::take(&mut self.failed) {
            let retries = attempts.retries(&self.stages[failed.at], &failed.target);
            let may = failed.retried < retries.as_last && failed.pause <= retries.longest_pause;
            match failed.health.standing(now) {
                Standing::Out(out) if may => self.rests_again(&failed, out),
                _ => self.failed.push(failed),
            }
        }
    }

    /// What the client is told if the call was sent away.
    pub(super) fn sent_away(&mut self) -> Option<Refusal> {
        let away = self.waited.shed?;
        self.settlement.record.shed = Some(away.shed);
        Some(away.refusal())
    }
}
