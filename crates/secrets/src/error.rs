//! What can go wrong when something is encrypted.

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
}
