//! The circuit breaker: closed passes, open refuses, half-open probes.

use std::time::Duration;

use crate::window::Window;

/// When a breaker opens, and for how long.
///
/// The defaults are Envoy's for outlier ejection (its `outlier_detection.proto`) where it has one: five failures in a row,
/// 30 s times the number of ejections, 300 s at most. The share of failures is for targets that fail often but never
/// five times in a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerPolicy {
    /// Failures in a row that open it.
    pub failures_in_a_row: u32,
    /// The share of failures that opens it, 0 to 1, once there are `min_results` within `window`.
    pub failure_share: f64,
    /// Results below which the share says nothing.
    pub min_results: u32,
    /// How far back the share looks.
    pub window: Duration,
    /// How long it stays open the first time; n times as long the n-th time.
    pub rest: Duration,
    /// The longest that it stays open.
    pub max_rest: Duration,
    /// By how much a rest is longer or shorter by chance, as a share: so that instances do not come back together.
    pub jitter: f64,
    /// How long a target that came back gets less than its share.
    pub slow_start: Duration,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self {
            failures_in_a_row: 5,
            failure_share: 0.5,
            min_results: 20,
            window: Duration::from_secs(10),
            rest: Duration::from_secs(30),
            max_rest: Duration::from_secs(300),
            jitter: 0.2,
            slow_start: Duration::from_secs(30),
        }
    }
}

/// What a breaker does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls pass.
    Closed,
    /// Calls are refused until then.
    Open {
        /// When the next probe is let through.
        until: Duration,
    },
    /// One call at a time is let through to see.
    HalfOpen,
}

#[derive(Clone, Copy, Debug)]
enum Position {
    /// Closed; since when, if it had been open before.
    Closed {
        since: Option<Duration>,
    },
    Open {
        until: Duration,
    },
    /// The rest is over and one call is on its way.
    Probing,
}

/// One target's breaker.
#[derive(Clone, Debug)]
pub(crate) struct Breaker {
    position: Position,
    in_a_row: u32,
    window: Window,
    /// How often it opened, less one for every rest's length that went well.
    ejections: u32,
    /// How often it opened, ever. What was sent before the latest opening says nothing of the time after it: an answer
    /// may take minutes.
    openings: u64,
    healthy_since: Duration,
}

impl Breaker {
    pub(crate) fn new(policy: &BreakerPolicy) -> Self {
        Self {
            position: Position::Closed { since: None },
            in_a_row: 0,
            window: Window::new(policy.window),
            ejections: 0,
            openings: 0,
            healthy_since: Duration::ZERO,
        }
    }

    /// What an attempt that begins now must remember, to be heard when it ends.
    pub(crate) const fn openings(&self) -> u64 {
        self.openings
    }

    pub(crate) fn state(&self, now: Duration) -> BreakerState {
        match self.position {
            Position::Closed { .. } => BreakerState::Closed,
            Position::Open { until } if now < until => BreakerState::Open { until },
            Position::Open { .. } | Position::Probing => BreakerState::HalfOpen,
        }
    }

    /// Whether it is closed and nothing in its past still counts.
    pub(crate) fn is_like_new(&self, now: Duration) -> bool {
        let counts = self.window.counts(now);
        matches!(self.position, Position::Closed { .. }) && self.ejections == 0 && counts.bad == 0.0
    }

    /// Whether a probe is on its way.
    pub(crate) const fn is_probing(&self) -> bool {
        matches!(self.position, Position::Probing)
    }

    /// Takes the place of the probe, if it is time for one; whether it did.
    pub(crate) fn take_probe(&mut self, now: Duration) -> bool {
        let due = matches!(self.position, Position::Open { until } if now >= until);
        if due {
            self.position = Position::Probing;
        }
        due
    }

    /// The probe has nothing more to tell for now: the next call is the probe.
    pub(crate) fn give_back(&mut self, now: Duration) {
        if matches!(self.position, Position::Probing) {
            self.position = Position::Open { until: now };
        }
    }

    /// Which share of its calls a target should get: less than 1 for a while after it came back.
    pub(crate) fn share(&self, policy: &BreakerPolicy, now: Duration) -> f64 {
        match self.position {
            Position::Closed { since: Some(since) } if !policy.slow_start.is_zero() => {
                let passed = now.saturating_sub(since).as_secs_f64();
                // A target without any share would never show that it is well.
                (passed / policy.slow_start.as_secs_f64()).clamp(0.1, 1.0)
            }
            _ => 1.0,
        }
    }

    /// An attempt that began after `openings` went well.
    pub(crate) fn succeeded(&mut self, policy: &BreakerPolicy, openings: u64, now: Duration) {
        if openings != self.openings {
            return;
        }
        self.in_a_row = 0;
        self.window.add(now, 1.0, 0.0);
        match self.position {
            Position::Closed { .. } => self.forgive(policy, now),
            // The probe, or an attempt that was made as the last resort: the target is back.
            Position::Open { .. } | Position::Probing => {
                self.position = Position::Closed { since: Some(now) };
                self.healthy_since = now;
                self.window.clear();
            }
        }
    }

    /// An attempt that began after `openings` failed. `draw` is chance, 0 to 1, for the length of the rest.
    pub(crate) fn failed(
        &mut self,
        policy: &BreakerPolicy,
        openings: u64,
        now: Duration,
        draw: f64,
    ) {
        if openings != self.openings {
            return;
        }
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.window.add(now, 0.0, 1.0);
        let opens = match self.position {
            Position::Closed { .. } => self.is_too_much(policy, now),
            Position::Probing => true,
            // What fails earlier was sent as the last resort, and does not prolong the rest.
            Position::Open { until } => now >= until,
        };
        if opens {
            self.open(policy, now, draw);
        }
    }

    fn open(&mut self, policy: &BreakerPolicy, now: Duration, draw: f64) {
        self.openings = self.openings.saturating_add(1);
        self.ejections = self.ejections.saturating_add(1);
        let rest = policy
            .rest
            .saturating_mul(self.ejections)
            .min(policy.max_rest);
        let jitter = (draw.clamp(0.0, 1.0) * 2.0 - 1.0).mul_add(policy.jitter, 1.0);
        let seconds = rest.as_secs_f64() * jitter.max(0.0);
        let rest = Duration::try_from_secs_f64(seconds).unwrap_or(policy.max_rest);
        self.position = Position::Open {
            until: now.saturating_add(rest),
        };
    }

    fn is_too_much(&self, policy: &BreakerPolicy, now: Duration) -> bool {
        let counts = self.window.counts(now);
        let all = counts.good + counts.bad;
        self.in_a_row >= policy.failures_in_a_row
            || (all >= f64::from(policy.min_results) && counts.bad >= all * policy.failure_share)
    }

    /// A target that has been well for as long as its rest was is remembered as that much less bad.
    fn forgive(&mut self, policy: &BreakerPolicy, now: Duration) {
        if self.ejections > 0 && now.saturating_sub(self.healthy_since) >= policy.rest {
            self.ejections -= 1;
            self.healthy_since = now;
        }
    }
}

#[cfg(test)]
mod tests;
