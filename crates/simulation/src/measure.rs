//! What a gateway does for its calls, and can be made to do without.

use std::time::Duration;

use orchestra_gateway::{Retries, RetryRules, RouteSettings, Settings};
use orchestra_health::{BreakerPolicy, Policy};

/// Something that a gateway does so that its calls go well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// Going on to another target when one fails.
    Fallback,
    /// Asking the same target again.
    Retries,
    /// Remembering which targets fail or want to be left alone: breakers and pauses.
    Health,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Fallback, Self::Retries, Self::Health];

    /// One word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fallback => "fallback",
            Self::Retries => "retries",
            Self::Health => "health",
        }
    }

    pub(crate) fn take_from(
        self,
        settings: &mut Settings,
        policy: &mut Policy,
        directions: &mut RouteSettings,
    ) {
        match self {
            Self::Fallback => settings.fallback = false,
            Self::Retries => {
                settings.retries = RetryRules::all(Retries::NONE);
                directions.retry = Some(orchestra_routing::Retry::NONE);
            }
            Self::Health => {
                policy.max_pause = Duration::ZERO;
                policy.breaker = BreakerPolicy {
                    failures_in_a_row: u32::MAX,
                    failure_share: f64::INFINITY,
                    ..policy.breaker
                };
            }
        }
    }
}
