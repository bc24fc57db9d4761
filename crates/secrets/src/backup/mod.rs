//! Backups: one encrypted file with everything in it, which needs a credential of the store and nothing else.

mod export;
mod file;
mod open;
mod restore;

pub use open::{Backup, BackupInfo, BackupReport};
