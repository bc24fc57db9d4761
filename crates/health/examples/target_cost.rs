//! What an attempt pays for being judged: finding its target among many, taking a place, telling of the first token and
//! of the end. Wall-clock time of one thread, then of several at the same target:
//!
//! `cargo run --release -p orchestra-health --example target_cost`

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::hint::black_box;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use orchestra_health::{Form, Outcome, Policy, Target, Targets};

const ATTEMPTS: u32 = 1_000_000;
const TARGETS: usize = 300;
const THREADS: u32 = 4;

fn main() {
    let targets = Targets::new(Policy::default());
    let keys: Vec<String> = (0..TARGETS)
        .map(|number| format!("vendor/model-{number}"))
        .collect();
    for key in &keys {
        targets.target(key, Duration::ZERO);
    }
    report("find one of 300", 1, || {
        black_box(targets.target(black_box(&keys[TARGETS / 2]), Duration::ZERO));
    });
    let target = targets.target(&keys[0], Duration::ZERO);
    report("admit, first token, judge", 1, || attempt(&target));
    report("the same on four threads", THREADS, || attempt(&target));
}

fn attempt(target: &Arc<Target>) {
    let now = black_box(Duration::from_secs(100));
    if let Ok(ticket) = target.admit(now) {
        ticket.first_token(Form::Stream, now);
        ticket.judge(Outcome::Healthy, now, 0.5);
    }
}

fn report(what: &str, threads: u32, act: impl Fn() + Sync) {
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| (0..ATTEMPTS / threads).for_each(|_| act()));
        }
    });
    let each = began.elapsed().as_nanos() / u128::from(ATTEMPTS);
    println!("{what:<28} {each:>6} ns");
}
