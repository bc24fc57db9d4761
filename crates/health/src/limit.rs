//! How many calls a target takes at one time.

use std::time::Duration;

/// Additive increase, multiplicative decrease. Nothing limits a target until it says that it has too much.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limit {
    /// `None` until the first sign of overload.
    most: Option<f64>,
    /// So many were too many when the latest sign came.
    too_many: f64,
    /// For how long after that as many are not tried again.
    hold: Duration,
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
    /// For so long after a sign, as many as were too many are not tried again: each try costs a refusal, and mostly a pause of
    /// the whole target. CUBIC, too, stays a while where it was last well. Doubles each time the same number is too many.
    const HOLD: Duration = Duration::from_secs(15);
    /// But not beyond this.
    const LONGEST_HOLD: Duration = Duration::from_secs(120);
    /// So far apart two numbers are the same: load is counted while calls come and go.
    const SAME: f64 = 1.5;
    /// A limit says nothing any more when no sign of overload came for this long: a target that has little to do would
    /// never grow out of it.
    const MEMORY: Duration = Duration::from_secs(300);

    pub(crate) fn has_room(&self, in_flight: u32, now: Duration) -> bool {
        self.most(now)
            .is_none_or(|most| f64::from(in_flight) + 1.0 <= most)
    }

    pub(crate) fn overloaded(&mut self, in_flight: u32, now: Duration) {
        let load = f64::from(in_flight);
        if self.holds(now) {
            self.too_many = self.too_many.min(load);
        } else {
            let same = self.most.is_some() && (load - self.too_many).abs() < Self::SAME;
            self.hold = if same {
                self.hold.saturating_mul(2).min(Self::LONGEST_HOLD)
            } else {
                Self::HOLD
            };
            self.too_many = load;
        }
        let present = self.most(now).map_or(load, |most| most.min(load));
        self.most = Some((present * Self::DECREASE).max(Self::LEAST));
        self.since = now;
    }

    /// Grows by one for as many successes as there are places, and only while the places are used.
    pub(crate) fn succeeded(&mut self, in_flight: u32, now: Duration) {
        let Some(most) = self.most else {
            return;
        };
        let grown = most + 1.0 / most;
        let again_too_many = self.holds(now) && grown >= self.too_many;
        if f64::from(in_flight) * 2.0 >= most && !again_too_many {
            self.most = (grown < Self::ENOUGH).then_some(grown);
        }
    }

    /// Whether the latest sign is still fresh.
    fn holds(&self, now: Duration) -> bool {
        self.most.is_some() && now.saturating_sub(self.since) < self.hold
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
            limit.succeeded(70, NOW);
        }
        assert!(limit.has_room(70, NOW) && !limit.has_room(72, NOW));
        for _ in 0..50 {
            limit.overloaded(70, NOW);
        }
        assert!(limit.has_room(3, NOW) && !limit.has_room(4, NOW));
    }

    /// How many are let in at most while the target is used as much as it may be.
    fn grown(limit: &mut Limit, now: Duration) -> u32 {
        for _ in 0..1_000 {
            let most = (0..200)
                .take_while(|load| limit.has_room(*load, now))
                .count();
            limit.succeeded(u32::try_from(most).unwrap(), now);
        }
        u32::try_from(
            (0..200)
                .take_while(|load| limit.has_room(*load, now))
                .count(),
        )
        .unwrap()
    }

    #[test]
    fn what_was_too_much_is_not_tried_again_for_a_while_and_then_for_longer() {
        let mut limit = Limit::default();
        let mut now = NOW;
        limit.overloaded(9, now);
        for hold in [15, 30, 60, 120, 120] {
            let hold = Duration::from_secs(hold);
            let just = now + hold - Duration::from_millis(1);
            assert_eq!(grown(&mut limit, just), 8, "{hold:?}");
            assert!(grown(&mut limit, now + hold) > 9);
            now += hold;
            limit.overloaded(9, now);
        }
        // It takes less than before.
        now += Limit::LONGEST_HOLD;
        limit.overloaded(6, now);
        assert_eq!(grown(&mut limit, now + Limit::HOLD / 2), 5);
        assert!(grown(&mut limit, now + Limit::HOLD) > 6);
    }

    #[test]
    fn a_crowd_of_refusals_shows_what_is_too_much() {
        let mut limit = Limit::default();
        for load in (9..=20).rev() {
            limit.overloaded(load, NOW);
        }
        assert_eq!(grown(&mut limit, NOW), 8);
    }

    #[test]
    fn an_idle_target_does_not_earn_more_room() {
        let mut limit = Limit::default();
        limit.overloaded(100, NOW);
        for _ in 0..1000 {
            limit.succeeded(1, NOW);
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
