//! How many calls a target takes at one time.

use std::time::Duration;

/// Additive increase, multiplicative decrease. Nothing limits a target until it says that it has too much.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limit {
    /// `None` until the first sign of overload.
    most: Option<f64>,
    /// When the latest sign came.
    since: Duration,
}

impl Limit {
    /// However overloaded, so many may try.
    const LEAST: f64 = 4.0;
    /// What is left of the present load after a sign of overload, as in TCP's later congestion controls.
    const DECREASE: f64 = 0.7;
    /// A limit that has grown this far limits nothing.
    const ENOUGH: f64 = 10_000.0;
    /// A limit says nothing any more when no sign of overload came for this long: a target that has little to do would
    /// never grow out of it.
    const MEMORY: Duration = Duration::from_secs(300);

    pub(crate) fn has_room(&self, in_flight: u32, now: Duration) -> bool {
        self.most(now)
            .is_none_or(|most| f64::from(in_flight) < most)
    }

    pub(crate) fn overloaded(&mut self, in_flight: u32, now: Duration) {
        let load = f64::from(in_flight);
        let present = self.most(now).map_or(load, |most| most.min(load));
        self.most = Some((present * Self::DECREASE).max(Self::LEAST));
        self.since = now;
    }

    /// Grows by one for as many successes as there are places, and only while the places are used.
    pub(crate) fn succeeded(&mut self, in_flight: u32) {
        let Some(most) = self.most else {
            return;
        };
        if f64::from(in_flight) * 2.0 >= most {
            let grown = most + 1.0 / most;
            self.most = (grown < Self::ENOUGH).then_some(grown);
        }
    }

    /// The most calls at one time, if there is a limit.
    pub(crate) fn most(&self, now: Duration) -> Option<f64> {
        self.most
            .filter(|_| now.saturating_sub(self.since) < Self::MEMORY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);

    #[test]
    fn a_limit_comes_with_the_first_overload_and_goes_when_all_is_well() {
        let mut limit = Limit::default();
        assert!(limit.has_room(1_000_000, NOW));
        limit.overloaded(100, NOW);
        assert!(limit.has_room(69, NOW) && !limit.has_room(70, NOW));
        for _ in 0..71 {
            limit.succeeded(70);
        }
        assert!(limit.has_room(70, NOW) && !limit.has_room(72, NOW));
        for _ in 0..50 {
            limit.overloaded(70, NOW);
        }
        assert!(limit.has_room(3, NOW) && !limit.has_room(4, NOW));
    }

    #[test]
    fn an_idle_target_does_not_earn_more_room() {
        let mut limit = Limit::default();
        limit.overloaded(100, NOW);
        for _ in 0..1000 {
            limit.succeeded(1);
        }
        assert!(!limit.has_room(70, NOW));
    }

    #[test]
    fn what_was_long_ago_limits_nothing() {
        let mut limit = Limit::default();
        limit.overloaded(100, NOW);
        let later = NOW + Limit::MEMORY;
        assert!(!limit.has_room(70, later - Duration::from_nanos(1)));
        assert!(limit.has_room(70, later));
        limit.overloaded(200, later);
        assert!(limit.has_room(139, later) && !limit.has_room(140, later));
    }
}
