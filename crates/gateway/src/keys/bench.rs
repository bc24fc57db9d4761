//! The bench: where a key sits that its provider refused.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::millis;

/// How long a key is benched at first. A minute costs a busy pool one lost attempt a minute at worst, and brings a
/// key back soon that was paid for again or refused by mistake.
pub(super) const FIRST: Duration = Duration::from_secs(60);

/// How long at most. Ten minutes: a revoked key then costs six attempts an hour, and nobody who mends a key waits
/// longer for it without a restart.
pub(super) const LONGEST: Duration = Duration::from_secs(600);

/// Whether a key is benched. Shared by all calls; only those that have to do with a refusal take the lock.
///
/// Times are those of the gateway's monotonic clock.
#[derive(Debug, Default)]
pub(super) struct Bench {
    /// When it ends, in milliseconds; zero for a key in good standing.
    until_ms: AtomicU64,
    /// How often the key was refused since it was handed in.
    refusals: AtomicU64,
    last: Mutex<Stay>,
}

/// A stay on the bench, all zero if there was none since the key's last success.
#[derive(Clone, Copy, Debug, Default)]
struct Stay {
    since: Duration,
    until: Duration,
}

impl Bench {
    /// Whether the key is to be passed over at the time `now`.
    pub(super) fn holds(&self, now: Duration) -> bool {
        millis(now) < self.until_ms()
    }

    /// When it ends, to tell which of several ends first.
    pub(super) fn until_ms(&self) -> u64 {
        self.until_ms.load(Ordering::Relaxed)
    }

    pub(super) fn refusals(&self) -> u64 {
        self.refusals.load(Ordering::Relaxed)
    }

    /// How much longer it holds, if it does.
    pub(super) fn left(&self, now: Duration) -> Option<Duration> {
        let left = self.until_ms().saturating_sub(millis(now));
        (left > 0).then(|| Duration::from_millis(left))
    }

    /// Takes note of a refusal, heard at `now`, of an attempt that began at `began`. Says for how long the key is
    /// benched, if it was this refusal that did it: many calls may be under way when a key is revoked, and
    /// what they hear is one refusal.
    pub(super) fn refuse(&self, began: Duration, now: Duration) -> Option<Duration> {
        self.refusals.fetch_add(1, Ordering::Relaxed);
        let mut last = self.last();
        if began < last.until {
            return None;
        }
        let before = last.until.saturating_sub(last.since);
        let rest = (before * 2).clamp(FIRST, LONGEST);
        *last = Stay {
            since: now,
            until: now + rest,
        };
        self.until_ms.store(millis(last.until), Ordering::Relaxed);
        Some(rest)
    }

    /// Takes note of a success of an attempt that began at `began`. One that began before the refusal proves
    /// nothing: the key may have been revoked since.
    pub(super) fn accept(&self, began: Duration) {
        if self.until_ms() == 0 {
            return;
        }
        let mut last = self.last();
        if began >= last.since {
            *last = Stay::default();
            self.until_ms.store(0, Ordering::Relaxed);
        }
    }

    fn last(&self) -> MutexGuard<'_, Stay> {
        // Nobody who holds the lock can leave it half written.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn it_lasts_longer_each_time_up_to_the_longest() {
        let bench = Bench::default();
        let mut now = at(5);
        for expected in [60, 120, 240, 480, 600, 600] {
            assert_eq!(bench.refuse(now, now), Some(at(expected)));
            assert!(bench.holds(now + at(expected) - Duration::from_millis(1)));
            now += at(expected);
            assert!(!bench.holds(now));
        }
        assert_eq!(bench.refusals(), 6);
    }

    #[test]
    fn a_success_clears_it_and_the_next_refusal_starts_anew() {
        let bench = Bench::default();
        bench.refuse(at(0), at(0));
        bench.refuse(at(60), at(61));
        bench.accept(at(70));
        assert!(!bench.holds(at(71)));
        assert_eq!(bench.left(at(71)), None);
        assert_eq!(bench.refuse(at(80), at(80)), Some(FIRST));
    }

    #[test]
    fn calls_that_were_under_way_refuse_it_once() {
        let bench = Bench::default();
        assert_eq!(bench.refuse(at(10), at(11)), Some(FIRST));
        for began in [at(9), at(10), at(40)] {
            assert_eq!(bench.refuse(began, at(41)), None);
        }
        assert_eq!(bench.left(at(41)), Some(at(30)));
        assert_eq!(bench.refusals(), 4);
    }

    #[test]
    fn a_success_from_before_the_refusal_proves_nothing() {
        let bench = Bench::default();
        bench.refuse(at(10), at(11));
        bench.accept(at(10));
        assert!(bench.holds(at(12)));
    }
}
