//! Chance, all of it from one seed.

use std::time::Duration;

use orchestra_types::{Rng, SeededRng};

/// Draws from one sequence.
#[derive(Debug)]
pub(crate) struct Dice(SeededRng);

impl Dice {
    /// A sequence of its own for each purpose, so that one more draw here changes nothing there.
    pub(crate) fn new(seed: u64, purpose: u64) -> Self {
        let mixed = SeededRng::new(seed ^ purpose.rotate_left(32)).next_u64();
        Self(SeededRng::new(mixed))
    }

    /// From 0 up to, but not including, 1.
    pub(crate) fn unit(&self) -> f64 {
        let upper = u32::try_from(self.0.next_u64() >> 32).unwrap_or(u32::MAX);
        f64::from(upper) / 4_294_967_296.0
    }

    pub(crate) fn chance(&self, share: f64) -> bool {
        self.unit() < share
    }

    /// From `least` to `most`, both included.
    pub(crate) fn between(&self, least: u32, most: u32) -> u32 {
        let span = u64::from(most.saturating_sub(least)) + 1;
        let above = u32::try_from(self.0.next_u64() % span).unwrap_or(0);
        least.saturating_add(above)
    }

    /// The time to the next of events that are independent of each other, `mean` apart.
    pub(crate) fn gap(&self, mean: Duration) -> Duration {
        // 1 - unit is never 0.
        let seconds = mean.as_secs_f64() * -(1.0 - self.unit()).ln();
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// Log-normal, cut at 20 times the median: the rare answer that takes for ever is an outage's affair.
    pub(crate) fn latency(&self, median: Duration, sigma: f64) -> Duration {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * self.unit()).cos();
        median.mul_f64((sigma * normal).exp().min(20.0))
    }

    pub(crate) fn seconds(&self, least: u32, most: u32) -> Duration {
        Duration::from_secs(u64::from(self.between(least, most)))
    }

    pub(crate) fn pick<'c, T>(&self, choices: &'c [T]) -> &'c T {
        let last = u32::try_from(choices.len().saturating_sub(1)).unwrap_or(0);
        &choices[usize::try_from(self.between(0, last)).unwrap_or(0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_spread_as_they_should_be() {
        let dice = Dice::new(1, 2);
        let draws = 20_000;
        let mean =
            |draw: &dyn Fn() -> f64| (0..draws).map(|_| draw()).sum::<f64>() / f64::from(draws);
        assert!((mean(&|| dice.unit()) - 0.5).abs() < 0.01);
        assert!((mean(&|| f64::from(dice.between(3, 5))) - 4.0).abs() < 0.02);
        let second = Duration::from_secs(1);
        assert!((mean(&|| dice.gap(second).as_secs_f64()) - 1.0).abs() < 0.03);
        let above = (0..draws)
            .filter(|_| dice.latency(second, 0.5) > second)
            .count();
        assert!((9_700..10_300).contains(&above), "{above}");
    }

    #[test]
    fn purposes_draw_apart() {
        let draw = |purpose| Dice::new(7, purpose).between(0, u32::MAX);
        assert_ne!(draw(1), draw(2));
        assert_eq!(draw(1), draw(1));
    }
}
