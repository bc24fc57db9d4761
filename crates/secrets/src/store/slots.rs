//! The ways to unseal.

use std::sync::Arc;

use crate::audit::{Action, Happened};
use crate::backend::Transaction;
use crate::credential::Credential;
use crate::format::{KdfParameters, Slot, SlotKind, SlotMark, UnlockError};
use crate::store::make::{insert_slot, mark};
use crate::store::snapshot::Snapshot;
use crate::store::verify::slots;
use crate::store::write::Write;
use crate::store::{Shared, Store, StoreError, Unsealed};

impl Store {
    /// Adds a way to unseal, and says its number. Takes as long as the costs say.
    ///
    /// # Errors
    /// [`StoreError::Weak`] for a credential that can be guessed.
    pub async fn add_slot(
        &self,
        credential: Credential,
        costs: KdfParameters,
    ) -> Result<u32, StoreError> {
        self.put_slot(None, credential, costs).await
    }

    /// Puts another credential in the place of one, such as a new passphrase. Nothing else is written, however much the
    /// store holds. Says the new slot's number.
    ///
    /// # Errors
    /// [`StoreError::NoSlot`] if there is no such slot, [`StoreError::Weak`] for a credential that can be guessed.
    pub async fn replace_slot(
        &self,
        slot: u32,
        credential: Credential,
        costs: KdfParameters,
    ) -> Result<u32, StoreError> {
        self.put_slot(Some(slot), credential, costs).await
    }

    /// Removes a way to unseal.
    ///
    /// # Errors
    /// [`StoreError::NoSlot`] if there is no such slot, [`StoreError::LastSlot`] if it is the only one.
    pub async fn remove_slot(&self, slot: u32) -> Result<(), StoreError> {
        let mut write = Write::begin(&self.shared).await?;
        if write.manifest.slots.len() == 1 {
            return Err(StoreError::LastSlot(slot));
        }
        write.drop_slot(slot).await?;
        write.happened(Happened::new(Action::SlotRemoved).number(slot.into()));
        write.commit().await
    }

    async fn put_slot(
        &self,
        replaced: Option<u32>,
        credential: Credential,
        costs: KdfParameters,
    ) -> Result<u32, StoreError> {
        credential.check()?;
        // The slot is made before anything is locked: stretching a passphrase takes its time.
        let before = Slots::of(&self.shared).await?;
        let number = before.next();
        let keys = &before.unsealed;
        let root = Arc::clone(&keys.root);
        let slots = self
            .wrap(root, keys.store, number, vec![credential], costs)
            .await?;
        let mut write = before.unchanged(&self.shared).await?;
        if let Some(replaced) = replaced {
            write.drop_slot(replaced).await?;
        }
        for slot in &slots {
            write.add_slot(slot).await?;
        }
        let action = match replaced {
            Some(_) => Action::SlotReplaced,
            None => Action::SlotAdded,
        };
        write.happened(Happened::new(action).number(number.into()));
        write.commit().await?;
        Ok(number)
    }
}

impl Write<'_> {
    pub(crate) async fn add_slot(&mut self, slot: &Slot) -> Result<(), StoreError> {
        insert_slot(slot, self.transaction.as_mut()).await?;
        self.manifest.slots.push(mark(slot));
        Ok(())
    }

    pub(crate) async fn drop_slot(&mut self, slot: u32) -> Result<(), StoreError> {
        let listed = self.manifest.slots.iter().any(|mark| mark.id == slot);
        delete_slot(slot, self.transaction.as_mut()).await?;
        if !listed {
            return Err(StoreError::NoSlot(slot));
        }
        self.manifest.slots.retain(|mark| mark.id != slot);
        Ok(())
    }
}

/// The slots of one state of the store, and its keys.
pub(crate) struct Slots {
    pub(crate) unsealed: Arc<Unsealed>,
    listed: Vec<SlotMark>,
    /// Those of them that are what was written.
    genuine: Vec<Slot>,
}

impl Slots {
    pub(crate) async fn of(shared: &Shared) -> Result<Self, StoreError> {
        let mut snapshot = Snapshot::begin(shared).await?;
        let listed = snapshot.manifest.slots;
        let rows = slots(snapshot.transaction.as_mut()).await?;
        let parsed = rows.iter().filter_map(|(_, slot)| Slot::parse(slot).ok());
        let genuine = parsed.filter(|slot| listed.contains(&mark(slot))).collect();
        Ok(Self {
            unsealed: snapshot.unsealed,
            listed,
            genuine,
        })
    }

    /// The number for another one. Numbers are not used twice while a later one is there.
    pub(crate) fn next(&self) -> u32 {
        let last = self.listed.iter().map(|mark| mark.id).max();
        last.unwrap_or(0).saturating_add(1)
    }

    /// Locks the store, if slots and root key are still these.
    pub(crate) async fn unchanged<'s>(&self, shared: &'s Shared) -> Result<Write<'s>, StoreError> {
        let write = Write::begin(shared).await?;
        let same = write.manifest.slots == self.listed
            && write.unsealed.root_version == self.unsealed.root_version;
        same.then_some(write).ok_or(StoreError::Conflict)
    }

    /// Those that none of these credentials opens and that are no recovery key's. Takes as long as the costs of each say.
    pub(crate) fn others(&self, credentials: &[Credential]) -> Result<Vec<u32>, UnlockError> {
        let mut others: Vec<u32> = self.listed.iter().map(|mark| mark.id).collect();
        for slot in &self.genuine {
            if slot.kind == SlotKind::Recovery || self.opens(slot, credentials)? {
                others.retain(|id| *id != slot.id);
            }
        }
        Ok(others)
    }

    fn opens(&self, slot: &Slot, credentials: &[Credential]) -> Result<bool, UnlockError> {
        for credential in credentials.iter().filter(|its| its.kind() == slot.kind) {
            match slot.unwrap(&self.unsealed.store, credential) {
                Ok(_) => return Ok(true),
                Err(UnlockError::Refused) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}

async fn delete_slot(slot: u32, transaction: &mut dyn Transaction) -> Result<(), StoreError> {
    transaction
        .execute("DELETE FROM secrets_slots WHERE id = $1", vec![slot.into()])
        .await?;
    Ok(())
}
