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
    /// How often it opened, ever. What was sent before the latest opening says nothing of the time after it: an answer
    /// may take minutes.
    openings: u64,
    healthy_since: Duration,
}

impl Breaker {
    pub(crate) fn new(policy: &BreakerPolicy) -> Self {
        Self {
            position: Position::Closed { since: None },
            in_a_row: 0,
            window: Window::new(policy.window),
            ejections: 0,
            openings: 0,
            healthy_since: Duration::ZERO,
        }
    }

    /// What an attempt that begins now must remember, to be heard when it ends.
    pub(crate) const fn openings(&self) -> u64 {
        self.openings
    }

    pub(crate) fn state(&self, now: Duration) -> BreakerState {
        match self.position {
            Position::Closed { .. } => BreakerState::Closed,
            Position::Open { until } if now < until => BreakerState::Open { until },
            Position::Open { .. } | Position::Probing => BreakerState::HalfOpen,
        }
    }

    /// Whether it is closed and nothing in its past still counts.
    pub(crate) fn is_like_new(&self, now: Duration) -> bool {
        let counts = self.window.counts(now);
        matches!(self.position, Position::Closed { .. }) && self.ejections == 0 && counts.bad == 0.0
    }

    /// Whether a probe is on its way.
    pub(crate) const fn is_probing(&self) -> bool {
        matches!(self.position, Position::Probing)
    }

    /// Takes the place of the probe, if it is time for one; whether it did.
    pub(crate) fn take_probe(&mut self, now: Duration) -> bool {
        let due = matches!(self.position, Position::Open { until } if now >= until);
        if due {
            self.position = Position::Probing;
        }
        due
    }

    /// The probe has nothing more to tell for now: the next call is the probe.
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

    /// An attempt that began after `openings` went well.
    pub(crate) fn succeeded(&mut self, policy: &BreakerPolicy, openings: u64, now: Duration) {
        if openings != self.openings {
            return;
        }
        self.in_a_row = 0;
        self.window.add(now, 1.0, 0.0);
        match self.position {
            Position::Closed { .. } => self.forgive(policy, now),
            // The probe, or an attempt that was made as the last resort: the target is back.
            Position::Open { .. } | Position::Probing => {
                self.position = Position::Closed { since: Some(now) };
                self.healthy_since = now;
                self.window.clear();
            }
        }
    }

    /// An attempt that began after `openings` failed. `draw` is chance, 0 to 1, for the length of the rest.
    pub(crate) fn failed(
        &mut self,
        policy: &BreakerPolicy,
        openings: u64,
        now: Duration,
        draw: f64,
    ) {
        if openings != self.openings {
            return;
        }
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.window.add(now, 0.0, 1.0);
        let opens = match self.position {
            Position::Closed { .. } => self.is_too_much(policy, now),
            Position::Probing => true,
            // What fails earlier was sent as the last resort, and does not prolong the rest.
            Position::Open { until } => now >= until,
        };
        if opens {
            self.open(policy, now, draw);
        }
    }

    fn open(&mut self, policy: &BreakerPolicy, now: Duration, draw: f64) {
        self.openings = self.openings.saturating_add(1);
        self.ejections = self.ejections.saturating_add(1);
        let rest = policy
            .rest
            .saturating_mul(self.ejections)
            .min(policy.max_rest);
        let jitter = (draw.clamp(0.0, 1.0) * 2.0 - 1.0).mul_add(policy.jitter, 1.0);
        let seconds = rest.as_secs_f64() * jitter.max(0.0);
        let rest = Duration::try_from_secs_f64(seconds).unwrap_or(policy.max_rest);
        self.position = Position::Open {
            until: now.saturating_add(rest),
        };
    }

