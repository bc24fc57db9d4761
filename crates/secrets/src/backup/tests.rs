//! Backups, byte for byte.

use super::file::{Header, Packer, Table, Unpacker};
use crate::backend::{Row, Value};
use crate::format::FormatError;
use crate::format::samples::{BACKUP, RECORD, SLOTS, STORE, key, unhex};
use crate::format::seeded::Seeded;

/// The rows of a small store, of which no column means anything.
fn rows() -> Vec<(Table, Row)> {
    vec![
        (
            Table::Store,
            Row(vec![7i64.into(), Value::Blob(Some(STORE.into()))]),
        ),
        (
            Table::Entries,
            Row(vec![
                "NAME".into(),
                Value::Text(None),
                Value::Blob(Some(unhex(RECORD))),
            ]),
        ),
        (Table::Audit, Row(vec![i64::MIN.into(), Value::Blob(None)])),
        (
            Table::Checkpoints,
            Row(vec![Value::Integer(None), "a note\n".into()]),
        ),
    ]
}

fn written() -> Vec<u8> {
    let header = Header {
        store: STORE,
        epoch: 7,
        slots: (1..).zip(SLOTS.map(unhex)).collect(),
    };
    let (root, entropy) = (key(1), Seeded::new(2));
    let mut packer = Packer::new(&header, &root, &entropy);
    for (table, row) in rows() {
        packer.push(table, &row).unwrap();
    }
    packer.finish().unwrap()
}

/// All rows, if everything is what was written.
fn read(bytes: &[u8]) -> Result<Vec<(Table, Row)>, FormatError> {
    let (_, length) = Header::parse(bytes)?;
    let root = key(1);
    let mut boxes = Unpacker::new(bytes, length, &root);
    let mut rows = Vec::new();
    while let Some(more) = boxes.next_box()? {
        rows.extend(more);
    }
    Ok(rows)
}

#[test]
fn what_the_first_release_wrote_still_opens() {
    assert!(read(&unhex(BACKUP)) == Ok(rows()));
}

#[test]
fn what_is_written_now_is_what_the_first_release_wrote() {
    assert_eq!(written(), unhex(BACKUP));
}

#[test]
fn no_flipped_bit_is_taken() {
    let mut bytes = unhex(BACKUP);
    for index in 0..bytes.len() {
        for bit in 0..8 {
            bytes[index] ^= 1 << bit;
            assert!(read(&bytes).is_err(), "byte {index}, bit {bit}");
            bytes[index] ^= 1 << bit;
        }
    }
}

#[test]
fn what_is_cut_or_goes_on_is_refused() {
    let bytes = unhex(BACKUP);
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length]).is_err(), "{length} bytes");
    }
    for more in 1..=64 {
        let longer = [&bytes[..], &vec![0; more]].concat();
        assert!(read(&longer).is_err(), "{more} bytes more");
    }
    let (_, header) = Header::parse(&bytes).unwrap();
    let twice = [&bytes[..], &bytes[header..]].concat();
    assert_eq!(
        read(&twice).err(),
        Some(FormatError::Refused),
        "a box twice"
    );
}
