//! Backups: one encrypted file with everything in it, which needs a credential of the store and nothing else.

mod export;
mod file;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzzing;
mod open;
mod restore;
#[cfg(test)]
mod tests;

pub use open::{Backup, BackupInfo, BackupReport};
