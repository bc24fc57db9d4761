//! Opening and closing a store.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::anchor::{AnchorError, Before, Mark};
use crate::audit::{Action, AuditFlaw, Happened};
use crate::backend::{Mode, Transaction, migrate};
use crate::credential::Credential;
use crate::format::{FormatError, Manifest, Slot, SlotMark, UnlockError};
use crate::key::Key;
use crate::store::descent::check_descent;
use crate::store::head::Head;
use crate::store::verify::slots;
use crate::store::write::Write;
use crate::store::{Shared, Store, StoreError, StoreParts, Unsealed};

/// What a state older than the one that was seen means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Older {
    /// Somebody put the database back.
    Refuse,
    /// An operator did, and says which epoch it has now.
    Accept(u64),
}

/// What stands in the database before anybody has a key.
struct Locked {
    head: Head,
    slots: Vec<(u32, Vec<u8>)>,
}

impl Store {
    /// Opens a store, sealed.
    ///
    /// # Errors
    /// [`StoreError::NoStore`] if there is none, and whatever the database says.
    pub async fn open(parts: StoreParts) -> Result<Self, StoreError> {
        migrate(parts.backend.as_ref()).await?;
        let store = Self::of(parts);
        let mut transaction = store.shared.backend.begin(Mode::Read).await?;
        Head::read(transaction.as_mut()).await?;
        Ok(store)
    }

    /// Takes the keys into memory. Takes as long as the costs of a passphrase say; calls wait for one another.
    /// A store that is unsealed already stays so, if the credential is right.
    ///
    /// # Errors
    /// [`StoreError::Unlock`] for a wrong credential, [`StoreError::RolledBack`] if the database shows an older state
    /// than was seen of it, [`StoreError::Tampered`] if a part of it is not what was written, [`StoreError::Conflict`] if
    /// the credential was taken away meanwhile, and [`StoreError::Sealed`] if the store was sealed meanwhile. Then it is
    /// as it was.
    pub async fn unseal(&self, credential: Credential) -> Result<(), StoreError> {
        self.unseal_if(credential, Older::Refuse).await
    }

    /// Unseals a store that was restored: its state in the database, which has this epoch, counts from now on.
    /// Needs a credential that a person has, not one that lies beside the server.
    ///
    /// # Errors
    /// As [`Store::unseal`]; [`StoreError::OtherEpoch`] if the database is at another epoch, and
    /// [`UnlockError::NoSlot`] for a key file.
    pub async fn accept_restore(
        &self,
        credential: Credential,
        epoch: u64,
    ) -> Result<(), StoreError> {
        if credential.kind() == crate::SlotKind::KeyFile {
            return Err(UnlockError::NoSlot(credential.kind()).into());
        }
        self.unseal_if(credential, Older::Accept(epoch)).await
    }

    /// Forgets the keys, and notes it in the audit log. From the start nobody gets anything any more, even if this future is
    /// dropped; operations that have begun to write are finished.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] if it was, or whatever the database says if the entry cannot be written. The store is sealed
    /// all the same.
    pub async fn seal(&self) -> Result<(), StoreError> {
        let unsealed = self.shared.held.seal().ok_or(StoreError::Sealed)?;
        let latest = self.shared.held.latest();
        let transaction = self.shared.backend.begin(Mode::Write).await?;
        let mut write = Write::within(&self.shared, transaction, unsealed, latest).await?;
        write.happened(Happened::new(Action::Sealed));
        write.commit().await
    }

    async fn unseal_if(&self, credential: Credential, older: Older) -> Result<(), StoreError> {
        let _alone = self.shared.unlocking.lock().await;
        let seals = self.shared.held.seals();
        let mut transaction = self.shared.backend.begin(Mode::Read).await?;
        let locked = Locked::read(transaction.as_mut()).await?;
        drop(transaction);
        let found = self.find_root(&locked, credential).await?;
        admit(&locked.head, &found)?;
        let mut transaction = self.shared.backend.begin(Mode::Write).await?;
        let head = Head::read(transaction.as_mut()).await?;
        let manifest = admit(&head, &found).map_err(|error| match head.epoch {
            epoch if epoch == locked.head.epoch => error,
            // The slot was taken away, or the root key exchanged, while we were at it.
            _ => StoreError::Conflict,
        })?;
        self.enter(transaction, head, manifest, found.0, (older, seals))
            .await
    }

    /// The root key, from the first slot that the credential opens.
    async fn find_root(
        &self,
        locked: &Locked,
        credential: Credential,
    ) -> Result<(Key, SlotMark), StoreError> {
        let kind = credential.kind();
        let slots = slots_of(&locked.slots, &credential)?;
        if slots.is_empty() {
            return Err(UnlockError::NoSlot(kind).into());
        }
        let store = locked.head.store;
        let found = tokio::task::spawn_blocking(move || first_opened(&slots, &store, &credential));
        let found = found.await.map_err(|_| StoreError::Stretch)?;
        if matches!(found, Err(UnlockError::Refused)) {
            self.shared.refused.fetch_add(1, Ordering::Relaxed);
        }
        Ok(found?)
    }

