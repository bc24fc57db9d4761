//! The circuit breaker: closed passes, open refuses, half-open probes.

use std::time::Duration;

use crate::window::Window;

/// When a breaker opens, and for how long.
///
/// The defaults are Envoy's for outlier ejection (its `outlier_detection.proto`) where it has one: five failures in a row,
/// 30 s times the number of ejections, 300 s at most. The share of failures is for targets that fail often but never
/// five times in a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerPolicy {
    /// Failures in a row that open it.
    pub failures_in_a_row: u32,
    /// The share of failures that opens it, 0 to 1, once there are `min_results` within `window`.
    pub failure_share: f64,
    /// Results below which the share says nothing.
    pub min_results: u32,
    /// How far back the share looks.
    pub window: Duration,
    /// How long it stays open the first time; n times as long the n-th time.
    pub rest: Duration,
    /// The longest that it stays open.
    pub max_rest: Duration,
    /// By how much a rest is longer or shorter by chance, as a share: so that instances do not come back together.
    pub jitter: f64,
    /// How long a target that came back gets less than its share.
    pub slow_start: Duration,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self {
            failures_in_a_row: 5,
            failure_share: 0.5,
            min_results: 20,
            window: Duration::from_secs(10),
            rest: Duration::from_secs(30),
            max_rest: Duration::from_secs(300),
            jitter: 0.2,
            slow_start: Duration::from_secs(30),
        }
    }
}

/// What a breaker does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls pass.
    Closed,
    /// Calls are refused until then.
    Open {
        /// When the next probe is let through.
        until: Duration,
    },
    /// One call at a time is let through to see.
    HalfOpen,
}

#[derive(Clone, Copy, Debug)]
enum Position {
    /// Closed; since when, if it had been open before.
    Closed {
        since: Option<Duration>,
    },
    Open {
        until: Duration,
    },
    /// The rest is over and one call is on its way.
    Probing,
}

/// One target's breaker.
#[derive(Clone, Debug)]
pub(crate) struct Breaker {
    position: Position,
    in_a_row: u32,
    window: Window,
    /// How often it opened, less one for every rest's length that went well.
    ejections: u32,
    healthy_since: Duration,
}

impl Breaker {
    pub(crate) fn new(policy: &BreakerPolicy) -> Self {
        Self {
            position: Position::Closed { since: None },
            in_a_row: 0,
            window: Window::new(policy.window),
            ejections: 0,
            healthy_since: Duration::ZERO,
        }
    }

    pub(crate) fn state(&self, now: Duration) -> BreakerState {
        match self.position {
            Position::Closed { .. } => BreakerState::Closed,
            Position::Open { until } if now < until => BreakerState::Open { until },
            Position::Open { .. } | Position::Probing => BreakerState::HalfOpen,
        }
    }

    /// Whether a probe is on its way.
    pub(crate) const fn is_probing(&self) -> bool {
        matches!(self.position, Position::Probing)
    }

    /// Whether a call may pass. Half-open, the first that asks is the probe.
    pub(crate) fn admit(&mut self, now: Duration) -> bool {
        match self.position {
            Position::Closed { .. } => true,
            Position::Open { until } if now < until => false,
            Position::Open { .. } => {
                self.position = Position::Probing;
                true
            }
            Position::Probing => false,
        }
    }

    /// The probe ended without telling anything: the next call is the probe.
    pub(crate) fn give_back(&mut self, now: Duration) {
        if matches!(self.position, Position::Probing) {
            self.position = Position::Open { until: now };
        }
    }

    /// Which share of its calls a target should get: less than 1 for a while after it came back.
    pub(crate) fn share(&self, policy: &BreakerPolicy, now: Duration) -> f64 {
        match self.position {
            Position::Closed { since: Some(since) } if !policy.slow_start.is_zero() => {
                let passed = now.saturating_sub(since).as_secs_f64();
                // A target without any share would never show that it is well.
                (passed / policy.slow_start.as_secs_f64()).clamp(0.1, 1.0)
            }
            _ => 1.0,
        }
    }

    pub(crate) fn succeeded(&mut self, policy: &BreakerPolicy, now: Duration) {
        self.in_a_row = 0;
        self.window.add(now, 1.0, 0.0);
        match self.position {
            Position::Closed { .. } => self.forgive(policy, now),
            // An answer to a call from before it opened says nothing of now.
            Position::Open { until } if now < until => {}
            Position::Open { .. } | Position::Probing => {
                self.position = Position::Closed { since: Some(now) };
                self.healthy_since = now;
                self.window.clear();
            }
        }
    }

    /// `draw` is chance, 0 to 1, for the length of the rest.
    pub(crate) fn failed(&mut self, policy: &BreakerPolicy, now: Duration, draw: f64) {
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.window.add(now, 0.0, 1.0);
        let opens = match self.position {
            Position::Closed { .. } => self.is_too_much(policy, now),
            Position::Probing => true,
            // What fails while it is open was sent before, or as the last resort.
            Position::Open { until } => now >= until,
        };
        if opens {
            self.ejections = self.ejections.saturating_add(1);
            let rest = policy
                .rest
                .saturating_mul(self.ejections)
                .min(policy.max_rest);
            let jitter = (draw * 2.0 - 1.0).mul_add(policy.jitter, 1.0);
            self.position = Position::Open {
                until: now + rest.mul_f64(jitter.max(0.0)),
            };
        }
    }

