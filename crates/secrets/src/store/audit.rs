//! Reading the audit log, and checking it.

use std::collections::BTreeMap;

use crate::audit::{AuditEntry, AuditFault, AuditFlaw, AuditReport, Chain, Chained, Checkpoint};
use crate::backend::{BackendError, Row, Transaction};
use crate::store::head::integer;
use crate::store::snapshot::Snapshot;
use crate::store::{Store, StoreError};

/// How many entries are in memory at a time while the log is walked.
const PAGE: u32 = 500;

impl Store {
    /// The most entries that [`Store::audit_entries`] gives at once.
    pub const MAX_AUDIT_PAGE: u32 = 1000;

    /// Entries of the audit log behind the one with this number, 0 for the beginning; the oldest first, and at most
    /// [`Store::MAX_AUDIT_PAGE`]. Each is checked. Behind the last there are none.
    ///
    /// # Errors
    /// [`StoreError::AuditTampered`] names the first that is not what was written.
    pub async fn audit_entries(
        &self,
        after: u64,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let mut snapshot = Snapshot::begin(&self.shared).await?;
        let end = snapshot.manifest.audit_seq;
        if after >= end {
            return Ok(Vec::new());
        }
        // The one before is needed for its hash.
        let before = usize::from(after > 0);
        let limit = limit.min(Self::MAX_AUDIT_PAGE);
        let read = limit + u32::from(after > 0);
        let rows = page(integer(after.max(1)), read, snapshot.transaction.as_mut()).await?;
        let keys = &snapshot.unsealed;
        let mut chain = Chain::new(&keys.store, &keys.keyring, Some(&snapshot.manifest));
        let (start, rows) = rows.split_at(before.min(rows.len()));
        if after > 0 {
            resume(&mut chain, after, start)?;
        }
        let entries = rows.iter().map(|row| Ok(chain.push(&Chained::of(row)?)?));
        let entries = entries.collect::<Result<Vec<_>, StoreError>>()?;
        if entries.len() < usize::try_from(limit).unwrap_or(usize::MAX) && chain.seq() < end {
            return Err(fault(chain.seq() + 1, AuditFlaw::CutOff).into());
        }
        Ok(entries)
    }

    /// Walks the whole audit log: no entry changed, missing, added or elsewhere than it was, every one written by an
    /// unsealed store, the end where the manifest says, and every checkpoint beside it signed and true.
    ///
    /// # Errors
    /// [`StoreError::AuditTampered`] names the first entry that is not what was written.
    pub async fn verify_audit(&self) -> Result<AuditReport, StoreError> {
        let mut snapshot = Snapshot::begin(&self.shared).await?;
        let keys = snapshot.unsealed.clone();
        let chain = Chain::new(&keys.store, &keys.keyring, Some(&snapshot.manifest));
        walk(chain, snapshot.transaction.as_mut(), |_| {}).await
    }

    /// Walks the whole audit log, and compares it with a checkpoint that was kept elsewhere: a log that was cut or written
    /// anew since then contradicts it, whoever did that and whatever keys they had.
    ///
    /// # Errors
    /// [`StoreError::Checkpoint`] if the checkpoint is not this store's, and as [`Store::verify_audit`].
    pub async fn verify_against(&self, kept: &Checkpoint) -> Result<AuditReport, StoreError> {
        let mut snapshot = Snapshot::begin(&self.shared).await?;
        let keys = snapshot.unsealed.clone();
        let chain = Chain::new(&keys.store, &keys.keyring, Some(&snapshot.manifest));
        let covered = kept.open(&chain.notary().verifier())?;
        walk(
            chain.against(covered),
            snapshot.transaction.as_mut(),
            |_| {},
        )
        .await
    }
}

fn resume(chain: &mut Chain<'_>, after: u64, start: &[Row]) -> Result<(), StoreError> {
    let found = start.first().map(Chained::of).transpose()?;
    let before = found.filter(|row| row.seq == after);
    let before = before.ok_or_else(|| fault(after, AuditFlaw::Missing))?;
    Ok(chain.resume(&before)?)
}

impl Chained {
    /// What [`page`] reads.
    pub(crate) fn of(row: &Row) -> Result<Self, StoreError> {
        // Before the first there is nothing.
        let early = |_| fault(0, AuditFlaw::Added);
        let seq = u64::try_from(row.integer(0)?).map_err(early)?;
        let edited = |_: BackendError| fault(seq, AuditFlaw::Edited);
        let hash = |column| {
            let hash = row.blob(column).map_err(edited)?;
            hash.try_into()
                .map_err(|_| edited(BackendError::Shape { column }))
        };
        Ok(Self {
            seq,
            key_version: row.count(1).map_err(edited)?,
            bytes: row.blob(2).map_err(edited)?,
            hash: hash(3)?,
            mac: hash(4)?,
        })
    }
}

/// Reads the log in pages, each with its checkpoints, in one transaction.
pub(crate) async fn walk(
    mut chain: Chain<'_>,
    transaction: &mut dyn Transaction,
    mut each: impl FnMut(&AuditEntry),
) -> Result<AuditReport, StoreError> {
    let mut from = i64::MIN;
    loop {
        let rows = page(from, PAGE, transaction).await?;
        let Some(last) = rows.last() else { break };
        let last = last.integer(0)?;
        let mut notes = checkpoints(from, last, transaction).await?;
        for row in &rows {
            each(&chain.push(&Chained::of(row)?)?);
            if let Some(note) = notes.remove(&integer(chain.seq())) {
                chain.checkpoint(&note)?;
            }
        }
        check_strays(&chain, notes)?;
        from = last.saturating_add(1);
    }
    let strays = checkpoints(from, i64::MAX, transaction).await?;
    check_strays(&chain, strays)?;
    Ok(chain.finish()?)
}

/// Entries from this number on, the oldest first.
pub(crate) async fn page(
    from: i64,
    limit: u32,
    transaction: &mut dyn Transaction,
) -> Result<Vec<Row>, StoreError> {
    let rows = transaction
        .query(
            "SELECT seq, key_version, entry, hash, mac FROM secrets_audit
             WHERE seq >= $1 ORDER BY seq LIMIT $2",
            vec![from.into(), limit.into()],
        )
        .await?;
    Ok(rows)
}

/// The checkpoints of some entries.
pub(crate) async fn checkpoints(
    from: i64,
    to: i64,
    transaction: &mut dyn Transaction,
) -> Result<BTreeMap<i64, String>, StoreError> {
    let rows = transaction
        .query(
            "SELECT seq, note FROM secrets_checkpoints WHERE seq >= $1 AND seq <= $2",
            vec![from.into(), to.into()],
        )
        .await?;
    let notes = rows.iter().map(|row| Ok((row.integer(0)?, row.text(1)?)));
    notes.collect()
}

fn check_strays(chain: &Chain<'_>, mut strays: BTreeMap<i64, String>) -> Result<(), StoreError> {
    let Some((seq, note)) = strays.pop_first() else {
        return Ok(());
    };
    let seq = u64::try_from(seq).unwrap_or(0);
    Err(chain.stray_checkpoint(seq, note).into())
}

const fn fault(seq: u64, reason: AuditFlaw) -> AuditFault {
    AuditFault { seq, reason }
}
