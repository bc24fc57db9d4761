//! How the times to a target's first token are spread.

use std::time::Duration;

/// How an answer comes. The times of the two have little in common: an answer in one piece comes when all of it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Piece by piece.
    Stream,
    /// In one piece.
    Whole,
}

/// Times of late, in buckets an eighth of an octave wide: what is read from them is too large by 12.5 % at most. Each of
/// the two halves is over after [`Self::MOST`] times or [`Self::SPAN`], and forgotten when the next one is.
#[derive(Clone, Debug)]
pub(crate) struct Spread {
    present: Half,
    before: Half,
    /// When the present half began.
    since: Duration,
}

#[derive(Clone, Debug)]
struct Half {
    buckets: [u16; Self::BUCKETS],
    times: u16,
}

impl Spread {
    /// Fewer times than that say nothing of the slow ones among them.
    const LEAST: u32 = 50;
    /// The most in one half.
    const MOST: u16 = 1_000;
    /// The longest half.
    const SPAN: Duration = Duration::from_secs(300);

    pub(crate) const fn new() -> Self {
        Self {
            present: Half::EMPTY,
            before: Half::EMPTY,
            since: Duration::ZERO,
        }
    }

    pub(crate) fn record(&mut self, took: Duration, now: Duration) {
        let age = now.saturating_sub(self.since);
        if self.present.times >= Self::MOST || age >= Self::SPAN {
            let over = std::mem::replace(&mut self.present, Half::EMPTY);
            self.before = if age >= Self::SPAN * 2 {
                Half::EMPTY
            } else {
                over
            };
            self.since = now;
        }
        self.present.add(took);
    }

    /// The time in which so many of a hundred answers came; `None` while there are too few to tell.
    pub(crate) fn percentile(&self, percent: u8, now: Duration) -> Option<Duration> {
        let age = now.saturating_sub(self.since);
        let halves: &[&Half] = match age {
            age if age >= Self::SPAN * 2 => &[],
            age if age >= Self::SPAN => &[&self.present],
            _ => &[&self.present, &self.before],
        };
        let times: u32 = halves.iter().map(|half| u32::from(half.times)).sum();
        if times < Self::LEAST {
            return None;
        }
        let rank = (times * u32::from(percent.min(100))).div_ceil(100);
        let mut passed = 0;
        let reaches = |bucket: &usize| {
            let here = halves.iter().map(|half| u32::from(half.buckets[*bucket]));
            passed += here.sum::<u32>();
            passed >= rank
        };
        (0..Half::BUCKETS).find(reaches).map(Half::upper)
    }
}

impl Half {
    /// Eight of a millisecond each, then eight for each octave up to 17 minutes and a half, where everything ends that
    /// takes longer.
    const BUCKETS: usize = 144;
    const EMPTY: Self = Self {
        buckets: [0; Self::BUCKETS],
        times: 0,
    };

    fn add(&mut self, took: Duration) {
        let count = &mut self.buckets[Self::bucket(took)];
        *count = count.saturating_add(1);
        self.times = self.times.saturating_add(1);
    }

    fn bucket(took: Duration) -> usize {
        let millis = usize::try_from(took.as_millis()).unwrap_or(usize::MAX);
        let Some(octave) = millis.checked_ilog2().filter(|octave| *octave > 2) else {
            return millis;
        };
        let eighth = (millis >> (octave - 3)) - 8;
        let before = usize::try_from(octave - 2).unwrap_or(usize::MAX);
        before
            .saturating_mul(8)
            .saturating_add(eighth)
            .min(Self::BUCKETS - 1)
    }

    /// What is in the bucket takes less than this.
    fn upper(bucket: usize) -> Duration {
        let (octave, eighth) = (bucket / 8, bucket % 8);
        let millis = match octave.checked_sub(1) {
            None => eighth + 1,
            Some(shift) => (8 + eighth + 1) << shift,
        };
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);

    const fn millis(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    fn spread(times: impl IntoIterator<Item = u64>) -> Spread {
        let mut spread = Spread::new();
        for time in times {
            spread.record(millis(time), NOW);
        }
        spread
    }

    #[test]
    fn every_time_is_below_its_buckets_end_and_not_far_below() {
        for time in (0..20_000).chain([65_535, 65_536, 600_000, 1_048_575]) {
            let upper = Half::upper(Half::bucket(millis(time)));
            let most = millis(time + 1).mul_f64(1.125).max(millis(time + 1));
            assert!(millis(time) < upper && upper <= most, "{time}: {upper:?}");
        }
        let longest = Half::bucket(Duration::MAX);
        assert_eq!(longest, Half::BUCKETS - 1);
        assert_eq!(Half::upper(longest), millis(1 << 20));
    }

    #[test]
    fn few_times_say_nothing() {
        assert_eq!(spread(1..=49).percentile(95, NOW), None);
        assert!(spread(1..=50).percentile(95, NOW).is_some());
    }

    #[test]
    fn a_percentile_is_near_the_true_one() {
        let spread = spread(1..=1_000);
        for percent in [1, 50, 90, 95, 99, 100] {
            let read = spread.percentile(percent, NOW).unwrap();
            let truth = millis(u64::from(percent) * 10);
            assert!(
                read > truth && read <= truth.mul_f64(1.13) + millis(1),
                "{percent}: {read:?}"
            );
        }
    }

    #[test]
    fn the_tail_is_not_in_the_percentile_below_it() {
        let spread = spread((0..1_000).map(|n| if n % 40 == 0 { 9_000 } else { 100 }));
        assert!(spread.percentile(95, NOW).unwrap() < millis(120));
        assert!(spread.percentile(99, NOW).unwrap() > millis(9_000));
    }

    #[test]
    fn what_is_long_ago_is_forgotten() {
        let mut spread = spread(std::iter::repeat_n(9_000, 100));
        let p95 = |spread: &Spread, now| spread.percentile(95, now);
        assert!(p95(&spread, NOW + Spread::SPAN).is_some());
        assert_eq!(p95(&spread, NOW + Spread::SPAN * 2), None);
        let later = NOW + Spread::SPAN * 2;
        for _ in 0..50 {
            spread.record(millis(100), later);
        }
        assert!(p95(&spread, later).unwrap() < millis(120));
    }

    #[test]
    fn many_times_push_the_earlier_ones_out() {
        let slow = std::iter::repeat_n(9_000, 1_000);
        let mut spread = spread(slow.chain(std::iter::repeat_n(100, 1_000)));
        assert!(spread.percentile(95, NOW).unwrap() > millis(9_000));
        spread.record(millis(100), NOW);
        assert!(spread.percentile(95, NOW).unwrap() < millis(120));
    }
}
