//! Values of all sizes: alone, side by side, and gone.

use orchestra_arena::{Locked, regions, scan, status};

/// Sixteen bytes that occur nowhere else, not even in this program's file.
fn needle(seed: u8) -> Vec<u8> {
    (0..16u8)
        .map(|i| (i ^ seed).wrapping_mul(37).wrapping_add(seed))
        .collect()
}

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
fn a_dropped_value_is_gone() {
    for (seed, padding) in [(1, 0), (2, 100), (3, 3000), (4, 70_000)] {
        let mut bytes = vec![0; padding];
        bytes.extend(needle(seed));
        let value = Locked::copy_from(&bytes);
        assert_eq!(value.expose(), bytes);
        assert_eq!(scan(&needle(seed)).unwrap(), 1, "{padding}");
        drop(value);
        assert_eq!(scan(&needle(seed)).unwrap(), 0, "{padding}");
    }
}

#[test]
fn values_lie_in_the_regions() {
    for len in [1, 4096, 10_000] {
        let value = Locked::new(len);
        let bytes = value.expose().as_ptr_range();
        let (first, end) = (bytes.start.addr(), bytes.end.addr());
        assert!(
            regions()
                .iter()
                .any(|region| region.start <= first && end <= region.end)
        );
    }
    assert!(status().chunks > 0);
}

#[test]
fn impossible_lengths_are_an_error() {
    for len in [usize::MAX, usize::MAX / 2, usize::MAX - 8192] {
        assert!(Locked::try_new(len).is_err(), "{len}");
    }
}
