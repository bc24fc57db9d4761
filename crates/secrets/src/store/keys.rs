//! The keys in memory, and the latest state of the store that was seen.

use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::anchor::Mark;
use crate::format::{Keyring, Manifest};
use crate::key::Key;
use crate::store::StoreError;
use crate::store::head::Head;

/// The keys of an unsealed store. When the last holder lets go, they are wiped.
pub(crate) struct Unsealed {
    pub(crate) store: [u8; 16],
    pub(crate) root: Arc<Key>,
    pub(crate) root_version: u64,
    pub(crate) keyring: Keyring,
    /// Which keyring this is. Its number does not tell: after a restore another one gets the number of one that was
    /// given up.
    hash: [u8; 32],
    /// An epoch in which it was this one.
    pub(crate) epoch: u64,
}

impl Unsealed {
    pub(crate) fn of(head: &Head, root: Arc<Key>, keyring: Keyring) -> Self {
        Self {
            store: head.store,
            root,
            root_version: head.root_version,
            keyring,
            hash: Manifest::hash(&head.keyring),
            epoch: head.epoch,
        }
    }

    /// The same, with the keyring that is in the database.
    pub(crate) fn caught_up(self: Arc<Self>, head: &Head) -> Result<Arc<Self>, StoreError> {
        if Manifest::hash(&head.keyring) == self.hash {
            return Ok(self);
        }
        let keyring = head.open_keyring(&self.root)?;
        Ok(Arc::new(Self::of(head, Arc::clone(&self.root), keyring)))
    }
}

/// What all clones of a store hold.
#[derive(Default)]
pub(crate) struct Held {
    keys: RwLock<Keys>,
    /// Known even without an anchor.
    seen: Mutex<Option<Mark>>,
}

#[derive(Default)]
struct Keys {
    unsealed: Option<Arc<Unsealed>>,
    /// How often somebody sealed the store.
    seals: u64,
}

impl Held {
    pub(crate) fn unsealed(&self) -> Result<Arc<Unsealed>, StoreError> {
        self.read().unsealed.clone().ok_or(StoreError::Sealed)
    }

    /// To be given to [`Held::enter`].
    pub(crate) fn seals(&self) -> u64 {
        self.read().seals
    }

    /// Forgets the keys. Whoever is just unsealing the store is too late.
    pub(crate) fn seal(&self) -> Option<Arc<Unsealed>> {
        let mut keys = self.write();
        keys.seals += 1;
        keys.unsealed.take()
    }

    /// Forgets these keys, unless others were taken in in the meantime.
    pub(crate) fn forget(&self, stale: &Unsealed) {
        let mut keys = self.write();
        keys.unsealed
            .take_if(|held| Arc::ptr_eq(&held.root, &stale.root));
    }

    /// Takes the keys in, unless the store was sealed since there were so many `seals`.
    pub(crate) fn enter(&self, fresh: Arc<Unsealed>, seals: u64) -> Result<(), StoreError> {
        let mut keys = self.write();
        if keys.seals != seals {
            return Err(StoreError::Sealed);
        }
        keys.unsealed = Some(fresh);
        Ok(())
    }

    /// Takes over a later keyring, or root key, unless the store was sealed in the meantime.
    pub(crate) fn keep(&self, fresh: &Arc<Unsealed>) {
        let mut keys = self.write();
        if let Some(held) = &mut keys.unsealed
            && held.epoch < fresh.epoch
        {
            *held = Arc::clone(fresh);
        }
    }

    /// What is known of the latest state; a transaction that begins after this may not show an earlier one.
    pub(crate) fn latest(&self) -> Option<Mark> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a state that is true. Of two, the later may come here first.
    pub(crate) fn see(&self, mark: Mark) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.is_none_or(|latest| latest.epoch < mark.epoch) {
            *seen = Some(mark);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Keys> {
        self.keys.write().unwrap_or_else(PoisonError::into_inner)
    }
}
