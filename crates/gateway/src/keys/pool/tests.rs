//! Which key is drawn.

use orchestra_providers::Counted;
use orchestra_types::{Rng, SeededRng};
use proptest::prelude::*;

use super::super::tests::{offered, provider};
use super::*;
use crate::quota::Left;

const NOW: Duration = Duration::from_secs(100);

fn pool(weights: &[u32]) -> Pool {
    let keys: Vec<ProviderKey> = weights
        .iter()
        .enumerate()
        .map(|(number, &weight)| ProviderKey {
            weight: NonZeroU32::new(weight).unwrap(),
            ..offered(&format!("key-{number}"), "a-secret-of-some-length")
        })
        .collect();
    Pool::build(&keys, &provider(), None).unwrap().unwrap()
}

fn model() -> ModelId {
    ModelId::new("m")
}

fn bench(pool: &Pool, place: usize, at: Duration) {
    pool.0[place].key.bench.refuse(at, at);
}

#[test]
fn each_key_gets_its_share() {
    let pool = pool(&[1, 2, 7]);
    let rng = SeededRng::new(11);
    let mut drawn = [0_u32; 3];
    for _ in 0..10_000 {
        let key = pool.draw(&model(), &[], NOW, || rng.next_u64()).unwrap();
        let place = pool.keys().position(|other| Arc::ptr_eq(other, key));
        drawn[place.unwrap()] += 1;
    }
    // Five standard deviations of a binomial distribution are 150, 200 and 229.
    for (drawn, expected, slack) in [
        (drawn[0], 1_000, 150),
        (drawn[1], 2_000, 200),
        (drawn[2], 7_000, 229),
    ] {
        assert!(drawn.abs_diff(expected) <= slack, "{drawn} of {expected}");
    }
}

/// How often each of the keys is drawn, of ten thousand times.
fn draws(pool: &Pool, now: Duration) -> Vec<u32> {
    let rng = SeededRng::new(23);
    let mut drawn = vec![0; pool.0.len()];
    for _ in 0..10_000 {
        let key = pool.draw(&model(), &[], now, || rng.next_u64()).unwrap();
        let place = pool.keys().position(|other| Arc::ptr_eq(other, key));
        drawn[place.unwrap()] += 1;
    }
    drawn
}

#[test]
fn a_key_near_its_limit_is_drawn_less_until_its_reset() {
    let pool = pool(&[1, 1]);
    let left = |remaining| {
        vec![Left {
            counted: Counted::Tokens,
            limit: Some(1_000),
            remaining,
            reset: Some(Duration::from_secs(60)),
        }]
    };
    pool.0[0].key.quota.note(&model(), left(100), NOW);
    pool.0[1].key.quota.note(&model(), left(1_000), NOW);
    let check = |now, expected: u32, slack| {
        let drawn = draws(&pool, now);
        assert!(drawn[0].abs_diff(expected) <= slack, "{drawn:?}");
    };
    // A tenth beside a whole: one in eleven, within five standard deviations. Half of the rest is back after half a
    // minute (0.55 to 1), all with the reset.
    check(NOW, 909, 144);
    check(NOW + Duration::from_secs(30), 3_548, 240);
    check(NOW + Duration::from_secs(60), 5_000, 250);
}

#[test]
fn a_key_with_nothing_left_is_drawn_now_and_then() {
    let pool = pool(&[1, 1, 2]);
    let nothing = Left {
        counted: Counted::Requests,
        limit: Some(50),
        remaining: 0,
        reset: Some(Duration::from_secs(86_400)),
    };
    pool.0[2].key.quota.note(&model(), vec![nothing], NOW);
    let drawn = draws(&pool, NOW);
    // Twice a hundredth beside two whole ones.
    assert!((50..=150).contains(&drawn[2]), "{drawn:?}");
    assert!(drawn[0].abs_diff(drawn[1]) <= 500, "{drawn:?}");
}

#[test]
fn the_same_draw_gives_the_same_key() {
    let pool = pool(&[3, 1]);
    let name = |draw| {
        pool.draw(&model(), &[], NOW, || draw)
            .unwrap()
            .name
            .to_string()
    };
    assert_eq!(name(0), "key-0");
    assert_eq!(name(u64::MAX / 4 * 3 - 1), "key-0");
    assert_eq!(name(u64::MAX / 4 * 3 + 4), "key-1");
    assert_eq!(name(u64::MAX), "key-1");
}

#[test]
fn one_key_needs_no_draw() {
    let nobody = || -> u64 { panic!("there is no choice") };
    assert!(pool(&[5]).draw(&model(), &[], NOW, nobody).is_some());
}

#[test]
fn with_all_benched_the_one_that_is_back_first_is_tried() {
    let pool = pool(&[1, 9, 1]);
    for (place, seconds) in [(0, 90), (1, 80), (2, 85)] {
        bench(&pool, place, Duration::from_secs(seconds));
    }
    assert!(pool.draw(&model(), &[], NOW, || 0).is_none() && !pool.has_ready(NOW));
    assert_eq!(pool.soonest().unwrap().name.as_str(), "key-1");
}

#[test]
fn what_was_tried_is_not_drawn_again() {
    let pool = pool(&[1, 1]);
    let first = Arc::clone(pool.draw(&model(), &[], NOW, || 0).unwrap());
    for draw in [0, u64::MAX] {
        let tried = [Arc::clone(&first)];
        let second = pool.draw(&model(), &tried, NOW, || draw).unwrap();
        assert!(!Arc::ptr_eq(&first, second));
    }
}

proptest! {
    #[test]
    fn a_benched_key_is_never_drawn(
        keys in prop::collection::vec((1..=u32::MAX, any::<bool>()), 1..12),
        draw: u64,
    ) {
        let weights: Vec<u32> = keys.iter().map(|(weight, _)| *weight).collect();
        let pool = pool(&weights);
        for (place, _) in keys.iter().enumerate().filter(|(_, (_, benched))| *benched) {
            bench(&pool, place, NOW);
        }
        let drawn = pool.draw(&model(), &[], NOW, || draw);
        prop_assert_eq!(drawn.is_some(), keys.iter().any(|(_, benched)| !benched));
        prop_assert!(drawn.is_none_or(|key| !key.bench.holds(NOW)));
    }
}
