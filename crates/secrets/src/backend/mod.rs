//! Where the store keeps its rows: a database that runs statements in transactions.
//!
//! The store's logic is written once, over [`Backend`]; what differs between SQLite and PostgreSQL
//! stays in here. Statements are `&'static str` with `$1`-style parameters, which both understand: none
//! is ever put together from data.

mod postgres;
mod schema;
mod sqlite;
mod value;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

pub use postgres::PostgresBackend;
pub use schema::{SchemaError, migrate};
pub use sqlite::SqliteBackend;
pub use value::{Row, Value};

/// A future of a trait's method.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// SQLite, in a file of this machine.
    Sqlite,
    /// PostgreSQL, shared by several instances.
    Postgres,
}

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It sees one state of everything, and changes nothing.
    Read,
    /// It is the only writer of the store until it ends.
    Write,
}

/// A database that keeps a store.
pub trait Backend: fmt::Debug + Send + Sync {
    /// Which database it is.
    fn kind(&self) -> Kind;

    /// Begins a transaction. A writer waits for the one before it.
    ///
    /// # Errors
    /// [`BackendError`] if the database does not answer or refuses.
    fn begin(&self, mode: Mode) -> BoxFuture<'_, Result<Box<dyn Transaction>, BackendError>>;

    /// Lets go of the database. Later calls fail.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// A transaction. Dropped without a commit, it has changed nothing.
pub trait Transaction: Send {
    /// Runs a statement, and says how many rows it changed.
    ///
    /// # Errors
    /// [`BackendError`] if it fails; the transaction can then only be dropped.
    fn execute<'a>(
        &'a mut self,
        statement: &'static str,
        values: Vec<Value>,
    ) -> BoxFuture<'a, Result<u64, BackendError>>;

    /// Runs a query.
    ///
    /// # Errors
    /// [`BackendError`] if it fails; the transaction can then only be dropped.
    fn query<'a>(
        &'a mut self,
        statement: &'static str,
        values: Vec<Value>,
    ) -> BoxFuture<'a, Result<Vec<Row>, BackendError>>;

    /// Makes the changes durable: when it is done, they survive the loss of power.
    ///
    /// # Errors
    /// [`BackendError`] if that is not certain.
    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<(), BackendError>>;
}

/// Why a database did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// It did not answer, refused, or broke.
    #[error("the database of the secret store failed")]
    Failed(#[source] sqlx::Error),
    /// A statement's result has another shape than its table; somebody changed the tables.
    #[error("column {column} of the secret store has another type than it was made with")]
    Shape {
        /// The column's place in the query, counted from 0.
        column: usize,
    },
    /// A SQLite older than the first that keeps what it committed.
    #[error(
        "SQLite {found} can lose committed changes (sqlite.org, \"WAL-reset bug\"); 3.51.3 or later is needed"
    )]
    OldSqlite {
        /// The version that is linked.
        found: String,
    },
    /// The file cannot be made or opened.
    #[error("the secret store {path} cannot be opened")]
    File {
        /// Which file.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A fault put there by a test.
    #[error("a fault was injected")]
    Injected,
}

impl From<sqlx::Error> for BackendError {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error)
    }
}
