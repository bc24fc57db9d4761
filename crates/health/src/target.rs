//! One target's standing.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// When a target is sent to rest, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Failures in a row after which it rests. Five, as Envoy's outlier detection has it:
    /// fewer would punish the odd reset, more would cost calls.
    pub failures: u32,
    /// How long it rests after that. Thirty seconds by default.
    pub rest: Duration,
    /// The longest pause that a target may ask for. Five minutes by default: a wrong
    /// `Retry-After` must not remove a provider for a day.
    pub max_pause: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            failures: 5,
            rest: Duration::from_secs(30),
            max_pause: Duration::from_secs(300),
        }
    }
}

/// How one attempt went, as far as the target's health is concerned.
///
/// A request that the client got wrong is a success here: the target answered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The target did its work.
    Healthy,
    /// The target failed.
    Failed,
    /// The target asked to be left alone for a while; that is no failure.
    Paused {
        /// For how long.
        rest: Duration,
    },
}

/// What is known of one target. Shared by all calls without a lock.
///
/// Times are monotonic, measured from any fixed moment. While a target rests it should be
/// asked after the others, not never: with everyone resting somebody must still be tried.
/// When the rest is over, the next failure sends it back at once and a success clears it.
#[derive(Debug)]
pub struct TargetHealth {
    policy: Policy,
    failures_in_a_row: AtomicU32,
    rests_until_ms: AtomicU64,
}

impl TargetHealth {
    /// A target of which nothing bad is known.
    #[must_use]
    pub const fn new(policy: Policy) -> Self {
        Self {
            policy,
            failures_in_a_row: AtomicU32::new(0),
            rests_until_ms: AtomicU64::new(0),
        }
    }

    /// Whether the target may be asked before others at the time `now`.
    #[must_use]
    pub fn is_ready(&self, now: Duration) -> bool {
        millis(now) >= self.rests_until_ms.load(Ordering::Relaxed)
    }

    /// Takes note of an attempt that ended at the time `now`.
    pub fn record(&self, outcome: Outcome, now: Duration) {
        match outcome {
            Outcome::Healthy => self.failures_in_a_row.store(0, Ordering::Relaxed),
            Outcome::Failed => {
                let failures = self
                    .failures_in_a_row
                    .fetch_add(1, Ordering::Relaxed)
                    .saturating_add(1);
                if failures >= self.policy.failures {
                    self.rest_until(now + self.policy.rest);
                }
            }
            Outcome::Paused { rest } => self.rest_until(now + rest.min(self.policy.max_pause)),
        }
    }

    fn rest_until(&self, until: Duration) {
        self.rests_until_ms
            .fetch_max(millis(until), Ordering::Relaxed);
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn failed(times: u32, now: Duration) -> TargetHealth {
        let health = TargetHealth::new(Policy::default());
        for _ in 0..times {
            health.record(Outcome::Failed, now);
        }
        health
    }

    #[test]
    fn rests_after_the_fifth_failure_in_a_row() {
        assert!(failed(4, at(100)).is_ready(at(100)));
        let health = failed(5, at(100));
        assert!(!health.is_ready(at(129)));
        assert!(health.is_ready(at(130)));
    }

    #[test]
    fn a_success_in_between_starts_the_count_again() {
        let health = failed(4, at(100));
        health.record(Outcome::Healthy, at(100));
        health.record(Outcome::Failed, at(100));
        assert!(health.is_ready(at(100)));
    }

    #[test]
    fn a_target_that_fails_right_after_its_rest_rests_again() {
        let health = failed(5, at(100));
        health.record(Outcome::Failed, at(131));
        assert!(!health.is_ready(at(160)));
    }

    #[test]
    fn a_pause_is_honoured_up_to_the_longest_and_never_shortened() {
        let health = TargetHealth::new(Policy::default());
        health.record(Outcome::Paused { rest: at(86_400) }, at(0));
        health.record(Outcome::Paused { rest: at(1) }, at(0));
        assert!(!health.is_ready(at(299)));
        assert!(health.is_ready(at(300)));
    }
}
