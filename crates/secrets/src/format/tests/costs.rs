//! Costs that somebody changed are refused before anything is run.

use std::time::{Duration, Instant};

use allocation_counter::measure;

use super::*;

/// More than any reader of costs could need, and less than Argon2 takes at the least of them.
const SOON: Duration = Duration::from_millis(20);

const MIB: u32 = 1024;

#[test]
fn costs_out_of_bounds_are_refused_before_they_are_run() {
    let tampered = [
        (8, 3, 4),
        (64 * MIB * MIB - 1, 3, 4),
        (64 * MIB - 1, 3, 4),
        (1024 * MIB + 1, 3, 4),
        (64 * MIB, 2, 4),
        (64 * MIB, 0, 4),
        (64 * MIB, 17, 4),
        (64 * MIB, u32::MAX, 4),
        (64 * MIB, 3, 0),
        (64 * MIB, 3, 17),
        (64 * MIB, 3, u32::MAX),
        (u32::MAX, u32::MAX, u32::MAX),
        (0, 0, 0),
    ];
    for (slot, _) in slots(KdfParameters::CHEAP, &OsEntropy) {
        for (memory, passes, lanes) in tampered {
            if !slot.kind.stretches() && memory == 0 {
                continue;
            }
            let mut bytes = slot.encode();
            for (place, cost) in [(10, memory), (14, passes), (18, lanes)] {
                bytes[place..place + 4].copy_from_slice(&cost.to_be_bytes());
            }
            let start = Instant::now();
            let mut read = None;
            let reserved = measure(|| read = Some(Slot::parse(&bytes)));
            let refusal = FormatError::Bounds("cost of the passphrase");
            assert_eq!(read, Some(Err(refusal)), "{memory}, {passes}, {lanes}");
            assert!(reserved.bytes_max < 4096, "{reserved:?}");
            assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
        }
    }
}

#[test]
fn costs_within_bounds_are_taken() {
    for (memory, passes, lanes) in [
        (64 * MIB, 3, 4),
        (64 * MIB, 3, 1),
        (256 * MIB, 3, 4),
        (1024 * MIB, 16, 16),
    ] {
        let costs = KdfParameters::new(memory, passes, lanes).unwrap();
        assert_eq!(costs.costs(), (memory, passes, lanes));
    }
    let error = KdfParameters::new(8, 1, 1).unwrap_err().to_string();
    assert!(error.contains("8 KiB"), "{error}");
}

#[test]
fn a_small_machine_gets_the_least() {
    const GIB: u64 = 1 << 30;
    for (available, costs) in [
        (0, KdfParameters::LEAST),
        (GIB - 1, KdfParameters::LEAST),
        (GIB, KdfParameters::USUAL),
        (u64::MAX, KdfParameters::USUAL),
    ] {
        assert_eq!(KdfParameters::for_memory(available), costs, "{available}");
    }
    for costs in [KdfParameters::USUAL, KdfParameters::LEAST] {
        let (memory, passes, lanes) = costs.costs();
        assert_eq!(KdfParameters::new(memory, passes, lanes), Ok(costs));
    }
}

#[test]
fn the_memory_of_a_try_is_what_the_costs_say_and_is_given_back() {
    let mut found = None;
    let reserved = measure(|| found = KdfParameters::CHEAP.stretch(b"a passphrase", &[0; 32]));
    assert!(found.is_some());
    assert!(reserved.bytes_max >= 32 * 1024, "{reserved:?}");
    assert!(reserved.bytes_max < 40 * 1024, "{reserved:?}");
    assert_eq!(reserved.bytes_current, 0);
}
