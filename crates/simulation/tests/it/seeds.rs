//! Many seeds, each in a world of its own. What must hold holds in all of them.

use std::ops::Range;

use orchestra_simulation::{Scenario, check};

/// Seeds that failed once.
const FAILED_ONCE: &[(Scenario, u64)] = &[
    (Scenario::Chaos, 10),
    (Scenario::Chaos, 33),
    (Scenario::BrokenStreams, 2),
    (Scenario::BrokenStreams, 8),
    (Scenario::BrokenStreams, 33),
    (Scenario::Crowd, 1),
    (Scenario::Crowd, 46),
    (Scenario::Crowd, 722),
    (Scenario::Hedged, 1244),
    (Scenario::Hedged, 1393),
    (Scenario::Severity, 21),
    (Scenario::Severity, 1667),
];

/// Which seeds of each kind of world: a few; 20,000 in all with `ORCHESTRA_TEST_LONG=1`, or those from `ORCHESTRA_TEST_SEEDS`,
/// written as `100..200`, so that a long run may be cut into pieces.
fn seeds() -> Range<u64> {
    let said = |name| std::env::var(name).ok();
    if let Some(range) = said("ORCHESTRA_TEST_SEEDS") {
        let bounds = range.split_once("..").unwrap();
        return bounds.0.parse().unwrap()..bounds.1.parse().unwrap();
    }
    let long = said("ORCHESTRA_TEST_LONG").is_some_and(|value| value == "1");
    0..if long { 2_470 } else { 29 }
}

/// What went wrong; the log of such a run is in the message.
fn problem(scenario: Scenario, seed: u64) -> Option<String> {
    let history = scenario.world(seed).run(seed).unwrap();
    let violations = check(&history);
    if violations.is_empty() {
        return None;
    }
    let lines: String = violations.iter().map(|one| format!("\n  {one}")).collect();
    let (name, outages) = (scenario.as_str(), &history.world.outages);
    Some(format!(
        "{name} with seed {seed}:{lines}\n{outages:#?}\n{history}"
    ))
}

fn all_hold(scenario: Scenario) {
    hold(scenario, seeds());
}

fn hold(scenario: Scenario, seeds: Range<u64>) {
    let name = scenario.as_str();
    let mut problems = seeds.filter_map(|seed| {
        if seed % 100 == 99 {
            println!("{name}: seed {seed}");
        }
        Some((seed, problem(scenario, seed)?))
    });
    if let Some((_, first)) = problems.next() {
        println!("{}", first.lines().take(3).collect::<String>());
        let heads = problems.map(|(_, text)| text.lines().take(2).collect::<String>());
        panic!("{first}\nand:\n{}", heads.collect::<Vec<_>>().join("\n"));
    }
}

#[test]
fn calm() {
    all_hold(Scenario::Calm);
}

#[test]
fn one_out() {
    all_hold(Scenario::OneOut);
}

#[test]
fn chaos() {
    all_hold(Scenario::Chaos);
}

#[test]
fn broken_streams() {
    all_hold(Scenario::BrokenStreams);
}

#[test]
fn gone_on() {
    all_hold(Scenario::GoneOn);
}

#[test]
fn crowd() {
    all_hold(Scenario::Crowd);
}

#[test]
fn tree() {
    all_hold(Scenario::Tree);
}

#[test]
fn hedged() {
    all_hold(Scenario::Hedged);
}

/// Each is as much work as ten others.
#[test]
fn storm() {
    let seeds = seeds();
    hold(Scenario::Storm, seeds.start / 10..seeds.end / 10);
}

#[test]
fn severity() {
    all_hold(Scenario::Severity);
}

#[test]
fn what_failed_once() {
    let problems: Vec<String> = FAILED_ONCE
        .iter()
        .filter_map(|(scenario, seed)| problem(*scenario, *seed))
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
