//! A ciphertext opens in its own place and in no other.

use proptest::prelude::*;

use super::*;
use crate::format::sealed::{Purpose, Sealed};

/// One value that something is bound to.
#[derive(Clone, Debug, PartialEq)]
enum Field {
    Absent,
    Bytes(Vec<u8>),
    Number(i64),
    Unsigned(u64),
}

impl Field {
    fn add_to(&self, aad: Aad) -> Aad {
        match self {
            Self::Absent => aad.optional_text(None),
            Self::Bytes(bytes) => aad.bytes(bytes),
            Self::Number(number) => aad.number(*number),
            Self::Unsigned(number) => aad.unsigned(*number),
        }
    }
}

fn encoded(fields: &[Field]) -> Vec<u8> {
    let aad = |aad, field: &Field| field.add_to(aad);
    fields.iter().fold(Aad::new("test"), aad).finish()
}

fn field() -> impl Strategy<Value = Field> {
    // Bytes that look like kinds and lengths, so that one row could be taken for another.
    let byte = prop_oneof![3 => 0..=9u8, 1 => any::<u8>()];
    let edge = prop::sample::select(vec![0, 1, -1, 2, i64::MIN, i64::MAX]);
    prop_oneof![
        Just(Field::Absent),
        prop::collection::vec(byte, 0..12).prop_map(Field::Bytes),
        edge.clone().prop_map(Field::Number),
        edge.prop_map(|number| Field::Unsigned(number.cast_unsigned())),
    ]
}

fn row() -> impl Strategy<Value = Vec<Field>> {
    prop::collection::vec(field(), 0..6)
}

/// Rows that are nearly the same: bytes moved between neighbours, one value in the form of another, one more or less.
fn neighbours(row: &[Field]) -> Vec<Vec<Field>> {
    let mut near = Vec::new();
    let mut with = |index: usize, others: &[Field]| {
        let (before, after) = (&row[..index], &row[index + 1..]);
        near.push([before, others, after].concat());
    };
    for (index, field) in row.iter().enumerate() {
        with(index, &[]);
        with(index, &[field.clone(), field.clone()]);
        for other in [Field::Absent, Field::Bytes(vec![]), Field::Number(0)] {
            with(index, std::slice::from_ref(&other));
            with(index, &[other, field.clone()]);
        }
        match field {
            Field::Absent => {}
            Field::Number(number) => {
                with(index, &[Field::Bytes(number.to_be_bytes().to_vec())]);
                with(index, &[Field::Bytes(number.to_string().into_bytes())]);
                with(index, &[Field::Unsigned(number.cast_unsigned())]);
            }
            Field::Unsigned(number) => {
                with(index, &[Field::Bytes(number.to_be_bytes().to_vec())]);
                with(index, &[Field::Number(number.cast_signed())]);
            }
            Field::Bytes(bytes) => {
                for at in 0..=bytes.len() {
                    let (left, right) = bytes.split_at(at);
                    with(
                        index,
                        &[Field::Bytes(left.into()), Field::Bytes(right.into())],
                    );
                }
            }
        }
    }
    near.extend(row.windows(2).enumerate().flat_map(|(index, pair)| {
        let [Field::Bytes(left), Field::Bytes(right)] = pair else {
            return Vec::new();
        };
        let both = [&left[..], right].concat();
        let split = |at| {
            let (left, right) = both.split_at(at);
            let pair = [Field::Bytes(left.into()), Field::Bytes(right.into())];
            [&row[..index], &pair, &row[index + 2..]].concat()
        };
        (0..=both.len()).map(split).collect()
    }));
    near
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn different_rows_are_different_bytes(one in row(), other in row()) {
        prop_assert_eq!(one == other, encoded(&one) == encoded(&other));
        for near in neighbours(&one) {
            prop_assert_eq!(one == near, encoded(&one) == encoded(&near), "{:?}", near);
        }
    }

    /// No row is the beginning of another, so nothing can be moved over the end either.
    #[test]
    fn a_longer_row_goes_on_with_a_kind(one in row(), more in field()) {
        let longer = [&one[..], &[more]].concat();
        let (short, long) = (encoded(&one), encoded(&longer));
        prop_assert!(long.starts_with(&short) && long.len() > short.len());
        prop_assert!((0..=3).contains(&long[short.len()]));
    }
}

