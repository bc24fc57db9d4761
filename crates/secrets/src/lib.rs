#![doc = include_str!("../README.md")]

mod anchor;
mod audit;
pub mod backend;
mod backup;
mod clock;
mod credential;
mod entropy;
mod entry;
mod error;
mod format;
mod hex;
mod key;
mod name;
mod origin;
mod recovery;
mod reference;
mod secret;
mod source;
mod store;
mod variables;

pub use anchor::AnchorError;
pub use audit::{
    Action, AuditEntry, AuditFault, AuditFlaw, AuditReport, Checkpoint, Covered, NoteError, Use,
    UseCounter,
};
pub use backup::{Backup, BackupInfo, BackupReport};
pub use clock::{Clock, SystemClock};
pub use credential::{Credential, WeakCredential, new_key_file};
pub use entropy::{Entropy, EntropyError, OsEntropy};
pub use entry::{Entry, EntryId, InvalidLabel, Labels, State};
pub use error::SealError;
#[cfg(any(fuzzing, test))]
pub use format::fuzzing;
pub use format::{FormatError, InvalidKdf, KdfParameters, SlotKind, UnlockError};
pub use name::{InvalidName, Name};
pub use origin::{InvalidOrigin, Origin};
pub use recovery::{InvalidRecoveryKey, RecoveryKey};
pub use reference::{InvalidReference, Reference};
pub use secret::Secret;
pub use source::{FetchError, Obtained, Source, Sources};
pub use store::{
    Amendment, Ask, Created, Damage, Fetched, KeyInfo, KeyRotation, NewSecret, RootRotation,
    SlotInfo, Status, Store, StoreError, StoreParts, StoreReport,
};
pub use variables::{DotenvError, Variables};
