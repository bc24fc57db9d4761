//! What a backup is, byte for byte. No I/O.
//!
//! `"ORBK" | format u8 | store 16 | epoch u64 | count u32, slots | boxes`
//!
//! The slots are the store's own: whoever has a credential gets the root key from them, and with that opens the boxes.
//! A box holds up to some megabytes of rows, and there are as many as needed. Each is bound to all that stands before the
//! first box, to the box before it, and to whether it is the last. So none can be left out, repeated or exchanged.

use crate::backend::{Row, Value};
use crate::entropy::{Entropy, EntropyError};
use crate::format::{Aad, FormatError, Purpose, Reader, Sealed, Writer};
use crate::key::Key;

const MAGIC: [u8; 4] = *b"ORBK";
const FORMAT: u8 = 1;
/// Bytes of rows in a box, but for the last row, which may go beyond.
const BOX: usize = 1024 * 1024;
/// More slots than anybody has.
const MOST_SLOTS: usize = 1024;

/// Which table a row belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    Store,
    Entries,
    Audit,
    /// A row stands right behind the entry that it covers.
    Checkpoints,
}

impl Table {
    const ALL: [Self; 4] = [Self::Store, Self::Entries, Self::Audit, Self::Checkpoints];

    const fn code(self) -> u8 {
        match self {
            Self::Store => 1,
            Self::Entries => 2,
            Self::Audit => 3,
            Self::Checkpoints => 4,
        }
    }

    fn of_code(code: u8) -> Result<Self, FormatError> {
        let found = Self::ALL.into_iter().find(|table| table.code() == code);
        found.ok_or(FormatError::Bounds("table"))
    }
}

/// What stands in a backup before its boxes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) store: [u8; 16],
    pub(crate) epoch: u64,
    pub(crate) slots: Vec<(u32, Vec<u8>)>,
}

impl Header {
    /// Nobody could read one with more slots than this.
    pub(crate) fn check(&self) -> Result<(), FormatError> {
        if self.slots.len() > MOST_SLOTS {
            return Err(FormatError::Bounds("number of slots"));
        }
        Ok(())
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let count = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        let mut writer = Writer::default()
            .raw(&MAGIC)
            .u8(FORMAT)
            .raw(&self.store)
            .u64(self.epoch)
            .u32(count);
        for (id, slot) in &self.slots {
            writer = writer.u32(*id).bytes(slot);
        }
        writer.finish()
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, FormatError> {
        reader.magic(MAGIC, FORMAT)?;
        let mut header = Self {
            store: reader.array()?,
            epoch: reader.u64()?,
            slots: Vec::new(),
        };
        for _ in 0..reader.count(8)? {
            let slot = (reader.u32()?, reader.bytes()?.to_vec());
            header.slots.push(slot);
            header.check()?;
        }
        Ok(header)
    }

    /// The header of a backup, and its length. What follows is checked to be boxes, without opening any.
    pub(crate) fn parse(bytes: &[u8]) -> Result<(Self, usize), FormatError> {
        let mut reader = Reader::new(bytes);
        let header = Self::read(&mut reader)?;
        let length = bytes.len() - reader.rest().len();
        loop {
            Sealed::read(&mut reader)?;
            if reader.rest().is_empty() {
                return Ok((header, length));
            }
        }
    }
}

/// What tells a box from every other.
struct Place {
    /// The header's bytes.
    header: Vec<u8>,
    index: u64,
    /// The commitment of the box before.
    previous: [u8; 32],
}

impl Place {
    const fn first(header: Vec<u8>) -> Self {
        Self {
            header,
            index: 0,
            previous: [0; 32],
        }
    }

    fn aad(&self, last: bool) -> Vec<u8> {
        Aad::new("orchestra/backup")
            .bytes(&self.header)
            .unsigned(self.index)
            .number(u8::from(last))
            .bytes(&self.previous)
            .number(Sealed::SUITE)
            .finish()
    }

    const fn move_behind(&mut self, sealed: &Sealed) {
        self.index += 1;
        self.previous = *sealed.commitment();
    }
}

/// Writes a backup.
pub(crate) struct Packer<'k> {
    root: &'k Key,
    entropy: &'k dyn Entropy,
    place: Place,
    rows: Vec<u8>,
    bytes: Vec<u8>,
}

impl<'k> Packer<'k> {
    pub(crate) fn new(header: &Header, root: &'k Key, entropy: &'k dyn Entropy) -> Self {
        let bytes = header.encode();
        Self {
            root,
            entropy,
            place: Place::first(bytes.clone()),
            rows: Vec::new(),
            bytes,
        }
    }

