//! What is written, byte for byte. No I/O.
//!
//! Everything encrypted has one shape, a [`Sealed`] box, and everything that reads it fails with a typed
//! error: an unknown format is never guessed at.

mod aad;
mod bytes;
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
mod kdf;
mod keyring;
mod manifest;
mod padding;
mod record;
#[cfg(any(fuzzing, test))]
pub(crate) mod samples;
mod sealed;
#[cfg(test)]
pub(crate) mod seeded;
mod slot;
#[cfg(test)]
mod tests;

pub(crate) use aad::Aad;
pub(crate) use bytes::{Reader, Writer};
pub use kdf::{InvalidKdf, KdfParameters};
pub(crate) use keyring::{KeyState, Keyring, KeyringPlace};
pub(crate) use manifest::{Manifest, NameMark, RowMark, SlotMark};
pub(crate) use record::Record;
pub(crate) use sealed::{Purpose, Sealed, derive};
pub(crate) use slot::{Slot, SlotPlace};
pub use slot::{SlotKind, UnlockError};

/// Why bytes are not what they should be. Says nothing of what they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// They begin otherwise than everything of this kind.
    #[error("it is no part of a secret store")]
    Magic,
    /// A format that only a newer program knows.
    #[error("it has format {0}, which this program does not know")]
    Format(u8),
    /// A cipher that only a newer program knows.
    #[error("it has cipher suite {0}, which this program does not know")]
    Suite(u8),
    /// They end too early.
    #[error("it is cut short")]
    Truncated,
    /// They go on after their end.
    #[error("something follows its end")]
    Trailing,
    /// A number that no writer puts there.
    #[error("its {0} is out of bounds")]
    Bounds(&'static str),
    /// A key version that is not in the keyring.
    #[error("it was encrypted under key version {0}, which is not in the keyring")]
    KeyVersion(u32),
    /// It was changed, or belongs elsewhere, or the key is another.
    #[error("it was changed or moved, or belongs to another key")]
    Refused,
}
