//! Values of all sizes: alone, side by side, and gone.

use std::thread;

use orchestra_arena::{Locked, regions, scan, status};

use crate::{locked_needle, needle};

#[test]
fn new_bytes_are_zero_and_as_many_as_asked_for() {
    for len in [0, 1, 63, 64, 65, 4095, 4096, 4097, 200_000] {
        let value = Locked::new(len);
        assert_eq!(value.len(), len);
        assert_eq!(value.is_empty(), len == 0);
        assert_eq!(value.expose(), vec![0; len], "{len}");
    }
}

#[test]
fn a_copy_has_the_same_bytes() {
    for len in [0, 1, 100, 5000] {
        let bytes: Vec<u8> = needle(9).cycle().take(len).collect();
        assert_eq!(Locked::copy_from(&bytes).expose(), bytes);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_dropped_value_is_gone() {
    for (seed, padding) in [(1, 0), (2, 100), (3, 3000), (4, 70_000)] {
        let bytes: Vec<u8> = needle(seed).collect();
        let value = locked_needle(seed, padding);
        assert_eq!(scan(&bytes).unwrap(), 1, "{padding}");
        drop(value);
        assert_eq!(scan(&bytes).unwrap(), 0, "{padding}");
    }
}

#[test]
fn values_lie_in_the_regions() {
    for len in [1, 4096, 10_000] {
        let value = Locked::new(len);
        let bytes = value.expose().as_ptr_range();
        let (first, end) = (bytes.start.addr(), bytes.end.addr());
        let holds = regions()
            .iter()
            .any(|region| region.start <= first && end <= region.end);
        assert!(holds, "{len}");
    }
    assert!(status().chunks > 0);
}

#[test]
fn impossible_lengths_are_an_error() {
    for len in [usize::MAX, usize::MAX / 2, usize::MAX - 8192] {
        assert!(Locked::try_new(len).is_err(), "{len}");
    }
}

const THREADS: usize = 8;
const VALUES: usize = 1250;
const LEN: usize = 100;

/// A tenth of a value names its owner, the rest its place in the owner's list.
fn contents(owner: usize, place: usize) -> Vec<u8> {
    let text = format!("{owner:010}{place:0width$}", width = LEN - 10);
    text.into_bytes()
}

/// Makes values and drops every third in between.
fn churn(owner: usize) -> Vec<(usize, Locked)> {
    let mut kept = Vec::new();
    for place in 0..VALUES {
        kept.push((place, Locked::copy_from(&contents(owner, place))));
        drop(Locked::copy_from(&contents(owner, VALUES + place)));
        if place % 3 == 0 {
            let (place, _) = kept.swap_remove(place % kept.len());
            kept.push((place, Locked::copy_from(&contents(owner, place))));
        }
    }
    kept
}

#[test]
fn ten_thousand_values_of_eight_threads_keep_apart() {
    let kept: Vec<Vec<(usize, Locked)>> = thread::scope(|scope| {
        let owners: Vec<_> = (0..THREADS)
            .map(|owner| scope.spawn(move || churn(owner)))
            .collect();
        owners
            .into_iter()
            .map(|owner| owner.join().unwrap())
            .collect()
    });
    let mut ranges = Vec::new();
    for (owner, values) in kept.iter().enumerate() {
        assert_eq!(values.len(), VALUES);
        for (place, value) in values {
            assert_eq!(value.expose(), contents(owner, *place));
            ranges.push(value.expose().as_ptr_range());
        }
    }
    ranges.sort_by_key(|range| range.start);
    assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start));
    // A page each would be 40 MB; other tests hold a few chunks besides.
    assert!(status().bytes < 4 << 20, "{:?}", status());
    let threads: Vec<_> = (kept.into_iter())
        .map(|values| thread::spawn(move || drop(values)))
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    #[cfg(target_os = "linux")]
    assert_eq!(scan(&contents(3, 1000)).unwrap(), 0);
}
