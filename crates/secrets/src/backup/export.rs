//! Writing a backup.

use crate::audit::{Action, Happened};
use crate::backend::{Row, Transaction};
use crate::backup::file::{Header, Packer, Table};
use crate::store::audit::{checkpoints, page};
use crate::store::rows::{Stored, next_id};
use crate::store::snapshot::Snapshot;
use crate::store::verify::slots;
use crate::store::write::Write;
use crate::store::{Store, StoreError};

/// How many rows are in memory beside the backup itself.
const PAGE: u32 = 500;

impl Store {
    /// A backup of everything: keys, secrets, audit log, checkpoints, as they are at one moment. Encrypted; the store's
    /// credentials open it, also when they are no longer the store's. The audit log has it before the caller does.
    ///
    /// What is damaged is in the backup as it is: verify it afterwards.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn export(&self) -> Result<Vec<u8>, StoreError> {
        self.note_export().await?;
        let Snapshot {
            mut transaction,
            head,
            unsealed,
            ..
        } = Snapshot::begin(&self.shared).await?;
        let transaction = transaction.as_mut();
        let header = Header {
            store: head.store,
            epoch: head.epoch,
            slots: slots(transaction).await?,
        };
        header.check().map_err(StoreError::tampered("the slots"))?;
        let mut packer = Packer::new(&header, &unsealed.root, &self.shared.entropy);
        let pack = |error| StoreError::from(error);
        packer.push(Table::Store, &head.row()).map_err(pack)?;
        pack_entries(&mut packer, transaction).await?;
        pack_audit(&mut packer, transaction).await?;
        packer.finish().map_err(pack)
    }

    async fn note_export(&self) -> Result<(), StoreError> {
        let mut write = Write::begin(&self.shared).await?;
        let count = u64::try_from(write.manifest.rows.len()).unwrap_or(u64::MAX);
        write.happened(Happened::new(Action::Exported).number(count));
        write.commit().await
    }
}

async fn pack_entries(
    packer: &mut Packer<'_>,
    transaction: &mut dyn Transaction,
) -> Result<(), StoreError> {
    let mut from = Vec::new();
    loop {
        let rows = Stored::page(&from, PAGE, transaction).await?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        from = next_id(last)?;
        for row in &rows {
            packer.push(Table::Entries, row)?;
        }
    }
}

/// Each entry, and behind it its checkpoint, if it has one.
async fn pack_audit(
    packer: &mut Packer<'_>,
    transaction: &mut dyn Transaction,
) -> Result<(), StoreError> {
    let mut from = i64::MIN;
    loop {
        let rows = page(from, PAGE, transaction).await?;
        let Some(last) = rows.last() else { break };
        let last = last.integer(0)?;
        let mut notes = checkpoints(from, last, transaction).await?;
        for row in &rows {
            packer.push(Table::Audit, row)?;
            let seq = row.integer(0)?;
            if let Some(note) = notes.remove(&seq) {
                pack_checkpoint(packer, seq, note)?;
            }
        }
        from = last.saturating_add(1);
    }
    for (seq, note) in checkpoints(from, i64::MAX, transaction).await? {
        pack_checkpoint(packer, seq, note)?;
    }
    Ok(())
}

fn pack_checkpoint(packer: &mut Packer<'_>, seq: i64, note: String) -> Result<(), StoreError> {
    let row = Row(vec![seq.into(), note.into()]);
    Ok(packer.push(Table::Checkpoints, &row)?)
}
