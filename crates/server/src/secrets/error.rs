//! What can go wrong on the way to an open store.

use std::io;
use std::path::PathBuf;

use orchestra_secrets::backend::BackendError;
use orchestra_secrets::{FetchError, StoreError};

/// Why the secret store cannot be found, opened or unsealed. No variant holds any of a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretsError {
    /// Two places for one store.
    #[error("in [secrets]: the store is in `path` or in `database`, not in both; remove one")]
    TwoPlaces,
    /// The reference to the database leads nowhere.
    #[error("the address of the secret store's database cannot be had")]
    Address(#[source] FetchError),
    /// The store would have to be open to say where it is.
    #[error("in [secrets]: `database` is env:NAME or file:PATH, not a secret of the store itself")]
    AddressInStore,
    /// An address that is not PostgreSQL's. It is not repeated, as it may hold a password.
    #[error(
        "the address of the secret store's database is not of the form postgres://user:password@host/database"
    )]
    InvalidAddress,
    /// Unix sockets have short names.
    #[error("the path of the control socket, {}, is longer than the {limit} bytes of a Unix socket: set `control` in [secrets]", path.display())]
    LongSocketPath {
        /// Which path.
        path: PathBuf,
        /// The most bytes.
        limit: usize,
    },
    /// The database cannot be opened.
    #[error("the secret store in {place} cannot be opened")]
    Backend {
        /// Where it is.
        place: String,
        /// Why not.
        source: BackendError,
    },
    /// The store cannot be used.
    #[error("the secret store in {place} cannot be used")]
    Store {
        /// Where it is.
        place: String,
        /// Why not.
        source: StoreError,
    },
    /// A key file that cannot be read.
    #[error("the key file {} cannot be read", path.display())]
    KeyFile {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A key file that others can read, so that it protects nothing.
    #[error("the key file {} can be read by others (its mode is {mode:03o}): chmod 600", path.display())]
    OpenKeyFile {
        /// Which file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A key file that somebody else can exchange.
    #[error("the key file {} belongs to user {owner}, who is neither the user of this process nor root", path.display())]
    ForeignKeyFile {
        /// Which file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// A directory or a device.
    #[error("the key file {} is no file", path.display())]
    NoKeyFile {
        /// Which path.
        path: PathBuf,
    },
    /// More than any key file holds.
    #[error("the key file {} has more than {limit} bytes", path.display())]
    LargeKeyFile {
        /// Which file.
        path: PathBuf,
        /// The most bytes.
        limit: usize,
    },
    /// The passphrase cannot be asked for.
    #[error("the passphrase cannot be read from the terminal")]
    Prompt(#[source] io::Error),
}
