//! What happened to the store, in an order that nobody can change unseen.

mod action;
mod chain;
mod checkpoint;
mod entry;
mod export;
mod note;
mod uses;

pub use action::Action;
pub(crate) use action::Happened;
pub use chain::{AuditFault, AuditFlaw, AuditReport};
pub(crate) use chain::{CHECKPOINT_EVERY, Chain};
pub(crate) use checkpoint::Notary;
pub use checkpoint::{Checkpoint, Covered};
pub use entry::AuditEntry;
pub(crate) use entry::Chained;
pub use note::NoteError;
pub use uses::{Use, UseCounter};