    fn is_too_much(&self, policy: &BreakerPolicy, now: Duration) -> bool {
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

    /// An attempt that begins and fails now.
    fn fail(breaker: &mut Breaker, now: Duration, draw: f64) {
        breaker.failed(&POLICY(), breaker.openings(), now, draw);
    }

    /// An attempt that begins and goes well now.
    fn succeed(breaker: &mut Breaker, now: Duration) {
        breaker.succeeded(&POLICY(), breaker.openings(), now);
    }

    fn opened(now: Duration) -> Breaker {
        let mut breaker = Breaker::new(&POLICY());
        for _ in 0..5 {
            fail(&mut breaker, now, EVEN);
        }
        breaker
    }

    #[test]
    fn it_opens_at_the_fifth_failure_in_a_row() {
        let mut breaker = Breaker::new(&POLICY());
        for _ in 0..4 {
            fail(&mut breaker, at(100), EVEN);
        }
        succeed(&mut breaker, at(100));
        fail(&mut breaker, at(100), EVEN);
        assert_eq!(breaker.state(at(100)), BreakerState::Closed);
        assert_eq!(
            opened(at(100)).state(at(129)),
            BreakerState::Open { until: at(130) }
        );
    }

    #[test]
    fn it_opens_when_half_of_enough_results_are_failures() {
        let mut breaker = Breaker::new(&POLICY());
        for _ in 0..10 {
            succeed(&mut breaker, at(100));
            assert_eq!(breaker.state(at(100)), BreakerState::Closed);
            fail(&mut breaker, at(100), EVEN);
        }
        assert!(matches!(breaker.state(at(100)), BreakerState::Open { .. }));
    }

    #[test]
    fn half_open_lets_one_through_and_its_outcome_decides() {
        let mut breaker = opened(at(100));
        assert!(!breaker.take_probe(at(129)));
        assert!(breaker.take_probe(at(130)) && !breaker.take_probe(at(130)));
        fail(&mut breaker, at(131), EVEN);
        // The second rest is twice as long.
        assert_eq!(
            breaker.state(at(190)),
            BreakerState::Open { until: at(191) }
        );
        assert!(breaker.take_probe(at(191)));
        succeed(&mut breaker, at(192));
        assert_eq!(breaker.state(at(192)), BreakerState::Closed);
    }

    #[test]
    fn a_probe_that_tells_nothing_is_given_back() {
        let mut breaker = opened(at(100));
        assert!(breaker.take_probe(at(130)));
        breaker.give_back(at(131));
        assert!(breaker.take_probe(at(131)));
    }

    #[test]
    fn what_was_sent_before_it_opened_is_not_heard() {
        let mut breaker = opened(at(100));
        let before = breaker.openings() - 1;
        for now in [at(101), at(131)] {
            breaker.succeeded(&POLICY(), before, now);
            breaker.failed(&POLICY(), before, now, EVEN);
            assert_eq!(
                breaker.state(at(103)),
                BreakerState::Open { until: at(130) }
            );
        }
        assert!(breaker.take_probe(at(132)));
        breaker.succeeded(&POLICY(), before, at(133));
        breaker.failed(&POLICY(), before, at(133), EVEN);
        assert!(breaker.is_probing(), "only the probe decides");
        succeed(&mut breaker, at(134));
        for _ in 0..9 {
            breaker.failed(&POLICY(), before, at(135), EVEN);
        }
        assert_eq!(breaker.state(at(135)), BreakerState::Closed);
    }

    #[test]
    fn the_last_resort_may_close_it_and_does_not_prolong_the_rest() {
        let mut breaker = opened(at(100));
        fail(&mut breaker, at(102), EVEN);
        assert_eq!(
            breaker.state(at(103)),
            BreakerState::Open { until: at(130) }
        );
        succeed(&mut breaker, at(104));
        assert_eq!(breaker.state(at(104)), BreakerState::Closed);
        assert!(breaker.share(&POLICY(), at(104)) < 0.2);
    }

    #[test]
    fn absurd_policies_and_draws_harm_nothing() {
        let policy = BreakerPolicy {
            rest: Duration::MAX,
            max_rest: Duration::MAX,
            jitter: f64::NAN,
            window: Duration::ZERO,
            ..POLICY()
        };
        for draw in [f64::NAN, f64::NEG_INFINITY, 2.0] {
            let mut breaker = Breaker::new(&policy);
            for _ in 0..5 {
                breaker.failed(&policy, 0, Duration::MAX, draw);
            }
            assert_eq!(breaker.openings(), 1);
        }
    }

    #[test]
    fn a_target_that_came_back_starts_slowly() {
        let mut breaker = opened(at(100));
        breaker.take_probe(at(130));
        succeed(&mut breaker, at(130));
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
            breaker.take_probe(now);
            fail(&mut breaker, now, EVEN);
            let BreakerState::Open { until } = breaker.state(now) else {
                panic!("it must be open");
            };
            assert!(until - now <= at(300));
            now = until;
        }
        breaker.take_probe(now);
        for step in 0..40 {
            succeed(&mut breaker, now + at(30 * step));
        }
        assert_eq!(breaker.ejections, 0);
    }

    #[test]
    fn jitter_stays_within_its_share() {
        for (draw, seconds) in [(0.0, 24.0), (0.5, 30.0), (1.0, 36.0)] {
            let mut breaker = Breaker::new(&POLICY());
            for _ in 0..5 {
                fail(&mut breaker, at(0), draw);
            }
            let BreakerState::Open { until } = breaker.state(at(0)) else {
                panic!("it must be open");
            };
            assert!((until.as_secs_f64() - seconds).abs() < 1e-6);
        }
    }
}
