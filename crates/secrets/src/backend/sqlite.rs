//! SQLite, in a file.

mod version;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use sqlx::error::BoxDynError;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool,
    SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Arguments, AssertSqlSafe, ConnectOptions, Row as _, Sqlite, TypeInfo, ValueRef};

use super::file::{self, Identity};
use super::session::{CONNECTIONS, Driver, PAUSE, Sessions, explain};
use super::{Backend, BackendError, BoxFuture, Kind, Mode, Patience, Row, Transaction, Value};

/// How many bytes the smallest page, and so a database that is not empty, has (sqlite.org/fileformat.html). SQLite
/// takes some shorter files for empty ones, and overwrites them.
const SMALLEST: u64 = 512;

/// A store in a SQLite file.
///
/// The file must be on a disk of this machine: the write-ahead log needs memory that all processes share
/// (sqlite.org/wal.html). Nothing else in this process may open it, not even to copy it: closing it again would take
/// SQLite's locks away (sqlite.org/howtocorrupt.html, section 2.2). To copy it, close the backend or do it in
/// another process.
pub struct SqliteBackend {
    sessions: Sessions<Sqlite>,
    /// Where the file is, and which; nothing of one in memory.
    file: Option<(PathBuf, Identity)>,
}

impl fmt::Debug for SqliteBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.file.as_ref().map(|(path, _)| path);
        f.debug_tuple("SqliteBackend").field(&path).finish()
    }
}

impl SqliteBackend {
    /// Opens the file, or makes it, readable and writable by its owner alone. Its folder must be there.
    ///
    /// # Errors
    /// [`BackendError`] if the file cannot be opened, is something else's, or SQLite is too old.
    pub async fn open(path: &Path) -> Result<Self, BackendError> {
        Self::open_with(path, Patience::default()).await
    }

    /// Opens the file like [`SqliteBackend::open`], with another patience.
    ///
    /// # Errors
    /// As [`SqliteBackend::open`].
    pub async fn open_with(path: &Path, patience: Patience) -> Result<Self, BackendError> {
        let unusable = |source| BackendError::File {
            path: path.to_owned(),
            source,
        };
        // SQLite would take a relative `file:name` for a URI.
        let absolute = std::path::absolute(path).map_err(unusable)?;
        if absolute.to_str().is_none() {
            let text = "its name is not UTF-8";
            return Err(unusable(io::Error::new(io::ErrorKind::InvalidInput, text)));
        }
        let bytes = file::prepare(&absolute).map_err(unusable)?;
        let other = || BackendError::NotSqlite {
            path: absolute.clone(),
        };
        if (1..SMALLEST).contains(&bytes) {
            return Err(other());
        }
        let options = options(patience).filename(&absolute);
        let pool = connect(options, CONNECTIONS, patience).await;
        let pool = pool.map_err(|error| match error {
            BackendError::Damaged(_) => other(),
            error => error,
        })?;
        let identity = Identity::of(&absolute).map_err(unusable)?;
        Self::new(pool, Some((absolute, identity)), patience).await
    }

    /// A database that is nowhere but in memory, with one connection.
    pub(super) async fn in_memory() -> Result<Self, BackendError> {
        let patience = Patience::default();
        let options = SqliteConnectOptions::new()
            .in_memory(true)
            .disable_statement_logging();
        let pool = connect(options, 1, patience).await?;
        Self::new(pool, None, patience).await
    }

    async fn new(
        pool: SqlitePool,
        file: Option<(PathBuf, Identity)>,
        patience: Patience,
    ) -> Result<Self, BackendError> {
        check_version(&pool).await?;
        let sessions = Sessions::new(pool, patience);
        Ok(Self { sessions, file })
    }

