//! The time as an argument.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the store reads the time from. It stamps what happens and ends what expires; nothing that keeps the
/// store whole depends on it, so it may jump.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn unix_ms(&self) -> i64;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn unix_ms(&self) -> i64 {
        // A machine set before 1970 stamps zero.
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}
