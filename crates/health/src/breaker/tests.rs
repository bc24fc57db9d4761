//! When it opens, closes and lets one through.

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
