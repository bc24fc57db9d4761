//! Making a store from a backup.

use std::sync::Arc;

use crate::anchor::Before;
use crate::audit::{Action, Happened};
use crate::backend::{Mode, Row, Transaction, migrate};
use crate::backup::file::Table;
use crate::backup::open::{Backup, Keys, Opened, damaged};
use crate::format::{FormatError, Manifest, UnlockError};
use crate::store::checkpoints::insert_checkpoint_row;
use crate::store::head::Head;
use crate::store::rows::insert_entry_row;
use crate::store::unseal::check_last_entry;
use crate::store::write::{Write, insert_audit_row};
use crate::store::{Shared, Store, StoreError, StoreParts, Unsealed};
use crate::{Credential, SlotKind};

impl Backup {
    /// Makes the store anew in an empty database, in one transaction, and unseals it. What was damaged when the
    /// backup was written is damaged again: [`Backup::verify`] tells.
    ///
    /// The store's epoch goes on above the backup's and above the anchor's, so this counts as the latest state from now
    /// on. To go behind what the anchor has seen takes a credential that a person has.
    ///
    /// # Errors
    /// [`StoreError::StoreExists`] if the database is not empty, [`StoreError::Unlock`] for a wrong credential,
    /// [`StoreError::Tampered`] if the backup was changed, [`StoreError::NeedsPerson`] for a key file where
    /// the anchor has seen a later state. Then nothing was restored.
    pub async fn restore(
        &self,
        parts: StoreParts,
        credential: Credential,
    ) -> Result<Store, StoreError> {
        let kind = credential.kind();
        let opened = self.open_aside(credential).await?;
        let keys = opened.keys(&opened.first_box()?)?;
        opened.check_slot(&keys.manifest)?;
        migrate(parts.backend.as_ref()).await?;
        let store = Store::of(parts);
        let past = store.shared.past(&keys, kind)?;
        let mut transaction = store.shared.backend.begin(Mode::Write).await?;
        check_empty(transaction.as_mut()).await?;
        opened.write(&keys.head, transaction.as_mut()).await?;
        check_last_entry(&keys.manifest, transaction.as_mut()).await?;
        store.begin_again(transaction, opened, keys, past).await?;
        Ok(store)
    }
}

impl Opened<'_> {
    /// An old slot, put back into the database that was backed up, still holds the root key.
    fn check_slot(&self, manifest: &Manifest) -> Result<(), UnlockError> {
        if manifest.slots.contains(&self.slot) {
            return Ok(());
        }
        Err(UnlockError::Damaged {
            slot: self.slot.id,
            source: FormatError::Refused,
        })
    }

    /// Everything, as it was.
    async fn write(
        &self,
        head: &Head,
        transaction: &mut dyn Transaction,
    ) -> Result<(), StoreError> {
        head.insert(transaction).await?;
        for (id, slot) in &self.backup.header.slots {
            let values = vec![(*id).into(), slot.as_slice().into()];
            let statement = "INSERT INTO secrets_slots (id, slot) VALUES ($1, $2)";
            transaction.execute(statement, values).await?;
        }
        let mut boxes = self.boxes();
        let mut first = true;
        while let Some(rows) = boxes.next_box().map_err(damaged)? {
            for (table, row) in rows.into_iter().skip(usize::from(first)) {
                write_row(table, row, transaction).await?;
            }
            first = false;
        }
        Ok(())
    }
}

impl Store {
    /// The store is what the backup holds: notes where that comes from, and goes on.
    async fn begin_again(
        &self,
        transaction: Box<dyn Transaction>,
        opened: Opened<'_>,
        keys: Keys,
        past: u64,
    ) -> Result<(), StoreError> {
        let head = keys.head;
        let unsealed = Arc::new(Unsealed::of(&head, Arc::new(opened.root), keys.keyring));
        let backup = head.epoch;
        let shared = &self.shared;
        let mut write = Write::entering(shared, transaction, head, keys.manifest, unsealed);
        write.happened(Happened::new(Action::Restored).number(backup));
        write.go_on_after(past);
        write
            .commit_and_enter(shared.held.seals(), Before::Counts)
            .await
    }
}

impl Shared {
    /// The epoch that the restored store must pass.
    fn past(&self, keys: &Keys, kind: SlotKind) -> Result<u64, StoreError> {
        let epoch = keys.head.epoch;
        let seen = match &self.anchor {
            Some(anchor) => anchor.read(&keys.head.store, keys.keyring.signing())?,
            None => None,
        };
        match seen {
            Some(seen) if seen.epoch > epoch && kind == SlotKind::KeyFile => {
                Err(StoreError::NeedsPerson { seen: seen.epoch })
            }
            Some(seen) => Ok(seen.epoch.max(epoch)),
            None => Ok(epoch),
        }
    }
}

async fn check_empty(transaction: &mut dyn Transaction) -> Result<(), StoreError> {
    let rows = transaction
        .query(
            "SELECT (SELECT count(*) FROM secrets_store) + (SELECT count(*) FROM secrets_slots)
                  + (SELECT count(*) FROM secrets_entries) + (SELECT count(*) FROM secrets_audit)
                  + (SELECT count(*) FROM secrets_checkpoints)",
            Vec::new(),
        )
        .await?;
    match rows.first().map(|row| row.integer(0)).transpose()? {
        Some(0) => Ok(()),
        _ => Err(StoreError::StoreExists),
    }
}

async fn write_row(
    table: Table,
    row: Row,
    transaction: &mut dyn Transaction,
) -> Result<(), StoreError> {
    match table {
        Table::Store => return Err(damaged(FormatError::Bounds("order of rows"))),
        Table::Entries => insert_entry_row(row.0, transaction).await?,
        Table::Audit => insert_audit_row(row.0, transaction).await?,
        Table::Checkpoints => insert_checkpoint_row(row.0, transaction).await?,
    }
    Ok(())
}
