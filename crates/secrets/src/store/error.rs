//! What can go wrong with a store.

use crate::anchor::AnchorError;
use crate::audit::{AuditFault, AuditFlaw, NoteError};
use crate::backend::{BackendError, SchemaError};
use crate::credential::WeakCredential;
use crate::entropy::EntropyError;
use crate::error::SealError;
use crate::format::{FormatError, UnlockError};
use crate::{InvalidLabel, Name, Origin};

/// Why a store cannot do what it was asked to. No variant holds any of a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no root key in memory.
    #[error("the secret store is sealed")]
    Sealed,
    /// The database holds no store.
    #[error("there is no secret store here: make one first")]
    NoStore,
    /// The database holds a store already.
    #[error("there is a secret store here already")]
    StoreExists,
    /// The database failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The tables are not as they should be.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A part of the store is not what was written.
    #[error("the secret store was damaged or tampered with: {part}")]
    Tampered {
        /// Which part.
        part: &'static str,
        /// What is wrong with it.
        source: FormatError,
    },
    /// One version of a secret is not what was written: only this one is refused.
    #[error("version {version} of secret {name} was damaged or tampered with")]
    EntryTampered {
        /// Whose.
        name: Name,
        /// Which version.
        version: u32,
        /// What is wrong with it.
        source: FormatError,
    },
    /// There are other versions of a secret than were written.
    #[error(
        "versions of secret {name} were taken away or brought in by somebody else: remove it, and set it again"
    )]
    NameTampered {
        /// Whose.
        name: Name,
    },
    /// The whole store is older than what was seen of it, or went on from an older state.
    #[error(
        "the secret store was put back to an older state (it is at epoch {found}, and epoch {seen}, which was seen, is not \
         in its past): if you restored it, accept that with the epoch, else find out who did"
    )]
    RolledBack {
        /// The state in the database.
        found: u64,
        /// The latest that was seen.
        seen: u64,
    },
    /// An older state was to be accepted, but another is there.
    #[error("the database is at epoch {found}, not at the epoch that was to be accepted")]
    OtherEpoch {
        /// The state in the database.
        found: u64,
    },
    /// Only a person may go back to an older state.
    #[error(
        "this is older than what was seen of the store (epoch {seen}): going back takes a passphrase or the recovery key, a key file is not enough"
    )]
    NeedsPerson {
        /// The latest that was seen.
        seen: u64,
    },
    /// The state that was seen cannot be told.
    #[error(transparent)]
    Anchor(#[from] AnchorError),
    /// A credential did not open the store.
    #[error(transparent)]
    Unlock(#[from] UnlockError),
    /// A credential that a store should not be locked with.
    #[error(transparent)]
    Weak(#[from] WeakCredential),
    /// Nothing can be encrypted.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// There is no such secret.
    #[error("there is no secret {0}")]
    NoSecret(Name),
    /// There is a secret of this name already.
    #[error("there is a secret {0} already")]
    NameTaken(Name),
    /// Something is said of a secret that cannot be kept.
    #[error(transparent)]
    Label(#[from] InvalidLabel),
    /// There is no such version of a secret.
    #[error("secret {name} has no version {version}")]
    NoVersion {
        /// Whose.
        name: Name,
        /// Which.
        version: u32,
    },
    /// All versions of a secret are revoked, or the one that was asked for.
    #[error("secret {name} is revoked")]
    Revoked {
        /// Whose.
        name: Name,
    },
    /// Its time is over.
    #[error("secret {name} has expired: set a new value")]
    Expired {
        /// Whose.
        name: Name,
    },
    /// It is bound to another place than the one that it would be sent to.
    #[error(
        "secret {name} may only be sent to {bound}, not to {asked}: enter it again for the new address"
    )]
    WrongOrigin {
        /// Whose.
        name: Name,
        /// Where it may be sent.
        bound: Origin,
        /// Where it would have been.
        asked: Origin,
    },
    /// A value longer than anything that is a secret.
    #[error("a secret has at most {limit} bytes")]
    TooLong {
        /// The most bytes.
        limit: usize,
    },
    /// A secret with nothing in it.
    #[error("a secret cannot be empty")]
    Empty,
    /// There is no such slot.
    #[error("the store has no slot {0}")]
    NoSlot(u32),
    /// The last slot that could open the store would go.
    #[error("slot {0} is the only one left: add another first")]
    LastSlot(u32),
    /// Slots whose credentials were not given.
    #[error("the new root key cannot be put into these slots without their credentials: {0:?}")]
    SlotsLeft(Vec<u32>),
    /// Nothing but a recovery key that nobody has seen yet would open the store.
    #[error("give at least one credential for the new root key")]
    NoCredential,
    /// Another rotation took over.
    #[error("another rotation took over; it will finish the work")]
    Fenced,
    /// Another writer was faster.
    #[error("the secret store was changed at the same time: try again")]
    Conflict,
    /// A key version that still opens secrets, or is active.
    #[error("key version {0} is still needed")]
    KeyInUse(u32),
    /// The thread that stretches passphrases was lost.
    #[error("the passphrase could not be stretched: is there memory for it?")]
    Stretch,
    /// An entry of the audit log is not what was written.
    #[error("the audit log was tampered with: entry {seq} is {}", .reason.as_str())]
    AuditTampered {
        /// The first bad entry.
        seq: u64,
        /// What is wrong with it.
        reason: AuditFlaw,
    },
    /// A checkpoint that proves nothing.
    #[error(transparent)]
    Checkpoint(#[from] NoteError),
}

impl From<AuditFault> for StoreError {
    fn from(fault: AuditFault) -> Self {
        Self::AuditTampered {
            seq: fault.seq,
            reason: fault.reason,
        }
    }
}

impl From<EntropyError> for StoreError {
    fn from(error: EntropyError) -> Self {
        Self::Seal(error.into())
    }
}

impl StoreError {
    pub(crate) const fn tampered(part: &'static str) -> impl Fn(FormatError) -> Self {
        move |source| Self::Tampered { part, source }
    }
}
