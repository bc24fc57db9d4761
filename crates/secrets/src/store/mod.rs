//! The store: what an operator and a program do with it.

mod amend;
pub(crate) mod audit;
pub(crate) mod checkpoints;
mod descent;
mod error;
pub(crate) mod head;
mod keys;
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
use std::sync::{Arc, Mutex, PoisonError};

pub use amend::Amendment;
pub use error::StoreError;
pub use list::{KeyInfo, SlotInfo, Status};
pub use make::Created;
pub use rotate::{KeyRotation, RootRotation};
pub use scan::{Damage, StoreReport};
pub use secrets::{Ask, Fetched, NewSecret};

use crate::anchor::{Anchor, AnchorError, Before, Mark};
use crate::backend::{Backend, Transaction};
use crate::clock::{Clock, SystemClock};
use crate::entropy::{Checked, Entropy, OsEntropy};
use crate::format::Manifest;
use descent::check_descent;
use head::Head;
use keys::Held;
pub(crate) use keys::Unsealed;

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
    pub(crate) held: Held,
    /// One passphrase is stretched at a time: each takes a lot of memory.
    unlocking: tokio::sync::Mutex<()>,
    /// Credentials refused since the store was last unsealed.
    refused: AtomicU64,
}

impl Store {
    pub(crate) fn of(parts: StoreParts) -> Self {
        let common = Common {
            backend: parts.backend,
            entropy: Checked::new(parts.entropy),
            clock: parts.clock,
            anchor: parts.anchor.map(Anchor::new),
            anchor_failure: Mutex::default(),
            held: Held::default(),
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
        self.shared.held.seal();
        self.shared.backend.close().await;
    }
}

impl Shared {
    pub(crate) fn unsealed(&self) -> Result<Arc<Unsealed>, StoreError> {
        self.held.unsealed()
    }

    /// Checks a head against the `latest` state that was known before its transaction began, and takes over a keyring that
    /// another instance changed. A store whose root key is another by now is sealed, and so is one that was put back to an
    /// older state.
    pub(crate) async fn catch_up(
        &self,
        head: &Head,
        unsealed: Arc<Unsealed>,
        latest: Option<Mark>,
        transaction: &mut dyn Transaction,
    ) -> Result<(Arc<Unsealed>, Manifest), StoreError> {
        if head.root_version != unsealed.root_version {
            self.held.forget(&unsealed);
            return Err(StoreError::Sealed);
        }
        let manifest = head.manifest(&unsealed.root)?;
        let mark = head.mark(&manifest);
        if let Some(latest) = latest {
            let descends = check_descent(mark, &manifest, latest, transaction).await;
            if matches!(descends, Err(StoreError::RolledBack { .. })) {
                self.held.forget(&unsealed);
            }
            descends?;
        }
        self.held.see(mark);
        let unsealed = unsealed.caught_up(head)?;
        self.held.keep(&unsealed);
        Ok((unsealed, manifest))
    }

    /// A change is durable: the keys and the anchor follow. The change stands even if the anchor cannot be
    /// moved; the status tells.
    pub(crate) async fn committed(&self, unsealed: Arc<Unsealed>, mark: Mark, before: Before) {
        self.held.keep(&unsealed);
        self.held.see(mark);
        let failure = self.move_anchor(mark, unsealed, before).await.err();
        *self
            .anchor_failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = failure;
    }

    async fn move_anchor(
        &self,
        mark: Mark,
        unsealed: Arc<Unsealed>,
        before: Before,
    ) -> Result<(), AnchorError> {
        let Some(anchor) = self.anchor.clone() else {
            return Ok(());
        };
        let moved = tokio::task::spawn_blocking(move || {
            anchor.advance(mark, &unsealed.store, unsealed.keyring.signing(), before)
        });
        // The runtime is shutting down: the next change moves the anchor.
        moved.await.unwrap_or(Ok(()))
    }

    fn anchor_failure(&self) -> Option<String> {
        let failure = self.anchor_failure.lock();
        let failure = failure.unwrap_or_else(PoisonError::into_inner);
        failure.as_ref().map(ToString::to_string)
    }
}
