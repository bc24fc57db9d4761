//! Calls that are sent away because there is no room for them.

use std::time::Duration;

use http::StatusCode;
use orchestra_dialects::ErrorKind;

use crate::refusal::Refusal;

/// Who had no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ShedAt {
    /// All targets that could have served the call.
    Target,
    /// The gateway itself.
    Gateway,
}

/// Why a call did not get its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ShedReason {
    /// As many wait as may.
    QueueFull,
    /// It has waited as long as it may.
    WaitTimeout,
    /// One that matters more took its place in the line.
    Displaced,
}

/// A call for which there was no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shed {
    /// Who had none.
    pub at: ShedAt,
    /// Why it was not waited for any longer.
    pub reason: ShedReason,
}

impl ShedAt {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Target, Self::Gateway];

    /// One word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Gateway => "gateway",
        }
    }
}

impl ShedReason {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::QueueFull, Self::WaitTimeout, Self::Displaced];

    /// One word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::WaitTimeout => "wait_timeout",
            Self::Displaced => "displaced",
        }
    }
}

impl Shed {
    pub(crate) const fn new(at: ShedAt, reason: ShedReason) -> Self {
        Self { at, reason }
    }
}

impl Refusal {
    /// There is no room for a call. The client should come back after `rest`.
    pub(crate) fn shed(shed: Shed, rest: Duration) -> Self {
        let who = match shed.at {
            ShedAt::Target => {
                "every provider that could serve this call has as many calls as it takes"
            }
            ShedAt::Gateway => "the gateway has as many calls as it serves at one time",
        };
        let why = match shed.reason {
            ShedReason::QueueFull => "and too many wait already",
            ShedReason::WaitTimeout => "and the call has waited for as long as calls may",
            ShedReason::Displaced => "and others that wait matter more",
        };
        let mut refusal = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Overloaded,
            "gateway_overloaded",
            format!("{who}, {why}; try again later. The operator's bounds are in [overload]."),
        );
        refusal.retry_after = Some(rest.max(Duration::from_secs(1)));
        refusal
    }
}
