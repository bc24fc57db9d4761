//! Signing the audit log.

use crate::audit::{CHECKPOINT_EVERY, Checkpoint, Notary};
use crate::backend::{BackendError, Transaction, Value};
use crate::store::audit::checkpoints;
use crate::store::head::integer;
use crate::store::write::Write;
use crate::store::{Store, StoreError};

impl Store {
    /// Signs the audit log as it is, and keeps the checkpoint beside it; `None` if nothing happened since the last.
    /// To be called once a minute or so, and the checkpoint to be put where whoever changes the database cannot: a log line
    /// on another machine will do.
    ///
    /// Every 1,000 entries there is one without this. A checkpoint is no entry of the log, and changes nothing that the
    /// store's epoch counts.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        let Write {
            mut transaction,
            manifest,
            unsealed,
            ..
        } = Write::begin(&self.shared).await?;
        let seq = manifest.audit_seq;
        let kept = checkpoints(integer(seq), integer(seq), transaction.as_mut()).await?;
        if !kept.is_empty() {
            return Ok(None);
        }
        let notary = Notary::new(&unsealed.store, &unsealed.keyring);
        let checkpoint = notary.sign(seq, manifest.audit_hash);
        insert_checkpoint(seq, &checkpoint, transaction.as_mut()).await?;
        transaction.commit().await?;
        Ok(Some(checkpoint))
    }

    /// The public key that verifies this store's checkpoints, for [`Checkpoint::verify`]. It stays the same for the life
    /// of the store, through all rotations.
    ///
    /// # Errors
    /// [`StoreError::Sealed`]
    pub fn checkpoint_key(&self) -> Result<String, StoreError> {
        let unsealed = self.shared.unsealed()?;
        let notary = Notary::new(&unsealed.store, &unsealed.keyring);
        Ok(notary.verifier().text())
    }
}

pub(crate) async fn insert_checkpoint(
    seq: u64,
    checkpoint: &Checkpoint,
    transaction: &mut dyn Transaction,
) -> Result<(), StoreError> {
    let values = vec![integer(seq).into(), checkpoint.text.as_str().into()];
    Ok(insert_checkpoint_row(values, transaction).await?)
}

pub(crate) async fn insert_checkpoint_row(
    values: Vec<Value>,
    transaction: &mut dyn Transaction,
) -> Result<(), BackendError> {
    let statement = "INSERT INTO secrets_checkpoints (seq, note) VALUES ($1, $2)";
    transaction.execute(statement, values).await.map(drop)
}

/// Of the checkpoints before this one, those remain that must be there.
pub(crate) async fn drop_covered_checkpoints(
    seq: u64,
    transaction: &mut dyn Transaction,
) -> Result<(), StoreError> {
    transaction
        .execute(
            "DELETE FROM secrets_checkpoints WHERE seq < $1 AND seq % $2 <> 0",
            vec![integer(seq).into(), integer(CHECKPOINT_EVERY).into()],
        )
        .await?;
    Ok(())
}
