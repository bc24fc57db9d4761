//! Answers that were kept for calls that ask the same.

use std::sync::atomic::{AtomicU64, Ordering};

use orchestra_gateway::{CacheReport, CacheUse, CallRecord};

use super::text::{Kind, Text};

const RESULTS: [&str; 3] = ["hit", "miss", "refresh"];

/// What came of looking for them.
#[derive(Debug, Default)]
pub(super) struct Lookups([AtomicU64; RESULTS.len()]);

impl Lookups {
    pub(super) fn record(&self, record: &CallRecord) {
        let Some(cache) = &record.cache else {
            return;
        };
        let at = match cache {
            CacheUse::Hit(_) => 0,
            CacheUse::Miss => 1,
            CacheUse::Refresh => 2,
        };
        self.0[at].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn write(&self, text: &mut Text) {
        let name = "orchestra_cache_calls_total";
        let help = "Calls whose answers are kept for others that ask the same, by what came of looking for one.";
        text.family(name, Kind::Counter, help);
        for (result, count) in RESULTS.iter().zip(&self.0) {
            text.sample(name, &[("result", result)], count.load(Ordering::Relaxed));
        }
    }
}

/// How much is kept.
pub(super) fn shelf(text: &mut Text, report: CacheReport) {
    let name = "orchestra_cache_entries";
    let help = "Answers that are kept, those included whose time is over and that nobody has asked for since.";
    text.family(name, Kind::Gauge, help);
    text.sample(name, &[], report.entries);
    let name = "orchestra_cache_bytes";
    text.family(name, Kind::Gauge, "What these take of memory.");
    text.sample(name, &[], report.bytes);
    let name = "orchestra_cache_stored_total";
    text.family(name, Kind::Counter, "Answers that were ever kept.");
    text.sample(name, &[], report.stored);
    let name = "orchestra_cache_removed_total";
    let help = "Answers that are kept no longer: evicted to make room, replaced by newer ones, or expired when they were asked for.";
    text.family(name, Kind::Counter, help);
    for (reason, count) in [
        ("evicted", report.evicted),
        ("replaced", report.replaced),
        ("expired", report.expired),
    ] {
        text.sample(name, &[("reason", reason)], count);
    }
}
