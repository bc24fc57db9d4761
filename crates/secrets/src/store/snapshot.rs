//! One state of the store, to be read.

use std::sync::Arc;

use crate::backend::{Mode, Transaction};
use crate::format::Manifest;
use crate::store::descent::check_order;
use crate::store::head::Head;
use crate::store::{Shared, StoreError, Unsealed};

/// A read transaction, and the keys for what stands in it.
pub(crate) struct Snapshot {
    pub(crate) transaction: Box<dyn Transaction>,
    pub(crate) head: Head,
    pub(crate) manifest: Manifest,
    pub(crate) unsealed: Arc<Unsealed>,
}

impl Snapshot {
    /// Begins to read. What other instances changed is not taken over: a reader holds no lock, so it may be overtaken.
    pub(crate) async fn begin(shared: &Shared) -> Result<Self, StoreError> {
        shared.unsealed()?;
        // Asked before the transaction begins: what is committed later need not show in it.
        let latest = shared.held.latest();
        let mut transaction = shared.backend.begin(Mode::Read).await?;
        let head = Head::read(transaction.as_mut()).await?;
        let held = shared.unsealed()?;
        if head.root_version != held.root_version {
            return Err(StoreError::Sealed);
        }
        let manifest = head.manifest(&held.root)?;
        let mark = head.mark(&manifest);
        latest.map_or(Ok(()), |latest| check_order(mark, latest))?;
        let unsealed = held.caught_up(&head)?;
        Ok(Self {
            transaction,
            head,
            manifest,
            unsealed,
        })
    }
}
