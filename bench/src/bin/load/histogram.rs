//! A histogram of durations with a relative error below one per cent.

use std::time::Duration;

use serde_json::{Value, json};

/// Each power of two is cut into this many equal slices: values differ from their slice's
/// middle by at most 1/256 of themselves.
const SLICES: usize = 128;
const SLICE_BITS: u32 = SLICES.trailing_zeros();
/// Values below [`SLICES`] are exact; every further bit of a `u64` has its slices.
const BUCKETS: usize = SLICES * (65 - SLICE_BITS as usize);

/// Counts of nanoseconds, in buckets that grow with the value.
#[derive(Debug)]
pub(crate) struct Histogram {
    counts: Box<[u64]>,
    total: u64,
    max: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self {
            counts: vec![0; BUCKETS].into_boxed_slice(),
            total: 0,
            max: 0,
        }
    }

    pub(crate) fn add(&mut self, value: Duration) {
        let nanos = u64::try_from(value.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(nanos)] += 1;
        self.total += 1;
        self.max = self.max.max(nanos);
    }

    /// The value that `share` of all values (0 to 1) do not exceed, in nanoseconds.
    fn quantile(&self, share: f64) -> u64 {
        let wanted = (share * self.total as f64).max(1.0);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen as f64 >= wanted {
                return middle(index).min(self.max);
            }
        }
        self.max
    }

    /// The figures of a report in microseconds; `null` when nothing was added.
    pub(crate) fn report(&self) -> Value {
        if self.total == 0 {
            return Value::Null;
        }
        let micros = |share| self.quantile(share) as f64 / 1e3;
        json!({
            "count": self.total,
            "p50_us": micros(0.5),
            "p90_us": micros(0.9),
            "p99_us": micros(0.99),
            "max_us": self.max as f64 / 1e3,
        })
    }
}

/// How far the slices of this value's power of two are shifted.
fn bucket(value: u64) -> usize {
    let shift = (u64::BITS - value.leading_zeros()).saturating_sub(SLICE_BITS + 1);
    let slice = value >> shift;
    // The top slice bit is set from the second power on; it advances by one block.
    usize::try_from(u64::from(shift) * SLICES as u64 + slice).unwrap_or(BUCKETS - 1)
}

fn middle(index: usize) -> u64 {
    let shift = (index / SLICES).saturating_sub(1);
    let slice = index - shift * SLICES;
    let width = 1_u64 << shift;
    (slice as u64 * width).saturating_add(width / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_within_one_per_cent_of_its_bucket() {
        let powers = (0..64).map(|bit| 1_u64 << bit);
        for value in powers.flat_map(|power| [power - 1, power, power + power / 3]) {
            let shown = middle(bucket(value));
            let off = shown.abs_diff(value);
            assert!(off <= value / 100, "{value} became {shown}");
        }
        assert!(bucket(u64::MAX) < BUCKETS);
    }

    #[test]
    fn buckets_follow_each_other() {
        let mut last = 0;
        for value in 0..100_000 {
            let next = bucket(value);
            assert!(next == last || next == last + 1, "{value}");
            last = next;
        }
    }

    #[test]
    fn quantiles_of_a_line() {
        let mut histogram = Histogram::new();
        for micros in 1..=1000 {
            histogram.add(Duration::from_micros(micros));
        }
        let near = |share, micros: u64| {
            let nanos = micros * 1000;
            histogram.quantile(share).abs_diff(nanos) <= nanos / 100
        };
        assert!(near(0.5, 500) && near(0.99, 990) && near(1.0, 1000));
    }

    #[test]
    fn nothing_added_is_nothing_reported() {
        assert_eq!(Histogram::new().report(), Value::Null);
    }
}
