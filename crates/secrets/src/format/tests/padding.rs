//! Lengths that say little.

use zeroize::Zeroizing;

use crate::format::FormatError;
use crate::format::padding::{pad, unpad};

#[test]
fn lengths_fall_into_few_classes() {
    for (length, padded) in [
        (0, 64),
        (1, 64),
        (60, 64),
        (61, 128),
        (124, 128),
        (125, 256),
        (4000, 4096),
        (65536, 131_072),
    ] {
        let plain = vec![7; length];
        let whole = pad(&plain);
        assert_eq!(whole.len(), padded, "{length}");
        assert_eq!(*unpad(whole).unwrap(), plain);
    }
}

#[test]
fn only_what_is_written_is_taken() {
    let check = |bytes: Vec<u8>| unpad(Zeroizing::new(bytes)).map(drop);
    for length in 0..4 {
        assert_eq!(check(vec![0; length]), Err(FormatError::Truncated));
    }
    let whole = pad(b"a secret").to_vec();
    for length in [61u32, 1 << 16, u32::MAX] {
        let mut other = whole.clone();
        other[..4].copy_from_slice(&length.to_be_bytes());
        assert_eq!(check(other), Err(FormatError::Truncated), "{length}");
    }
    let padding = Err(FormatError::Bounds("padding"));
    for end in 12..whole.len() {
        let mut other = whole.clone();
        other[end] = 1;
        assert_eq!(check(other), padding, "byte {end} is no zero");
    }
    for length in [63, 65, 128] {
        let mut other = whole.clone();
        other.resize(length, 0);
        assert_eq!(check(other), padding, "padded to {length}");
    }
}
