//! The store: what an operator and a program do with it.

pub(crate) mod audit;
pub(crate) mod checkpoints;
mod error;
pub(crate) mod head;
mod list;
mod make;
mod rotate;
pub(crate) mod rows;
pub(crate) mod scan;
mod secrets;
mod slots;
pub(crate) mod snapshot;
pub(crate) mod unseal;
mod uses;
pub(crate) mod verify;
pub(crate) mod write;

use std::fmt;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

pub use error::StoreError;
pub use list::{KeyInfo, SlotInfo, Status};
pub use make::Created;
pub use rotate::{KeyRotation, RootRotation};
pub use scan::{Damage, StoreReport};
pub use secrets::{Ask, Fetched, NewSecret};

use crate::anchor::{Anchor, AnchorError, Mark};
use crate::backend::Backend;
use crate::clock::{Clock, SystemClock};
use crate::entropy::{Checked, Entropy, OsEntropy};
use crate::format::{Keyring, Manifest};
use crate::key::Key;
use head::Head;

/// What a store is made of. Time, chance and the database come in here.
#[derive(Clone, Debug)]
pub struct StoreParts {
    /// Where its rows are.
    pub backend: Arc<dyn Backend>,
    /// Where the latest state is remembered, outside of the database: without it, nobody notices when the whole
    /// database is put back to an older state.
    pub anchor: Option<PathBuf>,
    /// Who uses it, for the audit log: a person or a program. At most 128 bytes are kept.
    pub actor: String,
    /// Where keys and nonces come from.
    pub entropy: Arc<dyn Entropy>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl StoreParts {
    /// The machine's own clock and randomness, and no anchor.
    #[must_use]
    pub fn new(backend: Arc<dyn Backend>, actor: impl Into<String>) -> Self {
        Self {
            backend,
            anchor: None,
            actor: actor.into(),
            entropy: Arc::new(OsEntropy),
            clock: Arc::new(SystemClock),
        }
    }
}

/// An encrypted store of named, versioned secrets. Cheap to clone; all clones are one store.
///
/// Cancel-safe: an operation whose future is dropped was done whole or not at all.
#[derive(Clone)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("sealed", &self.is_sealed())
            .field("backend", &self.shared.backend)
            .finish_non_exhaustive()
    }
}

/// What clones share: all that there is of the store, and who uses it.
pub(crate) struct Shared {
    pub(crate) actor: String,
    common: Arc<Common>,
}

impl Deref for Shared {
    type Target = Common;

    fn deref(&self) -> &Common {
        &self.common
    }
}

/// What all who use a store in this process share, whoever they are.
pub(crate) struct Common {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) entropy: Checked<Arc<dyn Entropy>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) anchor: Option<Anchor>,
    anchor_failure: Mutex<Option<AnchorError>>,
    unsealed: RwLock<Option<Arc<Unsealed>>>,
    /// The latest state that this process saw, though it may have no anchor.
    seen: Mutex<Option<Mark>>,
    /// One passphrase is stretched at a time: each takes a lot of memory.
    unlocking: tokio::sync::Mutex<()>,
    /// Credentials refused since the store was last unsealed.
    refused: AtomicU64,
}

/// The keys of an unsealed store. When the last holder lets go, they are wiped.
pub(crate) struct Unsealed {
    pub(crate) store: [u8; 16],
    pub(crate) root: Arc<Key>,
    pub(crate) root_version: u64,
    pub(crate) keyring: Keyring,
    pub(crate) keyring_version: u64,
}

impl Store {
    pub(crate) fn of(parts: StoreParts) -> Self {
        let common = Common {
            backend: parts.backend,
            entropy: Checked::new(parts.entropy),
            clock: parts.clock,
            anchor: parts.anchor.map(Anchor::new),
            anchor_failure: Mutex::default(),
            unsealed: RwLock::default(),
            seen: Mutex::default(),
            unlocking: tokio::sync::Mutex::default(),
            refused: AtomicU64::new(0),
        };
        Self::used_by(parts.actor, Arc::new(common))
    }

    fn used_by(actor: String, common: Arc<Common>) -> Self {
        Self {
            shared: Arc::new(Shared { actor, common }),
        }
    }

