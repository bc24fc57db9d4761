//! The file itself.

use std::fs::{OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqlitePool};

use crate::error::OpenError;
use crate::schema::{self, SchemaError};

/// Opens a file, or makes it, and brings it to the newest schema.
pub(crate) async fn open(path: &Path) -> Result<SqlitePool, OpenError> {
    restrict(path).map_err(|source| OpenError::File {
        path: path.to_owned(),
        source,
    })?;
    let failed = |source| OpenError::of(path, source);
    // SQLite has one writer: those that wait for this one connection wait in order.
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options(path))
        .await
        .map_err(failed)?;
    let mut connection = pool.acquire().await.map_err(failed)?;
    let migrated = schema::migrate(&mut connection).await;
    drop(connection);
    match migrated {
        Ok(()) => Ok(pool),
        Err(SchemaError::Foreign) => Err(OpenError::Foreign {
            path: path.to_owned(),
        }),
        Err(SchemaError::Newer { found, known }) => Err(OpenError::Newer {
            path: path.to_owned(),
            found,
            known,
        }),
        Err(SchemaError::Failed(source)) => Err(failed(source)),
    }
}

/// A file for what outlives calls besides conversations; the file may be that of the conversations. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    pub(crate) pool: SqlitePool,
}

impl Database {
    /// Opens a file, or makes it.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong with the file and what to do.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        let pool = open(path).await?;
        Ok(Self { pool })
    }

    /// Writes everything into the file itself and lets go of it. Later calls fail.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Makes the file if there is none, and keeps everybody but its owner out of it. SQLite gives the files that it
/// puts beside it the same rights.
fn restrict(path: &Path) -> io::Result<()> {
    let mut how = OpenOptions::new();
    let file = how
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // With a write-ahead log this loses the last writes in a power cut, and nothing else.
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(Duration::from_secs(5))
        .pragma("journal_size_limit", "67108864")
        .pragma("secure_delete", "on")
        .disable_statement_logging()
}

/// SQLite's integers end at 2^63.
pub(crate) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
