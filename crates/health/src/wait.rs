//! Waiting for a place at one of several targets.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::line::{Bounds, Line, Priority};
use crate::slot::{Called, Slot};
use crate::standing::Standing;
use crate::target::{State, Target};
use crate::ticket::Ticket;

/// A place at one of the targets: which of them, by its number.
type Place = (usize, Ticket);

/// Those who wait for one target.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    line: Line<Waiting>,
    /// When it is a crowd, by whoever joined last.
    standing: Duration,
    /// The latest time that was heard of: some events bring an earlier one along.
    latest: Duration,
}

#[derive(Debug)]
struct Waiting {
    slot: Arc<Slot<Place>>,
    /// The target's number among those for which it waits.
    door: usize,
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.line.len()
    }
}

/// A target that has just come back gets so many of those who wait ...
const FEW: u32 = 4;
/// ... and so many more for each that it is done with: twice as many with each round, as TCP begins.
const SLOW_START: usize = 2;

/// Waits for a place at one of several targets; the first that has one gives it.
///
/// Places are handed over in the order of the lines, so that nobody who comes later gets one before. Whoever drops this
/// waits no longer, and a place that came too late goes to the next one. It wakes whoever polls it and reads no clock: who
/// holds it calls [`Wait::look`] when [`Wait::alarm`] says so.
#[derive(Debug)]
pub struct Wait {
    slot: Arc<Slot<Place>>,
    doors: Vec<Arc<Target>>,
}

impl Wait {
    /// Joins the lines of these targets; a full line takes nobody in who matters as much as the least of those who wait in it.
    /// `None` if there is room in none of them.
    #[must_use]
    pub fn join(
        doors: Vec<Arc<Target>>,
        priority: Priority,
        bounds: Bounds,
        now: Duration,
    ) -> Option<Self> {
        let slot = Arc::new(Slot::new(doors.len()));
        let mut turned_away = 0;
        for (door, target) in doors.iter().enumerate() {
            let waiting = Waiting {
                slot: Arc::clone(&slot),
                door,
            };
            if !target.take_in(waiting, priority, bounds, now) {
                turned_away += 1;
            }
        }
        // Whom all turned away has been displaced from all, unless there were none.
        let wait = Self { slot, doors };
        (turned_away < wait.doors.len()).then_some(wait)
    }

    /// For how long all of the lines have had somebody in them who is served before one of this priority.
    #[must_use]
    pub fn busy_for(doors: &[Arc<Target>], priority: Priority, now: Duration) -> Duration {
        let busy = doors
            .iter()
            .map(|target| target.line_busy_for(priority, now));
        busy.min().unwrap_or_default()
    }

    /// When [`Wait::look`] is due, since nothing else will tell: a pause ends, for instance.
    #[must_use]
    pub fn alarm(&self) -> Option<Duration> {
        self.slot.alarm()
    }

    /// Looks whether time alone has made room at one of the targets, for the first in line.
    pub fn look(&self, now: Duration) {
        self.slot.take_alarm();
        for target in &self.doors {
            target.look(now);
        }
    }

    /// Whether anything happened. `alarm` is what [`Wait::alarm`] last said.
    pub fn poll(&self, alarm: Option<Duration>, cx: &Context<'_>) -> Poll<Called<(usize, Ticket)>> {
        self.slot.poll(alarm, cx)
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        drop(self.slot.end());
        for target in &self.doors {
            target.let_go(&self.slot);
        }
    }
}

impl Target {
    /// Whether the line has taken it in. It may have got its place already.
    fn take_in(
        self: &Arc<Self>,
        waiting: Waiting,
        priority: Priority,
        bounds: Bounds,
        now: Duration,
    ) -> bool {
        let mut state = self.state();
        // Who waits already is served first.
        self.stir(&mut state, now);
        if state.waiting() >= bounds.most {
            let queue = state.queue.as_mut();
            let Some(displaced) = queue.and_then(|queue| queue.line.displace(priority)) else {
                waiting.slot.displace();
                return false;
            };
            displaced.slot.displace();
        }
        let queue = state.queue.get_or_insert_default();
        queue.standing = bounds.standing;
        queue.line.push(waiting, priority, now);
        self.stir(&mut state, now);
        true
    }

    fn line_busy_for(&self, priority: Priority, now: Duration) -> Duration {
        let state = self.state();
        let queue = state.queue.as_ref();
        queue.map_or(Duration::ZERO, |queue| queue.line.busy_for(priority, now))
    }

    fn look(self: &Arc<Self>, now: Duration) {
        self.stir(&mut self.state(), now);
    }

    fn let_go(self: &Arc<Self>, slot: &Arc<Slot<Place>>) {
        let mut state = self.state();
        if let Some(queue) = &mut state.queue {
            queue.line.remove(|one| Arc::ptr_eq(&one.slot, slot));
            let latest = queue.latest;
            // It may have been the one who was to look at the clock.
            self.stir(&mut state, latest);
        }
    }

    /// Hands out what places there are. Called with the lock held after everything that may make room, and before somebody is
    /// let in; where nobody waits it is one comparison.
    pub(crate) fn stir(self: &Arc<Self>, state: &mut State, now: Duration) {
        if let Some(queue) = state.queue.take() {
            state.queue = self.hand_out(state, queue, now, 0);
        }
    }

    /// The same when an attempt has come back.
    pub(crate) fn stir_after_one(self: &Arc<Self>, state: &mut State, now: Duration) {
        if let Some(queue) = state.queue.take() {
            state.queue = self.hand_out(state, queue, now, SLOW_START);
        }
    }

    /// The queue that is left; none if it is empty. A target that has just come back gets `more` than it has, or few.
    fn hand_out(
        self: &Arc<Self>,
        state: &mut State,
        mut queue: Box<Queue>,
        now: Duration,
        more: usize,
    ) -> Option<Box<Queue>> {
        queue.latest = queue.latest.max(now);
        let now = queue.latest;
        let mut given = 0;
        while !queue.line.is_empty() {
            match state.standing(self.policy(), now) {
                Standing::Out(out) => {
                    if let Some(first) = queue.line.first().filter(|_| out.until > now) {
                        first.slot.ring_at(out.until);
                    }
                    return Some(queue);
                }
                // Those that are on their way will tell whether it can be more.
                Standing::Ready { share }
                    if share < 1.0 && given >= more && state.in_flight >= FEW =>
                {
                    return Some(queue);
                }
                Standing::Ready { .. } | Standing::Probe => {
                    let next = queue.line.pop(queue.standing, now)?;
                    let place = || (next.door, self.place(state, now));
                    given += usize::from(next.slot.grant(place));
                }
            }
        }
        None
    }
}
