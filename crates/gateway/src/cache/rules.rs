//! What an operator allows, and what a caller wants.

use std::time::Duration;

use orchestra_routing::Cache;

/// How much is kept, and how long where nobody says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheRules {
    /// Whether anything is kept, whatever trees and calls say.
    pub enabled: bool,
    /// All answers together, in bytes.
    pub max_bytes: u64,
    /// The largest answer, in bytes; at most half of all.
    pub max_entry_bytes: usize,
    /// How long an answer is kept where neither tree nor call says.
    pub max_age: Duration,
}

impl CacheRules {
    /// The largest answer where nobody says, for so many bytes in all: 1 MiB, and no more than half.
    #[must_use]
    pub fn usual_entry(max_bytes: u64) -> usize {
        const MOST: usize = 1 << 20;
        usize::try_from(max_bytes / 2).unwrap_or(MOST).min(MOST)
    }
}

impl Default for CacheRules {
    /// 64 MiB in all and 1 MiB for one. A week, as at Portkey.
    fn default() -> Self {
        let max_bytes = 64 << 20;
        Self {
            enabled: true,
            max_bytes,
            max_entry_bytes: Self::usual_entry(max_bytes),
            max_age: Duration::from_secs(7 * 24 * 60 * 60),
        }
    }
}

/// What a caller says of kept answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheWish {
    /// What holds where the tree says nothing.
    pub usual: Option<Cache>,
    /// How old an answer may be where the tree does not say.
    pub max_age: Option<Duration>,
    /// Whether the answer is to come from a target, and to be kept in place of one that is there.
    pub refresh: bool,
    /// What sets its answers apart from other calls of the same caller, instead of its metadata.
    pub namespace: Option<String>,
}
