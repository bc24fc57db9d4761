//! What fuzzers call with backups.

use std::sync::LazyLock;

use super::file::{Header, Unpacker, read_row, write_row};
use crate::format::samples::{BACKUP, key, unhex};
use crate::format::{Reader, Writer};
use crate::key::Key;

/// The root key, and what the first release wrote under it.
static OURS: LazyLock<(Key, Vec<u8>)> = LazyLock::new(|| (key(1), unhex(BACKUP)));

/// A backup, and the rows inside of one.
///
/// # Panics
/// If a law is broken.
pub fn backup(data: &[u8]) {
    let (root, ours) = &*OURS;
    if let Ok((header, length)) = Header::parse(data) {
        assert_eq!(header.encode(), data[..length], "there is one form");
        assert_eq!(opens(data, length, root), data == ours, "only ours opens");
    }
    let mut rows = Reader::new(data);
    loop {
        let before = rows.rest();
        let Ok((table, row)) = read_row(&mut rows) else {
            return;
        };
        let read = before.len() - rows.rest().len();
        let written = write_row(Writer::default(), table, &row).finish();
        assert_eq!(written, before[..read], "there is one form");
    }
}

/// Whether all boxes open.
fn opens(data: &[u8], header: usize, root: &Key) -> bool {
    let mut boxes = Unpacker::new(data, header, root);
    loop {
        match boxes.next_box() {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}
