//! One entry of the audit log.
//!
//! An entry says what was done, by whom and to what, in fields of fixed types: no value of a secret fits in.
//! Its hash covers the entry before it, so entries can neither be changed, nor left out, nor put elsewhere; its
//! MAC can only be made by an unsealed store.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::action::{Action, Happened};
use crate::format::{FormatError, Reader, Writer};
use crate::key::Key;
use crate::{EntryId, Name};

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Counts from 1 without a gap.
    pub seq: u64,
    /// Unix time in milliseconds, as the writer's clock had it.
    pub time_ms: i64,
    /// Who did it: a person or a program, as it called itself.
    pub actor: String,
    /// What was done.
    pub action: Action,
    /// To which secret.
    pub name: Option<Name>,
    /// To which version of it.
    pub version: Option<u32>,
    /// To which row.
    pub entry: Option<EntryId>,
    /// What the action says about its number.
    pub number: Option<u64>,
    /// The key version whose audit key it is authenticated with.
    pub key_version: u32,
    /// The hash over it and the entry before it.
    pub hash: [u8; 32],
}

/// An entry with its place in the chain, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chained {
    pub(crate) seq: u64,
    pub(crate) key_version: u32,
    pub(crate) bytes: Vec<u8>,
    pub(crate) hash: [u8; 32],
    pub(crate) mac: [u8; 32],
}

impl Chained {
    /// Puts an entry behind the one with this hash.
    pub(crate) fn after(
        previous: &[u8; 32],
        entry: &AuditEntry,
        key_version: u32,
        key: &Key,
    ) -> Self {
        let bytes = entry.encode();
        let hash = Self::link(previous, key_version, &bytes);
        Self {
            seq: entry.seq,
            key_version,
            mac: Self::mac(key, &hash).finalize().into_bytes().into(),
            bytes,
            hash,
        }
    }

    /// What the hash must be.
    pub(crate) fn link(previous: &[u8; 32], key_version: u32, bytes: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"orchestra/audit/v1\0");
        hash.update(previous);
        hash.update(key_version.to_be_bytes());
        hash.update(bytes);
        hash.finalize().into()
    }

    /// What it says.
    pub(crate) fn entry(&self) -> Result<AuditEntry, FormatError> {
        let entry = AuditEntry::parse(&self.bytes)?;
        Ok(AuditEntry {
            key_version: self.key_version,
            hash: self.hash,
            ..entry
        })
    }

    /// Whether an unsealed store wrote it.
    pub(crate) fn is_genuine(&self, key: &Key) -> bool {
        Self::mac(key, &self.hash).verify_slice(&self.mac).is_ok()
    }

    fn mac(key: &Key, hash: &[u8; 32]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).expect("any length will do");
        mac.update(hash);
        mac
    }
}

impl AuditEntry {
    const MAGIC: [u8; 4] = *b"ORAU";
    const FORMAT: u8 = 1;
    const LONGEST_ACTOR: usize = 128;

    pub(crate) fn of(happened: Happened, seq: u64, time_ms: i64, actor: &str) -> Self {
        let end = actor.floor_char_boundary(Self::LONGEST_ACTOR);
        Self {
            seq,
            time_ms,
            actor: actor[..end].to_owned(),
            action: happened.action,
            name: happened.name,
            version: happened.version,
            entry: happened.entry,
            number: happened.number,
            key_version: 0,
            hash: [0; 32],
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let name = self.name.as_ref();
        let mut writer = Writer::default()
            .raw(&Self::MAGIC)
            .u8(Self::FORMAT)
            .u64(self.seq)
            .i64(self.time_ms)
            .bytes(self.actor.as_bytes())
            .u8(self.action.code())
            .bytes(name.map_or("", Name::tenant).as_bytes())
            .bytes(name.map_or("", Name::name).as_bytes())
            .u32(self.version.unwrap_or(0));
        writer = match self.entry {
            Some(id) => writer.u8(1).raw(&id.0),
            None => writer.u8(0),
        };
        writer = match self.number {
            Some(number) => writer.u8(1).u64(number),
            None => writer.u8(0),
        };
        writer.finish()
    }

    /// What stands in the bytes; the key version and the hash stand beside them.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        reader.magic(Self::MAGIC, Self::FORMAT)?;
        let (seq, time_ms) = (reader.u64()?, reader.i64()?);
        let actor = text(&mut reader)?;
        let action = Action::of_code(reader.u8()?).ok_or(FormatError::Bounds("action"))?;
        let (tenant, name) = (text(&mut reader)?, text(&mut reader)?);
        let name = match name.as_str() {
            "" => None,
            name => Some(
                Name::within(&tenant, name).map_err(|_| FormatError::Bounds("secret's name"))?,
            ),
        };
        let version = Some(reader.u32()?).filter(|version| *version != 0);
        let entry = present(&mut reader)?
            .then(|| reader.array().map(EntryId))
            .transpose()?;
        let number = present(&mut reader)?.then(|| reader.u64()).transpose()?;
        reader.end()?;
        Ok(Self {
            seq,
            time_ms,
            actor,
            action,
            name,
            version,
            entry,
            number,
            key_version: 0,
            hash: [0; 32],
        })
    }
}

fn text(reader: &mut Reader<'_>) -> Result<String, FormatError> {
    let text = std::str::from_utf8(reader.bytes()?);
    Ok(text.map_err(|_| FormatError::Bounds("text"))?.to_owned())
}

fn present(reader: &mut Reader<'_>) -> Result<bool, FormatError> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(FormatError::Bounds("flag")),
    }
}
