//! Counting uses of secrets where a write to the database for each would be too slow.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::EntryId;

/// How often a version of a secret was used since that was last told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// Which version.
    pub entry: EntryId,
    /// How often.
    pub count: u64,
    /// When it was last: Unix time in milliseconds.
    pub last_used_ms: i64,
}

/// As many threads as this count without waiting for one another.
const SHARDS: usize = 16;

/// Counts uses of secrets in memory, for [`Store::flush_uses`](crate::Store::flush_uses). Counting takes some tens of nanoseconds
/// and never waits for a database.
#[derive(Default)]
pub struct UseCounter {
    shards: [Shard; SHARDS],
}

/// What some threads counted. Each stands on cache lines of its own.
#[derive(Default)]
#[repr(align(128))]
struct Shard(Mutex<HashMap<EntryId, Tally, BuildHasherDefault<IdHasher>>>);

#[derive(Clone, Copy)]
struct Tally {
    count: u64,
    last_used_ms: i64,
}

impl UseCounter {
    /// Counts one use.
    pub fn count(&self, entry: EntryId, now_ms: i64) {
        let tally = Tally {
            count: 1,
            last_used_ms: now_ms,
        };
        self.own_shard().add(entry, tally);
    }

    /// All that was counted, which is then forgotten here.
    #[must_use]
    pub fn take(&self) -> Vec<Use> {
        let all = Shard::default();
        for shard in &self.shards {
            for (entry, tally) in shard.lock().drain() {
                all.add(entry, tally);
            }
        }
        let all = all.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let uses = all.into_iter().map(|(entry, tally)| Use {
            entry,
            count: tally.count,
            last_used_ms: tally.last_used_ms,
        });
        let mut uses: Vec<_> = uses.collect();
        uses.sort_unstable_by_key(|used| used.entry);
        uses
    }

    /// Counts again what was taken and could not be told.
    pub fn put_back(&self, uses: impl IntoIterator<Item = Use>) {
        let shard = self.own_shard();
        for used in uses {
            let tally = Tally {
                count: used.count,
                last_used_ms: used.last_used_ms,
            };
            shard.add(used.entry, tally);
        }
    }

    /// Threads are dealt out to the shards in turn.
    fn own_shard(&self) -> &Shard {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static OWN: Cell<usize> = const { Cell::new(usize::MAX) };
        }
        let own = OWN.with(|own| {
            if own.get() == usize::MAX {
                own.set(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
            }
            own.get()
        });
        &self.shards[own % SHARDS]
    }
}

impl Shard {
    fn add(&self, entry: EntryId, tally: Tally) {
        let mut tallies = self.lock();
        let sum = tallies.entry(entry).or_insert(Tally {
            count: 0,
            last_used_ms: i64::MIN,
        });
        sum.count = sum.count.saturating_add(tally.count);
        sum.last_used_ms = sum.last_used_ms.max(tally.last_used_ms);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EntryId, Tally, BuildHasherDefault<IdHasher>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for UseCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UseCounter").finish_non_exhaustive()
    }
}

/// An entry's id is random already.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 ^= u64::from_ne_bytes(word);
        }
    }

    /// The length, which is always the same.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: EntryId = EntryId([1; 16]);
    const B: EntryId = EntryId([2; 16]);

    const fn used(entry: EntryId, count: u64, last_used_ms: i64) -> Use {
        Use {
            entry,
            count,
            last_used_ms,
        }
    }

    #[test]
    fn what_was_taken_is_forgotten_until_it_is_put_back() {
        let counter = UseCounter::default();
        counter.count(A, 5);
        counter.count(B, 6);
        counter.count(A, 4);
        let taken = counter.take();
        assert_eq!(taken, [used(A, 2, 5), used(B, 1, 6)]);
        assert_eq!(counter.take(), []);
        counter.count(B, 1);
        counter.put_back(taken);
        assert_eq!(counter.take(), [used(A, 2, 5), used(B, 2, 6)]);
        counter.put_back([used(A, u64::MAX, 1), used(A, 1, 2)]);
        assert_eq!(counter.take(), [used(A, u64::MAX, 2)]);
    }

    #[test]
    fn no_use_is_lost_between_threads() {
        const EACH: u64 = 10_000;
        let counter = UseCounter::default();
        let counted = Mutex::new(0);
        std::thread::scope(|scope| {
            for _ in 0..SHARDS + 4 {
                scope.spawn(|| (0..EACH).for_each(|_| counter.count(A, 1)));
            }
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let taken: u64 = counter.take().iter().map(|used| used.count).sum();
                        *counted.lock().unwrap() += taken;
                    }
                });
            }
        });
        let rest: u64 = counter.take().iter().map(|used| used.count).sum();
        let threads = u64::try_from(SHARDS).unwrap() + 4;
        assert_eq!(*counted.lock().unwrap() + rest, threads * EACH);
    }
}
