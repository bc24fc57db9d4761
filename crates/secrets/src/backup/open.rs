//! Opening a backup, and checking everything in it without any database.

use std::fmt;

use crate::audit::{AuditFault, AuditReport, Chain, Chained};
use crate::backend::Row;
use crate::backup::file::{Header, Table, Unpacker};
use crate::format::{FormatError, Keyring, Manifest, Slot, SlotMark, UnlockError};
use crate::hex::hex;
use crate::key::Key;
use crate::store::head::Head;
use crate::store::scan::Scan;
use crate::store::unseal::{first_opened, slots_of};
use crate::{Credential, SlotInfo, StoreError, StoreReport};

/// A backup that [`Store::export`](crate::Store::export) wrote.
pub struct Backup {
    pub(super) bytes: Vec<u8>,
    pub(super) header: Header,
    header_bytes: usize,
}

/// What a backup says of itself to whoever has no credential. Nobody vouches for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupInfo {
    /// Whose it is: 32 hexadecimal digits.
    pub store: String,
    /// The state of the store that it holds.
    pub epoch: u64,
    /// What opens it.
    pub slots: Vec<SlotInfo>,
}

/// What stands in a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "damage is told in the report, not as an error"]
pub struct BackupReport {
    /// Whose it is: 32 hexadecimal digits.
    pub store: String,
    /// The state of the store that it holds.
    pub epoch: u64,
    /// Its secrets and its audit log.
    pub content: StoreReport,
}

impl BackupReport {
    /// Whether everything is what was written.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.content.is_whole()
    }
}

impl fmt::Debug for Backup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backup")
            .field("info", &self.info())
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// A backup whose boxes can be opened.
pub(super) struct Opened<'b> {
    pub(super) root: Key,
    /// The slot that gave the root key.
    pub(super) slot: SlotMark,
    pub(super) backup: &'b Backup,
}

/// What its first row says.
pub(super) struct Keys {
    pub(super) head: Head,
    pub(super) manifest: Manifest,
    pub(super) keyring: Keyring,
}

impl Backup {
    /// Reads what can be read without a credential.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] if it is no backup, or not a whole one.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, StoreError> {
        let (header, header_bytes) = Header::parse(&bytes).map_err(damaged)?;
        Ok(Self {
            bytes,
            header,
            header_bytes,
        })
    }

    /// What it says of itself. Slots that make no sense are left out.
    #[must_use]
    pub fn info(&self) -> BackupInfo {
        let slots = self.header.slots.iter();
        let slots = slots.filter_map(|(id, bytes)| {
            let kind = Slot::parse(bytes).ok()?.kind;
            Some(SlotInfo { id: *id, kind })
        });
        BackupInfo {
            store: hex(&self.header.store),
            epoch: self.header.epoch,
            slots: slots.collect(),
        }
    }

    /// A restore drill: decrypts everything and checks it, without any database. Takes as long as the costs of a
    /// passphrase say, and some microseconds for each secret and each entry of the audit log; it blocks its thread.
    ///
    /// # Errors
    /// [`StoreError::Unlock`] for a wrong credential, [`StoreError::Tampered`] if the backup was changed. What was
    /// damaged in the store already is told in the report.
    pub fn verify(&self, credential: Credential) -> Result<BackupReport, StoreError> {
        let opened = self.open(&credential)?;
        drop(credential);
        let keys = opened.keys(&opened.first_box()?)?;
        let mut checks = Checks::new(&keys);
        for (id, slot) in &self.header.slots {
            checks.scan.slot(*id, slot);
        }
        let mut boxes = opened.boxes();
        while let Some(rows) = boxes.next_box().map_err(damaged)? {
            checks.rows(&rows)?;
        }
        Ok(BackupReport {
            store: hex(&self.header.store),
            epoch: self.header.epoch,
            content: checks.finish(),
        })
    }

    fn open(&self, credential: &Credential) -> Result<Opened<'_>, StoreError> {
        let slots = self.slots_for(credential)?;
        let found = first_opened(&slots, &self.header.store, credential)?;
        Ok(self.opened(found))
    }

    /// Stretches a passphrase on a thread that may block.
    pub(super) async fn open_aside(
        &self,
        credential: Credential,
    ) -> Result<Opened<'_>, StoreError> {
        let slots = self.slots_for(&credential)?;
        let store = self.header.store;
        let found = tokio::task::spawn_blocking(move || first_opened(&slots, &store, &credential));
        let found = found.await.map_err(|_| StoreError::Stretch)?;
        Ok(self.opened(found?))
    }

    fn slots_for(&self, credential: &Credential) -> Result<Vec<Slot>, StoreError> {
        let slots = slots_of(&self.header.slots, credential)?;
        if slots.is_empty() {
            return Err(UnlockError::NoSlot(credential.kind()).into());
        }
        Ok(slots)
    }

    fn opened(&self, (root, slot): (Key, SlotMark)) -> Opened<'_> {
        Opened {
            root,
            slot,
            backup: self,
        }
    }
}

