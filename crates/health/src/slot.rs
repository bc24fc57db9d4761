//! What one who waits holds: a slot into which a place is put.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// One who waits in some lines at once for a place of kind `G`, and gets one of the first that has room.
///
/// A place is put here under the lock of the line that has it, so that it is never free in between: nobody who comes later
/// takes it first, and no more are woken than there are places.
#[derive(Debug)]
pub struct Slot<G>(Mutex<Inner<G>>);

#[derive(Debug)]
struct Inner<G> {
    state: State<G>,
    /// In how many lines it stands.
    lines: usize,
    /// When somebody should look whether there is room, since nothing else will tell.
    alarm: Option<Duration>,
    waker: Option<Waker>,
}

#[derive(Debug)]
enum State<G> {
    Waiting,
    Granted(G),
    /// Sent away from the last of its lines.
    Displaced,
    /// It waits for nothing any more.
    Over,
}

/// What happened to one who waits.
#[derive(Debug, PartialEq, Eq)]
pub enum Called<G> {
    /// Here is a place.
    Granted(G),
    /// Others matter more: there will be no place.
    Displaced,
    /// Nothing, but it should look again at another time than before.
    Alarm,
}

impl<G> Slot<G> {
    /// One who stands in so many lines, or is about to.
    #[must_use]
    pub fn new(lines: usize) -> Self {
        Self(Mutex::new(Inner {
            state: State::Waiting,
            lines,
            alarm: None,
            waker: None,
        }))
    }

    /// Nothing in here is left half-done by a panic.
    fn inner(&self) -> MutexGuard<'_, Inner<G>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a place over, which is made only if it is still wanted. Whether it was.
    pub fn grant(&self, make: impl FnOnce() -> G) -> bool {
        let mut inner = self.inner();
        let wanted = matches!(inner.state, State::Waiting);
        if wanted {
            inner.state = State::Granted(make());
            inner.wake();
        }
        wanted
    }

    /// Sent away from one of its lines.
    pub fn displace(&self) {
        let mut inner = self.inner();
        inner.lines = inner.lines.saturating_sub(1);
        if inner.lines == 0 && matches!(inner.state, State::Waiting) {
            inner.state = State::Displaced;
            inner.wake();
        }
    }

    /// Asks it to look again at this time, if not before.
    pub(crate) fn ring_at(&self, at: Duration) {
        let mut inner = self.inner();
        if inner.alarm.is_none_or(|alarm| at < alarm) {
            inner.alarm = Some(at);
            inner.wake();
        }
    }

    /// When it should look again.
    #[must_use]
    pub fn alarm(&self) -> Option<Duration> {
        self.inner().alarm
    }

    /// It is about to look.
    pub(crate) fn take_alarm(&self) {
        self.inner().alarm = None;
    }

    /// Whether anything happened. `alarm` is the time for which it is known to be asked to look again.
    pub fn poll(&self, alarm: Option<Duration>, cx: &Context<'_>) -> Poll<Called<G>> {
        let mut inner = self.inner();
        match std::mem::replace(&mut inner.state, State::Over) {
            State::Granted(place) => return Poll::Ready(Called::Granted(place)),
            State::Displaced => return Poll::Ready(Called::Displaced),
            state @ (State::Waiting | State::Over) => inner.state = state,
        }
        if inner.alarm != alarm {
            return Poll::Ready(Called::Alarm);
        }
        inner.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// It waits no longer. A place that it got and did not take is given back by the caller, outside of any lock.
    pub fn end(&self) -> Option<G> {
        match std::mem::replace(&mut self.inner().state, State::Over) {
            State::Granted(place) => Some(place),
            State::Waiting | State::Displaced | State::Over => None,
        }
    }
}

impl<G> Inner<G> {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
