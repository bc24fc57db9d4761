#![doc = include_str!("../README.md")]

pub mod backend;
mod credential;
mod entropy;
mod error;
mod format;
mod key;
mod origin;
mod recovery;
mod reference;
mod secret;
mod source;

pub use credential::{Credential, WeakCredential, new_key_file};
pub use entropy::{Entropy, EntropyError, OsEntropy};
pub use error::SealError;
pub use format::{FormatError, InvalidKdf, KdfParameters, SlotKind, UnlockError};
pub use origin::{InvalidOrigin, Origin};
pub use recovery::{InvalidRecoveryKey, RecoveryKey};
pub use reference::{InvalidReference, Reference};
pub use secret::Secret;
pub use source::{DotenvError, FetchError, Source, Variables};
