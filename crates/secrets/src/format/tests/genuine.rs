//! What was encrypted under the right key and yet is not what we write: another program's slip, or ours.

use allocation_counter::measure;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::*;
use crate::format::sealed::{Purpose, Sealed, derive};
use crate::format::{KeyState, Writer};

/// One key of a keyring, with a state that may be none.
#[derive(Clone, Copy)]
struct Version(u32, u8);

const DESTROYED: u8 = 3;

/// A keyring's plain text.
fn plain(versions: &[Version]) -> Writer {
    let count = u32::try_from(versions.len()).unwrap();
    let mut writer = Writer::default().raw(&[1; 32]).u32(count);
    for Version(number, state) in versions {
        writer = writer.u32(*number).u8(*state).i64(-1).raw(&[2; 32]);
        if *state != DESTROYED {
            writer = writer.raw(&[3; 32]);
        }
    }
    writer
}

fn opened(plain: Writer) -> Result<Keyring, FormatError> {
    let aad = Aad::new("orchestra/keyring")
        .bytes(&STORE)
        .unsigned(PLACE.root_version)
        .unsigned(PLACE.keyring_version)
        .number(Sealed::SUITE)
        .finish();
    let sealed = Sealed::seal(&key(1), Purpose::Keyring, &aad, &plain.finish(), &OsEntropy);
    let writer = Writer::default().raw(b"ORKR").u8(1);
    Keyring::open(&sealed.unwrap().write(writer).finish(), &key(1), PLACE)
}

#[test]
fn a_keyring_has_keys_in_their_order_and_one_is_active() {
    let (active, decrypt_only) = (1, 2);
    let order = Some(FormatError::Bounds("order of keys"));
    let number = Some(FormatError::Bounds("number of active keys"));
    for (versions, error) in [
        (&[Version(1, active)][..], None),
        (&[Version(1, 3), Version(4, 2), Version(9, active)], None),
        (&[], number),
        (&[Version(1, decrypt_only)], number),
        (&[Version(1, active), Version(2, active)], number),
        (&[Version(0, active)], order),
        (&[Version(2, decrypt_only), Version(1, active)], order),
        (&[Version(1, decrypt_only), Version(1, active)], order),
        (&[Version(u32::MAX, active)], order),
        (&[Version(1, 0)], Some(FormatError::Bounds("key state"))),
        (&[Version(1, 4)], Some(FormatError::Bounds("key state"))),
    ] {
        let numbers: Vec<_> = versions.iter().map(|version| version.0).collect();
        assert_eq!(opened(plain(versions)).err(), error, "{numbers:?}");
    }
}

#[test]
fn a_keyring_is_as_long_as_it_says() {
    let versions = [Version(1, 2), Version(2, 1)];
    assert!(opened(plain(&versions)).is_ok());
    let longer = opened(plain(&versions).u8(0)).err();
    assert_eq!(longer, Some(FormatError::Trailing));
    for count in [3, 4, 1 << 20, u32::MAX] {
        let mut bytes = plain(&versions).finish();
        bytes[32..36].copy_from_slice(&count.to_be_bytes());
        let mut more = None;
        let reserved = measure(|| more = opened(Writer::default().raw(&bytes)).err());
        assert_eq!(more, Some(FormatError::Truncated), "{count} keys");
        assert!(reserved.bytes_max < 4096, "{count} keys: {reserved:?}");
    }
}

#[test]
fn a_key_is_active_until_the_next_and_is_gone_once_destroyed() {
    let mut keyring = keyring(&OsEntropy);
    let states = |keyring: &Keyring| keyring.versions().map(|(_, state, _)| state).collect();
    let found: Vec<_> = states(&keyring);
    use KeyState::{Active, DecryptOnly, Destroyed};
    assert_eq!(found, [Destroyed, DecryptOnly, Active]);
    assert_eq!(keyring.active().unwrap().0, 3);
    assert!(keyring.data(1).is_none() && keyring.audit(1).is_some());
    assert!(keyring.data(2).is_some() && keyring.data(4).is_none());
    for number in [0, 1, 3, 4] {
        assert!(!keyring.destroy(number), "{number}");
    }
    assert!(keyring.destroy(2));

    let bytes = keyring.seal(&key(1), PLACE, &OsEntropy).unwrap();
    let read = Keyring::open(&bytes, &key(1), PLACE).unwrap();
    assert!(read.versions().eq(keyring.versions()));
    assert_eq!(read.signing().expose(), keyring.signing().expose());
    for number in 1..=3 {
        let keys = |keyring: &Keyring| {
            let data = keyring.data(number).map(|key| key.expose().to_vec());
            (data, keyring.audit(number).unwrap().expose().to_vec())
        };
        assert_eq!(keys(&read), keys(&keyring), "{number}");
    }
}

/// A manifest of these slots and rows, with a true MAC, and with this behind the rows.
fn listed(slots: &[u32], rows: &[u8], behind: &[u8]) -> Option<FormatError> {
    let mut writer = Writer::default().raw(b"ORMF").u8(1).raw(&STORE);
    writer = writer
        .u64(1)
        .u64(1)
        .u64(1)
        .raw(&[0; 32])
        .u64(0)
        .raw(&[0; 32])
        .u64(0)
        .u64(0);
    writer = writer.u32(u32::try_from(slots.len()).unwrap());
    for slot in slots {
        writer = writer.u32(*slot).raw(&[4; 32]);
    }
    writer = writer.u32(u32::try_from(rows.len()).unwrap());
    for row in rows {
        writer = writer.raw(&[*row; 16]).u64(1).raw(&[5; 48]);
    }
    let body = writer.raw(behind).finish();
    let key = derive(&key(1), Purpose::Manifest);
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).unwrap();
    mac.update(&body);
    let bytes = [&body[..], &mac.finalize().into_bytes()].concat();
    Manifest::open(&bytes, &self::key(1)).err()
}

#[test]
fn a_manifest_lists_everything_once_and_in_order() {
    let slots = Some(FormatError::Bounds("order of slots"));
    let rows = Some(FormatError::Bounds("order of rows"));
    assert_eq!(listed(&[], &[], b""), None);
    assert_eq!(listed(&[1, 2, 9], &[1, 2, 3], b""), None);
    assert_eq!(listed(&[1, 1], &[], b""), slots);
    assert_eq!(listed(&[2, 1], &[], b""), slots);
    assert_eq!(listed(&[], &[7, 7], b""), rows);
    assert_eq!(listed(&[], &[7, 6], b""), rows);
    assert_eq!(listed(&[1], &[1], b"\0"), Some(FormatError::Trailing));
}
