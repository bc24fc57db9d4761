//! What is said of a target.

use std::time::Duration;

use crate::breaker::BreakerState;

/// Whether a target may be asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Standing {
    /// It may. The share of its usual calls that it should get: less than 1 for a while after it came back.
    Ready {
        /// Above 0, up to 1.
        share: f64,
    },
    /// One call may see whether it is well again.
    Probe,
    /// It should be asked only if no other is left.
    Out(Out),
}

/// Until when a target is left alone, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Out {
    /// When it may be asked again.
    pub until: Duration,
    /// Why not now.
    pub reason: OutReason,
}

/// Why a target is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutReason {
    /// It failed too often.
    Failing,
    /// It asked for a pause.
    Paused,
    /// A probe is on its way.
    Probing,
    /// It has as many calls as it takes.
    Full,
}

impl OutReason {
    /// One word, for lists and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Paused => "paused",
            Self::Probing => "probing",
            Self::Full => "full",
        }
    }
}

/// A target as everybody may see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Whether it may be asked.
    pub standing: Standing,
    /// The breaker.
    pub breaker: BreakerState,
    /// Calls on their way.
    pub in_flight: u32,
    /// Calls that wait for a place.
    pub waiting: usize,
    /// The most calls at one time, once it showed signs of overload.
    pub limit: Option<f64>,
    /// Time to the first token, as it was lately.
    pub latency: Option<Duration>,
    /// Attempts that ended well, ever.
    pub successes: u64,
    /// Attempts that failed, ever.
    pub failures: u64,
    /// When it last did its work.
    pub last_success: Option<Duration>,
    /// When it last failed.
    pub last_failure: Option<Duration>,
}
