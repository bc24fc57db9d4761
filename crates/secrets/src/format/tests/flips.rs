//! Every bit, flipped by itself: nothing is taken.

use super::*;
use crate::format::slot::wrapping_key;

/// Whether a byte is one of those that say what the rest is: a flip there may be told from others.
fn says_what_it_is(kind: &str, index: usize) -> bool {
    // Before the box: magic, format, and what each kind has of its own. A slot's id and salt are not told.
    let (before, sealed) = match kind {
        "manifest" => return index < 5,
        "keyring" => (index < 5, 5),
        record if record.starts_with("record") => (index < 9, 9),
        _ => (index < 6 || (10..22).contains(&index), 54),
    };
    // Of the box the suite and the length; salt, nonce and commitment are between them.
    before || index == sealed || (sealed + 77..sealed + 81).contains(&index)
}

#[test]
fn no_flipped_bit_is_taken() {
    with_each_kind(|kind, bytes, read| {
        assert_eq!(read(bytes), None, "{kind} itself");
        let mut flipped = bytes.to_vec();
        for index in 0..bytes.len() {
            for bit in 0..8 {
                flipped[index] ^= 1 << bit;
                let error = read(&flipped);
                let told = says_what_it_is(kind, index);
                let refused = error == Some(FormatError::Refused);
                assert!(
                    refused || told && error.is_some(),
                    "{kind}, byte {index}, bit {bit}: {error:?}"
                );
                flipped[index] ^= 1 << bit;
            }
        }
    });
}

#[test]
fn a_refusal_has_one_text() {
    assert_eq!(
        FormatError::Refused.to_string(),
        "it was changed or moved, or belongs to another key"
    );
    assert_eq!(
        crate::UnlockError::Refused.to_string(),
        "the credential does not open the store"
    );
}

/// The costs are stored, so what is bound must hold even for whoever has the right passphrase: the key is given, as if
/// the passphrase had been stretched, and every flip is refused all the same.
#[test]
fn no_flipped_bit_of_a_stretched_slot_is_taken() {
    for (slot, credential) in slots(KdfParameters::LEAST, &OsEntropy) {
        if !slot.kind.stretches() {
            continue;
        }
        let bytes = slot.encode();
        let salt = bytes[22..54].try_into().unwrap();
        let key = wrapping_key(&credential, Some(KdfParameters::LEAST), &salt).unwrap();
        assert!(slot.open(&STORE, &key).is_some());
        let mut ran = 0;
        let mut flipped = bytes.clone();
        for index in 0..bytes.len() {
            for bit in 0..8 {
                flipped[index] ^= 1 << bit;
                if let Ok(slot) = Slot::parse(&flipped) {
                    assert!(slot.open(&STORE, &key).is_none(), "byte {index}, bit {bit}");
                    ran += usize::from((10..22).contains(&index));
                }
                flipped[index] ^= 1 << bit;
            }
        }
        // Of 96 bits of the costs these change them within bounds: of 64 MiB, 3 passes and 4 lanes those of up to
        // 32 MiB more and of 128 to 512 MiB more, of 4 and 8 passes more, and of 1, 2 or 8 lanes more.
        assert_eq!(ran, 16 + 3 + 2 + 3);
    }
}
