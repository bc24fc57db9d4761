//! New keys in the place of old ones.

use std::sync::Arc;

use crate::audit::{Action, Happened};
use crate::credential::Credential;
use crate::entropy::Entropy;
use crate::format::{KdfParameters, Keyring, Slot};
use crate::key::Key;
use crate::recovery::RecoveryKey;
use crate::store::rows::Stored;
use crate::store::slots::Slots;
use crate::store::write::Write;
use crate::store::{Store, StoreError};

/// What a rotation of the data key did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRotation {
    /// The key version that everything is encrypted under now.
    pub key_version: u32,
    /// How many versions of secrets were encrypted anew.
    pub reencrypted: u64,
    /// Whether a rotation that had been cut short was finished, rather than a new one begun.
    pub resumed: bool,
}

/// What a rotation of the root key did.
#[expect(
    missing_debug_implementations,
    reason = "the recovery key must not be printable"
)]
pub struct RootRotation {
    /// The new recovery key, to be shown once. The old one opens nothing any more.
    pub recovery: RecoveryKey,
    /// The slots that were dropped.
    pub dropped: Vec<u32>,
}

/// How many rows a transaction encrypts anew: few enough that nobody waits long for the lock.
const BATCH: u32 = 100;

impl Store {
    /// Encrypts everything under a new key, in small transactions while others read and write. One that was
    /// cut short is resumed. Of two at one time the later goes on, the earlier ends with [`StoreError::Fenced`].
    ///
    /// The old key still opens backups until [`Store::destroy_key`]. What was copied under it stays readable to
    /// whoever has it.
    ///
    /// # Errors
    /// Whatever the database says; what was done so far stands, and calling again resumes.
    pub async fn rotate_key(&self) -> Result<KeyRotation, StoreError> {
        let (fence, key_version, resumed) = self.begin_rotation().await?;
        let mut reencrypted = 0;
        loop {
            let batch = self.reencrypt(fence, key_version).await?;
            if batch == 0 {
                return Ok(KeyRotation {
                    key_version,
                    reencrypted,
                    resumed,
                });
            }
            reencrypted += batch;
        }
    }

    /// Publishes a key, unless the last rotation is not finished.
    async fn begin_rotation(&self) -> Result<(u64, u32, bool), StoreError> {
        let mut write = Write::begin(&self.shared).await?;
        write.head.fence += 1;
        let fence = write.head.fence;
        let (active, _) = write.keyring().active()?;
        let left = Stored::under_other_keys(active, 1, write.transaction.as_mut()).await?;
        let resumed = !left.is_empty();
        let key_version = if resumed {
            active
        } else {
            write.publish_key(&self.shared.entropy)?
        };
        write.commit().await?;
        Ok((fence, key_version, resumed))
    }

    /// Encrypts some rows anew, and says how many. The last call, which finds none, notes the end.
    async fn reencrypt(&self, fence: u64, key_version: u32) -> Result<u64, StoreError> {
        let mut write = Write::begin(&self.shared).await?;
        if write.head.fence != fence {
            return Err(StoreError::Fenced);
        }
        let batch =
            Stored::under_other_keys(key_version, BATCH, write.transaction.as_mut()).await?;
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        for stored in batch {
            let value = write.open(&stored)?;
            write.replace(stored.entry, &value).await?;
        }
        let (action, number) = match count {
            0 => (Action::KeyRotated, key_version.into()),
            _ => (Action::Reencrypted, count),
        };
        write.happened(Happened::new(action).number(number));
        write.commit().await?;
        Ok(count)
    }