    fn is_too_much(&mut self, policy: &BreakerPolicy, now: Duration) -> bool {
        let counts = self.window.counts(now);
        let all = counts.good + counts.bad;
        self.in_a_row >= policy.failures_in_a_row
            || (all >= f64::from(policy.min_results) && counts.bad >= all * policy.failure_share)
    }

    /// A target that has been well for as long as its rest was is remembered as that much less bad.
    fn forgive(&mut self, policy: &BreakerPolicy, now: Duration) {
        if self.ejections > 0 && now.saturating_sub(self.healthy_since) >= policy.rest {
            self.ejections -= 1;
            self.healthy_since = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: fn() -> BreakerPolicy = BreakerPolicy::default;
    /// No jitter.
    const EVEN: f64 = 0.5;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn opened(now: Duration) -> Breaker {
        let mut breaker = Breaker::new(&POLICY());
        for _ in 0..5 {
            breaker.failed(&POLICY(), now, EVEN);
        }
        breaker
    }

    #[test]
    fn it_opens_at_the_fifth_failure_in_a_row() {
        let mut breaker = Breaker::new(&POLICY());
        for _ in 0..4 {
            breaker.failed(&POLICY(), at(100), EVEN);
        }
        breaker.succeeded(&POLICY(), at(100));
        breaker.failed(&POLICY(), at(100), EVEN);
        assert!(breaker.admit(at(100)));
        assert_eq!(
            opened(at(100)).state(at(129)),
            BreakerState::Open { until: at(130) }
        );
    }

    #[test]
    fn it_opens_when_half_of_enough_results_are_failures() {
        let mut breaker = Breaker::new(&POLICY());
        for _ in 0..10 {
            breaker.succeeded(&POLICY(), at(100));
            assert_eq!(breaker.state(at(100)), BreakerState::Closed);
            breaker.failed(&POLICY(), at(100), EVEN);
        }
        assert!(matches!(breaker.state(at(100)), BreakerState::Open { .. }));
    }

    #[test]
    fn half_open_lets_one_through_and_its_outcome_decides() {
        let mut breaker = opened(at(100));
        assert!(!breaker.admit(at(129)));
        assert!(breaker.admit(at(130)) && !breaker.admit(at(130)));
        breaker.failed(&POLICY(), at(131), EVEN);
        // The second rest is twice as long.
        assert_eq!(
            breaker.state(at(190)),
            BreakerState::Open { until: at(191) }
        );
        assert!(breaker.admit(at(191)));
        breaker.succeeded(&POLICY(), at(192));
        assert_eq!(breaker.state(at(192)), BreakerState::Closed);
    }

    #[test]
    fn a_probe_that_tells_nothing_is_given_back() {
        let mut breaker = opened(at(100));
        assert!(breaker.admit(at(130)));
        breaker.give_back(at(131));
        assert!(breaker.admit(at(131)));
    }

    #[test]
    fn late_answers_do_not_close_it_and_late_failures_do_not_prolong_the_rest() {
        let mut breaker = opened(at(100));
        breaker.succeeded(&POLICY(), at(101));
        breaker.failed(&POLICY(), at(102), EVEN);
        assert_eq!(
            breaker.state(at(103)),
            BreakerState::Open { until: at(130) }
        );
    }

    #[test]
    fn a_target_that_came_back_starts_slowly() {
        let mut breaker = opened(at(100));
        breaker.admit(at(130));
        breaker.succeeded(&POLICY(), at(130));
        let share = |seconds| breaker.share(&POLICY(), at(seconds));
        assert!((share(130) - 0.1).abs() < 1e-9);
        assert!((share(145) - 0.5).abs() < 1e-9);
        assert!((share(160) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn rests_grow_to_the_longest_and_are_forgiven() {
        let mut breaker = opened(at(0));
        let mut now = at(30);
        for _ in 0..20 {
            breaker.admit(now);
            breaker.failed(&POLICY(), now, EVEN);
            let BreakerState::Open { until } = breaker.state(now) else {
                panic!("it must be open");
            };
            assert!(until - now <= at(300));
            now = until;
        }
        breaker.admit(now);
        for step in 0..40 {
            breaker.succeeded(&POLICY(), now + at(30 * step));
        }
        assert_eq!(breaker.ejections, 0);
    }

    #[test]
    fn jitter_stays_within_its_share() {
        for (draw, seconds) in [(0.0, 24.0), (0.5, 30.0), (1.0, 36.0)] {
            let mut breaker = Breaker::new(&POLICY());
            for _ in 0..5 {
                breaker.failed(&POLICY(), at(0), draw);
            }
            let BreakerState::Open { until } = breaker.state(at(0)) else {
                panic!("it must be open");
            };
            assert!((until.as_secs_f64() - seconds).abs() < 1e-6);
        }
    }
}
