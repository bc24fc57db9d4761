//! Whether a state of the store comes after another.

use crate::anchor::Mark;
use crate::backend::Transaction;
use crate::format::Manifest;
use crate::store::StoreError;
use crate::store::head::integer;

/// A later epoch, or the very same state.
pub(crate) fn check_order(mark: Mark, latest: Mark) -> Result<(), StoreError> {
    if mark.epoch > latest.epoch || mark == latest {
        return Ok(());
    }
    Err(rolled_back(mark, latest))
}

/// The latest state that was seen must be in this one's past. The epoch alone does not tell: an instance that remembers
/// less may have gone on from a state that was put back, until it had passed what others had seen. The audit log holds
/// the past, unless an operator gave up what was seen since.
pub(crate) async fn check_descent(
    mark: Mark,
    manifest: &Manifest,
    latest: Mark,
    transaction: &mut dyn Transaction,
) -> Result<(), StoreError> {
    check_order(mark, latest)?;
    if mark == latest || manifest.accepted > latest.epoch {
        return Ok(());
    }
    let rows = transaction
        .query(
            "SELECT hash FROM secrets_audit WHERE seq = $1",
            vec![integer(latest.audit_seq).into()],
        )
        .await?;
    let hash = rows.first().map(|row| row.blob(0)).transpose()?;
    match hash.is_some_and(|hash| hash == latest.audit_hash) {
        true => Ok(()),
        false => Err(rolled_back(mark, latest)),
    }
}

const fn rolled_back(mark: Mark, latest: Mark) -> StoreError {
    StoreError::RolledBack {
        found: mark.epoch,
        seen: latest.epoch,
    }
}
