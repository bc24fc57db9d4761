//! SQLite, in a file.

use std::fs::{OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Arguments, ConnectOptions, Row as _, Sqlite, SqlitePool, TypeInfo, ValueRef};

use super::{Backend, BackendError, BoxFuture, Kind, Mode, Row, Transaction, Value};

/// Before this version a checkpoint of the write-ahead log could lose committed changes.
const FIRST_SOUND: (u32, u32, u32) = (3, 51, 3);

/// How long a writer waits for another process's.
const BUSY: Duration = Duration::from_secs(10);

/// A store in a SQLite file, or in memory.
#[derive(Clone, Debug)]
pub struct SqliteBackend {
    pool: SqlitePool,
}

impl SqliteBackend {
    /// Opens the file, or makes it, readable and writable by its owner alone.
    ///
    /// # Errors
    /// [`BackendError`] if the file cannot be opened or SQLite is too old.
    pub async fn open(path: &Path) -> Result<Self, BackendError> {
        restrict(path).map_err(|source| BackendError::File {
            path: path.to_owned(),
            source,
        })?;
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options(path))
            .await?;
        let backend = Self { pool };
        backend.check_version().await?;
        Ok(backend)
    }

    async fn check_version(&self) -> Result<(), BackendError> {
        let found: String = sqlx::query_scalar("SELECT sqlite_version()")
            .fetch_one(&self.pool)
            .await?;
        if is_sound(&found) {
            Ok(())
        } else {
            Err(BackendError::OldSqlite { found })
        }
    }
}

fn is_sound(version: &str) -> bool {
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next()) >= FIRST_SOUND
}

/// Full synchronisation: what is committed survives the loss of power.
fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY)
        .disable_statement_logging()
}

/// SQLite gives its other files the permissions of the first.
fn restrict(path: &Path) -> io::Result<()> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            std::fs::set_permissions(path, Permissions::from_mode(0o600))
        }
        Err(error) => Err(error),
    }
}

impl Backend for SqliteBackend {
    fn kind(&self) -> Kind {
        Kind::Sqlite
    }

    fn begin(&self, mode: Mode) -> BoxFuture<'_, Result<Box<dyn Transaction>, BackendError>> {
        let begin = match mode {
            Mode::Read => "BEGIN DEFERRED",
            Mode::Write => "BEGIN IMMEDIATE",
        };
        Box::pin(async move {
            let transaction = self.pool.begin_with(begin).await?;
            Ok(Box::new(SqliteTransaction(transaction)) as Box<dyn Transaction>)
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.pool.close())
    }
}

struct SqliteTransaction(sqlx::Transaction<'static, Sqlite>);

impl Transaction for SqliteTransaction {
    fn execute<'a>(
        &'a mut self,
        statement: &'static str,
        values: Vec<Value>,
    ) -> BoxFuture<'a, Result<u64, BackendError>> {
        Box::pin(async move {
            let query = sqlx::query_with(statement, arguments(values)?);
            Ok(query.execute(&mut *self.0).await?.rows_affected())
        })
    }

    fn query<'a>(
        &'a mut self,
        statement: &'static str,
        values: Vec<Value>,
    ) -> BoxFuture<'a, Result<Vec<Row>, BackendError>> {
        Box::pin(async move {
            let query = sqlx::query_with(statement, arguments(values)?);
            let rows = query.fetch_all(&mut *self.0).await?;
            rows.iter().map(row).collect()
        })
    }

    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<(), BackendError>> {
        Box::pin(async move { Ok(self.0.commit().await?) })
    }
}

fn arguments(values: Vec<Value>) -> Result<SqliteArguments, BackendError> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        match value {
            Value::Integer(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value),
            Value::Blob(value) => arguments.add(value),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn row(row: &SqliteRow) -> Result<Row, BackendError> {
    let values = (0..row.len()).map(|column| {
        let shape = |_| BackendError::Shape { column };
        let raw = row.try_get_raw(column)?;
        // A NULL has no type of its own; the column's is that of its declaration.
        let kind = if raw.is_null() {
            sqlx::Column::type_info(row.column(column))
                .name()
                .to_owned()
        } else {
            raw.type_info().name().to_owned()
        };
        Ok(match kind.as_str() {
            "INTEGER" => Value::Integer(row.try_get(column).map_err(shape)?),
            "TEXT" => Value::Text(row.try_get(column).map_err(shape)?),
            "BLOB" => Value::Blob(row.try_get(column).map_err(shape)?),
            _ => return Err(BackendError::Shape { column }),
        })
    });
    Ok(Row(values.collect::<Result<_, BackendError>>()?))
}
