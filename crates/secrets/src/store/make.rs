//! Making a store.

use std::sync::Arc;

use crate::anchor::Before;
use crate::audit::{Action, Happened};
use crate::backend::{Mode, Transaction, migrate};
use crate::credential::Credential;
use crate::entropy::Entropy;
use crate::format::{KdfParameters, Keyring, Manifest, Slot, SlotMark, SlotPlace};
use crate::key::Key;
use crate::recovery::RecoveryKey;
use crate::store::head::Head;
use crate::store::write::Write;
use crate::store::{Store, StoreError, StoreParts, Unsealed};

/// A new store, and the key that opens it when nothing else does.
#[expect(
    missing_debug_implementations,
    reason = "the recovery key must not be printable"
)]
pub struct Created {
    /// The store, unsealed.
    pub store: Store,
    /// To be shown once.
    pub recovery: RecoveryKey,
}

impl Store {
    /// Makes a store that these credentials open, and a recovery key. Takes as long as the costs say for each
    /// passphrase.
    ///
    /// # Errors
    /// [`StoreError::StoreExists`] if there is one already, [`StoreError::Weak`] for a credential that can be
    /// guessed, [`StoreError::Anchor`] if the anchor is another store's, and whatever the database says. Then nothing was
    /// made.
    pub async fn create(
        parts: StoreParts,
        credentials: Vec<Credential>,
        costs: KdfParameters,
    ) -> Result<Created, StoreError> {
        credentials.iter().try_for_each(Credential::check)?;
        migrate(parts.backend.as_ref()).await?;
        let store = Self::of(parts);
        let entropy = &store.shared.entropy;
        let mut id = [0; 16];
        entropy.fill(&mut id)?;
        let root = Arc::new(Key::random(entropy)?);
        let recovery = RecoveryKey::random(entropy)?;
        let credentials = credentials
            .into_iter()
            .chain([Credential::recovery(&recovery)]);
        let slots = store
            .wrap(Arc::clone(&root), id, 1, credentials.collect(), costs)
            .await?;
        store.write_new(id, root, &slots).await?;
        Ok(Created { store, recovery })
    }

    /// One slot for each credential, numbered from `first`.
    pub(crate) async fn wrap(
        &self,
        root: Arc<Key>,
        store: [u8; 16],
        first: u32,
        credentials: Vec<Credential>,
        costs: KdfParameters,
    ) -> Result<Vec<Slot>, StoreError> {
        let _alone = self.shared.unlocking.lock().await;
        let shared = Arc::clone(&self.shared);
        let wrapped = tokio::task::spawn_blocking(move || {
            let slots = (first..).zip(credentials).map(|(id, credential)| {
                let place = SlotPlace { store: &store, id };
                Slot::wrap(&root, place, &credential, costs, &shared.entropy)
            });
            slots.collect::<Result<Vec<_>, _>>()
        });
        Ok(wrapped.await.map_err(|_| StoreError::Stretch)??)
    }

    async fn write_new(
        &self,
        id: [u8; 16],
        root: Arc<Key>,
        slots: &[Slot],
    ) -> Result<(), StoreError> {
        let shared = &self.shared;
        let keyring = Keyring::new(shared.clock.unix_ms(), &shared.entropy)?;
        let mut transaction = shared.backend.begin(Mode::Write).await?;
        match Head::read(transaction.as_mut()).await {
            Err(StoreError::NoStore) => {}
            Ok(_) => return Err(StoreError::StoreExists),
            Err(error) => return Err(error),
        }
        if let Some(anchor) = &shared.anchor {
            // One of a store that was here before would not let anybody in.
            anchor.read(&id, keyring.signing())?;
        }
        let head = first_head(id, &root, &keyring, slots, &shared.entropy)?;
        head.insert(transaction.as_mut()).await?;
        for slot in slots {
            insert_slot(slot, transaction.as_mut()).await?;
        }
        let manifest = head.manifest(&root)?;
        let unsealed = Arc::new(Unsealed::of(&head, root, keyring));
        let seals = shared.held.seals();
        let mut write = Write::entering(shared, transaction, head, manifest, unsealed);
        write.happened(Happened::new(Action::StoreCreated));
        write.commit_and_enter(seals, Before::Counts).await
    }
}

/// The state before anything happened.
fn first_head(
    store: [u8; 16],
    root: &Key,
    keyring: &Keyring,
    slots: &[Slot],
    entropy: &dyn Entropy,
) -> Result<Head, StoreError> {
    let mut head = Head {
        store,
        epoch: 0,
        root_version: 1,
        keyring_version: 1,
        keyring: Vec::new(),
        manifest: Vec::new(),
        fence: 0,
    };
    head.keyring = keyring.seal(root, head.keyring_place(), entropy)?;
    let manifest = Manifest {
        store,
        epoch: head.epoch,
        root_version: head.root_version,
        keyring_version: head.keyring_version,
        keyring: Manifest::hash(&head.keyring),
        audit_seq: 0,
        audit_hash: [0; 32],
        fence: head.fence,
        accepted: 0,
        slots: slots.iter().map(mark).collect(),
        rows: std::collections::BTreeMap::new(),
    };
    head.manifest = manifest.encode(root);
    Ok(head)
}

/// How the manifest lists a slot.
pub(crate) fn mark(slot: &Slot) -> SlotMark {
    SlotMark {
        id: slot.id,
        hash: Manifest::hash(&slot.encode()),
    }
}

pub(crate) async fn insert_slot(
    slot: &Slot,
    transaction: &mut dyn Transaction,
) -> Result<(), StoreError> {
    transaction
        .execute(
            "INSERT INTO secrets_slots (id, slot) VALUES ($1, $2)",
            vec![slot.id.into(), slot.encode().into()],
        )
        .await?;
    Ok(())
}
