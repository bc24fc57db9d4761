//! A full scan of a store.

use crate::anchor::Mark;
use crate::audit::{AuditFault, AuditReport, Chain};
use crate::backend::{Mode, Transaction};
use crate::store::audit::walk;
use crate::store::head::Head;
use crate::store::rows::Stored;
use crate::store::scan::{Scan, StoreReport, damage_of};
use crate::store::{Store, StoreError, check_order};

/// How many rows are in memory at a time.
const PAGE: u32 = 200;

impl Store {
    /// Scans everything: every value opens, no row or slot is missing, added or another than the manifest lists, the
    /// keyring fits, and the audit log is whole. What is wrong is named in the report, all of it; values are not kept.
    ///
    /// # Errors
    /// [`StoreError::Sealed`], [`StoreError::RolledBack`] if the whole store is older than what was seen of it, and
    /// whatever the database says.
    pub async fn verify(&self) -> Result<StoreReport, StoreError> {
        let latest = self.shared.held.latest();
        let mut transaction = self.shared.backend.begin(Mode::Read).await?;
        let head = Head::read(transaction.as_mut()).await?;
        let unsealed = self.shared.unsealed()?;
        if head.root_version != unsealed.root_version {
            return Err(StoreError::Sealed);
        }
        let mut damaged = Vec::new();
        let mut noted = |error| damage_of(error).map(|damage| damaged.push(damage));
        let manifest = match head.manifest(&unsealed.root) {
            Ok(manifest) => Some(manifest),
            Err(error) => noted(error).map(|()| None)?,
        };
        let keyring = match head.open_keyring(&unsealed.root) {
            Ok(keyring) => Some(keyring),
            Err(error) => noted(error).map(|()| None)?,
        };
        if let (Some(latest), Some(manifest)) = (latest, &manifest) {
            let mark = Mark {
                epoch: manifest.epoch,
                ..head.mark()
            };
            check_order(mark, latest)?;
        }
        // Without the one in the database, the one in memory opens what there was when it was read.
        let keyring = keyring.as_ref().unwrap_or(&unsealed.keyring);
        let mut scan = Scan::new(&unsealed.store, keyring, manifest.as_ref());
        damaged.into_iter().for_each(|damage| scan.damage(damage));
        scan_rows(&mut scan, transaction.as_mut()).await?;
        let chain = Chain::new(&unsealed.store, keyring, manifest.as_ref());
        let audit = scan_audit(&mut scan, chain, transaction.as_mut()).await?;
        Ok(scan.finish(audit))
    }
}

async fn scan_rows(
    scan: &mut Scan<'_>,
    transaction: &mut dyn Transaction,
) -> Result<(), StoreError> {
    for row in slots(transaction).await? {
        scan.slot(row.0, &row.1);
    }
    let mut after = Vec::new();
    loop {
        let rows = Stored::page(&after, PAGE, transaction).await?;
        let Some(last) = rows.last() else { break };
        after = last.blob(0)?;
        rows.iter().for_each(|row| scan.row(row));
    }
    scan.rows_done();
    Ok(())
}

async fn scan_audit(
    scan: &mut Scan<'_>,
    chain: Chain<'_>,
    transaction: &mut dyn Transaction,
) -> Result<Result<AuditReport, AuditFault>, StoreError> {
    match walk(chain, transaction, |entry| scan.logged(entry)).await {
        Ok(report) => Ok(Ok(report)),
        Err(StoreError::AuditTampered { seq, reason }) => Ok(Err(AuditFault { seq, reason })),
        Err(error) => Err(error),
    }
}

/// The slots as they stand in their rows.
pub(crate) async fn slots(
    transaction: &mut dyn Transaction,
) -> Result<Vec<(u32, Vec<u8>)>, StoreError> {
    let rows = transaction
        .query("SELECT id, slot FROM secrets_slots ORDER BY id", Vec::new())
        .await?;
    let slots = rows.iter().map(|row| Ok((row.count(0)?, row.blob(1)?)));
    slots.collect()
}
