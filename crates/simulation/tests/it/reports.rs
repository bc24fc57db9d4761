//! What runs amount to.

use std::time::Duration;

use orchestra_simulation::{Measure, Outage, Overload, Report, Scenario, Trouble, Upstream, World};

use crate::secs;

fn pair() -> World {
    let mut world = World::new(vec![Upstream::new("one"), Upstream::new("two")]);
    world.traffic.leaving = 0.0;
    world
}

fn all_of(target: usize, trouble: Trouble) -> Outage {
    Outage {
        target,
        from: secs(30),
        until: secs(90),
        share: 1.0,
        trouble,
    }
}

#[test]
fn a_good_day() {
    let report = pair().run(1).unwrap().report();
    assert!(report.calls > 80, "{report}");
    assert_eq!(
        (report.served, report.attempts),
        (report.calls, report.calls)
    );
    let first = report.first_token_p50.unwrap();
    assert!((350..750).contains(&first.as_millis()), "{report}");
    assert!(report.first_token_p99.unwrap() > first);
    assert_eq!(report.loads[1].requests, 0);
}

#[test]
fn an_outage_moves_the_load_and_nobody_notices() {
    let mut world = pair();
    world.outages.push(all_of(0, Trouble::Status(500)));
    let report = world.run(1).unwrap().report();
    assert_eq!(report.served, report.calls);
    assert_eq!(report.lost, [Duration::ZERO]);
    assert!(report.loads[1].requests > 40, "{report}");
}

#[test]
fn with_everyone_out_calls_are_lost_as_the_oracle_says() {
    let mut world = pair();
    world.outages = vec![all_of(0, Trouble::Refused), all_of(1, Trouble::Refused)];
    let report = world.run(1).unwrap().report();
    assert!(
        (report.availability() - report.oracle).abs() < 0.02,
        "{report}"
    );
    assert!(report.availability() < 0.6, "{report}");
    assert!(
        report.lost[0] > secs(40) && report.lost[0] < secs(80),
        "{report}"
    );
}

#[test]
fn what_broke_off_after_content_is_told_apart() {
    let mut world = pair();
    world.traffic.streamed = 1.0;
    world.outages.push(all_of(0, Trouble::Cut));
    let report = world.run(1).unwrap().report();
    assert!(report.broken > 0 && report.broken < 30, "{report}");
    assert_eq!(report.served + report.broken, report.calls);
    assert!((report.availability_before_content() - 1.0).abs() < 1e-9);
}

#[test]
fn no_upstream_works_on_more_than_it_can() {
    let mut world = pair();
    for upstream in &mut world.upstreams {
        upstream.capacity = 3;
        upstream.overload = Overload::RateLimited(secs(2));
    }
    world.traffic.rate = 8.0;
    let report = world.run(1).unwrap().report();
    assert!(
        report
            .loads
            .iter()
            .all(|load| load.busiest == 3 && load.refused > 0),
        "{report}"
    );
    assert!(report.availability() < 1.0);
}

/// Calls that come while severe incidents of all three overlap cannot all be saved; all others are.
#[test]
fn severe_incidents_cost_no_more_than_the_oracle_says() {
    let reports: Vec<Report> = (0..29)
        .map(|seed| Scenario::Severity.world(seed).run(seed).unwrap().report())
        .collect();
    let calls: u32 = reports.iter().map(|report| report.calls).sum();
    let failed = f64::from(calls)
        - reports
            .iter()
            .map(|report| f64::from(report.served))
            .sum::<f64>();
    let lost = |report: &Report| (1.0 - report.oracle) * f64::from(report.calls);
    let expected = reports.iter().map(lost).sum::<f64>();
    // Three standard deviations of what is left to chance, and 0.001 %.
    let allowed = 3.0_f64.mul_add(expected.sqrt(), expected) + f64::from(calls) * 1e-5;
    println!("{calls} calls, {failed} failed, {expected} expected");
    assert!(
        calls > 3_000 && failed <= allowed,
        "{failed} of {calls}, {allowed}"
    );
}

#[test]
fn a_report_can_be_read() {
    let text = pair().run(1).unwrap().report().to_string();
    for word in [
        "whole answers          100.0000 %",
        "first token, 99 in 100",
        "one ",
    ] {
        assert!(text.contains(word), "{text}");
    }
}

/// Counting as things happen and counting afterwards is the same.
#[test]
fn what_is_forgotten_was_counted() {
    for scenario in [Scenario::Chaos, Scenario::Severity] {
        let mut world = scenario.world(3);
        assert_eq!(world.measure(3).unwrap(), world.run(3).unwrap().report());
        world.fated = true;
        let report = world.measure(3).unwrap();
        assert_eq!(report, world.run(3).unwrap().report());
        assert!(report.avoidable.is_some());
    }
}

/// What would have become of a call at each upstream is known, and it is what does become of it.
#[test]
fn the_oracle_knows_the_luck_of_every_call() {
    let mut world = pair();
    world.fated = true;
    world.traffic.lasts = secs(600);
    world.outages = (0..2)
        .map(|target| Outage {
            until: secs(600),
            share: 0.5,
            ..all_of(target, Trouble::Status(500))
        })
        .collect();
    // A second time would be another chance, and a rest would keep calls from one.
    world.without = vec![Measure::Retries, Measure::Health];
    let report = world.measure(1).unwrap();
    let possible = f64::from(report.calls) * report.oracle;
    assert!(
        (possible - f64::from(report.served)).abs() < 1e-6,
        "{report}"
    );
    assert_eq!(report.avoidable, Some(0));
    assert!(
        report.availability() > 0.7 && report.availability() < 0.82,
        "{report}"
    );
}
