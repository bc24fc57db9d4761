//! `[cache]`: answers that are kept for calls that ask the same.

use orchestra_gateway::CacheRules;
use serde::Deserialize;

use super::seconds::Seconds;
use super::{BuildError, Config};

/// 90 days, as for `max_age` in trees.
const LONGEST: u64 = 7_776_000;

/// `[cache]`; the defaults are those of [`CacheRules`].
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CacheConfig {
    /// Whether answers are kept where trees and calls want that, true by default.
    pub enabled: Option<bool>,
    /// All answers together.
    pub max_bytes: Option<u64>,
    /// The largest answer.
    pub max_entry_bytes: Option<usize>,
    /// How long an answer is kept where neither tree nor call says.
    pub max_age_seconds: Option<Seconds<LONGEST>>,
}

impl Config {
    pub(super) fn cache(&self) -> Result<CacheRules, BuildError> {
        let (own, usual) = (&self.cache, CacheRules::default());
        let max_bytes = own.max_bytes.unwrap_or(usual.max_bytes);
        if max_bytes == 0 {
            return Err(BuildError::ZeroLimit("cache.max_bytes"));
        }
        let usual_entry = CacheRules::usual_entry(max_bytes);
        let max_entry_bytes = own.max_entry_bytes.unwrap_or(usual_entry);
        if own.max_entry_bytes == Some(0) {
            return Err(BuildError::ZeroLimit("cache.max_entry_bytes"));
        }
        if max_entry_bytes as u64 > max_bytes / 2 && own.max_entry_bytes.is_some() {
            return Err(BuildError::LargeEntry);
        }
        Ok(CacheRules {
            enabled: own.enabled.unwrap_or(usual.enabled),
            max_bytes,
            max_entry_bytes,
            max_age: own.max_age_seconds.map_or(usual.max_age, Seconds::duration),
        })
    }
}