    /// SQLite goes on with a file that has lost its name, and what it writes is lost with it.
    fn check_file(&self) -> Result<(), BackendError> {
        match &self.file {
            Some((path, identity)) if Identity::of(path).ok() != Some(*identity) => {
                Err(BackendError::Replaced { path: path.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Brings what is in the write-ahead log into the file. If another process reads just now, it stays there,
    /// where it is as safe. Without waiting: a checkpoint that waits for readers keeps writers out meanwhile.
    async fn settle(&self) {
        let checkpoint = "PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE)";
        if self.check_file().is_ok()
            && let Ok(mut connection) = self.sessions.pool().acquire().await
        {
            let _ = Sqlite::command(&mut connection, checkpoint).await;
        }
    }
}

/// Connects as soon as others let it.
///
/// Whoever opens a new file turns it into one with a write-ahead log, and for that SQLite reads it first. Two that have
/// read and both want to write could wait for one another for ever, so that SQLite refuses one of them at once, however
/// long its `busy_timeout` is (`sqlite3_busy_handler` in sqlite.org/c3ref). That one tries again here.
async fn connect(
    options: SqliteConnectOptions,
    connections: u32,
    patience: Patience,
) -> Result<SqlitePool, BackendError> {
    let began = Instant::now();
    loop {
        match connect_at_once(options.clone(), connections, patience).await {
            Err(BackendError::Busy(_)) if began.elapsed() < patience.turn => {
                tokio::time::sleep(PAUSE).await;
            }
            done => return done,
        }
    }
}

/// Connections last as long as the pool: each would find another file under the name if it was replaced.
async fn connect_at_once(
    options: SqliteConnectOptions,
    connections: u32,
    patience: Patience,
) -> Result<SqlitePool, BackendError> {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(patience.turn)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .map_err(explain::<Sqlite>)
}

/// Full synchronisation: what is committed survives the loss of power. What is deleted is overwritten: an erased
/// secret does not stay behind in a free page. The schema is not trusted: no function runs because a table says so.
fn options(patience: Patience) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("secure_delete", "ON")
        .pragma("trusted_schema", "OFF")
        .busy_timeout(patience.turn)
        .disable_statement_logging()
}

async fn check_version(pool: &SqlitePool) -> Result<(), BackendError> {
    let query = sqlx::query_scalar("SELECT sqlite_version()");
    let found: String = query.fetch_one(pool).await.map_err(explain::<Sqlite>)?;
    if version::is_sound(&found) {
        Ok(())
    } else {
        Err(BackendError::OldSqlite { found })
    }
}

impl Backend for SqliteBackend {
    fn kind(&self) -> Kind {
        Kind::Sqlite
    }

    fn begin(&self, mode: Mode) -> BoxFuture<'_, Result<Box<dyn Transaction>, BackendError>> {
        let begin = match mode {
            Mode::Read => "PRAGMA query_only = 1; BEGIN DEFERRED",
            Mode::Write => "PRAGMA query_only = 0; BEGIN IMMEDIATE",
        };
        Box::pin(async move {
            self.check_file()?;
            self.sessions.begin(mode, begin).await
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.settle().await;
            self.sessions.close().await;
        })
    }
}

impl Driver for Sqlite {
    const KIND: Kind = Kind::Sqlite;

    fn command<'a>(
        connection: &'a mut SqliteConnection,
        statements: &str,
    ) -> BoxFuture<'a, Result<(), sqlx::Error>> {
        let statements = sqlx::raw_sql(AssertSqlSafe(statements.to_owned()));
        Box::pin(async move { statements.execute(connection).await.map(drop) })
    }

    fn execute<'a>(
        connection: &'a mut SqliteConnection,
        statement: &'static str,
        arguments: SqliteArguments,
    ) -> BoxFuture<'a, Result<u64, sqlx::Error>> {
        let query = sqlx::query_with(statement, arguments);
        Box::pin(async move { Ok(query.execute(connection).await?.rows_affected()) })
    }

    fn query<'a>(
        connection: &'a mut SqliteConnection,
        statement: &'static str,
        arguments: SqliteArguments,
    ) -> BoxFuture<'a, Result<Vec<SqliteRow>, sqlx::Error>> {
        let query = sqlx::query_with(statement, arguments);
        Box::pin(query.fetch_all(connection))
    }

    fn row(row: &SqliteRow) -> Result<Row, BackendError> {
        let values = (0..row.len()).map(|column| {
            let shape = |_| BackendError::Shape { column };
            let raw = row.try_get_raw(column).map_err(shape)?;
            // What is there has a type of its own; what is not there has that of its column's declaration.
            Ok(match raw.type_info().name() {
                "INTEGER" => Value::Integer(row.try_get(column).map_err(shape)?),
                "TEXT" => Value::Text(row.try_get(column).map_err(shape)?),
                "BLOB" => Value::Blob(row.try_get(column).map_err(shape)?),
                "NULL" => Value::Integer(None),
                _ => return Err(BackendError::Shape { column }),
            })
        });
        Ok(Row(values.collect::<Result<_, BackendError>>()?))
    }

    fn add(arguments: &mut SqliteArguments, value: Value) -> Result<(), BoxDynError> {
        match value {
            Value::Integer(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value),
            Value::Blob(value) => arguments.add(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_null_has_the_type_of_its_column_if_it_has_one() {
        let backend = SqliteBackend::in_memory().await.unwrap();
        let mut transaction = backend.begin(Mode::Write).await.unwrap();
        let table = "CREATE TABLE t (i INTEGER, t TEXT, b BLOB) STRICT";
        transaction.execute(table, Vec::new()).await.unwrap();
        let insert = "INSERT INTO t VALUES (NULL, NULL, NULL)";
        transaction.execute(insert, Vec::new()).await.unwrap();
        let rows = transaction.query("SELECT i, t, b, max(t) FROM t", Vec::new());
        let expected = [
            Value::Integer(None),
            Value::Text(None),
            Value::Blob(None),
            Value::Integer(None),
        ];
        assert_eq!(rows.await.unwrap()[0].0, expected);
    }
}
