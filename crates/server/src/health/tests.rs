//! What follows from what is known.

use std::time::Duration;

use orchestra_gateway::{KeyStanding, ProviderCheck, TargetReport};
use orchestra_health::{BreakerState, Out, OutReason, Report, Standing as TargetStanding};
use orchestra_types::{ModelId, ProviderId};

use super::probes::Probe;
use super::standing::{KeyCount, Standing, Status};
use super::tally::Tally;

const NOW: Duration = Duration::from_secs(10_000);

fn ago(seconds: u64) -> Duration {
    NOW - Duration::from_secs(seconds)
}

/// A target that succeeded five seconds ago.
fn well() -> Report {
    Report {
        standing: TargetStanding::Ready { share: 1.0 },
        breaker: BreakerState::Closed,
        in_flight: 1,
        waiting: 0,
        limit: None,
        latency: None,
        successes: 3,
        failures: 0,
        last_success: Some(ago(5)),
        last_failure: None,
    }
}

/// A target that failed five seconds ago.
fn failed(standing: TargetStanding, breaker: BreakerState) -> Report {
    Report {
        standing,
        breaker,
        failures: 5,
        last_failure: Some(ago(5)),
        last_success: None,
        ..well()
    }
}

fn out(reason: OutReason) -> Report {
    let until = NOW + Duration::from_secs(20);
    failed(
        TargetStanding::Out(Out { until, reason }),
        BreakerState::Open { until },
    )
}

fn standing(targets: &[Report], probe: Option<(u64, bool)>) -> Standing {
    let target = |report: &Report| TargetReport {
        model: ModelId::new("a-model"),
        key: None,
        report: report.clone(),
    };
    let targets: Vec<TargetReport> = targets.iter().map(target).collect();
    Standing {
        provider: ProviderId::new("openai").unwrap(),
        label: "OpenAI".to_owned(),
        is_portkey: false,
        status: Status::Healthy,
        reasons: Vec::new(),
        key_standing: KeyStanding::Ready,
        keys: KeyCount {
            count: 2,
            benched: 0,
        },
        key_reports: Vec::new(),
        total: Tally::of(&targets, NOW),
        targets,
        probe: probe.map(|(seconds, works)| Probe {
            at: ago(seconds),
            check: if works {
                ProviderCheck::Working { models: 3 }
            } else {
                ProviderCheck::Failing {
                    reason: "no answer".to_owned(),
                }
            },
        }),
    }
}

fn check(targets: &[Report], probe: Option<(u64, bool)>, wanted: Status, answers: bool) {
    let mut standing = standing(targets, probe);
    standing.judge();
    assert_eq!(standing.status, wanted, "{standing:#?}");
    assert_eq!(standing.answers(), answers, "{standing:#?}");
    assert_eq!(standing.reasons.is_empty(), wanted == Status::Healthy);
}

#[test]
fn a_provider_of_which_nothing_is_known_is_healthy_but_has_not_answered() {
    check(&[], None, Status::Healthy, false);
    check(&[], Some((5, true)), Status::Healthy, true);
}

#[test]
fn the_latest_of_probe_and_real_call_tells_whether_it_answers() {
    let broken = || failed(TargetStanding::Ready { share: 1.0 }, BreakerState::Closed);
    check(&[well()], None, Status::Healthy, true);
    check(&[well()], Some((1, false)), Status::Unhealthy, false);
    check(&[well()], Some((30, false)), Status::Healthy, true);
    check(&[broken()], Some((1, true)), Status::Healthy, true);
    check(&[broken()], Some((30, true)), Status::Healthy, false);
}

#[test]
fn a_provider_without_a_list_is_judged_by_its_calls_alone() {
    let unlisted = |targets: &[Report]| {
        let mut standing = standing(targets, Some((1, true)));
        if let Some(probe) = &mut standing.probe {
            probe.check = ProviderCheck::Unlisted {
                reason: "it has no list".to_owned(),
            };
        }
        standing.judge();
        (standing.status, standing.answers())
    };
    let quiet = Report {
        last_success: Some(ago(400)),
        ..well()
    };
    assert_eq!(unlisted(&[]), (Status::Healthy, false));
    assert_eq!(unlisted(&[quiet]), (Status::Healthy, true));
    let failing = out(OutReason::Failing);
    assert_eq!(unlisted(&[failing]), (Status::Unhealthy, false));
}

