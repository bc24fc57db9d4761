//! The list of everything that the store holds, so that no part of it can be put back to what it was.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::FormatError;
use super::bytes::{Reader, Writer};
use super::sealed::{Purpose, derive};
use crate::key::Key;

/// What stands in one row of secrets: its version, the commitment of its ciphertext, and whose it is. Without the
/// name nobody would miss a row that is hidden while its secret is revoked, and shown again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowMark {
    pub(crate) version: u64,
    pub(crate) commitment: [u8; 32],
    pub(crate) name: NameMark,
}

/// A secret's name, by the first half of its hash: two names that share it cost 2^64 tries, and whoever finds them
/// can only make them unusable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NameMark(pub(crate) [u8; 16]);

impl NameMark {
    pub(crate) fn of(tenant: &str, name: &str) -> Self {
        let whole = Writer::default()
            .bytes(tenant.as_bytes())
            .bytes(name.as_bytes())
            .finish();
        let hash = Manifest::hash(&whole);
        Self(std::array::from_fn(|place| hash[place]))
    }
}

/// A slot, by the hash of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlotMark {
    pub(crate) id: u32,
    pub(crate) hash: [u8; 32],
}

/// One state of the whole store. Rewritten in the transaction of every change, with the next epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) store: [u8; 16],
    /// Counts changes.
    pub(crate) epoch: u64,
    pub(crate) root_version: u64,
    pub(crate) keyring_version: u64,
    pub(crate) keyring: [u8; 32],
    /// The last entry of the audit log; 0 before the first.
    pub(crate) audit_seq: u64,
    pub(crate) audit_hash: [u8; 32],
    /// Counts rotations.
    pub(crate) fence: u64,
    /// The first epoch after the last time that an older state was accepted; 0 if that never happened.
    pub(crate) accepted: u64,
    /// Written by id, whatever their order here.
    pub(crate) slots: Vec<SlotMark>,
    pub(crate) rows: BTreeMap<[u8; 16], RowMark>,
}

impl Manifest {
    const MAGIC: [u8; 4] = *b"ORMF";
    const FORMAT: u8 = 1;
    const SLOT_BYTES: usize = 4 + 32;
    const ROW_BYTES: usize = 16 + 8 + 32 + 16;

    /// The rows of a secret.
    pub(crate) fn rows_of(&self, name: NameMark) -> impl Iterator<Item = [u8; 16]> + '_ {
        let its = self.rows.iter().filter(move |(_, mark)| mark.name == name);
        its.map(|(id, _)| *id)
    }

    /// The hash by which slots and keyrings are listed.
    pub(crate) fn hash(bytes: &[u8]) -> [u8; 32] {
        Sha256::digest(bytes).into()
    }

    /// `"ORMF" | format u8 | … | MAC 32`
    pub(crate) fn encode(&self, root: &Key) -> Vec<u8> {
        let mut bytes = self.body();
        let mac = Self::mac(root, &bytes).finalize().into_bytes();
        bytes.extend_from_slice(&mac);
        bytes
    }

    /// Reads one that was written under this root key. Nothing behind the format is looked at before the MAC.
    pub(crate) fn open(bytes: &[u8], root: &Key) -> Result<Self, FormatError> {
        Reader::new(bytes).magic(Self::MAGIC, Self::FORMAT)?;
        let (body, mac) = bytes
            .split_last_chunk::<32>()
            .ok_or(FormatError::Truncated)?;
        Self::mac(root, body)
            .verify_slice(mac)
            .map_err(|_| FormatError::Refused)?;
        Self::read(body)
    }

    fn mac(root: &Key, body: &[u8]) -> Hmac<Sha256> {
        let key = derive(root, Purpose::Manifest);
        let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).expect("any length will do");
        mac.update(body);
        mac
    }

    pub(super) fn body(&self) -> Vec<u8> {
        let length = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let mut writer = Writer::default()
            .raw(&Self::MAGIC)
            .u8(Self::FORMAT)
            .raw(&self.store)
            .u64(self.epoch)
            .u64(self.root_version)
            .u64(self.keyring_version)
            .raw(&self.keyring)
            .u64(self.audit_seq)
            .raw(&self.audit_hash)
            .u64(self.fence)
            .u64(self.accepted)
            .u32(length(self.slots.len()));
        let mut slots: Vec<_> = self.slots.iter().collect();
        slots.sort_by_key(|slot| slot.id);
        for slot in slots {
            writer = writer.u32(slot.id).raw(&slot.hash);
        }
        writer = writer.u32(length(self.rows.len()));
        for (id, row) in &self.rows {
            writer = writer
                .raw(id)
                .u64(row.version)
                .raw(&row.commitment)
                .raw(&row.name.0);
        }
        writer.finish()
    }

    pub(super) fn read(body: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(body);
        reader.magic(Self::MAGIC, Self::FORMAT)?;
        let manifest = Self {
            store: reader.array()?,
            epoch: reader.u64()?,
            root_version: reader.u64()?,
            keyring_version: reader.u64()?,
            keyring: reader.array()?,
            audit_seq: reader.u64()?,
            audit_hash: reader.array()?,
            fence: reader.u64()?,
            accepted: reader.u64()?,
            slots: slots(&mut reader)?,
            rows: rows(&mut reader)?,
        };
        reader.end()?;
        Ok(manifest)
    }
}

fn slots(reader: &mut Reader<'_>) -> Result<Vec<SlotMark>, FormatError> {
    let count = reader.count(Manifest::SLOT_BYTES)?;
    let mut slots: Vec<SlotMark> = Vec::with_capacity(count);
    for _ in 0..count {
        let (id, hash) = (reader.u32()?, reader.array()?);
        if slots.last().is_some_and(|last| last.id >= id) {
            return Err(FormatError::Bounds("order of slots"));
        }
        slots.push(SlotMark { id, hash });
    }
    Ok(slots)
}

fn rows(reader: &mut Reader<'_>) -> Result<BTreeMap<[u8; 16], RowMark>, FormatError> {
    let mut rows = BTreeMap::new();
    for _ in 0..reader.count(Manifest::ROW_BYTES)? {
        let id = reader.array()?;
        let mark = RowMark {
            version: reader.u64()?,
            commitment: reader.array()?,
            name: NameMark(reader.array()?),
        };
        if rows.last_key_value().is_some_and(|(last, _)| *last >= id) {
            return Err(FormatError::Bounds("order of rows"));
        }
        rows.insert(id, mark);
    }
    Ok(rows)
}
