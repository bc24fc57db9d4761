//! Counting which key served which call, and telling the store.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use orchestra_gateway::{CallRecord, Sink, UsedKey};
use orchestra_secrets::{EntryId, Store, StoreError, UseCounter};
use tokio::time::timeout;

use super::Keeper;
use crate::secrets::standing::chain;

/// Versions of keys that are known at one time. Those that are out of use go first; a call that is still under way with
/// one of them is then not counted.
const KNOWN_AT_MOST: usize = 4096;
/// How long a stop or a seal waits for the last uses to be told.
const PATIENCE: Duration = Duration::from_secs(2);

/// What was used, and which entries of the store that means.
#[derive(Default)]
pub(super) struct Uses {
    counter: UseCounter,
    entries: RwLock<HashMap<UsedKey, EntryId>>,
}

impl Uses {
    /// From now on uses of this key are the entry's.
    pub(super) fn learn(&self, key: UsedKey, entry: EntryId) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= KNOWN_AT_MOST {
            entries.clear();
        }
        entries.insert(key, entry);
    }

    fn count(&self, key: &UsedKey, now_ms: i64) {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get(key) {
            self.counter.count(*entry, now_ms);
        }
    }
}

impl Keeper {
    /// Counts the keys of a call's attempts.
    fn count(&self, record: &CallRecord) {
        let now_ms = self.clock.unix_ms();
        let keys = record
            .attempts
            .iter()
            .filter_map(|attempt| attempt.key.as_ref());
        keys.for_each(|key| self.uses.count(key, now_ms));
    }

    /// Tells the store what was counted, and has it sign its audit log.
    pub(super) async fn flush(&self, store: &Store) -> Result<(), StoreError> {
        store.flush_uses(&self.uses.counter).await?;
        if let Some(checkpoint) = store.checkpoint().await? {
            tracing::info!(target: "orchestra::audit", checkpoint = checkpoint.text, "the audit log was signed");
        }
        Ok(())
    }

    /// The same for the last time, without waiting for a database that does not answer.
    pub(super) async fn flush_at_last(&self, store: &Store) {
        let lost = match timeout(PATIENCE, self.flush(store)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => chain(&error),
            Err(_) => "no answer".to_owned(),
        };
        tracing::error!("the secret store is not told the last uses of its keys: {lost}");
    }
}

/// Counts the keys of every call, and hands its record on.
pub(crate) struct CountingSink {
    pub(crate) keeper: Arc<Keeper>,
    pub(crate) inner: Arc<dyn Sink>,
}

impl Sink for CountingSink {
    fn settled(&self, record: CallRecord) {
        self.keeper.count(&record);
        self.inner.settled(record);
    }
}

impl fmt::Debug for CountingSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountingSink")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
