//! The time of the simulation: tokio's, which passes only while everybody waits.

use std::time::Duration;

use orchestra_types::Clock;
use tokio::time::Instant;

/// 2026-01-01T00:00:00Z, when every simulation begins.
const BEGINNING: Duration = Duration::from_secs(1_767_225_600);

#[derive(Clone, Copy, Debug)]
pub(crate) struct VirtualClock(Instant);

impl VirtualClock {
    /// Begins now.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for VirtualClock {
    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    fn unix(&self) -> Duration {
        BEGINNING + self.0.elapsed()
    }
}
