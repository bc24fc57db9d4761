//! What can go wrong when something is encrypted.

use crate::credential::WeakCredential;
use crate::entropy::EntropyError;

/// Why nothing could be encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// No salt to be had.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The keyring has no active key.
    #[error("the keyring has no active key")]
    NoActiveKey,
    /// The value is longer than a secret may be.
    #[error("a secret has at most {} bytes", crate::format::Record::MAX_PLAIN)]
    TooLong,
    /// The credential is one that no store should be locked with.
    #[error(transparent)]
    Weak(#[from] WeakCredential),
    /// There is too little memory to stretch a passphrase.
    #[error("stretching the passphrase takes {mib} MiB of memory, which are not free")]
    Memory {
        /// How much it takes, in MiB.
        mib: u32,
    },
}
