//! What is promised of three providers whose incidents are as long as published ones, and ten times as frequent.

use std::time::Duration;

use orchestra_gateway::Settings;
use orchestra_simulation::{Report, Traffic, Upstream, Weather, World};

const HOUR: Duration = Duration::from_secs(3_600);

/// Three hours of two seeds; a whole day of twenty with `ORCHESTRA_TEST_LONG=1`.
fn runs() -> (u64, Duration) {
    let long = std::env::var("ORCHESTRA_TEST_LONG").is_ok_and(|value| value == "1");
    if long { (20, HOUR * 24) } else { (2, HOUR * 3) }
}

fn measured(seed: u64, lasts: Duration) -> Report {
    let traffic = Traffic {
        rate: 1.0,
        lasts,
        streamed: 0.7,
        leaving: 0.0,
        ..Traffic::default()
    };
    let upstreams = ["openai", "anthropic", "gemini"].map(|name| {
        let upstream = Upstream {
            stumbles: 0.002,
            ..Upstream::new(name)
        };
        Upstream {
            capacity: upstream.room_for(traffic.rate),
            ..upstream
        }
    });
    let world = World {
        outages: Weather::Severity.outages(&upstreams, lasts, seed).unwrap(),
        traffic,
        settings: Settings::default(),
        fated: true,
        ..World::new(upstreams.into())
    };
    world.measure(seed).unwrap()
}

#[test]
fn severe_incidents_of_three_providers_cost_next_to_nothing() {
    let (seeds, lasts) = runs();
    for seed in 0..seeds {
        let report = measured(seed, lasts);
        println!(
            "seed {seed}: {report}avoidable {:?}, lost by outage {:?}\n",
            report.avoidable, report.lost_avoidably
        );
        assert!(report.calls > 5_000);
        let short = report.oracle - report.availability();
        assert!(short <= 1e-5, "seed {seed}: {short}");
        let worst = report.lost_avoidably.iter().max();
        assert!(
            worst.is_none_or(|worst| worst.as_secs_f64() <= 1.95),
            "seed {seed}: {worst:?}"
        );
        for load in &report.loads {
            assert_eq!(load.overrun, 0, "seed {seed}: {load:?}");
        }
    }
}