    /// The same store, sealed and unsealed with this one, for somebody else: the audit log has their name.
    #[must_use]
    pub fn acting_as(&self, actor: impl Into<String>) -> Self {
        Self::used_by(actor.into(), Arc::clone(&self.shared.common))
    }

    /// Whether there is no root key in memory.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.shared.unsealed().is_err()
    }

    /// Lets go of the database. Later calls fail.
    pub async fn close(&self) {
        self.shared.seal();
        self.shared.backend.close().await;
    }
}

impl Shared {
    pub(crate) fn unsealed(&self) -> Result<Arc<Unsealed>, StoreError> {
        let unsealed = self.unsealed.read().unwrap_or_else(PoisonError::into_inner);
        unsealed.clone().ok_or(StoreError::Sealed)
    }

    /// Forgets the keys.
    pub(crate) fn seal(&self) {
        *self
            .unsealed
            .write()
            .unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Checks a head against what is known, and takes over a keyring that another instance changed. A store whose root
    /// key is another by now is sealed, and so is one that was put back to an older state.
    pub(crate) fn catch_up(
        &self,
        head: &Head,
        unsealed: Arc<Unsealed>,
    ) -> Result<(Arc<Unsealed>, Manifest), StoreError> {
        if head.root_version != unsealed.root_version {
            self.seal();
            return Err(StoreError::Sealed);
        }
        let manifest = head.manifest(&unsealed.root)?;
        let mark = Mark {
            epoch: head.epoch,
            manifest: Manifest::hash(&head.manifest),
        };
        self.see(mark).inspect_err(|_| self.seal())?;
        if head.keyring_version == unsealed.keyring_version {
            return Ok((unsealed, manifest));
        }
        let fresh = Arc::new(Unsealed {
            store: head.store,
            root: Arc::clone(&unsealed.root),
            root_version: head.root_version,
            keyring: head.open_keyring(&unsealed.root)?,
            keyring_version: head.keyring_version,
        });
        self.keep(Arc::clone(&fresh));
        Ok((fresh, manifest))
    }

    /// Takes note of a state, unless a later one was seen.
    fn see(&self, mark: Mark) -> Result<(), StoreError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(latest) = *seen {
            check_order(mark, latest)?;
        }
        *seen = Some(mark);
        Ok(())
    }

    /// Replaces the keys, unless the store was sealed in the meantime.
    fn keep(&self, fresh: Arc<Unsealed>) {
        let mut held = self
            .unsealed
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if held
            .as_ref()
            .is_some_and(|held| held.keyring_version < fresh.keyring_version)
        {
            *held = Some(fresh);
        }
    }

    /// A change is durable: the keys and the anchor follow. The change stands even if the anchor cannot be
    /// moved; the status tells.
    pub(crate) async fn committed(&self, unsealed: Arc<Unsealed>, mark: Mark) {
        self.keep(Arc::clone(&unsealed));
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            // Of two changes the later may come here first.
            if seen.is_none_or(|latest| latest.epoch < mark.epoch) {
                *seen = Some(mark);
            }
        }
        let failure = self.move_anchor(mark, unsealed).await.err();
        *self
            .anchor_failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = failure;
    }

    async fn move_anchor(&self, mark: Mark, unsealed: Arc<Unsealed>) -> Result<(), AnchorError> {
        let Some(anchor) = self.anchor.clone() else {
            return Ok(());
        };
        let moved = tokio::task::spawn_blocking(move || {
            anchor.advance(mark, &unsealed.store, unsealed.keyring.signing())
        });
        // The runtime is shutting down: the next change moves the anchor.
        moved.await.unwrap_or(Ok(()))
    }

    fn anchor_failure(&self) -> Option<String> {
        let failure = self.anchor_failure.lock();
        let failure = failure.unwrap_or_else(PoisonError::into_inner);
        failure.as_ref().map(ToString::to_string)
    }

    /// What is known of the latest state; a transaction that begins after this may not show an earlier one.
    pub(crate) fn latest(&self) -> Option<Mark> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A later epoch, or the very same state.
pub(crate) fn check_order(mark: Mark, latest: Mark) -> Result<(), StoreError> {
    let same = mark == latest;
    if mark.epoch > latest.epoch || same {
        return Ok(());
    }
    Err(StoreError::RolledBack {
        found: mark.epoch,
        seen: latest.epoch,
    })
}
