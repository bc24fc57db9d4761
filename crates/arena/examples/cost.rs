//! Prints what it costs to make and drop a value, and to expose one.
//!
//! Run with `cargo run --release -p orchestra-arena --example cost`. Figures are the best of
//! several rounds, for comparison on one machine.

#![expect(clippy::print_stdout, reason = "printing figures is its purpose")]

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use orchestra_arena::{Locked, status};

const ROUNDS: u32 = 20;
const REPEATS: u32 = 2000;
/// What a gateway with many keys holds meanwhile.
const HELD: usize = 10_000;
const THREADS: u32 = 8;

fn main() {
    for len in [32, 100, 1000, 4096, 5000] {
        let cost = best(|| drop(black_box(Locked::new(len))));
        let boxed = best(|| drop(black_box(vec![0_u8; len])));
        show(&format!("make and drop {len} bytes"), cost);
        show(&format!("the same in a Vec, {len} bytes"), boxed);
    }
    let held: Vec<Locked> = (0..HELD).map(|_| Locked::new(100)).collect();
    let cost = best(|| drop(black_box(Locked::new(100))));
    show(
        &format!("make and drop 100 bytes beside {HELD} others"),
        cost,
    );
    show(
        &format!("the same in each of {THREADS} threads"),
        in_threads(),
    );
    let value = &held[0];
    let cost = best(|| {
        black_box(black_box(value).expose());
    });
    show("expose", cost);
    println!("{:?}", status());
}

fn show(what: &str, cost: Duration) {
    println!("{:>8} ns  {what}", cost.as_nanos());
}

/// The time that one run of `work` takes at best.
fn best(mut work: impl FnMut()) -> Duration {
    let mut round = || {
        let start = Instant::now();
        (0..REPEATS).for_each(|_| work());
        start.elapsed() / REPEATS
    };
    (0..ROUNDS).map(|_| round()).min().unwrap_or_default()
}

/// The time of one value while all threads make and drop them, at the slowest.
fn in_threads() -> Duration {
    let work = || best(|| drop(black_box(Locked::new(100))));
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        let times = threads.into_iter().filter_map(|thread| thread.join().ok());
        times.max().unwrap_or_default()
    })
}
