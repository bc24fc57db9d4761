//! A full scan of a store.

use crate::anchor::Mark;
use crate::audit::{AuditFault, AuditReport, Chain};
use crate::backend::{Mode, Transaction};
use crate::format::{Keyring, Manifest};
use crate::store::audit::walk;
use crate::store::descent::check_order;
use crate::store::head::Head;
use crate::store::rows::{Stored, next_id};
use crate::store::scan::{Damage, Scan, StoreReport};
use crate::store::{Store, StoreError, Unsealed};

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
        let found = Found::of(&head, &unsealed)?;
        if let (Some(latest), Some(manifest)) = (latest, &found.manifest) {
            let mark = Mark {
                epoch: manifest.epoch,
                ..head.mark(manifest)
            };
            check_order(mark, latest)?;
        }
        // Without the one in the database, the one in memory opens what there was when it was read.
        let keyring = found.keyring.as_ref().unwrap_or(&unsealed.keyring);
        let manifest = found.manifest.as_ref();
        let mut scan = Scan::new(&unsealed.store, keyring, manifest);
        for damage in found.damaged {
            scan.damage(damage);
        }
        scan_rows(&mut scan, transaction.as_mut()).await?;
        let chain = Chain::new(&unsealed.store, keyring, manifest);
        let audit = scan_audit(&mut scan, chain, transaction.as_mut()).await?;
        Ok(scan.finish(audit))
    }
}

/// What the head holds, as far as it is genuine.
struct Found {
    manifest: Option<Manifest>,
    keyring: Option<Keyring>,
    damaged: Vec<Damage>,
}

impl Found {
    fn of(head: &Head, unsealed: &Unsealed) -> Result<Self, StoreError> {
        let mut damaged = Vec::new();
        let manifest = genuine(head.manifest(&unsealed.root), &mut damaged)?;
        let keyring = genuine(head.open_keyring(&unsealed.root), &mut damaged)?;
        Ok(Self {
            manifest,
            keyring,
            damaged,
        })
    }
}

fn genuine<T>(
    part: Result<T, StoreError>,
    damaged: &mut Vec<Damage>,
) -> Result<Option<T>, StoreError> {
    match part {
        Ok(part) => Ok(Some(part)),
        Err(StoreError::Tampered { part, source }) => {
            damaged.push(Damage::Part { part, source });
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

async fn scan_rows(
    scan: &mut Scan<'_>,
    transaction: &mut dyn Transaction,
) -> Result<(), StoreError> {
    for row in slots(transaction).await? {
        scan.slot(row.0, &row.1);
    }
    let mut from = Vec::new();
    loop {
        let rows = Stored::page(&from, PAGE, transaction).await?;
        let Some(last) = rows.last() else { break };
        from = next_id(last)?;
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
