//! Telling the store how its secrets were used.

use crate::audit::{Action, Happened, Use, UseCounter};
use crate::backend::BackendError;
use crate::store::rows::Stored;
use crate::store::write::Write;
use crate::store::{Store, StoreError};

impl Store {
    /// Notes in the audit log how often secrets were used, and at the secrets when they last were. One transaction.
    ///
    /// # Errors
    /// Whatever the database says; then nothing was noted.
    pub async fn record_uses(&self, uses: &[Use]) -> Result<(), StoreError> {
        if uses.iter().all(|used| used.count == 0) {
            return Ok(());
        }
        let mut write = Write::begin(&self.shared).await?;
        for used in uses.iter().filter(|used| used.count > 0) {
            write.note_use(used).await?;
        }
        write.commit().await
    }

    /// Notes what was counted, as [`Store::record_uses`] does. What cannot be noted is counted again, and so is what may
    /// not have been noted: no use is lost while the process lives, but some may be told twice.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn flush_uses(&self, counter: &UseCounter) -> Result<(), StoreError> {
        let mut taken = Taken {
            counter,
            uses: counter.take(),
        };
        self.record_uses(&taken.uses).await?;
        taken.uses.clear();
        Ok(())
    }
}

/// Uses that go back to the counter, even if whoever flushes them is cancelled.
struct Taken<'c> {
    counter: &'c UseCounter,
    uses: Vec<Use>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.counter.put_back(self.uses.drain(..));
    }
}

impl Write<'_> {
    /// A secret that was removed in the meantime, or tampered with, is noted without its name.
    async fn note_use(&mut self, used: &Use) -> Result<(), StoreError> {
        let stored = match Stored::by_id(used.entry, self.transaction.as_mut()).await {
            Ok(stored) => stored.filter(|stored| self.open(stored).is_ok()),
            Err(BackendError::Shape { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let mut happened = Happened::new(Action::SecretUsed).number(used.count);
        happened.entry = Some(used.entry);
        if let Some(stored) = stored {
            happened = happened.to(&stored.entry);
        }
        self.transaction
            .execute(
                "UPDATE secrets_entries SET last_used = $2
                 WHERE id = $1 AND (last_used IS NULL OR last_used < $2)",
                vec![used.entry.0.as_slice().into(), used.last_used_ms.into()],
            )
            .await?;
        self.happened(happened);
        Ok(())
    }
}
