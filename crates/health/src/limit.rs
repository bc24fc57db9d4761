//! How many calls a target takes at one time.

/// Additive increase, multiplicative decrease. Nothing limits a target until it says that it has too much.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limit {
    /// `None` until the first sign of overload.
    most: Option<f64>,
}

impl Limit {
    /// However overloaded, so many may try.
    const LEAST: f64 = 4.0;
    /// What is left of the present load after a sign of overload, as in TCP's later congestion controls.
    const DECREASE: f64 = 0.7;
    /// A limit that has grown this far limits nothing.
    const ENOUGH: f64 = 10_000.0;

    pub(crate) fn has_room(&self, in_flight: u32) -> bool {
        self.most.is_none_or(|most| f64::from(in_flight) < most)
    }

    pub(crate) fn overloaded(&mut self, in_flight: u32) {
        let present = self.most.map_or_else(
            || f64::from(in_flight),
            |most| most.min(f64::from(in_flight)),
        );
        self.most = Some((present * Self::DECREASE).max(Self::LEAST));
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
    pub(crate) fn most(&self) -> Option<f64> {
        self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_comes_with_the_first_overload_and_goes_when_all_is_well() {
        let mut limit = Limit::default();
        assert!(limit.has_room(1_000_000));
        limit.overloaded(100);
        assert!(limit.has_room(69) && !limit.has_room(70));
        for _ in 0..71 {
            limit.succeeded(70);
        }
        assert!(limit.has_room(70) && !limit.has_room(72));
        for _ in 0..50 {
            limit.overloaded(70);
        }
        assert!(limit.has_room(3) && !limit.has_room(4));
    }

    #[test]
    fn an_idle_target_does_not_earn_more_room() {
        let mut limit = Limit::default();
        limit.overloaded(100);
        for _ in 0..1000 {
            limit.succeeded(1);
        }
        assert!(!limit.has_room(70));
    }
}
