//! Where the store keeps its rows: a database that runs statements in transactions.
//!
//! The store's logic is written once, over [`Backend`]; what differs between SQLite and PostgreSQL
//! stays in here. Statements are `&'static str` with `$1`-style parameters, which both understand: none
//! is ever put together from data, and each is prepared once a connection.
//!
//! What a query gives back is an `INTEGER`/`BIGINT`, a `TEXT` or a `BLOB`/`BYTEA`, or NULL; `count(*)`, `min`
//! and `max` are too, but PostgreSQL's `sum` of numbers is not: write `CAST(sum(x) AS BIGINT)`, which both
//! understand. Arithmetic that leaves 64 bits is an error on both, never a wrong number.
//!
//! All of it needs a Tokio runtime with time and I/O.

mod address;
mod error;
mod file;
mod migrations;
mod postgres;
mod schema;
mod session;
mod shape;
mod sqlite;
mod value;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

pub use error::{AddressError, BackendError, Cause};
pub use postgres::PostgresBackend;
pub use schema::{SchemaError, migrate};
pub use shape::Difference;
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
    /// It sees one state of everything, that of its first query, and changes nothing: the database refuses to.
    Read,
    /// It is the only writer of the store until it ends.
    Write,
}

/// How long to wait before giving up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the transactions of others to end, and for a connection. 10 s unless said otherwise.
    pub turn: Duration,
    /// For the answer to one statement. 30 s unless said otherwise.
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            turn: Duration::from_secs(10),
            answer: Duration::from_secs(30),
        }
    }
}

/// A database that keeps a store.
pub trait Backend: fmt::Debug + Send + Sync {
    /// Which database it is.
    fn kind(&self) -> Kind;

    /// Begins a transaction. A writer waits for the one before it, in this process or another.
    ///
    /// Dropping the future begins nothing.
    ///
    /// # Errors
    /// [`BackendError`] if the database does not answer or refuses; [`BackendError::Busy`] if others take longer
    /// than [`Patience::turn`].
    fn begin(&self, mode: Mode) -> BoxFuture<'_, Result<Box<dyn Transaction>, BackendError>>;

    /// Waits for the transactions that are open, but no longer than [`Patience::answer`], and lets go of the
    /// database. Later calls fail.
    ///
    /// A SQLite file is whole by itself then, without the files beside it, if no other process has it open.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// A transaction. Dropped without a commit, it has changed nothing.
///
/// If one of its futures fails or is dropped before it is done, nothing but dropping the transaction is left;
/// other calls fail with [`BackendError::Aborted`]. PostgreSQL would answer the commit of a transaction in which a
/// statement had failed with success.
pub trait Transaction: Send {
    /// Runs a statement, and says how many rows it changed; of a statement that changes no rows but, say, makes
    /// a table, the number means nothing.
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
    /// [`BackendError`] if that is not certain: they may have been made nevertheless, as a whole, if the answer
    /// was lost on its way. The same holds if the future is dropped before it is done.
    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<(), BackendError>>;
}
