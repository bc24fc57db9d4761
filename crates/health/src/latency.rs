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

    /// Seconds, `None` before the first answer. Without new answers it fades towards nothing, so that a target which was slow
    /// once is tried again.
    pub(crate) fn seconds(&self, now: Duration, decay: Duration) -> Option<f64> {
        let faded = weight(now.saturating_sub(self.updated), decay);
        self.average.map(|average| average * faded)
    }

    /// The average as it was at the last answer.
    pub(crate) fn measured(&self) -> Option<Duration> {
        self.average.map(Duration::from_secs_f64)
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
        assert_eq!(latency.seconds(at(0), DECAY), None);
        latency.record(Duration::from_millis(100), at(0), DECAY);
        latency.record(Duration::from_secs(4), at(1), DECAY);
        assert!((latency.seconds(at(1), DECAY).unwrap() - 4.0).abs() < 1e-9);
        latency.record(Duration::from_millis(100), at(2), DECAY);
        let after = latency.seconds(at(2), DECAY).unwrap();
        assert!(after > 3.0 && after < 4.0, "{after}");
        for second in 3..60 {
            latency.record(Duration::from_millis(100), at(second), DECAY);
        }
        assert!(latency.seconds(at(59), DECAY).unwrap() < 0.2);
    }

    #[test]
    fn without_answers_it_fades() {
        let mut latency = Latency::default();
        latency.record(Duration::from_secs(8), at(0), DECAY);
        assert!(latency.seconds(at(60), DECAY).unwrap() < 0.05);
        assert_eq!(latency.measured(), Some(Duration::from_secs(8)));
    }
}
