//! A change of the store: the only way in which anything is written.
//!
//! One transaction locks the head, checks that everything is what the manifest says, changes rows, writes the
//! audit entries, the new manifest and the new head, and commits. Then the anchor outside of the database is moved.
//! A crash anywhere leaves the state before or the state after.

use std::collections::BTreeSet;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::Name;
use crate::anchor::{Before, Mark};
use crate::audit::{AuditEntry, CHECKPOINT_EVERY, Chained, Happened, Notary};
use crate::backend::{BackendError, Mode, Transaction, Value};
use crate::format::{Keyring, Manifest, Record};
use crate::key::Key;
use crate::store::checkpoints::{drop_covered_checkpoints, insert_checkpoint};
use crate::store::head::{Head, integer};
use crate::store::rows::{Stored, binding, name_mark, row_mark};
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
    /// About a million changes.
    const GAP: u64 = 1 << 20;

    /// Locks the store. Whatever other instances changed is taken over first.
    pub(crate) async fn begin(shared: &'s Shared) -> Result<Self, StoreError> {
        shared.unsealed()?;
        let latest = shared.held.latest();
        let transaction = shared.backend.begin(Mode::Write).await?;
        // Only now: it may have been sealed while we waited.
        Self::within(shared, transaction, shared.unsealed()?, latest).await
    }

    pub(crate) async fn within(
        shared: &'s Shared,
        mut transaction: Box<dyn Transaction>,
        unsealed: Arc<Unsealed>,
        latest: Option<Mark>,
    ) -> Result<Self, StoreError> {
        let head = Head::read(transaction.as_mut()).await?;
        let (unsealed, manifest) = shared
            .catch_up(&head, unsealed, latest, transaction.as_mut())
            .await?;
        Ok(Self::entering(
            shared,
            transaction,
            head,
            manifest,
            unsealed,
        ))
    }

    /// With keys that are not in memory yet, or need not be the latest: the caller has compared the state with what was seen
    /// before.
    pub(crate) fn entering(
        shared: &'s Shared,
        transaction: Box<dyn Transaction>,
        head: Head,
        manifest: Manifest,
        unsealed: Arc<Unsealed>,
    ) -> Self {
        Self {
            shared,
            transaction,
            head,
            manifest,
            unsealed,
            happened: Vec::new(),
            now: shared.clock.unix_ms(),
        }
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        &self.unsealed.keyring
    }

    /// Notes for the audit log what is done here.
    pub(crate) fn happened(&mut self, happened: Happened) {
        self.happened.push(happened);
    }

    /// Those versions of a name that can be read, the latest first. What they say of themselves is not known to be true.
    pub(crate) async fn readable(&mut self, name: &Name) -> Result<Vec<Stored>, StoreError> {
        let rows = Stored::rows_of(name, self.transaction.as_mut()).await?;
        Ok(rows.iter().filter_map(|row| Stored::of(row).ok()).collect())
    }

    /// All versions of a name, the latest first: those that the manifest lists, no more and no less. Each may still have
    /// been edited.
    pub(crate) async fn versions(&mut self, name: &Name) -> Result<Vec<Stored>, StoreError> {
        let versions = self.readable(name).await?;
        let found: BTreeSet<_> = versions.iter().map(|stored| stored.entry.id.0).collect();
        let listed: BTreeSet<_> = self.manifest.rows_of(name_mark(name)).collect();
        if found == listed {
            Ok(versions)
        } else {
            Err(StoreError::NameTampered { name: name.clone() })
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

    /// Puts an entry with this value in the place of the row that it was read from. What that row says of its version
    /// need not be true.
    pub(crate) async fn replace(
        &mut self,
        mut entry: crate::Entry,
        value: &[u8],
    ) -> Result<crate::Entry, StoreError> {
        let before = entry.row_version;
        let listed = self.manifest.rows.get(&entry.id.0);
        entry.row_version = listed.map_or(0, |mark| mark.version) + 1;
        let stored = self.sealed(&mut entry, value)?;
        stored.replace(before, self.transaction.as_mut()).await?;
        Ok(entry)
    }

    /// Encrypts under the active key, and lists what comes of it.
    fn sealed(&mut self, entry: &mut crate::Entry, value: &[u8]) -> Result<Stored, StoreError> {
        entry.key_version = self.keyring().active()?.0;
        let bound = binding(&self.head.store, entry);
        let record = Record::seal(self.keyring(), bound, value, &self.shared.entropy)?;
        let mark = row_mark(entry, &record);
        self.manifest.rows.insert(entry.id.0, mark);
        Ok(Stored {
            entry: entry.clone(),
            record: record.encode(),
        })
    }

    /// Removes all versions of a name, and says how many there were: those that are listed, whatever became of their
    /// rows, and those that somebody else added.
    pub(crate) async fn delete(&mut self, name: &Name) -> Result<usize, StoreError> {
        let listed: Vec<_> = self.manifest.rows_of(name_mark(name)).collect();
        for id in &listed {
            let statement = "DELETE FROM secrets_entries WHERE id = $1";
            let values = vec![id.as_slice().into()];
            self.transaction.execute(statement, values).await?;
            self.manifest.rows.remove(id);
        }
        let statement = "DELETE FROM secrets_entries WHERE tenant = $1 AND name = $2";
        let values = vec![name.tenant().into(), name.name().into()];
        let added = self.transaction.execute(statement, values).await?;
        Ok(listed.len() + usize::try_from(added).unwrap_or(usize::MAX))
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
        // From the next epoch on.
        let mut unsealed = Unsealed::of(&self.head, root, keyring);
        unsealed.epoch += 1;
        self.unsealed = Arc::new(unsealed);
        Ok(())
    }

    /// This state takes the place of one with this epoch, which is given up. Another instance may have seen more of that
    /// than we know of; unless that is very much more, it is content with the next epoch.
    pub(crate) fn go_on_after(&mut self, given_up: u64) {
        self.manifest.epoch = given_up.saturating_add(Self::GAP);
        self.manifest.accepted = self.manifest.epoch + 1;
    }

    /// Writes the audit entries, the manifest and the head, and commits.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        let shared = self.shared;
        let (unsealed, mark) = self.finish().await?;
        shared.committed(unsealed, mark, Before::Counts).await;
        Ok(())
    }

    /// Commits, and takes the keys into memory unless the store was sealed meanwhile.
    pub(crate) async fn commit_and_enter(
        self,
        seals: u64,
        before: Before,
    ) -> Result<(), StoreError> {
        let shared = self.shared;
        let (unsealed, mark) = self.finish().await?;
        let entered = shared.held.enter(Arc::clone(&unsealed), seals);
        shared.committed(unsealed, mark, before).await;
        entered
    }

    async fn finish(mut self) -> Result<(Arc<Unsealed>, Mark), StoreError> {
        self.append_audit().await?;
        let before = self.head.epoch;
        self.manifest.epoch = self.manifest.epoch.max(before) + 1;
        self.manifest.root_version = self.head.root_version;
        self.manifest.keyring_version = self.head.keyring_version;
        self.manifest.keyring = Manifest::hash(&self.head.keyring);
        self.manifest.fence = self.head.fence;
        self.head.epoch = self.manifest.epoch;
        self.head.manifest = self.manifest.encode(&self.unsealed.root);
        self.head.replace(before, self.transaction.as_mut()).await?;
        self.transaction.commit().await?;
        let mark = self.head.mark(&self.manifest);
        Ok((self.unsealed, mark))
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
