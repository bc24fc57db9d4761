//! Following the secret store while a server runs.

use std::collections::HashMap;
use std::time::Duration;

use orchestra_secrets::{EntryId, Store, StoreError};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Keeper;
use crate::secrets::standing::{Sealing, Standing, Why, chain};
use crate::secrets::vault::Asking;

/// How often the store is asked whether anything changed: one number from one row. So a change reaches every server
/// within two seconds or so.
const POLL: Duration = Duration::from_secs(1);
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest rest after it did not; the first is that of a poll, and each next one is twice as long.
const LONGEST_REST: Duration = Duration::from_secs(30);
/// How often the store is told which keys were used, and signs its audit log.
const TELL_USES: Duration = Duration::from_secs(60);
/// How early a key's end is announced, in milliseconds.
const WARNINGS: [i64; 2] = [7 * DAY, DAY];
const DAY: i64 = 24 * 60 * 60 * 1000;

impl Keeper {
    /// Unseals the store, follows it until `stop` is cancelled, and closes it.
    pub(crate) async fn watch(&self, stop: &CancellationToken) {
        let work = async {
            tokio::join!(
                self.unlock_at_start(),
                self.poll(),
                self.watch_time(),
                self.tell_uses()
            );
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = work => {}
        }
        if let Some(store) = self.unsealed() {
            self.flush_at_last(&store).await;
        }
        if let Some(store) = self.vault.store() {
            // A database that does not answer must not keep the server.
            let _ = timeout(PATIENCE, store.close()).await;
        }
    }

    /// The store, if its keys are in memory.
    fn unsealed(&self) -> Option<Store> {
        let store = self.vault.store()?;
        (self.standing() == Standing::Unsealed).then_some(store)
    }

    async fn tell_uses(&self) {
        loop {
            sleep(TELL_USES).await;
            let Some(store) = self.unsealed() else {
                continue;
            };
            if let Err(error) = self.flush(&store).await {
                // They stay counted, and are told the next time.
                tracing::warn!(
                    "the secret store is not told the uses of its keys now: {}",
                    chain(&error)
                );
            }
        }
    }

    async fn unlock_at_start(&self) {
        if self.vault.store().is_some() {
            self.unlock_or_ask().await;
        }
    }

    /// Ends keys whose time is over, though nothing may have changed in the store.
    async fn watch_time(&self) {
        let mut ticks = interval(POLL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut warned = HashMap::new();
        loop {
            ticks.tick().await;
            self.install();
            self.warn(&mut warned);
        }
    }

    /// Says once for each threshold that a key is going to expire.
    fn warn(&self, warned: &mut HashMap<EntryId, i64>) {
        let now_ms = self.clock.unix_ms();
        for (reference, key) in self.books().held.keys() {
            let (Some(entry), Some(end)) = (key.entry, key.expires_ms) else {
                continue;
            };
            let left = end.saturating_sub(now_ms);
            let Some(passed) = threshold(left) else {
                continue;
            };
            if warned.insert(entry, passed) != Some(passed) {
                let hours = left / (60 * 60 * 1000);
                tracing::warn!("{reference} expires in {hours} hours: set a new value");
            }
        }
    }

    async fn poll(&self) {
        let mut seen = None;
        let mut rest = POLL;
        loop {
            sleep(rest).await;
            match self.look(&mut seen).await {
                Ok(()) => {
                    if self.books().failure.take().is_some() {
                        tracing::info!("the secret store can be followed again");
                    }
                    rest = POLL;
                }
                Err(words) => {
                    let before = self.books().failure.replace(words.clone());
                    if before.as_ref() != Some(&words) {
                        tracing::error!(
                            "the secret store cannot be followed, keys that are known go on working: {words}"
                        );
                    }
                    rest = (rest * 2).min(LONGEST_REST);
                }
            }
        }
    }

    /// One look at the store, whatever its state. `seen` is the epoch that the keys are known to be of.
    async fn look(&self, seen: &mut Option<u64>) -> Result<(), String> {
        if self.vault.store().is_none() {
            return self.find().await;
        }
        let Some(store) = self.unsealed() else {
            *seen = None;
            return Ok(());
        };
        let epoch = timeout(PATIENCE, store.epoch()).await;
        let epoch = epoch
            .map_err(|_| "no answer".to_owned())?
            .map_err(|error| chain(&error))?;
        let followed = match *seen {
            Some(latest) if epoch < latest => Err(StoreError::RolledBack {
                found: epoch,
                seen: latest,
            }),
            Some(latest) if epoch == latest && !store.is_sealed() => return Ok(()),
            _ => self.follow(&store).await,
        };
        match followed {
            Ok(()) => *seen = Some(epoch),
            Err(StoreError::Sealed) => self.unlock_again(&store).await,
            Err(error @ StoreError::RolledBack { .. }) => self.seal_for(&store, &error).await,
            Err(error) => return Err(chain(&error)),
        }
        Ok(())
    }

    /// Takes over what changed, if the store is authentic.
    async fn follow(&self, store: &Store) -> Result<(), StoreError> {
        // The end of the audit log can be read only if the manifest is genuine and not older than what was seen.
        store.audit_entries(u64::MAX, 1).await?;
        self.refresh().await
    }

    /// The root key was replaced: what unsealed the store before may still do. If it does not, keys that were fetched
    /// before are not used any more.
    async fn unlock_again(&self, store: &Store) {
        if !store.is_sealed() {
            // The audit log has it only if the store can still be written to.
            let _ = store.seal().await;
        }
        self.unlock_by(Asking::Nobody).await;
        if let Standing::Sealed(sealing) = self.standing()
            && sealing.why == Why::NoCredential
        {
            self.vault.sealed(Sealing::plain(Why::RootReplaced));
        }
    }

    /// The database was put back. Somebody may want revoked keys back, so none is used until an operator has looked.
    async fn seal_for(&self, store: &Store, error: &StoreError) {
        let sealing = Sealing::from(error);
        tracing::error!(reason = sealing.why.code(), "{sealing}");
        self.forget(sealing);
        let _ = store.seal().await;
    }

    /// Looks for a database that did not answer when the server started.
    async fn find(&self) -> Result<(), String> {
        if self.standing() == Standing::NoStore {
            return Ok(());
        }
        match timeout(PATIENCE, self.vault.reopen()).await {
            Ok(true) => {
                tracing::info!("the database of the secret store answers");
                self.unlock_by(Asking::Nobody).await;
                Ok(())
            }
            Ok(false) => Err(match self.standing() {
                Standing::Sealed(sealing) => sealing.detail,
                Standing::NoStore | Standing::Unsealed => String::new(),
            }),
            Err(_) => Err("no answer".to_owned()),
        }
    }
}

/// The last warning that is due when so many milliseconds are left.
fn threshold(left_ms: i64) -> Option<i64> {
    let due = WARNINGS
        .into_iter()
        .filter(|early| (1..=*early).contains(&left_ms));
    due.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_announced_a_week_and_a_day_before() {
        for (left, due) in [
            (8 * DAY, None),
            (7 * DAY, Some(7 * DAY)),
            (DAY + 1, Some(7 * DAY)),
            (DAY, Some(DAY)),
            (1, Some(DAY)),
            (0, None),
            (-1, None),
        ] {
            assert_eq!(threshold(left), due, "{left}");
        }
    }
}
