//! What the first release wrote, and what opens it. For tests and fuzzers.

use super::{Aad, KeyringPlace};
use crate::credential::Credential;
use crate::key::Key;
use crate::recovery::RecoveryKey;

pub(crate) const STORE: [u8; 16] = *b"a store's number";
pub(super) const PLACE: KeyringPlace<'static> = KeyringPlace {
    store: &STORE,
    root_version: 3,
    keyring_version: 5,
};
pub(super) const PASSPHRASE: &str = "correct horse battery staple";
pub(super) const FILE: &[u8] = b"a key file of more than 32 bytes, as all are";
const RECOVERY: &str = "SEY4-GX8D-XEW5-6M4K-PFFA-Z25C-FX6F-Z1T2-ANVA-B3F2-QB3N-9B6V-8RB0-1A9G";

/// In the order of [`credentials`].
pub(crate) const SLOTS: [&str; 4] = [
    include_str!("golden/slot_passphrase.hex"),
    include_str!("golden/slot_key_file.hex"),
    include_str!("golden/slot_passphrase_and_key_file.hex"),
    include_str!("golden/slot_recovery.hex"),
];
pub(super) const KEYRING: &str = include_str!("golden/keyring.hex");
pub(crate) const RECORD: &str = include_str!("golden/record.hex");
pub(super) const MANIFEST: &str = include_str!("golden/manifest.hex");
pub(crate) const BACKUP: &str = include_str!("golden/backup.hex");

/// The root key is that of ones.
pub(crate) fn key(byte: u8) -> Key {
    Key::made(|key| key.fill(byte))
}

/// Every kind of value that something can be bound to.
pub(super) fn bound() -> Aad {
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

/// One of each kind.
pub(super) fn credentials() -> [Credential; 4] {
    let recovery = RecoveryKey::parse(RECOVERY).ok();
    let recovery = recovery.expect("it was written by this program");
    [
        Credential::passphrase(PASSPHRASE),
        Credential::key_file(FILE),
        Credential::passphrase_and_key_file(PASSPHRASE, FILE),
        Credential::recovery(&recovery),
    ]
}

/// Bytes from digits, two each. Line ends do not count.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .filter_map(|digit| u8::try_from(digit).ok())
        .collect();
    let byte = |pair: &[u8]| pair.iter().fold(0, |byte, digit| byte << 4 | digit);
    digits.chunks(2).map(byte).collect()
}
