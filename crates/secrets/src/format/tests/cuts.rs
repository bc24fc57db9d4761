//! Too short, too long, of another kind, from the future.

use super::*;
use crate::format::sealed::Sealed;

#[test]
fn what_is_cut_anywhere_is_refused() {
    with_each_kind(|kind, bytes, read| {
        for length in 0..bytes.len() {
            let error = read(&bytes[..length]);
            let expected = match kind {
                // Its end is its MAC, whatever its end is.
                "manifest" if length >= 32 => FormatError::Refused,
                _ => FormatError::Truncated,
            };
            assert_eq!(error, Some(expected), "{kind}, {length} bytes");
        }
    });
}

#[test]
fn what_goes_on_is_refused() {
    with_each_kind(|kind, bytes, read| {
        let expected = match kind {
            "manifest" => FormatError::Refused,
            _ => FormatError::Trailing,
        };
        for more in 1..=64 {
            for byte in [0, 0xff] {
                let longer = [bytes, &vec![byte; more]].concat();
                assert_eq!(read(&longer), Some(expected), "{kind}, {more} bytes");
            }
        }
        let twice = [bytes, bytes].concat();
        assert_eq!(read(&twice), Some(expected), "{kind} twice");
    });
}

#[test]
fn another_beginning_is_refused() {
    let mut beginnings = Vec::new();
    with_each_kind(|_, bytes, _| assert_ne!(&bytes[..4], b"ORXX"));
    for kind in [b"ORS1", b"ORSL", b"ORKR", b"ORMF", b"ORAN", b"\0\0\0\0"] {
        beginnings.push(kind);
    }
    with_each_kind(|kind, bytes, read| {
        for beginning in &beginnings {
            let mut other = bytes.to_vec();
            other[..4].copy_from_slice(&beginning[..]);
            let expected = (other != bytes).then_some(FormatError::Magic);
            assert_eq!(read(&other), expected, "{kind}");
        }
    });
}

#[test]
fn a_format_of_the_future_is_named() {
    with_each_kind(|kind, bytes, read| {
        for format in (0..=u8::MAX).filter(|format| *format != 1) {
            let mut other = bytes.to_vec();
            other[4] = format;
            assert_eq!(read(&other), Some(FormatError::Format(format)), "{kind}");
        }
    });
}

#[test]
fn a_cipher_of_the_future_is_named() {
    with_each_kind(|kind, bytes, read| {
        let place = match kind {
            "manifest" => return,
            "keyring" => 5,
            record if record.starts_with("record") => 9,
            _ => 54,
        };
        for suite in (0..=u8::MAX).filter(|suite| *suite != Sealed::SUITE) {
            let mut other = bytes.to_vec();
            other[place] = suite;
            assert_eq!(read(&other), Some(FormatError::Suite(suite)), "{kind}");
        }
    });
}

#[test]
fn a_key_that_is_not_there_is_named() {
    let keyring = keyring(&OsEntropy);
    let bytes = record(&keyring, 10).encode();
    let open = |version: u32| {
        let mut other = bytes.clone();
        other[5..9].copy_from_slice(&version.to_be_bytes());
        let record = Record::parse(&other).unwrap();
        record.open(&keyring, bound()).map(drop)
    };
    assert_eq!(open(3), Ok(()));
    assert_eq!(open(2), Err(FormatError::Refused), "another key");
    for version in [1, 0, 4, u32::MAX] {
        let expected = FormatError::KeyVersion(version);
        assert_eq!(open(version), Err(expected), "destroyed or unknown");
    }
}

#[test]
fn a_slot_of_no_kind_is_refused() {
    for (slot, _) in slots(KdfParameters::CHEAP, &OsEntropy) {
        for kind in [0, 5, 6, u8::MAX] {
            let mut bytes = slot.encode();
            bytes[5] = kind;
            assert_eq!(Slot::parse(&bytes), Err(FormatError::Bounds("kind")));
        }
    }
}

#[test]
fn the_longest_secret_is_taken_and_a_longer_one_is_not() {
    let keyring = keyring(&OsEntropy);
    let record = record(&keyring, Record::MAX_PLAIN);
    let read = Record::parse(&record.encode()).unwrap();
    let plain = read.open(&keyring, bound()).unwrap();
    assert_eq!(plain.len(), Record::MAX_PLAIN);
    let longer = vec![0; Record::MAX_PLAIN + 1];
    assert_eq!(
        Record::seal(&keyring, bound(), &longer, &OsEntropy),
        Err(crate::SealError::TooLong)
    );
    let longer = [record.encode(), vec![0]].concat();
    assert_eq!(Record::parse(&longer), Err(FormatError::Bounds("length")));
}
