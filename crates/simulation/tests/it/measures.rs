//! What each thing that a gateway does is worth: worlds in which it is missed.

use orchestra_simulation::{Measure, Outage, Overload, Report, Trouble, Upstream, World};

use crate::secs;

fn pair() -> World {
    let mut world = World::new(vec![Upstream::new("one"), Upstream::new("two")]);
    world.traffic.leaving = 0.0;
    world.fated = true;
    world
}

/// Half as many calls again as can be served.
fn crowded(overload: Overload) -> World {
    let mut world = pair();
    for upstream in &mut world.upstreams {
        upstream.first_token = secs(2);
        upstream.capacity = 4;
        upstream.overload = overload;
    }
    world.traffic.rate = 4.6;
    world
}

fn with_and_without(world: &World, measure: Measure) -> (Report, Report) {
    let without = World {
        without: vec![measure],
        ..world.clone()
    };
    (world.measure(1).unwrap(), without.measure(1).unwrap())
}

fn refused(report: &Report) -> u32 {
    report.loads.iter().map(|load| load.refused).sum()
}

#[test]
fn a_stream_that_is_not_held_back_breaks_in_the_open() {
    let mut world = pair();
    world.traffic.streamed = 1.0;
    world.outages.push(Outage {
        target: 0,
        from: secs(0),
        until: secs(120),
        share: 0.5,
        trouble: Trouble::Cut,
    });
    let (with, without) = with_and_without(&world, Measure::HoldBack);
    // What had shown content broke in any case; what had not is a call lost needlessly.
    assert_eq!(with.avoidable, Some(0));
    assert!(without.avoidable.is_some_and(|lost| lost > 2), "{without}");
    assert!(without.served < with.served, "{with}{without}");
    world.traffic.streamed = 0.0;
    assert!(!world.takes(Measure::HoldBack));
}

#[test]
fn calls_that_may_not_wait_for_a_place_fail() {
    let world = crowded(Overload::RateLimited(secs(1)));
    let (with, without) = with_and_without(&world, Measure::Waiting);
    assert!(with.served > without.served + 20, "{with}{without}");
    assert!(with.first_token_p50 > without.first_token_p50);
}

#[test]
fn a_target_whose_room_is_not_learnt_turns_away_more() {
    let world = crowded(Overload::Unavailable);
    let (with, without) = with_and_without(&world, Measure::Limits);
    assert!(refused(&without) > refused(&with) * 2, "{with}{without}");
}
