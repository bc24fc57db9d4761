//! What fuzzers call: functions from bytes to nothing. A panic is a finding.
//!
//! No reader may panic. What is taken is written the same again, so there is one form of everything. And what
//! opens was encrypted by us: a fuzzer has the keys, but no way to use them.

use std::sync::LazyLock;

use zeroize::Zeroizing;

pub use crate::backup::fuzzing::backup;

use super::padding::{pad, unpad};
use super::samples::{
    KEYRING, MANIFEST, PLACE, RECORD, SLOTS, STORE, bound, credentials, key, unhex,
};
use super::{Keyring, Manifest, Record, Slot};
use crate::credential::Credential;
use crate::key::Key;

/// A target's name, and what it calls.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 5] = [
    ("secret_backup", backup),
    ("secret_keyring", keyring),
    ("secret_manifest", manifest),
    ("secret_record", record),
    ("secret_slot", slot),
];

/// What the first release wrote, and what opens it.
struct Ours {
    root: Key,
    keyring: Keyring,
    credentials: [Credential; 4],
    slots: [Vec<u8>; 4],
    keyring_bytes: Vec<u8>,
    record: Vec<u8>,
    manifest: Vec<u8>,
}

static OURS: LazyLock<Ours> = LazyLock::new(|| {
    let (root, bytes) = (key(1), unhex(KEYRING));
    let keyring = Keyring::open(&bytes, &root, PLACE);
    Ours {
        keyring: keyring.expect("the first release wrote it"),
        root,
        credentials: credentials(),
        slots: SLOTS.map(unhex),
        keyring_bytes: bytes,
        record: unhex(RECORD),
        manifest: unhex(MANIFEST),
    }
});

/// A record, and what is inside of one.
///
/// # Panics
/// If a law is broken.
pub fn record(data: &[u8]) {
    if let Ok(record) = Record::parse(data) {
        assert_eq!(record.encode(), data, "there is one form");
        let opened = record.open(&OURS.keyring, bound()).is_ok();
        assert_eq!(opened, data == OURS.record, "only ours opens");
    }
    if let Ok(plain) = unpad(Zeroizing::new(data.to_vec())) {
        assert_eq!(*pad(&plain), data, "there is one form");
    }
}

/// A slot. Passphrases are not stretched: it would take too long.
///
/// # Panics
/// If a law is broken.
pub fn slot(data: &[u8]) {
    let Ok(slot) = Slot::parse(data) else { return };
    assert_eq!(slot.encode(), data, "there is one form");
    if slot.kind.stretches() {
        assert!(slot.open(&STORE, &OURS.root).is_none(), "only ours opens");
        return;
    }
    for (credential, ours) in OURS.credentials.iter().zip(&OURS.slots) {
        let opened = slot.unwrap(&STORE, credential).is_ok();
        assert_eq!(opened, data == ours, "only ours opens");
    }
}

/// A keyring, and what is inside of one.
///
/// # Panics
/// If a law is broken.
pub fn keyring(data: &[u8]) {
    let opened = Keyring::open(data, &OURS.root, PLACE).is_ok();
    assert_eq!(opened, data == OURS.keyring_bytes, "only ours opens");
    if let Ok(keyring) = Keyring::read(data) {
        assert_eq!(*keyring.plain(), data, "there is one form");
        assert!(keyring.active().is_ok(), "one key is active");
    }
}

/// A manifest, and what stands before the MAC of one.
///
/// # Panics
/// If a law is broken.
pub fn manifest(data: &[u8]) {
    let opened = Manifest::open(data, &OURS.root).is_ok();
    assert_eq!(opened, data == OURS.manifest, "only ours opens");
    if let Ok(manifest) = Manifest::read(data) {
        assert_eq!(manifest.body(), data, "there is one form");
    }
}
