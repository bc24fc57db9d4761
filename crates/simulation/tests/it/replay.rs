//! The same seed is the same history.

use orchestra_simulation::{Scenario, SetupError, Upstream, World};

fn log(scenario: Scenario, world: u64, seed: u64) -> String {
    scenario.world(world).run(seed).unwrap().to_string()
}

#[test]
fn the_same_seed_gives_the_same_log_to_the_byte() {
    for scenario in Scenario::ALL {
        for seed in [1, 2] {
            let (first, second) = (log(scenario, seed, seed), log(scenario, seed, seed));
            assert!(first.lines().count() > 100, "{}", scenario.as_str());
            assert!(first == second, "{} {seed}", scenario.as_str());
        }
    }
}

#[test]
fn another_seed_gives_another_one() {
    assert_ne!(log(Scenario::Chaos, 1, 1), log(Scenario::Chaos, 1, 2));
    assert_ne!(log(Scenario::Chaos, 1, 1), log(Scenario::Chaos, 2, 1));
}

#[test]
fn the_log_tells_a_call_from_beginning_to_end() {
    let mut world = World::new(vec![Upstream::new("one")]);
    world.traffic.leaving = 0.0;
    let log = world.run(1).unwrap().to_string();
    let words = |call: &str| -> Vec<String> {
        let of_call = log
            .lines()
            .filter(|line| line.split(' ').any(|word| word == call));
        let word = |line: &str| line.split_whitespace().nth(1).unwrap().to_owned();
        of_call.map(word).collect()
    };
    assert_eq!(words("c0"), ["arrived", "sent", "recorded", "seen"]);
}

#[test]
fn worlds_that_cannot_be_are_refused() {
    let twins = World::new(vec![Upstream::new("one"), Upstream::new("one")]);
    assert!(matches!(twins.run(1), Err(SetupError::Providers(_))));
    let nameless = World::new(vec![Upstream::new("no name")]);
    assert!(matches!(nameless.run(1), Err(SetupError::Name { .. })));
}
