//! However many models there are: few series, and no time.

use std::time::{Duration, Instant};

use orchestra_gateway::{HedgeOutcome, KnownModels};
use orchestra_server::Metrics;
use orchestra_types::{ModelId, Money, ProviderId};

use crate::prometheus::Exposition;
use crate::records::record;

/// More than there may be series with models' names, and room for the others.
const MOST_SAMPLES: usize = 2_500;

fn known(names: impl Iterator<Item = String>) -> KnownModels {
    let names = names.map(|name| ModelId::new(&name)).collect();
    KnownModels::from([(provider(), names)])
}

fn provider() -> ProviderId {
    ProviderId::new("openai").expect("a name")
}

#[tokio::test]
async fn a_hundred_thousand_models_are_a_bounded_number_of_series() {
    for listed in [false, true] {
        let metrics = Metrics::new([provider()]);
        if listed {
            // Even if a provider lists them all.
            metrics.learn(&known((0..100_000).map(|n| format!("model-{n}"))));
        }
        for n in 0..100_000 {
            metrics.record(&record("openai", &format!("model-{n}")));
        }
        let read = Exposition::read(&metrics.counted());
        assert!(read.samples.len() < MOST_SAMPLES, "{}", read.samples.len());
        assert_eq!(read.sum("orchestra_attempts_total", &[]), 100_000.0);
        let of = |model| read.sum("orchestra_attempts_total", &[("model", model)]);
        if listed {
            assert!(of("(overflow)") > 0.0 && of("model-0") <= 1.0);
        } else {
            assert_eq!(of("other"), 100_000.0);
        }
    }
}

#[test]
fn hedges_are_counted_by_what_came_of_them() {
    let metrics = Metrics::new([provider()]);
    let mut hedged = record("openai", "gpt-5");
    hedged.attempts.push(hedged.attempts[0].clone());
    for outcome in [HedgeOutcome::Won, HedgeOutcome::Lost, HedgeOutcome::Won] {
        hedged.attempts[0].fault = Some("cancelled");
        hedged.attempts[0].estimated_cost = Some(Money::from_pico(2_500_000_000));
        hedged.attempts[1].hedge = Some(outcome);
        metrics.record(&hedged);
    }
    let mut capped = record("openai", "gpt-5");
    capped.hedge_capped = true;
    metrics.record(&capped);
    let read = Exposition::read(&metrics.counted());
    let of = |outcome| read.sum("orchestra_hedges_total", &[("outcome", outcome)]);
    assert_eq!(
        ["won", "lost", "failed", "capped"].map(of),
        [2.0, 1.0, 0.0, 1.0]
    );
    assert_eq!(read.sum("orchestra_hedge_cost_dollars_total", &[]), 0.0075);
    let cancelled = [("fault", "cancelled")];
    assert_eq!(read.sum("orchestra_attempts_total", &cancelled), 3.0);
}

#[test]
fn counting_a_call_takes_no_time() {
    let metrics = Metrics::new([provider()]);
    metrics.learn(&known((0..500).map(|n| format!("model-{n}"))));
    let records: Vec<_> = (0..64)
        .map(|n| record("openai", &format!("model-{n}")))
        .collect();
    let rounds = 2_000;
    // The fastest of several runs, since other programs take their turns; this build is not optimised either.
    let run = || {
        let began = Instant::now();
        for _ in 0..rounds {
            records.iter().for_each(|record| metrics.record(record));
        }
        began.elapsed() / (rounds * 64)
    };
    let best = (0..5).map(|_| run()).min().expect("five runs");
    assert!(best < Duration::from_micros(20), "{best:?} for one call");
}
