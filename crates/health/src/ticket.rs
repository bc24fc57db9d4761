//! One attempt's place at a target.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::spread::Form;
use crate::target::{Outcome, Target};

/// What was so when an attempt began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    pub(crate) since: Duration,
    /// How often the target's breaker had opened.
    pub(crate) openings: u64,
}

/// A place at a target for one attempt. Dropped without an outcome, the attempt says nothing of the target: the client
/// left, or another attempt was faster.
#[derive(Debug)]
pub struct Ticket {
    target: Arc<Target>,
    begun: Begun,
    /// Whether this is the probe of a target that comes back, and nothing came of it yet.
    probe: AtomicBool,
    judged: AtomicBool,
}

impl Ticket {
    pub(crate) const fn new(target: Arc<Target>, begun: Begun, probe: bool) -> Self {
        Self {
            target,
            begun,
            probe: AtomicBool::new(probe),
            judged: AtomicBool::new(false),
        }
    }

    /// The target.
    #[must_use]
    pub const fn target(&self) -> &Arc<Target> {
        &self.target
    }

    /// The first token came. A probe lets the next one through: a stream may go on for minutes, and only its end will
    /// tell whether the target is well.
    pub fn first_token(&self, form: Form, now: Duration) {
        self.target.first_token(self.begun, form, now);
        self.give_probe_back(now);
    }

    /// Another attempt of the same call was faster, though it began later. That is no outcome; but it is known that this one
    /// would have taken longer.
    pub fn outrun(&self, form: Form, now: Duration) {
        self.target.outrun(self.begun, form, now);
    }

    /// Whether this is the call that sees whether a target is well again.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.probe.load(Ordering::Relaxed)
    }

    /// The attempt ended, and its place is free. `draw` is chance, 0 to 1. Only the first outcome counts.
    pub fn judge(&self, outcome: Outcome, now: Duration, draw: f64) {
        if self.judged.swap(true, Ordering::Relaxed) {
            return;
        }
        self.target.judge(self.begun, outcome, now, draw);
        self.target.leave(now);
        // After success or failure there is no probe any more. One that is asked to come later has found the target alive.
        self.give_probe_back(now);
    }

    /// The attempt ended in a way that says nothing of the target, and its place is free. No outcome counts after it.
    pub fn dismiss(&self, now: Duration) {
        if self.judged.swap(true, Ordering::Relaxed) {
            return;
        }
        self.target.leave(now);
        self.give_probe_back(now);
    }

    fn give_probe_back(&self, now: Duration) {
        if self.probe.swap(false, Ordering::Relaxed) {
            self.target.give_probe_back(self.begun, now);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !*self.judged.get_mut() {
            self.target.leave(self.begun.since);
        }
        self.give_probe_back(self.begun.since);
    }
}
