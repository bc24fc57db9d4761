//! What the formats promise, attack by attack.

mod allocations;
mod binding;
mod costs;
mod credentials;
mod cuts;
mod flips;
mod fuzz;
mod galois;
mod genuine;
mod golden;
mod padding;
mod randomness;
mod salamander;
mod vectors;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use super::samples::{
    FILE, KEYRING, MANIFEST, PASSPHRASE, PLACE, RECORD, SLOTS, STORE, bound, credentials, key,
    unhex,
};
use super::seeded::Seeded;
use super::{
    Aad, FormatError, KdfParameters, Keyring, KeyringPlace, Manifest, NameMark, Record, RowMark,
    Slot, SlotMark, SlotPlace,
};
use crate::credential::Credential;
use crate::entropy::{Entropy, EntropyError, OsEntropy};
use crate::key::Key;
use crate::recovery::RecoveryKey;

/// Three keys: destroyed, decrypt-only, active.
fn keyring(entropy: &dyn Entropy) -> Keyring {
    let mut keyring = Keyring::new(1_700_000_000_000, entropy).unwrap();
    keyring.publish(1_700_000_000_001, entropy).unwrap();
    keyring.publish(1_700_000_000_002, entropy).unwrap();
    assert!(keyring.destroy(1));
    keyring
}

fn record(keyring: &Keyring, length: usize) -> Record {
    let plain: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
    Record::seal(keyring, bound(), &plain, &OsEntropy).unwrap()
}

/// One of each kind, at these costs.
fn slots(costs: KdfParameters, entropy: &dyn Entropy) -> Vec<(Slot, Credential)> {
    let wrap = |(id, credential): (u32, Credential)| {
        let place = SlotPlace { store: &STORE, id };
        let slot = Slot::wrap(&key(1), place, &credential, costs, entropy).unwrap();
        (slot, credential)
    };
    (1..).zip(credentials()).map(wrap).collect()
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
        accepted: 6,
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