#[test]
fn one_model_that_is_out_degrades_and_all_of_them_mean_out() {
    let failing = || out(OutReason::Failing);
    check(&[well(), failing()], None, Status::Degraded, true);
    check(&[failing()], Some((1, true)), Status::Unhealthy, true);
    check(&[out(OutReason::Paused)], None, Status::Unhealthy, false);
    check(&[well(), out(OutReason::Full)], None, Status::Healthy, true);
}

#[test]
fn a_model_that_is_coming_back_counts_for_ten_minutes() {
    let mut back = failed(TargetStanding::Probe, BreakerState::HalfOpen);
    check(&[well(), back.clone()], None, Status::Degraded, true);
    back.last_failure = Some(ago(601));
    check(&[well(), back], None, Status::Healthy, true);
}

#[test]
fn keys_that_were_refused_count() {
    for (benched, wanted) in [
        (0, Status::Healthy),
        (1, Status::Degraded),
        (2, Status::Unhealthy),
    ] {
        let mut standing = standing(&[well()], None);
        standing.keys.benched = benched;
        standing.judge();
        assert_eq!(standing.status, wanted);
    }
    for without in [
        KeyStanding::Sealed,
        KeyStanding::Missing {
            reason: "none is configured".into(),
        },
    ] {
        let mut standing = standing(&[], None);
        standing.key_standing = without;
        standing.judge();
        assert_eq!(standing.status, Status::Unhealthy);
    }
}

#[test]
fn what_is_worse_is_not_mended_by_what_is_better() {
    let mut standing = standing(&[well(), out(OutReason::Failing)], Some((1, false)));
    standing.judge();
    assert_eq!(standing.status, Status::Unhealthy);
    assert_eq!(standing.reasons.len(), 2, "{:?}", standing.reasons);
}

#[test]
fn a_good_result_is_good_for_a_minute_and_a_bad_one_for_ten_seconds() {
    for (age, works, fresh) in [
        (0, true, true),
        (59, true, true),
        (60, true, false),
        (9, false, true),
        (10, false, false),
    ] {
        let probe = standing(&[], Some((age, works))).probe.unwrap();
        assert_eq!(probe.is_fresh(NOW), fresh, "{age} s, works: {works}");
    }
}

#[test]
fn the_whole_is_healthy_if_all_are_and_unhealthy_if_none_is() {
    use Status::{Degraded, Healthy, Unhealthy};
    for (all, wanted) in [
        (vec![], Unhealthy),
        (vec![Healthy, Healthy], Healthy),
        (vec![Unhealthy, Unhealthy], Unhealthy),
        (vec![Healthy, Unhealthy, Healthy], Degraded),
        (vec![Unhealthy, Healthy, Unhealthy, Unhealthy], Degraded),
        (vec![Healthy, Degraded], Degraded),
        (vec![Degraded, Unhealthy, Unhealthy], Degraded),
    ] {
        assert_eq!(Status::of_all(all.clone()), wanted, "{all:?}");
    }
}

#[test]
fn targets_are_summed_up() {
    let earlier = Report {
        latency: Some(Duration::from_millis(900)),
        last_success: Some(ago(50)),
        ..well()
    };
    let latest = Report {
        latency: Some(Duration::from_millis(200)),
        ..well()
    };
    for order in [[&earlier, &latest], [&latest, &earlier]] {
        let both = standing(&order.map(Clone::clone), None).total;
        assert_eq!((both.in_flight, both.successes), (2, 6));
        assert_eq!(both.last_success, Some(ago(5)));
        assert_eq!(both.latency, Some(Duration::from_millis(200)));
    }
}
