//! How targets are judged, and by what.

use std::time::Duration;

use crate::breaker::BreakerPolicy;
use crate::retries::RetryPolicy;

/// How a target is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// When it is left alone.
    pub breaker: BreakerPolicy,
    /// How often it may be asked again.
    pub retries: RetryPolicy,
    /// The longest pause that a target may ask for. Five minutes by default: a wrong `Retry-After` must not remove a provider
    /// for a day.
    pub max_pause: Duration,
    /// Whether it is learnt how many calls a target takes at one time. Only a simulation says no, to show what it is worth.
    pub limits: bool,
    /// How fast a slow answer is forgotten. Ten seconds, as in linkerd2-proxy.
    pub latency_decay: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            breaker: BreakerPolicy::default(),
            retries: RetryPolicy::default(),
            max_pause: Duration::from_secs(300),
            limits: true,
            latency_decay: Duration::from_secs(10),
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
    /// The target has too much to do; that is a failure, and a sign to send it less.
    Overloaded,
    /// The target asked to be left alone for a while; that is no failure.
    Paused {
        /// For how long.
        rest: Duration,
    },
}