impl Opened<'_> {
    pub(super) fn boxes(&self) -> Unpacker<'_> {
        Unpacker::new(&self.backup.bytes, self.backup.header_bytes, &self.root)
    }

    pub(super) fn first_box(&self) -> Result<Vec<(Table, Row)>, StoreError> {
        let rows = self.boxes().next_box().map_err(damaged)?;
        Ok(rows.unwrap_or_default())
    }

    /// The keys, which stand in the first row, if they are of the state that the header names.
    pub(super) fn keys(&self, rows: &[(Table, Row)]) -> Result<Keys, StoreError> {
        let Some((Table::Store, row)) = rows.first() else {
            return Err(damaged(FormatError::Bounds("first row")));
        };
        let head = Head::of(row)?;
        let header = &self.backup.header;
        if (head.store, head.epoch) != (header.store, header.epoch) {
            return Err(damaged(FormatError::Refused));
        }
        Ok(Keys {
            manifest: head.manifest(&self.root)?,
            keyring: head.open_keyring(&self.root)?,
            head,
        })
    }
}

/// A walk through the rows of a backup.
struct Checks<'k> {
    scan: Scan<'k>,
    chain: Result<Chain<'k>, AuditFault>,
    /// That of the row before; `None` before the first.
    table: Option<Table>,
}

impl<'k> Checks<'k> {
    fn new(keys: &'k Keys) -> Self {
        let (store, manifest) = (&keys.head.store, Some(&keys.manifest));
        Self {
            scan: Scan::new(store, &keys.keyring, manifest),
            chain: Ok(Chain::new(store, &keys.keyring, manifest)),
            table: None,
        }
    }

    fn rows(&mut self, rows: &[(Table, Row)]) -> Result<(), StoreError> {
        rows.iter()
            .try_for_each(|(table, row)| self.row(*table, row))
    }

    fn row(&mut self, table: Table, row: &Row) -> Result<(), StoreError> {
        if self.table.is_none() != (table == Table::Store) || self.is_past(table) {
            return Err(damaged(FormatError::Bounds("order of rows")));
        }
        if !self.is_logged() && table > Table::Entries {
            self.scan.rows_done();
        }
        self.table = Some(table);
        match table {
            Table::Store => Ok(()),
            Table::Entries => {
                self.scan.row(row);
                Ok(())
            }
            Table::Audit | Table::Checkpoints => self.logged(table, row),
        }
    }

    /// Whether the log has begun.
    fn is_logged(&self) -> bool {
        self.table.is_some_and(|table| table > Table::Entries)
    }

    fn is_past(&self, table: Table) -> bool {
        table == Table::Entries && self.is_logged()
    }

    /// Behind the first bad entry nothing can be said of others.
    fn logged(&mut self, table: Table, row: &Row) -> Result<(), StoreError> {
        let Ok(chain) = &mut self.chain else {
            return Ok(());
        };
        let checked = match table {
            Table::Audit => push(chain, row).map(|entry| self.scan.logged(&entry)),
            _ => check_note(chain, row),
        };
        match checked {
            Err(StoreError::AuditTampered { seq, reason }) => {
                self.chain = Err(AuditFault { seq, reason });
                Ok(())
            }
            other => other,
        }
    }

    fn finish(mut self) -> StoreReport {
        if !self.is_logged() {
            self.scan.rows_done();
        }
        let audit: Result<AuditReport, _> = self.chain.and_then(Chain::finish);
        self.scan.finish(audit)
    }
}

fn push(chain: &mut Chain<'_>, row: &Row) -> Result<crate::AuditEntry, StoreError> {
    Ok(chain.push(&Chained::of(row)?)?)
}

fn check_note(chain: &mut Chain<'_>, row: &Row) -> Result<(), StoreError> {
    let (seq, note) = (row.integer(0)?, row.text(1)?);
    let seq = u64::try_from(seq).unwrap_or(0);
    if seq == chain.seq() {
        return Ok(chain.checkpoint(&note)?);
    }
    Err(chain.stray_checkpoint(seq, note).into())
}

pub(super) fn damaged(source: FormatError) -> StoreError {
    StoreError::Tampered {
        part: "the backup",
        source,
    }
}