    pub(crate) fn push(&mut self, table: Table, row: &Row) -> Result<(), EntropyError> {
        if self.rows.len() >= BOX {
            self.close_box(false)?;
        }
        let row = write_row(Writer::default(), table, row).finish();
        self.rows.extend_from_slice(&row);
        Ok(())
    }

    fn close_box(&mut self, last: bool) -> Result<(), EntropyError> {
        let aad = self.place.aad(last);
        let sealed = Sealed::seal(self.root, Purpose::Export, &aad, &self.rows, self.entropy)?;
        self.place.move_behind(&sealed);
        self.rows.clear();
        let written = sealed.write(Writer::default()).finish();
        self.bytes.extend_from_slice(&written);
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<Vec<u8>, EntropyError> {
        self.close_box(true)?;
        Ok(self.bytes)
    }
}

/// Opens the boxes of a backup, one after the other.
pub(crate) struct Unpacker<'b> {
    root: &'b Key,
    place: Place,
    boxes: Reader<'b>,
}

impl<'b> Unpacker<'b> {
    /// `header` is the header's length.
    pub(crate) fn new(bytes: &'b [u8], header: usize, root: &'b Key) -> Self {
        let (header, boxes) = bytes.split_at_checked(header).unwrap_or((bytes, &[]));
        Self {
            root,
            place: Place::first(header.to_vec()),
            boxes: Reader::new(boxes),
        }
    }

    /// The rows of the next box; `None` behind the last.
    pub(crate) fn next_box(&mut self) -> Result<Option<Vec<(Table, Row)>>, FormatError> {
        if self.boxes.rest().is_empty() {
            return Ok(None);
        }
        let sealed = Sealed::read(&mut self.boxes)?;
        let aad = self.place.aad(self.boxes.rest().is_empty());
        let plain = sealed.open(self.root, Purpose::Export, &aad)?;
        self.place.move_behind(&sealed);
        let mut reader = Reader::new(&plain);
        let mut rows = Vec::new();
        while !reader.rest().is_empty() {
            rows.push(read_row(&mut reader)?);
        }
        Ok(Some(rows))
    }
}

const INTEGER: u8 = 1;
const TEXT: u8 = 2;
const BLOB: u8 = 3;
/// Of a column with nothing in it. The type is kept: databases tell such columns apart.
const ABSENT: u8 = 0x80;

/// `table u8 | count u8 | values`
pub(super) fn write_row(writer: Writer, table: Table, row: &Row) -> Writer {
    let count = u8::try_from(row.0.len()).unwrap_or(u8::MAX);
    let writer = writer.u8(table.code()).u8(count);
    row.0.iter().fold(writer, write_value)
}

fn write_value(writer: Writer, value: &Value) -> Writer {
    match value {
        Value::Integer(Some(value)) => writer.u8(INTEGER).i64(*value),
        Value::Text(Some(value)) => writer.u8(TEXT).bytes(value.as_bytes()),
        Value::Blob(Some(value)) => writer.u8(BLOB).bytes(value),
        Value::Integer(None) => writer.u8(ABSENT | INTEGER),
        Value::Text(None) => writer.u8(ABSENT | TEXT),
        Value::Blob(None) => writer.u8(ABSENT | BLOB),
    }
}

pub(super) fn read_row(reader: &mut Reader<'_>) -> Result<(Table, Row), FormatError> {
    let table = Table::of_code(reader.u8()?)?;
    let count = reader.u8()?;
    let values = (0..count).map(|_| read_value(reader));
    Ok((table, Row(values.collect::<Result<_, _>>()?)))
}

fn read_value(reader: &mut Reader<'_>) -> Result<Value, FormatError> {
    Ok(match reader.u8()? {
        INTEGER => Value::Integer(Some(reader.i64()?)),
        TEXT => Value::Text(Some(read_text(reader)?)),
        BLOB => Value::Blob(Some(reader.bytes()?.to_vec())),
        kind if kind == ABSENT | INTEGER => Value::Integer(None),
        kind if kind == ABSENT | TEXT => Value::Text(None),
        kind if kind == ABSENT | BLOB => Value::Blob(None),
        _ => return Err(FormatError::Bounds("type of a column")),
    })
}

fn read_text(reader: &mut Reader<'_>) -> Result<String, FormatError> {
    let text = std::str::from_utf8(reader.bytes()?);
    Ok(text.map_err(|_| FormatError::Bounds("text"))?.to_owned())
}
