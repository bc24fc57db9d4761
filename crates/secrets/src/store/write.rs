//! A change of the store: the only way in which anything is written.
//!
//! One transaction locks the head, checks that everything is what the manifest says, changes rows, writes the
//! audit entries, the new manifest and the new head, and commits. Then the anchor outside of the database is moved.
//! A crash anywhere leaves the state before or the state after.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::anchor::Mark;
use crate::audit::{AuditEntry, CHECKPOINT_EVERY, Chained, Happened, Notary};
use crate::backend::{BackendError, Mode, Transaction, Value};
use crate::format::{Keyring, Manifest, Record, RowMark};
use crate::key::Key;
use crate::store::checkpoints::{drop_covered_checkpoints, insert_checkpoint};
use crate::store::head::{Head, integer};
use crate::store::rows::{Stored, binding};
use crate::store::{Shared, StoreError, Unsealed};

/// A change that is being made. Dropped, it was never made.
pub(crate) struct Write<'s> {
    shared: &'s Shared,
    pub(crate) transaction: Box<dyn Transaction>,
    /// The state before.
    pub(crate) head: Head,
    pub(crate) manifest: Manifest,
    pub(crate) unsealed: Arc<Unsealed>,
    happened: Vec<Happened>,
    pub(crate) now: i64,
}

impl<'s> Write<'s> {
    /// Locks the store. Whatever other instances changed is taken over first.
    pub(crate) async fn begin(shared: &'s Shared) -> Result<Self, StoreError> {
        let unsealed = shared.unsealed()?;
        let transaction = shared.backend.begin(Mode::Write).await?;
        Self::within(shared, transaction, unsealed).await
    }

    pub(crate) async fn within(
        shared: &'s Shared,
        mut transaction: Box<dyn Transaction>,
        unsealed: Arc<Unsealed>,
    ) -> Result<Self, StoreError> {
        let head = Head::read(transaction.as_mut()).await?;
        let (unsealed, manifest) = shared.catch_up(&head, unsealed)?;
        Ok(Self {
            shared,
            transaction,
            head,
            manifest,
            unsealed,
            happened: Vec::new(),
            now: shared.clock.unix_ms(),
        })
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        &self.unsealed.keyring
    }

    /// Notes for the audit log what is done here.
    pub(crate) fn happened(&mut self, happened: Happened) {
        self.happened.push(happened);
    }

    /// All versions of a name, the latest first. Where none is current, that may be because somebody took it away: then
    /// all rows must be there that the manifest lists.
    pub(crate) async fn versions(&mut self, name: &crate::Name) -> Result<Vec<Stored>, StoreError> {
        let versions = Stored::versions(name, self.transaction.as_mut()).await?;
        let current = |stored: &Stored| stored.entry.state == crate::State::Current;
        if !versions.iter().any(current) {
            self.check_count().await?;
        }
        Ok(versions)
    }

    /// A row that was deleted or brought in behind our back.
    async fn check_count(&mut self) -> Result<(), StoreError> {
        let rows = self
            .transaction
            .query("SELECT count(*) FROM secrets_entries", Vec::new())
            .await?;
        let found: usize = rows.first().map_or(Ok(0), |row| row.count(0))?;
        if found == self.manifest.rows.len() {
            Ok(())
        } else {
            Err(StoreError::Tampered {
                part: "rows are missing or were added",
                source: crate::FormatError::Refused,
            })
        }
    }