    /// Destroys an old key: backups from its time can no longer be opened by this store's keyring.
    ///
    /// # Errors
    /// [`StoreError::KeyInUse`] if it is active, or something is still encrypted under it.
    pub async fn destroy_key(&self, key_version: u32) -> Result<(), StoreError> {
        let mut write = Write::begin(&self.shared).await?;
        let rows = write
            .transaction
            .query(
                "SELECT count(*) FROM secrets_entries WHERE key_version = $1",
                vec![key_version.into()],
            )
            .await?;
        let in_use: u64 = rows.first().map_or(Ok(0), |row| row.count(0))?;
        let mut keyring = write.copy_keyring()?;
        if in_use > 0 || !keyring.destroy(key_version) {
            return Err(StoreError::KeyInUse(key_version));
        }
        write.set_keyring(keyring)?;
        write.happened(Happened::new(Action::KeyDestroyed).number(key_version.into()));
        write.commit().await
    }

    /// Replaces the root key, in one transaction. The credentials given open the store from now on, and a new
    /// recovery key; `drop_others` lets go of slots that no credential is given for.
    ///
    /// Other instances are sealed by it until they present their credential again.
    ///
    /// # Errors
    /// [`StoreError::NoCredential`] if none is given, [`StoreError::SlotsLeft`] names the slots that would be lost, and
    /// [`StoreError::Conflict`] if slots were changed at the same time; then nothing was changed.
    pub async fn rotate_root(
        &self,
        credentials: Vec<Credential>,
        costs: KdfParameters,
        drop_others: bool,
    ) -> Result<RootRotation, StoreError> {
        credentials.iter().try_for_each(Credential::check)?;
        if credentials.is_empty() {
            // Who dies before the new recovery key is shown would lose everything.
            return Err(StoreError::NoCredential);
        }
        let before = Slots::of(&self.shared).await?;
        let (before, credentials, others) = self.left_by(before, credentials).await?;
        if !others.is_empty() && !drop_others {
            return Err(StoreError::SlotsLeft(others));
        }
        let root = Arc::new(Key::random(&self.shared.entropy)?);
        let recovery = RecoveryKey::random(&self.shared.entropy)?;
        let credentials = credentials
            .into_iter()
            .chain([Credential::recovery(&recovery)])
            .collect();
        let (id, first) = (before.unsealed.store, before.next());
        let slots = self
            .wrap(Arc::clone(&root), id, first, credentials, costs)
            .await?;
        let mut write = before.unchanged(&self.shared).await?;
        write.exchange_root(root, &slots).await?;
        write.commit().await?;
        Ok(RootRotation {
            recovery,
            dropped: others,
        })
    }

    /// Which slots these credentials leave behind.
    async fn left_by(
        &self,
        slots: Slots,
        credentials: Vec<Credential>,
    ) -> Result<(Slots, Vec<Credential>, Vec<u32>), StoreError> {
        let _alone = self.shared.unlocking.lock().await;
        let left = tokio::task::spawn_blocking(move || {
            let others = slots.others(&credentials)?;
            Ok((slots, credentials, others))
        });
        left.await.map_err(|_| StoreError::Stretch)?
    }
}

impl Write<'_> {
    /// Puts the keyring under another root key, and these slots in the place of all others.
    async fn exchange_root(&mut self, root: Arc<Key>, slots: &[Slot]) -> Result<(), StoreError> {
        let old: Vec<u32> = self.manifest.slots.iter().map(|slot| slot.id).collect();
        for slot in old {
            self.drop_slot(slot).await?;
        }
        for slot in slots {
            self.add_slot(slot).await?;
        }
        let keyring = self.copy_keyring()?;
        self.set_new_root(root, keyring)?;
        let number = self.head.root_version;
        self.happened(Happened::new(Action::RootRotated).number(number));
        Ok(())
    }

    /// Adds a key version, which is active from now on.
    fn publish_key(&mut self, entropy: &dyn Entropy) -> Result<u32, StoreError> {
        let mut keyring = self.copy_keyring()?;
        let number = keyring.publish(self.now, entropy)?;
        self.set_keyring(keyring)?;
        self.happened(Happened::new(Action::KeyPublished).number(number.into()));
        Ok(number)
    }

    /// The keyring once more, to be changed.
    fn copy_keyring(&self) -> Result<Keyring, StoreError> {
        self.head.open_keyring(&self.unsealed.root)
    }
}
