//! What it costs, and what it is worth: ten thousand calls to a target of which three in two hundred take long.

use std::time::Duration;

use orchestra_gateway::{HedgeAfter, HedgeOutcome};
use orchestra_types::{Rng, SeededRng};

use super::{Act, Saw, Theatre, hedging};

const CALLS: usize = 10_000;

/// What is measured of all calls.
struct Measured {
    /// How long the calls took, the fastest first.
    took: Vec<Duration>,
    requests: usize,
    hedges: usize,
    won: usize,
    capped: usize,
    /// The most hedges beyond the share of the calls until then.
    beyond: f64,
}

impl Measured {
    fn percentile(&self, per_mille: usize) -> Duration {
        self.took[self.took.len() * per_mille / 1_000]
    }
}

/// Mostly about 100 ms; one in `rare` takes eight seconds.
fn acts(seed: u64, rare: u64) -> Vec<Act> {
    let rng = SeededRng::new(seed);
    let act = |_| match rng.next_u64() {
        number if number % 1_000 < rare => Act::Whole(8_000),
        number => Act::Whole(90 + number % 20),
    };
    (0..CALLS).map(act).collect()
}

/// The second target is never slow.
async fn measure(after: HedgeAfter, share: f64, first: Vec<Act>) -> Measured {
    let theatre = Theatre::new(hedging(after, share), [first, acts(2, 0)]);
    let mut measured = Measured {
        took: Vec::with_capacity(CALLS),
        requests: 0,
        hedges: 0,
        won: 0,
        capped: 0,
        beyond: f64::MIN,
    };
    for call in 1..=CALLS {
        let record = theatre.ask(false).await.record;
        measured.took.push(record.took);
        let hedge = record.attempts.iter().find_map(|attempt| attempt.hedge);
        measured.hedges += usize::from(hedge.is_some());
        measured.won += usize::from(hedge == Some(HedgeOutcome::Won));
        measured.capped += usize::from(record.hedge_capped);
        let (hedges, calls) = (count(measured.hedges), count(call));
        measured.beyond = measured.beyond.max(hedges - calls * share);
    }
    measured.took.sort_unstable();
    let log = theatre.log();
    let requests = log.iter().filter(|(.., saw)| *saw == Saw::Request);
    measured.requests = requests.count();
    measured
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_tail_goes_and_two_percent_are_paid_for_it() {
    let without = measure(HedgeAfter::Never, 0.02, acts(1, 15)).await;
    assert_eq!((without.requests, without.hedges), (CALLS, 0));
    assert_eq!(without.percentile(990), Duration::from_secs(8));

    let with = measure(HedgeAfter::Percentile(95), 0.02, acts(1, 15)).await;
    assert!(with.percentile(990) < Duration::from_millis(300));
    assert!(with.percentile(500) <= without.percentile(500));
    assert_eq!(with.requests, CALLS + with.hedges);
    assert!(with.hedges <= CALLS / 50 && with.beyond <= 0.0);
    assert!(with.won > 100, "{} of {}", with.won, with.hedges);
}

/// Where everything is slow, hedging must not make it worse.
#[tokio::test(start_paused = true)]
async fn a_target_that_is_always_late_is_not_asked_twice_as_much() {
    let slow = measure(
        HedgeAfter::Time(Duration::from_millis(50)),
        0.02,
        acts(1, 500),
    )
    .await;
    assert_eq!(slow.hedges, CALLS / 50);
    assert_eq!(slow.capped, CALLS - CALLS / 50);
    assert!(slow.beyond <= 0.0, "{}", slow.beyond);
    assert_eq!(slow.requests, CALLS + CALLS / 50);
}

/// Whoever was given up would be missing among the times, the percentile would sink, and more and more would be given up.
#[tokio::test(start_paused = true)]
async fn a_percentile_stays_where_it_is_though_the_slow_ones_are_given_up() {
    let rng = SeededRng::new(3);
    // From 100 ms to 1.6 s, as many in each octave.
    let act = |_| {
        let draw = f64::from(u32::try_from(rng.next_u64() >> 32).unwrap()) / f64::from(u32::MAX);
        let time = Duration::from_millis(100).mul_f64((draw * 4.0).exp2());
        Act::Whole(u64::try_from(time.as_millis()).unwrap())
    };
    let first = (0..CALLS).map(act).collect();
    let measured = measure(HedgeAfter::Percentile(95), 1.0, first).await;
    let part = count(measured.hedges) / count(CALLS);
    assert!((0.02..0.07).contains(&part), "{part}");
    assert_eq!(measured.capped, 0);
}
