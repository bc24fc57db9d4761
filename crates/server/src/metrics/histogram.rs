//! How long things take.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::text::{Label, Text};

/// Buckets of one histogram, without the last one that takes everything.
const BUCKETS: usize = 16;

/// Upper ends of buckets: what they are, and how they are written.
#[derive(Debug)]
pub(super) struct Bounds([(Duration, &'static str); BUCKETS]);

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn us(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// For calls and attempts: from what a cache answers up to the longest call that is allowed by default.
pub(super) static CALLS: Bounds = Bounds([
    (ms(5), "0.005"),
    (ms(10), "0.01"),
    (ms(25), "0.025"),
    (ms(50), "0.05"),
    (ms(100), "0.1"),
    (ms(250), "0.25"),
    (ms(500), "0.5"),
    (ms(1_000), "1"),
    (ms(2_500), "2.5"),
    (ms(5_000), "5"),
    (ms(10_000), "10"),
    (ms(30_000), "30"),
    (ms(60_000), "60"),
    (ms(120_000), "120"),
    (ms(300_000), "300"),
    (ms(600_000), "600"),
]);

/// For the gateway's own work.
pub(super) static OWN_WORK: Bounds = Bounds([
    (us(25), "0.000025"),
    (us(50), "0.00005"),
    (us(100), "0.0001"),
    (us(250), "0.00025"),
    (us(500), "0.0005"),
    (us(1_000), "0.001"),
    (us(2_500), "0.0025"),
    (us(5_000), "0.005"),
    (ms(10), "0.01"),
    (ms(25), "0.025"),
    (ms(50), "0.05"),
    (ms(100), "0.1"),
    (ms(250), "0.25"),
    (ms(500), "0.5"),
    (ms(1_000), "1"),
    (ms(5_000), "5"),
]);

/// Counts durations by bucket. Writing is two additions to atomics.
#[derive(Debug)]
pub(super) struct Histogram {
    bounds: &'static Bounds,
    /// Not cumulative; the last one is beyond all bounds.
    buckets: [AtomicU64; BUCKETS + 1],
    sum_us: AtomicU64,
}

impl Histogram {
    pub(super) const fn new(bounds: &'static Bounds) -> Self {
        Self {
            bounds,
            buckets: [const { AtomicU64::new(0) }; BUCKETS + 1],
            sum_us: AtomicU64::new(0),
        }
    }

    pub(super) fn observe(&self, took: Duration) {
        let bucket = self.bounds.0.partition_point(|(bound, _)| *bound < took);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        // To the nearest microsecond, so that short times do not vanish from the sum.
        let micros = (took + Duration::from_nanos(500)).as_micros();
        let micros = u64::try_from(micros).unwrap_or(u64::MAX);
        self.sum_us.fetch_add(micros, Ordering::Relaxed);
    }

    /// Writes it. One of several that have labels is left out as long as nothing was observed.
    pub(super) fn write(&self, text: &mut Text, name: &str, labels: &[Label<'_>]) {
        let counts = self.buckets.each_ref().map(|n| n.load(Ordering::Relaxed));
        if !labels.is_empty() && counts.iter().all(|count| *count == 0) {
            return;
        }
        let bucket = format!("{name}_bucket");
        let ends = self.bounds.0.iter().map(|(_, end)| *end).chain(["+Inf"]);
        let mut so_far: u64 = 0;
        for (end, count) in ends.zip(counts) {
            so_far = so_far.saturating_add(count);
            let labels: Vec<Label<'_>> = labels.iter().copied().chain([("le", end)]).collect();
            text.sample(&bucket, &labels, so_far);
        }
        let sum = Duration::from_micros(self.sum_us.load(Ordering::Relaxed));
        text.sample(&format!("{name}_sum"), labels, sum.as_secs_f64());
        text.sample(&format!("{name}_count"), labels, so_far);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_rise_and_are_written_as_they_are() {
        for bounds in [&CALLS, &OWN_WORK] {
            assert!(bounds.0.is_sorted_by(|(a, _), (b, _)| a < b));
            for (bound, written) in &bounds.0 {
                let seconds: f64 = written.parse().unwrap();
                assert!((bound.as_secs_f64() - seconds).abs() < 1e-12, "{written}");
            }
        }
    }

    #[test]
    fn a_time_on_a_bound_is_within_it() {
        let histogram = Histogram::new(&CALLS);
        for took in [ms(0), ms(5), us(5_001), ms(600_000), ms(600_001)] {
            histogram.observe(took);
        }
        let counts = histogram
            .buckets
            .each_ref()
            .map(|n| n.load(Ordering::Relaxed));
        assert_eq!((counts[0], counts[1], counts[15], counts[16]), (2, 1, 1, 1));
        let mut text = Text::default();
        histogram.write(&mut text, "t", &[("a", "b")]);
        let text = text.finish();
        assert!(
            text.contains("t_bucket{a=\"b\",le=\"600\"} 4\nt_bucket{a=\"b\",le=\"+Inf\"} 5\n"),
            "{text}"
        );
        assert!(
            text.ends_with("t_sum{a=\"b\"} 1200.011001\nt_count{a=\"b\"} 5\n"),
            "{text}"
        );
    }
}
