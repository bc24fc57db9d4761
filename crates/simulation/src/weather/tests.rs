//! The courses that come with this library, and those that are read.

use std::time::Duration;

use super::{Weather, read_outages};
use crate::overlap::Overlap;
use crate::upstream::Upstream;
use crate::world::World;

fn three() -> Vec<Upstream> {
    ["openai", "anthropic", "gemini"].map(Upstream::new).into()
}

#[test]
fn every_one_has_outages_for_one_target_and_for_three() {
    for weather in Weather::ALL {
        let outages = |upstreams: &[Upstream]| {
            weather
                .outages(upstreams, weather.lasts(), 1, None)
                .unwrap()
        };
        let name = weather.as_str();
        assert!(!outages(&three()).is_empty(), "{name}");
        assert!(
            outages(&three()[..1])
                .iter()
                .all(|outage| outage.target == 0),
            "{name}"
        );
        let ends = outages(&three())
            .iter()
            .all(|outage| outage.from < weather.lasts());
        assert!(ends, "{name}");
    }
}

#[test]
fn absurd_times_harm_nothing() {
    let text = "target,start,duration,trouble\n1,500000000000y,500000000000y,cut\n";
    let (outages, lasts) = read_outages(text, &three(), 1).unwrap();
    assert!(lasts > Duration::from_secs(1_u64 << 63));
    let mut world = World::new(three());
    world.traffic.lasts = Duration::from_secs(5);
    world.outages = outages;
    assert_eq!(world.measure(1).unwrap().lost, [Duration::ZERO]);
    let never = "target,start,duration,trouble\n1,1s,9999999999999999y,cut\n";
    assert!(read_outages(never, &three(), 1).is_err());
}

#[test]
fn incidents_are_as_long_and_as_far_apart_as_published() {
    let years = Duration::from_secs(86_400 * 3_650);
    let outages = Weather::Published
        .outages(&three(), years, 5, None)
        .unwrap();
    // 87,600 hours, 89 or 132 and some more apart.
    for (target, median, count) in [(0, 42..58, 600..1_150), (1, 32..45, 430..800)] {
        let own = outages.iter().filter(|outage| outage.target == target);
        let minutes = own.map(|one| (one.until - one.from).as_secs() / 60);
        let mut minutes: Vec<u64> = minutes.collect();
        minutes.sort_unstable();
        let middle = minutes[minutes.len() / 2];
        assert!(median.contains(&middle), "{middle}");
        assert!(count.contains(&minutes.len()), "{}", minutes.len());
    }
}

/// Within 3 % of what was asked for, and none is out for longer than without ties.
#[test]
fn providers_are_out_together_as_often_as_was_said() {
    let lasts = Duration::from_secs(86_400 * 3_650);
    let overlap = |together| {
        let mut world = World::new(three());
        world.traffic.lasts = lasts;
        world.outages = Weather::Severity
            .outages(&world.upstreams, lasts, 3, together)
            .unwrap();
        Overlap::of(&world)
    };
    for (said, expected) in [(Some(1.0), 1.0), (None, 1.4), (Some(1.7), 1.7)] {
        let factor = overlap(said).factor().unwrap();
        assert!((factor / expected - 1.0).abs() < 0.03, "{said:?}: {factor}");
    }
    let chance = |together| overlap(together).by_chance.as_secs_f64();
    let ratio = chance(Some(1.7)) / chance(Some(1.0));
    assert!((0.95..1.05).contains(&ratio), "{ratio}");
}

#[test]
fn what_cannot_coincide_so_often_is_said() {
    let day = Duration::from_secs(86_400);
    let asked = |weather: Weather| weather.outages(&three(), day, 1, Some(20.0));
    let too_often = asked(Weather::Severity).unwrap_err().to_string();
    assert!(too_often.contains("20 times"), "{too_often}");
    let written = asked(Weather::Region).unwrap_err().to_string();
    assert!(written.contains("region"), "{written}");
}

/// An incident is the provider's, not that of one of its models.
#[test]
fn targets_of_one_provider_have_the_same_incidents() {
    let model = |name: &str, model: &str| Upstream {
        model: Some(model.to_owned()),
        ..Upstream::new(name)
    };
    let upstreams = [
        model("openai", "a"),
        model("gemini", "c"),
        model("openai", "b"),
    ];
    let day = Duration::from_secs(86_400);
    let outages = Weather::Severity.outages(&upstreams, day, 1, None).unwrap();
    let of = |target: usize| -> Vec<(Duration, Duration)> {
        let own = outages.iter().filter(|outage| outage.target == target);
        own.map(|outage| (outage.from, outage.until)).collect()
    };
    assert!(!of(0).is_empty() && of(0) == of(2) && of(0) != of(1));
}
