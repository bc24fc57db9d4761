//! How many calls the gateway serves at one time.

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use orchestra_health::{Bounds, Called, Line, Priority, Slot};
use tokio::time::{Instant, timeout_at};

use super::{CallLoad, Overload, ShedReason, patience};

/// Counts the calls that are served, and lets others in as those end.
///
/// While nobody waits, coming and going is an addition each. Who goes counts itself out before it looks whether somebody
/// waits, and who waits says so before it looks for room: one of the two sees the other.
#[derive(Debug)]
pub(crate) struct Door {
    most: usize,
    /// What the times in the line are measured from.
    opened: Instant,
    inside: AtomicUsize,
    /// How the line is kept.
    bounds: Bounds,
    /// The length of the line, written with its lock held.
    waiting: AtomicUsize,
    line: Mutex<Line<Arc<Slot<Permit>>>>,
}

/// A call that is served. Its place goes to the next one when this is dropped.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Door>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// One who waits at the door.
struct Waiting<'d> {
    door: &'d Arc<Door>,
    slot: Arc<Slot<Permit>>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // Outside of the lock, which the permit's own end may take.
        drop(self.slot.end());
        let mut line = self.door.line();
        line.remove(|slot| Arc::ptr_eq(slot, &self.slot));
        self.door.note(&line);
    }
}

impl Door {
    pub(crate) fn new(overload: &Overload) -> Arc<Self> {
        Arc::new(Self {
            most: overload.max_calls,
            bounds: overload.bounds(),
            opened: Instant::now(),
            inside: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            line: Mutex::default(),
        })
    }

    /// Nothing in here is left half-done by a panic.
    fn line(&self) -> MutexGuard<'_, Line<Arc<Slot<Permit>>>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, line: &Line<Arc<Slot<Permit>>>) {
        self.waiting.store(line.len(), Ordering::SeqCst);
    }

    /// Lets a call in if there is room and nobody came before.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Permit> {
        let free = self.waiting.load(Ordering::SeqCst) == 0 && self.take();
        free.then(|| Permit(Arc::clone(self)))
    }

    fn take(&self) -> bool {
        let more = |inside| (inside < self.most).then_some(inside + 1);
        let taken = self
            .inside
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
        taken.is_ok()
    }

    fn leave(self: &Arc<Self>) {
        self.inside.fetch_sub(1, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.hand_out(&mut self.line());
        }
    }

    fn hand_out(self: &Arc<Self>, line: &mut Line<Arc<Slot<Permit>>>) {
        while !line.is_empty() && self.take() {
            let permit = || Permit(Arc::clone(self));
            let wanted = line
                .pop(self.bounds.standing, self.opened.elapsed())
                .is_some_and(|slot| slot.grant(permit));
            if !wanted {
                self.inside.fetch_sub(1, Ordering::SeqCst);
            }
        }
        self.note(line);
    }

    /// Waits until there is room. Who does not get in learns for how long the line has been busy as well.
    pub(crate) async fn wait(
        self: &Arc<Self>,
        priority: Priority,
        overload: &Overload,
    ) -> Result<Permit, (ShedReason, Duration)> {
        let (waiting, busy_for) = self.join(priority)?;
        let until = Instant::now() + patience(overload, busy_for);
        let called = poll_fn(|cx| waiting.slot.poll(None, cx));
        match timeout_at(until, called).await {
            Ok(Called::Granted(permit)) => Ok(permit),
            Ok(Called::Displaced) => Err((ShedReason::Displaced, busy_for)),
            Ok(Called::Alarm) | Err(_) => Err((ShedReason::WaitTimeout, busy_for)),
        }
    }

    fn join(
        self: &Arc<Self>,
        priority: Priority,
    ) -> Result<(Waiting<'_>, Duration), (ShedReason, Duration)> {
        let now = self.opened.elapsed();
        let mut line = self.line();
        let busy_for = line.busy_for(priority, now);
        if line.len() >= self.bounds.most {
            let displaced = line.displace(priority);
            displaced
                .ok_or((ShedReason::QueueFull, busy_for))?
                .displace();
        }
        let slot = Arc::new(Slot::new(1));
        line.push(Arc::clone(&slot), priority, now);
        self.note(&line);
        // Somebody may have left before it was written down that one waits.
        self.hand_out(&mut line);
        drop(line);
        Ok((Waiting { door: self, slot }, busy_for))
    }

    pub(crate) fn load(&self) -> CallLoad {
        CallLoad {
            calls: self.inside.load(Ordering::Relaxed),
            waiting: self.waiting.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(max_calls: usize, max_waiting: usize) -> Overload {
        Overload {
            max_calls,
            max_waiting,
            ..Overload::default()
        }
    }

    async fn reason(door: Arc<Door>, priority: Priority) -> ShedReason {
        let waited = door.wait(priority, &Overload::default()).await;
        waited.unwrap_err().0
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_gets_in_when_another_leaves_and_before_who_comes_later() {
        let door = Door::new(&bounds(1, 5));
        let first = door.enter().unwrap();
        assert!(door.enter().is_none());
        let waiter = tokio::spawn({
            let door = Arc::clone(&door);
            async move { door.wait(Priority::Normal, &Overload::default()).await }
        });
        tokio::task::yield_now().await;
        assert_eq!((door.load().calls, door.load().waiting), (1, 1));
        drop(first);
        assert!(door.enter().is_none(), "the place has been handed over");
        drop(waiter.await.unwrap().unwrap());
        assert_eq!(door.load(), CallLoad::default());
    }

    #[tokio::test(start_paused = true)]
    async fn the_line_and_the_wait_are_bounded() {
        let none = Door::new(&bounds(0, 0));
        assert_eq!(reason(none, Priority::High).await, ShedReason::QueueFull);
        let door = Door::new(&bounds(1, 1));
        let _inside = door.enter().unwrap();
        let wait = |priority| reason(Arc::clone(&door), priority);
        let began = Instant::now();
        let low = tokio::spawn(wait(Priority::Low));
        tokio::task::yield_now().await;
        assert_eq!(wait(Priority::Low).await, ShedReason::QueueFull);
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert_eq!(wait(Priority::High).await, ShedReason::WaitTimeout);
        assert_eq!(began.elapsed(), Duration::from_secs(10));
        assert_eq!(low.await.unwrap(), ShedReason::Displaced);
        assert_eq!(door.load().waiting, 0);
    }

    /// Whoever leaves and whoever comes at the same moment do not miss each other.
    #[test]
    fn nobody_is_forgotten_at_the_door() {
        let door = Door::new(&bounds(2, 8));
        let one = || async {
            match door.enter() {
                Some(permit) => permit,
                None => {
                    let waited = door.wait(Priority::Normal, &Overload::default()).await;
                    waited.unwrap()
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_time()
                        .build();
                    runtime.unwrap().block_on(async {
                        for _ in 0..2_000 {
                            drop(one().await);
                        }
                    });
                });
            }
        });
        assert_eq!(door.load(), CallLoad::default());
    }
}
