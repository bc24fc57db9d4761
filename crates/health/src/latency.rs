//! How long a target takes.

use std::time::Duration;

/// Peak-EWMA: a slow answer counts at once, a fast one only by and by, so that a target that gets slower is left alone
/// quickly. The measure is Finagle's and linkerd2-proxy's, with the latter's decay of 10 s.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Latency {
    /// Seconds; `None` before the first answer.
    average: Option<f64>,
    updated: Duration,
}

impl Latency {
    /// Seconds before the first answer, less than models take: so a new target is tried before others, and yet is not
    /// sent everything while its first answers are on their way.
    const UNKNOWN: f64 = 0.1;

    pub(crate) fn record(&mut self, took: Duration, now: Duration, decay: Duration) {
        let took = took.as_secs_f64();
        let average = match self.average {
            Some(average) if took < average => {
                let weight = weight(now.saturating_sub(self.updated), decay);
                average.mul_add(weight, took * (1.0 - weight))
            }
            _ => took,
        };
        self.average = Some(average);
        self.updated = self.updated.max(now);
    }

    /// Seconds. Without new answers it fades towards [`Self::UNKNOWN`], so that a target which was slow once is tried again.
    pub(crate) fn seconds(&self, now: Duration, decay: Duration) -> f64 {
        let Some(average) = self.average else {
            return Self::UNKNOWN;
        };
        let faded = average * weight(now.saturating_sub(self.updated), decay);
        faded.max(average.min(Self::UNKNOWN))
    }

    /// The average as it was at the last answer.
    pub(crate) fn measured(&self) -> Option<Duration> {
        let seconds = self.average?;
        Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }
}

/// How much of the past is left after this time.
fn weight(passed: Duration, decay: Duration) -> f64 {
    (-passed.as_secs_f64() / decay.as_secs_f64().max(1e-3)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECAY: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_slow_answer_counts_at_once_and_a_fast_one_by_and_by() {
        let mut latency = Latency::default();
        assert!((latency.seconds(at(0), DECAY) - Latency::UNKNOWN).abs() < 1e-9);
        latency.record(Duration::from_millis(100), at(0), DECAY);
        latency.record(Duration::from_secs(4), at(1), DECAY);
        assert!((latency.seconds(at(1), DECAY) - 4.0).abs() < 1e-9);
        latency.record(Duration::from_millis(100), at(2), DECAY);
        let after = latency.seconds(at(2), DECAY);
        assert!(after > 3.0 && after < 4.0, "{after}");
        for second in 3..60 {
            latency.record(Duration::from_millis(100), at(second), DECAY);
        }
        assert!(latency.seconds(at(59), DECAY) < 0.2);
    }

    #[test]
    fn without_answers_it_fades() {
        let mut latency = Latency::default();
        latency.record(Duration::from_secs(8), at(0), DECAY);
        let faded = latency.seconds(at(600), DECAY);
        assert!((faded - Latency::UNKNOWN).abs() < 1e-9, "{faded}");
        assert_eq!(latency.measured(), Some(Duration::from_secs(8)));
    }

    #[test]
    fn a_fast_target_does_not_get_slower_by_being_left_alone() {
        let mut latency = Latency::default();
        latency.record(Duration::from_millis(20), at(0), DECAY);
        assert!((latency.seconds(at(600), DECAY) - 0.02).abs() < 1e-9);
    }

    #[test]
    fn the_longest_times_harm_nothing() {
        let mut latency = Latency::default();
        latency.record(Duration::MAX, Duration::MAX, Duration::ZERO);
        assert_eq!(latency.measured(), Some(Duration::MAX));
    }
}
