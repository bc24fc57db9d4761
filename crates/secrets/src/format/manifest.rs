//! The list of everything that the store holds, so that no part of it can be put back to what it was.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::FormatError;
use super::bytes::{Reader, Writer};
use super::sealed::{Purpose, derive};
use crate::key::Key;

/// What stands in one row of secrets: its version and the commitment of its ciphertext.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowMark {
    pub(crate) version: u64,
    pub(crate) commitment: [u8; 32],
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
    /// Sorted by id.
    pub(crate) slots: Vec<SlotMark>,
    /// Sorted by id.
    pub(crate) rows: std::collections::BTreeMap<[u8; 16], RowMark>,
}

impl Manifest {
    const MAGIC: [u8; 4] = *b"ORMF";
    const FORMAT: u8 = 1;
    const SLOT_BYTES: usize = 4 + 32;
    const ROW_BYTES: usize = 16 + 8 + 32;

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

    /// Reads one that was written under this root key.
    pub(crate) fn open(bytes: &[u8], root: &Key) -> Result<Self, FormatError> {
        let (body, mac) = bytes
            .split_last_chunk::<32>()
            .ok_or(FormatError::Truncated)?;
        let manifest = Self::read(body)?;
        Self::mac(root, body)
            .verify_slice(mac)
            .map_err(|_| FormatError::Refused)?;
        Ok(manifest)
    }

    fn mac(root: &Key, body: &[u8]) -> Hmac<Sha256> {
        let key = derive(root, Purpose::Manifest);
        let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).expect("any length will do");
        mac.update(body);
        mac
    }

    fn body(&self) -> Vec<u8> {
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
            .u32(length(self.slots.len()));
        for slot in &self.slots {
            writer = writer.u32(slot.id).raw(&slot.hash);
        }
        writer = writer.u32(length(self.rows.len()));
        for (id, row) in &self.rows {
            writer = writer.raw(id).u64(row.version).raw(&row.commitment);
        }
        writer.finish()
    }

    fn read(body: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(body);
        reader.magic(Self::MAGIC, Self::FORMAT)?;
        let mut manifest = Self {
            store: reader.array()?,
            epoch: reader.u64()?,
            root_version: reader.u64()?,
            keyring_version: reader.u64()?,
            keyring: reader.array()?,
            audit_seq: reader.u64()?,
            audit_hash: reader.array()?,
            slots: Vec::new(),
            rows: std::collections::BTreeMap::new(),
        };
        for _ in 0..reader.count(Self::SLOT_BYTES)? {
            let (id, hash) = (reader.u32()?, reader.array()?);
            manifest.slots.push(SlotMark { id, hash });
        }
        for _ in 0..reader.count(Self::ROW_BYTES)? {
            let id = reader.array()?;
            let (version, commitment) = (reader.u64()?, reader.array()?);
            let mark = RowMark {
                version,
                commitment,
            };
            manifest.rows.insert(id, mark);
        }
        reader.end()?;
        Ok(manifest)
    }
}
