//! One answer that is kept.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use orchestra_types::Usage;

/// A whole answer of 200, as the client got it.
#[derive(Clone)]
pub(crate) struct Kept {
    pub(super) body: Bytes,
    pub(super) label: Label,
    /// What the answer says of tokens. Nobody pays for them again.
    pub(super) usage: Option<Usage>,
    pub(super) finish: Option<String>,
    /// When its last byte came, on the gateway's monotonic clock.
    pub(super) since: Duration,
    pub(super) max_age: Duration,
}

/// What goes in front of a body.
#[derive(Clone, Debug, Default)]
pub(super) struct Label {
    pub(super) content_type: Option<HeaderValue>,
    /// What was lost in translation.
    pub(super) losses: Option<HeaderValue>,
    pub(super) streamed: bool,
}

impl Kept {
    /// What an entry takes besides its bytes, at most: itself, its key, and its places in maps and lists.
    const AROUND: u64 = 512;

    /// What it weighs against the bound of all.
    pub(super) fn weight(&self) -> u64 {
        self.body.len() as u64 + Self::AROUND
    }

    pub(super) fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.since)
    }
}

impl fmt::Debug for Kept {
    /// The size, not the words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kept({} bytes)", self.body.len())
    }
}
