//! What counting one call costs, alone and from two threads at once, in wall-clock time:
//!
//! `cargo run --release -p orchestra-server --example metrics_cost`

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

#[path = "../tests/it/records.rs"]
mod records;

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use orchestra_gateway::{CallRecord, KnownModels};
use orchestra_server::Metrics;
use orchestra_types::{InvalidName, ModelId, ProviderId};

const ROUNDS: usize = 10;
const CALLS: u32 = 200_000;
/// Names that the provider's list has, as OpenRouter's does.
const LISTED: usize = 500;
/// Of which so many are called.
const CALLED: usize = 64;

fn main() -> Result<(), InvalidName> {
    let provider = ProviderId::new("openai")?;
    let metrics = Metrics::new([provider.clone()]);
    let names = (0..LISTED).map(|n| ModelId::new(&format!("model-{n}")));
    metrics.learn(&KnownModels::from([(provider, names.collect())]));
    let record = |name: String| records::record("openai", &name);
    let known: Vec<CallRecord> = (0..CALLED).map(|n| record(format!("model-{n}"))).collect();
    let invented: Vec<CallRecord> = (0..CALLED).map(|n| record(format!("none-{n}"))).collect();
    println!("known model: {:?}", best(|| run(&metrics, &known)));
    println!("invented model: {:?}", best(|| run(&metrics, &invented)));
    let two = || {
        thread::scope(|scope| {
            let other = scope.spawn(|| run(&metrics, &known));
            let here = run(&metrics, &known);
            other.join().map_or(here, |there| there.max(here))
        })
    };
    println!("known model, each of two threads: {:?}", best(two));
    Ok(())
}

/// The fastest round: other programs take their turns.
fn best(round: impl Fn() -> Duration) -> Duration {
    (0..ROUNDS).map(|_| round()).min().unwrap_or(Duration::MAX)
}

/// One call's share.
fn run(metrics: &Metrics, records: &[CallRecord]) -> Duration {
    let began = Instant::now();
    for record in records.iter().cycle().take(CALLS as usize) {
        metrics.record(black_box(record));
    }
    began.elapsed() / CALLS
}
