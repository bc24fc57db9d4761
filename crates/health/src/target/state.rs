//! What is known of one target.

use std::time::Duration;

use super::{Outcome, Policy};
use crate::breaker::{Breaker, BreakerState};
use crate::latency::Latency;
use crate::limit::Limit;
use crate::retries::RetryBudget;
use crate::spread::{Form, Spread};
use crate::standing::{Out, OutReason, Standing};
use crate::wait::Queue;

/// What is known of a target, under its lock.
#[derive(Debug)]
pub(crate) struct State {
    pub(super) breaker: Breaker,
    pub(super) retries: RetryBudget,
    pub(super) limit: Limit,
    pub(super) latency: Latency,
    pub(super) streams: Spread,
    pub(super) wholes: Spread,
    pub(super) paused_until: Duration,
    pub(crate) in_flight: u32,
    pub(super) successes: u64,
    pub(super) failures: u64,
    pub(super) last_success: Option<Duration>,
    pub(super) last_failure: Option<Duration>,
    /// Those who wait for a place, if there are any.
    pub(crate) queue: Option<Box<Queue>>,
}

impl State {
    /// Nothing bad is known.
    pub(super) fn new(policy: &Policy) -> Self {
        Self {
            breaker: Breaker::new(&policy.breaker),
            retries: RetryBudget::new(&policy.retries),
            limit: Limit::default(),
            latency: Latency::default(),
            streams: Spread::new(),
            wholes: Spread::new(),
            paused_until: Duration::ZERO,
            in_flight: 0,
            successes: 0,
            failures: 0,
            last_success: None,
            last_failure: None,
            queue: None,
        }
    }

    pub(super) const fn spread(&mut self, form: Form) -> &mut Spread {
        match form {
            Form::Stream => &mut self.streams,
            Form::Whole => &mut self.wholes,
        }
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.len())
    }

    pub(crate) fn standing(&self, policy: &Policy, now: Duration) -> Standing {
        let out = |until, reason| Standing::Out(Out { until, reason });
        if now < self.paused_until {
            return out(self.paused_until, OutReason::Paused);
        }
        match self.breaker.state(now) {
            BreakerState::Open { until } => out(until, OutReason::Failing),
            BreakerState::HalfOpen if self.breaker.is_probing() => out(now, OutReason::Probing),
            BreakerState::HalfOpen => Standing::Probe,
            BreakerState::Closed if !self.limit.has_room(self.in_flight, now) => {
                out(now, OutReason::Full)
            }
            BreakerState::Closed => Standing::Ready {
                share: self.breaker.share(&policy.breaker, now),
            },
        }
    }

    pub(super) fn record(
        &mut self,
        policy: &Policy,
        openings: u64,
        outcome: Outcome,
        now: Duration,
        draw: f64,
    ) {
        match outcome {
            Outcome::Healthy => {
                self.breaker.succeeded(&policy.breaker, openings, now);
                self.limit.succeeded(self.in_flight, now);
                self.successes = self.successes.saturating_add(1);
                self.last_success = Some(now);
            }
            Outcome::Failed | Outcome::Overloaded => {
                if outcome == Outcome::Overloaded && policy.limits {
                    self.limit.overloaded(self.in_flight, now);
                }
                self.breaker.failed(&policy.breaker, openings, now, draw);
                self.failures = self.failures.saturating_add(1);
                self.last_failure = Some(now);
            }
            Outcome::Paused { rest } => {
                if policy.limits {
                    self.limit.overloaded(self.in_flight, now);
                }
                let until = now.saturating_add(rest.min(policy.max_pause));
                self.paused_until = self.paused_until.max(until);
            }
        }
    }
}
