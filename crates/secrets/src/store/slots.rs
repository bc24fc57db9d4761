//! The ways to unseal.

use std::sync::Arc;

use crate::audit::{Action, Happened};
use crate::backend::Transaction;
use crate::credential::Credential;
use crate::format::{KdfParameters, Slot};
use crate::store::make::{insert_slot, mark};
use crate::store::write::Write;
use crate::store::{Store, StoreError};

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
        let unsealed = self.shared.unsealed()?;
        // The slot is made before anything is locked: stretching a passphrase takes its time. Its number is chosen
        // here and is free for sure only once the store is locked.
        let number = self.status().await?.next_slot();
        let root = Arc::clone(&unsealed.root);
        let slots = self
            .wrap(root, unsealed.store, number, vec![credential], costs)
            .await?;
        let mut write = Write::begin(&self.shared).await?;
        if write.unsealed.root_version != unsealed.root_version || write.next_slot() != number {
            return Err(StoreError::Conflict);
        }
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
    /// Numbers of slots are not used twice while a later one is there.
    pub(crate) fn next_slot(&self) -> u32 {
        self.manifest
            .slots
            .iter()
            .map(|slot| slot.id)
            .max()
            .unwrap_or(0)
            + 1
    }

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

async fn delete_slot(slot: u32, transaction: &mut dyn Transaction) -> Result<(), StoreError> {
    transaction
        .execute("DELETE FROM secrets_slots WHERE id = $1", vec![slot.into()])
        .await?;
    Ok(())
}
