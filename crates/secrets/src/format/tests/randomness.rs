//! Nothing is encrypted with what might come again.

use std::fmt;

use super::*;
use crate::SealError;
use crate::entropy::Checked;
use crate::format::sealed::{Purpose, fresh};

/// Gives so many draws of another, and then nothing.
struct Exhausted(Seeded, AtomicU64);

impl Exhausted {
    const fn after(draws: u64) -> Self {
        Self(Seeded::new(1), AtomicU64::new(draws))
    }
}

impl fmt::Debug for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exhausted")
    }
}

impl Entropy for Exhausted {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        let left = self.1.load(Ordering::Relaxed);
        self.1.store(left.saturating_sub(1), Ordering::Relaxed);
        match left {
            0 => Err(EntropyError::Unavailable),
            _ => self.0.fill(buffer),
        }
    }
}

/// The same bytes for ever.
#[derive(Debug)]
struct Constant([u8; 64]);

impl Entropy for Constant {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        buffer.copy_from_slice(&self.0[..buffer.len()]);
        Ok(())
    }
}

/// What each thing that draws says about this source.
fn refusals(entropy: &dyn Entropy) -> Vec<Result<(), SealError>> {
    let (keyring, place) = (
        keyring(&OsEntropy),
        SlotPlace {
            store: &STORE,
            id: 1,
        },
    );
    let file = Credential::key_file(FILE);
    let costs = KdfParameters::CHEAP;
    vec![
        Key::random(entropy).map(drop).map_err(Into::into),
        RecoveryKey::random(entropy).map(drop).map_err(Into::into),
        crate::new_key_file(entropy).map(drop).map_err(Into::into),
        Keyring::new(0, entropy).map(drop).map_err(Into::into),
        keyring
            .seal(&key(1), PLACE, entropy)
            .map(drop)
            .map_err(Into::into),
        Record::seal(&keyring, bound(), b"a secret", entropy).map(drop),
        Slot::wrap(&key(1), place, &file, costs, entropy).map(drop),
    ]
}

#[test]
fn without_a_source_nothing_is_encrypted() {
    for refusal in refusals(&Exhausted::after(0)) {
        assert_eq!(refusal, Err(EntropyError::Unavailable.into()));
    }
}

#[test]
fn with_a_source_that_repeats_itself_nothing_is_encrypted() {
    let mut varied = [0; 64];
    Seeded::new(1).fill(&mut varied).unwrap();
    for bytes in [[0; 64], [0xff; 64], varied] {
        let source = Checked::new(Constant(bytes));
        let mut first = [0; 32];
        // Only the first draw of bytes that are not alike is not known to be bad.
        assert_eq!(source.fill(&mut first).is_ok(), bytes == varied);
        for refusal in refusals(&source) {
            assert_eq!(refusal, Err(EntropyError::Repeats.into()));
        }
    }
}

/// Whichever draw fails, what was there is as it was.
#[test]
fn a_key_that_cannot_be_made_changes_nothing() {
    for draws in 0..2 {
        let mut keyring = keyring(&OsEntropy);
        let before: Vec<_> = keyring.versions().collect();
        let published = keyring.publish(1, &Exhausted::after(draws));
        assert_eq!(published, Err(EntropyError::Unavailable));
        assert_eq!(keyring.versions().collect::<Vec<_>>(), before);
    }
}

/// A value of as many bits as count.
fn number(bytes: &[u8]) -> u128 {
    bytes[..12]
        .iter()
        .fold(0, |number, byte| number << 8 | u128::from(*byte))
}

fn all_distinct(mut numbers: Vec<u128>) -> bool {
    numbers.sort_unstable();
    numbers.windows(2).all(|pair| pair[0] != pair[1])
}

#[test]
fn a_million_salts_and_nonces_are_distinct() {
    let source = Checked::new(OsEntropy);
    let (mut salts, mut nonces) = (Vec::new(), Vec::new());
    let key = key(1);
    for _ in 0..1_000_000 {
        let (salt, nonce) = fresh(&key, Purpose::Secret, b"place", b"value", &source).unwrap();
        salts.push(number(&salt));
        nonces.push(number(&nonce));
    }
    assert!(all_distinct(salts) && all_distinct(nonces));
}

#[test]
fn twenty_thousand_records_of_one_secret_are_distinct() {
    let (keyring, source) = (keyring(&OsEntropy), Checked::new(OsEntropy));
    let mut parts = [const { Vec::new() }; 4];
    for _ in 0..20_000 {
        let record = Record::seal(&keyring, bound(), b"a secret", &source).unwrap();
        let bytes = record.encode();
        // Salt, nonce, commitment, ciphertext.
        for (part, start) in parts.iter_mut().zip([10, 42, 54, 90]) {
            part.push(number(&bytes[start..]));
        }
    }
    assert!(parts.into_iter().all(all_distinct));
}

/// Two copies of one machine draw the same bytes. GCM shows everything if two values are encrypted with one key
/// and one nonce, so that must not come of it.
#[test]
fn a_copied_machine_uses_no_nonce_twice() {
    let boxed = |key: Key, purpose, aad: &[u8], plain: &[u8]| {
        fresh(&key, purpose, aad, plain, &Seeded::new(7)).unwrap()
    };
    let one = || boxed(key(1), Purpose::Secret, b"place", b"value");
    assert_eq!(one(), one(), "the same draw for the same box");
    for (salt, nonce) in [
        boxed(key(2), Purpose::Secret, b"place", b"value"),
        boxed(key(1), Purpose::Export, b"place", b"value"),
        boxed(key(1), Purpose::Secret, b"other", b"value"),
        boxed(key(1), Purpose::Secret, b"place", b"other"),
    ] {
        assert_ne!(salt, one().0);
        assert_ne!(nonce, one().1);
    }
    let drawn = fresh(
        &key(1),
        Purpose::Secret,
        b"place",
        b"value",
        &Seeded::new(8),
    );
    assert_ne!(drawn.unwrap(), one(), "another draw");
}
