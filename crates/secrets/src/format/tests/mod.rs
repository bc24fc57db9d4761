//! What the formats promise, attack by attack.

mod allocations;
mod binding;
mod costs;
mod credentials;
mod cuts;
mod flips;
mod galois;
mod genuine;
mod golden;
mod padding;
mod randomness;
mod salamander;
mod vectors;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use super::{
    Aad, FormatError, KdfParameters, Keyring, KeyringPlace, Manifest, NameMark, Record, RowMark,
};
use super::{Slot, SlotMark, SlotPlace};
use crate::credential::Credential;
use crate::entropy::{Entropy, EntropyError, OsEntropy};
use crate::key::Key;
use crate::recovery::RecoveryKey;

const STORE: [u8; 16] = *b"a store's number";
const PLACE: KeyringPlace<'static> = KeyringPlace {
    store: &STORE,
    root_version: 3,
    keyring_version: 5,
};
const PASSPHRASE: &str = "correct horse battery staple";
const FILE: &[u8] = b"a key file of more than 32 bytes, as all are";

/// Bytes that are always the same, and never repeat. Each draw is a hash of its number.
#[derive(Debug)]
struct Seeded(AtomicU64);

impl Seeded {
    const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed << 32))
    }
}

impl Entropy for Seeded {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        for part in buffer.chunks_mut(32) {
            let number = self.0.fetch_add(1, Ordering::Relaxed);
            part.copy_from_slice(&Sha256::digest(number.to_be_bytes())[..part.len()]);
        }
        Ok(())
    }
}

fn key(byte: u8) -> Key {
    Key::from_slice(&[byte; Key::BYTES]).unwrap()
}

/// Three keys: destroyed, decrypt-only, active.
fn keyring(entropy: &dyn Entropy) -> Keyring {
    let mut keyring = Keyring::new(1_700_000_000_000, entropy).unwrap();
    keyring.publish(1_700_000_000_001, entropy).unwrap();
    keyring.publish(1_700_000_000_002, entropy).unwrap();
    assert!(keyring.destroy(1));
    keyring
}

/// Every kind of value that something can be bound to.
fn bound() -> Aad {
    Aad::new("orchestra/test")
        .bytes(&STORE)
        .text("a tenant")
        .optional_text(Some("a service"))
        .optional_text(None)
        .number(7u32)
        .optional_number(Some(-1))
        .optional_number(None)
        .unsigned(u64::MAX)
}

fn record(keyring: &Keyring, length: usize) -> Record {
    let plain: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
    Record::seal(keyring, bound(), &plain, &OsEntropy).unwrap()
}

/// One of each kind, at these costs.
fn slots(costs: KdfParameters, entropy: &dyn Entropy) -> Vec<(Slot, Credential)> {
    let recovery = RecoveryKey::random(entropy).unwrap();
    let credentials = [
        Credential::passphrase(PASSPHRASE),
        Credential::key_file(FILE),
        Credential::passphrase_and_key_file(PASSPHRASE, FILE),
        Credential::recovery(&recovery),
    ];
    let wrap = |(id, credential): (u32, Credential)| {
        let place = SlotPlace { store: &STORE, id };
        let slot = Slot::wrap(&key(1), place, &credential, costs, entropy).unwrap();
        (slot, credential)
    };
    (1..).zip(credentials).map(wrap).collect()
}

fn manifest() -> Manifest {
    let row = |n: u8| {
        let mark = RowMark {
            version: n.into(),
            commitment: [n; 32],
            name: NameMark::of("tenant", &format!("name {n}")),
        };
        ([n; 16], mark)
    };
    let slot = |id: u8| SlotMark {
        id: id.into(),
        hash: [id; 32],
    };
    Manifest {
        store: STORE,
        epoch: 7,
        root_version: 3,
        keyring_version: 5,
        keyring: [9; 32],
        audit_seq: 11,
        audit_hash: [8; 32],
        fence: 13,
        slots: vec![slot(4), slot(1)],
        rows: (1..=3).map(row).collect::<BTreeMap<_, _>>(),
    }
}

/// What a reader says to these bytes: nothing if they are taken.
type Reading<'a> = &'a dyn Fn(&[u8]) -> Option<FormatError>;

/// Calls with every kind of thing that is written: its name, its bytes, and who reads and opens it.
fn with_each_kind(check: impl Fn(&str, &[u8], Reading<'_>)) {
    let keyring = keyring(&OsEntropy);
    for length in [0, 100, 164, 1000] {
        let bytes = record(&keyring, length).encode();
        check(&format!("record of {length}"), &bytes, &|bytes| {
            let open = |record: Record| record.open(&keyring, bound()).map(drop);
            Record::parse(bytes).and_then(open).err()
        });
    }
    for (slot, credential) in slots(KdfParameters::CHEAP, &OsEntropy) {
        if slot.kind.stretches() {
            continue;
        }
        check(slot.kind.as_str(), &slot.encode(), &|bytes| {
            let open = |slot: Slot| slot.unwrap(&STORE, &credential).map(drop);
            match Slot::parse(bytes).map(open) {
                Ok(opened) => opened.err().map(|_| FormatError::Refused),
                Err(error) => Some(error),
            }
        });
    }
    let bytes = keyring.seal(&key(1), PLACE, &OsEntropy).unwrap();
    check("keyring", &bytes, &|bytes| {
        Keyring::open(bytes, &key(1), PLACE).err()
    });
    let bytes = manifest().encode(&key(1));
    check("manifest", &bytes, &|bytes| {
        Manifest::open(bytes, &key(1)).err()
    });
}

/// Bytes from digits, two each. Spaces and line ends do not count.
fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let value = |digit: u8| u8::try_from(char::from(digit).to_digit(16).unwrap()).unwrap();
    let byte = |pair: &[u8]| value(pair[0]) << 4 | value(pair[1]);
    digits.chunks(2).map(byte).collect()
}
