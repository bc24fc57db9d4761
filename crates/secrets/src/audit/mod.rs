//! What happened to the store, in an order that nobody can change unseen.

mod entry;

pub use entry::{Action, AuditEntry};
pub(crate) use entry::{Chained, Happened};
