//! SQLite without a thread in between and without waits for the disk, for tests that run very many statements.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use orchestra_secrets::backend::{
    Backend, BackendError, BoxFuture, Kind, Mode, Row, Transaction, Value,
};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Statement};
use tempfile::TempDir;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::databases::Database;

/// A folder in memory where the system has one: what is in there survives a process, and syncing it costs nothing.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// A database file. Whoever writes waits for the one before; only one process may use it.
///
/// No statement of the store may fail on it: what does panics with the reason.
#[derive(Debug)]
pub(crate) struct Quick {
    path: PathBuf,
    idle: Idle,
    writer: Arc<Semaphore>,
}

/// Connections of readers and of writers. None is used for both: whenever that changes, SQLite forgets its statements.
type Idle = Arc<Mutex<[Vec<Connection>; 2]>>;

const fn place(mode: Mode) -> usize {
    match mode {
        Mode::Read => 0,
        Mode::Write => 1,
    }
}

impl Quick {
    pub(crate) fn open(path: &Path) -> Arc<Self> {
        Arc::new(Self {
            path: path.to_owned(),
            idle: Arc::default(),
            writer: Arc::new(Semaphore::new(1)),
        })
    }

    fn connection(&self, mode: Mode) -> Connection {
        let idle = self.idle.lock().unwrap()[place(mode)].pop();
        idle.unwrap_or_else(|| connect(&self.path, mode))
    }
}

/// SQLite this way, PostgreSQL as it is.
pub(crate) async fn backend(database: &Database) -> Arc<dyn Backend> {
    match database {
        Database::Sqlite(path) => Quick::open(path),
        Database::Postgres(_) => database.open().await,
    }
}

fn connect(path: &Path, mode: Mode) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.set_prepared_statement_cache_capacity(64);
    let settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF";
    connection.execute_batch(settings).unwrap();
    if mode == Mode::Read {
        connection.execute_batch("PRAGMA query_only = 1").unwrap();
    }
    connection
}

impl Backend for Quick {
    fn kind(&self) -> Kind {
        Kind::Sqlite
    }

    fn begin(&self, mode: Mode) -> BoxFuture<'_, Result<Box<dyn Transaction>, BackendError>> {
        Box::pin(async move {
            let turn = match mode {
                Mode::Read => None,
                Mode::Write => {
                    let turn = Arc::clone(&self.writer).acquire_owned().await;
                    Some(turn.map_err(|_| BackendError::Closed)?)
                }
            };
            let connection = self.connection(mode);
            let begin = match mode {
                Mode::Read => "BEGIN DEFERRED",
                Mode::Write => "BEGIN IMMEDIATE",
            };
            connection.execute_batch(begin).unwrap();
            Ok(Box::new(QuickTransaction {
                connection: Some(connection),
                mode,
                idle: Arc::clone(&self.idle),
                _turn: turn,
            }) as Box<dyn Transaction>)
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.writer.close();
        self.idle.lock().unwrap().iter_mut().for_each(Vec::clear);
        Box::pin(std::future::ready(()))
    }
}

struct QuickTransaction {
    /// `None` once committed.
    connection: Option<Connection>,
    mode: Mode,
    idle: Idle,
    _turn: Option<OwnedSemaphorePermit>,
}

impl QuickTransaction {
    fn run<T>(
        &self,
        statement: &str,
        values: Vec<Value>,
        run: impl FnOnce(&mut Statement<'_>) -> T,
    ) -> T {
        let connection = self.connection.as_ref().unwrap();
        let mut prepared = connection.prepare_cached(statement).unwrap();
        bind(&mut prepared, values);
        run(&mut prepared)
    }

    fn end(&mut self, statement: &str) {
        if let Some(connection) = self.connection.take() {
            connection.execute_batch(statement).unwrap();
            self.idle.lock().unwrap()[place(self.mode)].push(connection);
        }
    }
}

/// SQLite counts `$7` where it first stands; the store means the seventh value.
fn bind(prepared: &mut Statement<'_>, values: Vec<Value>) {
    for place in 1..=prepared.parameter_count() {
        let name = prepared.parameter_name(place).unwrap();
        let number: usize = name.trim_start_matches('$').parse().unwrap();
        let value = values[number - 1].clone();
        match value {
            Value::Integer(value) => prepared.raw_bind_parameter(place, value),
            Value::Text(value) => prepared.raw_bind_parameter(place, value),
            Value::Blob(value) => prepared.raw_bind_parameter(place, value),
        }
        .unwrap();
    }
}

fn row(row: &rusqlite::Row<'_>, columns: usize) -> Row {
    let values = (0..columns).map(|column| match row.get_ref(column).unwrap() {
        ValueRef::Null => Value::Integer(None),
        ValueRef::Integer(value) => value.into(),
        ValueRef::Text(text) => std::str::from_utf8(text).unwrap().into(),
        ValueRef::Blob(bytes) => bytes.into(),
        ValueRef::Real(_) => panic!("no table has numbers with fractions"),
    });
    Row(values.collect())
}

impl Transaction for QuickTransaction {
    fn execute<'a>(
        &'a mut self,
        statement: &'static str,
        values: Vec<Value>,
    ) -> BoxFuture<'a, Result<u64, BackendError>> {
        let changed = self.run(statement, values, |prepared| {
            prepared
                .raw_execute()
                .unwrap_or_else(|error| panic!("{statement}: {error}"))
        });
        Box::pin(std::future::ready(Ok(u64::try_from(changed).unwrap())))
    }

    fn query<'a>(
        &'a mut self,
        statement: &'static str,
        values: Vec<Value>,
    ) -> BoxFuture<'a, Result<Vec<Row>, BackendError>> {
        let found = self.run(statement, values, |prepared| {
            let columns = prepared.column_count();
            let mut rows = prepared.raw_query();
            let mut found = Vec::new();
            while let Some(next) = rows.next().unwrap() {
                found.push(row(next, columns));
            }
            found
        });
        Box::pin(std::future::ready(Ok(found)))
    }

    fn commit(mut self: Box<Self>) -> BoxFuture<'static, Result<(), BackendError>> {
        Box::pin(async move {
            self.end("COMMIT");
            Ok(())
        })
    }
}

impl Drop for QuickTransaction {
    fn drop(&mut self) {
        self.end("ROLLBACK");
    }
}
