//! Where answers are kept: in memory, bounded by their bytes.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use orchestra_types::Rng;
use quick_cache::sync::Cache;
use quick_cache::{Lifecycle, OptionsBuilder, Weighter};

use super::kept::Kept;
use super::key::CacheKey;
use super::rules::CacheRules;

/// How much is kept, and what became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheReport {
    /// Answers that are there, those included whose time is over and that nobody has asked for since.
    pub entries: usize,
    /// What they weigh, in bytes.
    pub bytes: u64,
    /// Answers that were ever kept.
    pub stored: u64,
    /// Of these, how many had to make room.
    pub evicted: u64,
    /// Of these, in whose place a newer one came.
    pub replaced: u64,
    /// Of these, how many were asked for when their time was over.
    pub expired: u64,
}

/// Bounded by weight. What was asked for more than once stays longer than what was asked for once.
pub(super) struct Shelf {
    salt: [u8; 32],
    entries: Cache<CacheKey, Arc<Kept>, Weight, BuildHasherDefault<Digested>, Removals>,
    stored: AtomicU64,
    evicted: AtomicU64,
    replaced: AtomicU64,
    expired: AtomicU64,
}

impl Shelf {
    /// An answer of a few paragraphs; only estimates are made of it.
    const USUAL_BYTES: u64 = 4096;
    /// Shards, each with a lock of its own.
    const MOST_SHARDS: u64 = 16;
    /// A shard has room for so many of the largest answers, so that none of these turns all others out.
    const LARGEST_IN_SHARD: u64 = 4;

    pub(super) fn new(rules: &CacheRules, rng: &dyn Rng) -> Self {
        let largest = (rules.max_entry_bytes as u64).max(1);
        let shards = rules.max_bytes / largest.saturating_mul(Self::LARGEST_IN_SHARD);
        let shards = prev_power_of_two(shards.clamp(1, Self::MOST_SHARDS));
        let items = rules.max_bytes / Self::USUAL_BYTES;
        let options = OptionsBuilder::new()
            .shards(usize::try_from(shards).unwrap_or(1))
            .weight_capacity(rules.max_bytes)
            .estimated_items_capacity(usize::try_from(items).unwrap_or(usize::MAX).max(1))
            .build()
            .expect("both bounds are set");
        Self {
            salt: salt(rng),
            entries: Cache::with_options(options, Weight, BuildHasherDefault::default(), Removals),
            stored: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            replaced: AtomicU64::new(0),
            expired: AtomicU64::new(0),
        }
    }

    /// Makes keys that mean nothing outside of this process.
    pub(super) const fn salt(&self) -> &[u8; 32] {
        &self.salt
    }

    pub(super) fn find(
        &self,
        key: &CacheKey,
        most: Duration,
        now: Duration,
    ) -> Option<(Arc<Kept>, Duration)> {
        let kept = self.entries.get(key)?;
        let age = kept.age(now);
        if age >= kept.max_age {
            // Not one that has taken its place meanwhile.
            let over = |_: &CacheKey, there: &Arc<Kept>| Arc::ptr_eq(there, &kept);
            if self
                .entries
                .remove_if(key, |there| over(key, there))
                .is_some()
            {
                self.expired.fetch_add(1, Ordering::Relaxed);
            }
            return None;
        }
        (age < most).then_some((kept, age))
    }

    pub(super) fn keep(&self, key: CacheKey, kept: Kept) {
        self.stored.fetch_add(1, Ordering::Relaxed);
        let mut removed = Removed {
            inserted: Some(key),
            ..Removed::default()
        };
        self.entries
            .insert_with_lifecycle(key, Arc::new(kept), &mut removed);
        self.evicted.fetch_add(removed.evicted, Ordering::Relaxed);
        self.replaced.fetch_add(removed.replaced, Ordering::Relaxed);
    }

    pub(super) fn report(&self) -> CacheReport {
        CacheReport {
            entries: self.entries.len(),
            bytes: self.entries.weight(),
            stored: self.stored.load(Ordering::Relaxed),
            evicted: self.evicted.load(Ordering::Relaxed),
            replaced: self.replaced.load(Ordering::Relaxed),
            expired: self.expired.load(Ordering::Relaxed),
        }
    }
}

fn salt(rng: &dyn Rng) -> [u8; 32] {
    let mut salt = [0; 32];
    for part in salt.chunks_exact_mut(8) {
        part.copy_from_slice(&rng.next_u64().to_le_bytes());
    }
    salt
}

/// The largest power of two that is no larger; 1 for 0.
const fn prev_power_of_two(number: u64) -> u64 {
    match number.checked_ilog2() {
        Some(log) => 1 << log,
        None => 1,
    }
}

#[derive(Clone, Copy, Debug)]
struct Weight;

impl Weighter<CacheKey, Arc<Kept>> for Weight {
    fn weight(&self, _: &CacheKey, kept: &Arc<Kept>) -> u64 {
        kept.weight()
    }
}

/// Takes a part of a digest for its hash.
#[derive(Clone, Copy, Debug, Default)]
struct Digested(u64);

impl Hasher for Digested {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// Sees which answers an insertion turns out.
#[derive(Clone, Copy, Debug)]
struct Removals;

/// What an insertion turned out.
#[derive(Debug, Default)]
struct Removed {
    /// The key under which something is put.
    inserted: Option<CacheKey>,
    evicted: u64,
    replaced: u64,
}

impl Lifecycle<CacheKey, Arc<Kept>> for Removals {
    type RequestState = Removed;

    fn on_evict(&self, removed: &mut Removed, key: CacheKey, _: Arc<Kept>) {
        if removed.inserted == Some(key) {
            removed.replaced += 1;
        } else {
            removed.evicted += 1;
        }
    }
}

impl std::fmt::Debug for Shelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Shelf").field(&self.report()).finish()
    }
}

#[cfg(test)]
mod tests {
    use orchestra_types::SeededRng;

    use super::*;

    fn shelf(max_bytes: u64, max_entry_bytes: usize) -> Shelf {
        let rules = CacheRules {
            max_bytes,
            max_entry_bytes,
            ..CacheRules::default()
        };
        Shelf::new(&rules, &SeededRng::new(1))
    }

    #[test]
    fn the_largest_answer_has_room_beside_others() {
        for (all, one) in [(64 << 20, 1 << 20), (1 << 20, 1 << 19), (1000, 500), (1, 1)] {
            let shelf = shelf(all, one);
            let room = shelf.entries.shard_capacity();
            assert!(room >= one as u64, "{room} for {one} of {all}");
            assert!(shelf.entries.capacity() >= all);
        }
        assert_eq!(shelf(64 << 20, 1 << 20).entries.num_shards(), 16);
        assert_eq!(shelf(4 << 20, 1 << 20).entries.num_shards(), 1);
    }

    #[test]
    fn two_gateways_have_nothing_in_common() {
        let (one, other) = (SeededRng::new(1), SeededRng::new(2));
        assert_ne!(salt(&one), salt(&other));
        assert!(salt(&one).chunks(8).all(|part| part != [0; 8]));
    }
}