#[test]
fn well_known_pairs_are_told_apart() {
    let aad = || Aad::new("d");
    let pairs = [
        (aad().text("a").text("bc"), aad().text("ab").text("c")),
        (aad().text("").text("a"), aad().text("a").text("")),
        (aad().optional_text(None), aad().optional_text(Some(""))),
        (aad().optional_number(None), aad().optional_number(Some(0))),
        (aad().number(1), aad().text("1")),
        (aad().number(-1), aad().unsigned(u64::MAX)),
        (aad().text("x"), Aad::new("dx")),
        (aad(), aad().optional_text(None)),
    ];
    for (index, (one, other)) in pairs.into_iter().enumerate() {
        assert_ne!(one.finish(), other.finish(), "pair {index}");
    }
}

/// A row of a store, by its columns, and one with another value for each column.
fn rows_of_a_store() -> Vec<Vec<Field>> {
    let text = |text: &str| Field::Bytes(text.into());
    let columns = [
        [Field::Bytes(STORE.into()), Field::Bytes([0; 16].into())],
        [text("secrets"), text("slots")],
        [text("row 1"), text("row 2")],
        [text("tenant"), text("other")],
        [text("NAME"), text("NAM")],
        [text("a service"), Field::Absent],
        [Field::Absent, text("https://api.example.com")],
        [Field::Number(1), Field::Number(2)],
        [Field::Number(0), Field::Absent],
        [Field::Unsigned(1), Field::Unsigned(2)],
    ];
    let usual: Vec<Field> = columns.iter().map(|[usual, _]| usual.clone()).collect();
    let changed = columns.iter().enumerate().map(|(index, [_, other])| {
        let mut row = usual.clone();
        row[index] = other.clone();
        row
    });
    std::iter::once(usual.clone()).chain(changed).collect()
}

#[test]
fn a_record_opens_in_its_own_place_only() {
    let keyring = keyring(&OsEntropy);
    let rows = rows_of_a_store();
    let bound = |row: &[Field]| {
        row.iter()
            .fold(Aad::new("d"), |aad, field| field.add_to(aad))
    };
    for one in &rows {
        let record = Record::seal(&keyring, bound(one), b"a secret", &OsEntropy).unwrap();
        for other in &rows {
            let opened = record
                .open(&keyring, bound(other))
                .map(|plain| plain.to_vec());
            let expected = match one == other {
                true => Ok(b"a secret".to_vec()),
                false => Err(FormatError::Refused),
            };
            assert_eq!(opened, expected, "{one:?} as {other:?}");
        }
        assert!(
            record.open(&keyring, Aad::new("d")).is_err(),
            "bound to nothing"
        );
    }
}

#[test]
fn what_is_for_one_purpose_opens_for_no_other() {
    let purposes = [
        Purpose::Secret,
        Purpose::Slot,
        Purpose::Keyring,
        Purpose::Manifest,
        Purpose::Anchor,
        Purpose::Export,
    ];
    for purpose in purposes {
        let sealed = Sealed::seal(&key(1), purpose, b"place", b"plain", &OsEntropy).unwrap();
        for other in purposes {
            let opened = sealed.open(&key(1), other, b"place").is_ok();
            assert_eq!(opened, purpose == other, "{purpose:?} as {other:?}");
        }
        for (key, aad) in [(key(2), &b"place"[..]), (key(1), b"plac"), (key(1), b"")] {
            let opened = sealed.open(&key, purpose, aad).map(drop);
            assert_eq!(opened, Err(FormatError::Refused));
        }
    }
}

#[test]
fn a_keyring_opens_in_its_own_place_only() {
    let bytes = keyring(&OsEntropy)
        .seal(&key(1), PLACE, &OsEntropy)
        .unwrap();
    let open = |key: &Key, place| Keyring::open(&bytes, key, place).map(drop);
    assert_eq!(open(&key(1), PLACE), Ok(()));
    let other = [0; 16];
    let places = [
        KeyringPlace {
            store: &other,
            ..PLACE
        },
        KeyringPlace {
            root_version: 4,
            ..PLACE
        },
        KeyringPlace {
            keyring_version: 4,
            ..PLACE
        },
        KeyringPlace {
            root_version: 5,
            keyring_version: 3,
            ..PLACE
        },
    ];
    for place in places {
        assert_eq!(open(&key(1), place), Err(FormatError::Refused), "{place:?}");
    }
    assert_eq!(
        open(&key(2), PLACE),
        Err(FormatError::Refused),
        "another root key"
    );
}

#[test]
fn a_manifest_opens_under_its_root_key_only() {
    let bytes = manifest().encode(&key(1));
    let read = Manifest::open(&bytes, &key(1)).unwrap();
    assert_eq!(read.encode(&key(1)), bytes);
    assert_eq!(read.rows, manifest().rows);
    assert_eq!(Manifest::open(&bytes, &key(2)), Err(FormatError::Refused));
}