    /// The value of a row, if the row is what was written.
    pub(crate) fn open(&self, stored: &Stored) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let record = stored.checked(&self.manifest)?;
        let bound = binding(&self.head.store, &stored.entry);
        record
            .open(self.keyring(), bound)
            .map_err(|source| StoreError::EntryTampered {
                name: stored.entry.name.clone(),
                version: stored.entry.version,
                source,
            })
    }

    /// Adds a row with this value.
    pub(crate) async fn insert(
        &mut self,
        mut entry: crate::Entry,
        value: &[u8],
    ) -> Result<crate::Entry, StoreError> {
        let stored = self.sealed(&mut entry, value)?;
        stored.insert(self.transaction.as_mut()).await?;
        Ok(entry)
    }

    /// Puts an entry with this value in the place of the row that it was read from.
    pub(crate) async fn replace(
        &mut self,
        mut entry: crate::Entry,
        value: &[u8],
    ) -> Result<crate::Entry, StoreError> {
        let before = entry.row_version;
        entry.row_version += 1;
        let stored = self.sealed(&mut entry, value)?;
        stored.replace(before, self.transaction.as_mut()).await?;
        Ok(entry)
    }

    /// Encrypts under the active key, and lists what comes of it.
    fn sealed(&mut self, entry: &mut crate::Entry, value: &[u8]) -> Result<Stored, StoreError> {
        entry.key_version = self.keyring().active()?.0;
        let bound = binding(&self.head.store, entry);
        let record = Record::seal(self.keyring(), bound, value, &self.shared.entropy)?;
        let mark = RowMark {
            version: entry.row_version,
            commitment: *record.commitment(),
        };
        self.manifest.rows.insert(entry.id.0, mark);
        Ok(Stored {
            entry: entry.clone(),
            record: record.encode(),
        })
    }

    /// Removes a row.
    pub(crate) async fn delete(&mut self, stored: &Stored) -> Result<(), StoreError> {
        let changed = self
            .transaction
            .execute(
                "DELETE FROM secrets_entries WHERE id = $1 AND row_version = $2",
                vec![
                    stored.entry.id.0.as_slice().into(),
                    integer(stored.entry.row_version).into(),
                ],
            )
            .await?;
        self.manifest.rows.remove(&stored.entry.id.0);
        if changed == 1 {
            Ok(())
        } else {
            Err(StoreError::Conflict)
        }
    }

    /// The keyring is another from now on.
    pub(crate) fn set_keyring(&mut self, keyring: Keyring) -> Result<(), StoreError> {
        self.head.keyring_version += 1;
        let root = Arc::clone(&self.unsealed.root);
        self.set_root(root, keyring)
    }

    /// The root key is another from now on. Slots are the caller's.
    pub(crate) fn set_new_root(
        &mut self,
        root: Arc<Key>,
        keyring: Keyring,
    ) -> Result<(), StoreError> {
        self.head.root_version += 1;
        self.head.keyring_version += 1;
        self.set_root(root, keyring)
    }

    fn set_root(&mut self, root: Arc<Key>, keyring: Keyring) -> Result<(), StoreError> {
        self.head.keyring = keyring.seal(&root, self.head.keyring_place(), &self.shared.entropy)?;
        self.unsealed = Arc::new(Unsealed {
            store: self.head.store,
            root,
            root_version: self.head.root_version,
            keyring,
            keyring_version: self.head.keyring_version,
        });
        Ok(())
    }

    /// Writes the audit entries, the manifest and the head, and commits.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        self.append_audit().await?;
        let before = self.head.epoch;
        self.manifest.epoch = self.manifest.epoch.max(before) + 1;
        self.manifest.root_version = self.head.root_version;
        self.manifest.keyring_version = self.head.keyring_version;
        self.manifest.keyring = Manifest::hash(&self.head.keyring);
        self.head.epoch = self.manifest.epoch;
        self.head.manifest = self.manifest.encode(&self.unsealed.root);
        self.head.replace(before, self.transaction.as_mut()).await?;
        self.transaction.commit().await?;
        let mark = Mark {
            epoch: self.head.epoch,
            manifest: Manifest::hash(&self.head.manifest),
        };
        self.shared.committed(self.unsealed, mark).await;
        Ok(())
    }

    async fn append_audit(&mut self) -> Result<(), StoreError> {
        for happened in std::mem::take(&mut self.happened) {
            let seq = self.manifest.audit_seq + 1;
            let entry = AuditEntry::of(happened, seq, self.now, &self.shared.actor);
            let (number, _) = self.keyring().active()?;
            let key = self
                .keyring()
                .audit(number)
                .ok_or(crate::SealError::NoActiveKey)?;
            let chained = Chained::after(&self.manifest.audit_hash, &entry, number, key);
            self.manifest.audit_seq = seq;
            self.manifest.audit_hash = chained.hash;
            let values = vec![
                integer(seq).into(),
                chained.key_version.into(),
                chained.bytes.into(),
                chained.hash.as_slice().into(),
                chained.mac.as_slice().into(),
            ];
            insert_audit_row(values, self.transaction.as_mut()).await?;
            self.keep_checkpoint().await?;
        }
        Ok(())
    }

    /// Signs the log where that is due.
    async fn keep_checkpoint(&mut self) -> Result<(), StoreError> {
        let (seq, hash) = (self.manifest.audit_seq, self.manifest.audit_hash);
        if !seq.is_multiple_of(CHECKPOINT_EVERY) {
            return Ok(());
        }
        let notary = Notary::new(&self.head.store, self.keyring());
        let transaction = self.transaction.as_mut();
        insert_checkpoint(seq, &notary.sign(seq, hash), transaction).await?;
        drop_covered_checkpoints(seq, transaction).await
    }
}

/// The columns stand in the order in which they are read.
pub(crate) async fn insert_audit_row(
    values: Vec<Value>,
    transaction: &mut dyn Transaction,
) -> Result<(), BackendError> {
    let inserted = transaction.execute(
        "INSERT INTO secrets_audit (seq, key_version, entry, hash, mac)
         VALUES ($1, $2, $3, $4, $5)",
        values,
    );
    inserted.await.map(drop)
}
