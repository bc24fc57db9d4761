//! Checking everything that a store holds, and naming all that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::{AuditEntry, AuditFault, AuditReport};
use crate::backend::Row;
use crate::format::{Keyring, Manifest, Slot};
use crate::store::make;
use crate::store::rows::{Stored, binding};
use crate::{EntryId, FormatError, Name};

/// A part of a store that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The head, its list of everything, or the keyring. What stands beside a broken list is checked as far as that is
    /// possible without it.
    #[error("{part}: {source}")]
    Part {
        /// Which part.
        part: &'static str,
        /// What is wrong with it.
        source: FormatError,
    },
    /// A way to unseal.
    #[error("slot {slot}: {source}")]
    Slot {
        /// Its number.
        slot: u32,
        /// What is wrong with it.
        source: FormatError,
    },
    /// A way to unseal that was removed by somebody else than this store.
    #[error("slot {slot} is missing")]
    SlotMissing {
        /// Its number.
        slot: u32,
    },
    /// A version of a secret.
    #[error("version {version} of secret {name}: {source}")]
    Entry {
        /// Whose.
        name: Name,
        /// Which version.
        version: u32,
        /// What is wrong with it.
        source: FormatError,
    },
    /// A row in which no secret stands that could be named.
    #[error("row {row} of the secrets cannot be read")]
    Unreadable {
        /// Its id, in hexadecimal digits.
        row: String,
    },
    /// A version of a secret that was removed by somebody else than this store. The name is the audit log's.
    #[error("{} is missing", described(name.as_ref(), *version, entry))]
    EntryMissing {
        /// Its identity.
        entry: EntryId,
        /// Whose.
        name: Option<Name>,
        /// Which version.
        version: Option<u32>,
    },
    /// A row that was brought in by somebody else than this store.
    #[error("version {version} of secret {name} was added by somebody else")]
    EntryAdded {
        /// What it calls itself.
        name: Name,
        /// Which version it pretends to be.
        version: u32,
    },
}

fn described(name: Option<&Name>, version: Option<u32>, entry: &EntryId) -> String {
    match (name, version) {
        (Some(name), Some(version)) => format!("version {version} of secret {name}"),
        _ => format!("the secret in row {entry}"),
    }
}

/// What a full scan found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "damage is told in the report, not as an error"]
pub struct StoreReport {
    /// How many versions of secrets there are, damaged ones among them.
    pub entries: u64,
    /// Everything that is not what was written, up to [`StoreReport::MOST_DAMAGED`].
    pub damaged: Vec<Damage>,
    /// How much more there is.
    pub unlisted: u64,
    /// The audit log, or the first bad entry of it.
    pub audit: Result<AuditReport, AuditFault>,
}

impl StoreReport {
    /// More damage than this is only counted.
    pub const MOST_DAMAGED: usize = 1000;

    /// Whether everything is what was written.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.damaged.is_empty() && self.audit.is_ok()
    }
}

/// A scan on its way: slots and rows go in, then the entries of the audit log.
pub(crate) struct Scan<'s> {
    store: &'s [u8; 16],
    keyring: &'s Keyring,
    manifest: Option<&'s Manifest>,
    slots: BTreeSet<u32>,
    rows: BTreeSet<[u8; 16]>,
    names: BTreeMap<EntryId, Option<(Name, u32)>>,
    entries: u64,
    damaged: Vec<Damage>,
    unlisted: u64,
}

impl<'s> Scan<'s> {
    pub(crate) const fn new(
        store: &'s [u8; 16],
        keyring: &'s Keyring,
        manifest: Option<&'s Manifest>,
    ) -> Self {
        Self {
            store,
            keyring,
            manifest,
            slots: BTreeSet::new(),
            rows: BTreeSet::new(),
            names: BTreeMap::new(),
            entries: 0,
            damaged: Vec::new(),
            unlisted: 0,
        }
    }

    pub(crate) fn damage(&mut self, damage: Damage) {
        if self.damaged.len() < StoreReport::MOST_DAMAGED {
            self.damaged.push(damage);
        } else {
            self.unlisted += 1;
        }
    }

    /// A slot, as it stands in its row.
    pub(crate) fn slot(&mut self, id: u32, bytes: &[u8]) {
        self.slots.insert(id);
        if let Err(source) = self.check_slot(id, bytes) {
            self.damage(Damage::Slot { slot: id, source });
        }
    }

    fn check_slot(&self, id: u32, bytes: &[u8]) -> Result<(), FormatError> {
        let slot = Slot::parse(bytes)?;
        let listed = self
            .manifest
            .is_none_or(|manifest| manifest.slots.contains(&make::mark(&slot)));
        let genuine = listed && slot.id == id;
        genuine.then_some(()).ok_or(FormatError::Refused)
    }

    /// A row of secrets. Its value is decrypted, and wiped.
    pub(crate) fn row(&mut self, row: &Row) {
        self.entries += 1;
        if let Ok(id) = row.blob(0).and_then(EntryId::of_column) {
            self.rows.insert(id.0);
        }
        match Stored::of(row) {
            Ok(stored) => self.stored(&stored),
            Err(_) => self.damage(Damage::Unreadable {
                row: crate::hex::hex(&row.blob(0).unwrap_or_default()),
            }),
        }
    }

    fn stored(&mut self, stored: &Stored) {
        let entry = &stored.entry;
        let (name, version) = (entry.name.clone(), entry.version);
        let listed = |manifest: &Manifest| manifest.rows.contains_key(&entry.id.0);
        if !self.manifest.is_none_or(listed) {
            self.damage(Damage::EntryAdded { name, version });
        } else if let Err(source) = self.check_row(stored) {
            self.damage(Damage::Entry {
                name,
                version,
                source,
            });
        }
    }

    fn check_row(&self, stored: &Stored) -> Result<(), FormatError> {
        let record = match self.manifest {
            Some(manifest) => stored.listed(manifest)?,
            None => stored.parsed()?,
        };
        let bound = binding(self.store, &stored.entry);
        record.open(self.keyring, bound).map(drop)
    }

    /// All slots and rows have been seen: what is missing is looked for in the audit log.
    pub(crate) fn rows_done(&mut self) {
        let Some(manifest) = self.manifest else {
            return;
        };
        let missing = manifest.rows.keys().filter(|id| !self.rows.contains(*id));
        self.names = missing.map(|id| (EntryId(*id), None)).collect();
        for mark in &manifest.slots {
            if !self.slots.contains(&mark.id) {
                self.damage(Damage::SlotMissing { slot: mark.id });
            }
        }
    }

    /// An entry of the audit log.
    pub(crate) fn logged(&mut self, logged: &AuditEntry) {
        let Some(id) = logged.entry else { return };
        if let (Some(known), Some(name)) = (self.names.get_mut(&id), &logged.name) {
            *known = logged.version.map(|version| (name.clone(), version));
        }
    }

    pub(crate) fn finish(mut self, audit: Result<AuditReport, AuditFault>) -> StoreReport {
        for (entry, known) in std::mem::take(&mut self.names) {
            let (name, version) = known.unzip();
            self.damage(Damage::EntryMissing {
                entry,
                name,
                version,
            });
        }
        StoreReport {
            entries: self.entries,
            damaged: self.damaged,
            unlisted: self.unlisted,
            audit,
        }
    }
}