    /// Checks what the keys opened against what was seen before, and notes that the store is open. Only then it is.
    async fn enter(
        &self,
        mut transaction: Box<dyn Transaction>,
        head: Head,
        manifest: Manifest,
        root: Key,
        (older, seals): (Older, u64),
    ) -> Result<(), StoreError> {
        let shared = &self.shared;
        let keyring = head.open_keyring(&root)?;
        let unsealed = Arc::new(Unsealed::of(&head, Arc::new(root), keyring));
        let mark = head.mark(&manifest);
        let past = match older {
            Older::Accept(epoch) => Some(shared.given_up(mark, epoch, &unsealed)?),
            Older::Refuse => {
                for latest in shared.known(&unsealed)? {
                    check_descent(mark, &manifest, latest, transaction.as_mut()).await?;
                }
                None
            }
        };
        check_last_entry(&manifest, transaction.as_mut()).await?;
        let mut write = Write::entering(shared, transaction, head, manifest, unsealed);
        let refused = shared.refused.load(Ordering::Relaxed);
        write.happened(Happened::new(Action::Unsealed).number(refused));
        let mut before = Before::Counts;
        if let Some(past) = past {
            write.happened(Happened::new(Action::RestoreAccepted).number(write.head.epoch));
            write.go_on_after(past);
            before = Before::GivenUp;
        }
        write.commit_and_enter(seals, before).await?;
        shared.refused.fetch_sub(refused, Ordering::Relaxed);
        Ok(())
    }
}

impl Shared {
    /// The latest states that were seen, here or by whoever wrote the anchor.
    fn known(&self, unsealed: &Unsealed) -> Result<Vec<Mark>, AnchorError> {
        let key = unsealed.keyring.signing();
        let anchored = match &self.anchor {
            Some(anchor) => anchor.read(&unsealed.store, key)?,
            None => None,
        };
        Ok(anchored.into_iter().chain(self.held.latest()).collect())
    }

    /// The epoch that the next one must pass if this state is accepted, whatever was seen.
    fn given_up(&self, mark: Mark, epoch: u64, unsealed: &Unsealed) -> Result<u64, StoreError> {
        if epoch != mark.epoch {
            return Err(StoreError::OtherEpoch { found: mark.epoch });
        }
        // An anchor that cannot be read is given up with the state that it stood for.
        let known = self.known(unsealed);
        let known = known.unwrap_or_else(|_| self.held.latest().into_iter().collect());
        let seen = known.iter().map(|mark| mark.epoch).max();
        Ok(seen.unwrap_or(0).max(mark.epoch))
    }
}

impl Locked {
    async fn read(transaction: &mut dyn Transaction) -> Result<Self, StoreError> {
        let head = Head::read(transaction).await?;
        let slots = slots(transaction).await?;
        Ok(Self { head, slots })
    }
}

/// The manifest, if the root key opens it and it lists the slot: an old slot, put back, still holds the root key.
fn admit(head: &Head, (root, slot): &(Key, SlotMark)) -> Result<Manifest, StoreError> {
    let manifest = head.manifest(root)?;
    if manifest.slots.contains(slot) {
        return Ok(manifest);
    }
    Err(UnlockError::Damaged {
        slot: slot.id,
        source: FormatError::Refused,
    }
    .into())
}

/// The root key from the first slot that the credential opens.
pub(crate) fn first_opened(
    slots: &[Slot],
    store: &[u8; 16],
    credential: &Credential,
) -> Result<(Key, SlotMark), UnlockError> {
    for slot in slots {
        match slot.unwrap(store, credential) {
            Ok(root) => return Ok((root, super::make::mark(slot))),
            Err(UnlockError::Refused) => {}
            Err(error) => return Err(error),
        }
    }
    Err(UnlockError::Refused)
}

/// The slots that a credential of this kind may open. A damaged slot stops whoever has no other.
pub(crate) fn slots_of(
    rows: &[(u32, Vec<u8>)],
    credential: &Credential,
) -> Result<Vec<Slot>, StoreError> {
    let mut damaged = None;
    let mut slots = Vec::new();
    for (id, bytes) in rows {
        match Slot::parse(bytes) {
            Ok(slot) if slot.kind == credential.kind() && slot.id == *id => slots.push(slot),
            Ok(slot) if slot.id == *id => {}
            Ok(_) => damaged = Some((*id, FormatError::Refused)),
            Err(source) => damaged = Some((*id, source)),
        }
    }
    match damaged {
        Some((slot, source)) if slots.is_empty() => {
            Err(UnlockError::Damaged { slot, source }.into())
        }
        _ => Ok(slots),
    }
}

/// The audit log must end where the manifest says: a tail that is cut off shows.
pub(crate) async fn check_last_entry(
    manifest: &Manifest,
    transaction: &mut dyn Transaction,
) -> Result<(), StoreError> {
    let rows = transaction
        .query(
            "SELECT seq, hash FROM secrets_audit ORDER BY seq DESC LIMIT 1",
            Vec::new(),
        )
        .await?;
    let (seq, hash) = match rows.first() {
        Some(row) => (row.count(0)?, row.blob(1)?),
        None => (0, vec![0; 32]),
    };
    let fault = |seq, reason| Err(StoreError::AuditTampered { seq, reason });
    match manifest.audit_seq {
        last if seq < last => fault(seq + 1, AuditFlaw::CutOff),
        last if seq > last => fault(last + 1, AuditFlaw::Added),
        last if hash != manifest.audit_hash => fault(last, AuditFlaw::Edited),
        _ => Ok(()),
    }
}
