//! A database of its own for every test, of both kinds.
//!
//! SQLite's is a file in a folder that goes with the test. PostgreSQL's is made on the server that
//! [`SERVER`] names, and dropped when the test ends, however it ends.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use orchestra_secrets::Secret;
use orchestra_secrets::backend::{Backend, Kind, Patience, PostgresBackend, SqliteBackend};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// The environment variable with the address of a PostgreSQL server on which databases may be made.
pub(crate) const SERVER: &str = "ORCHESTRA_TEST_POSTGRES_URL";

/// Makes of each `async fn(Database)` two tests, `sqlite::NAME` and `postgres::NAME`.
///
/// Once a module: it makes two modules in the one it stands in.
macro_rules! on_each_database {
    ($($scenario:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                crate::databases::with(orchestra_secrets::backend::Kind::Sqlite, super::$scenario).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                crate::databases::with(orchestra_secrets::backend::Kind::Postgres, super::$scenario).await;
            })*
        }
    };
}
pub(crate) use on_each_database;

/// Where one test's store may be.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    /// A file that is not there yet, in a folder that is.
    Sqlite(PathBuf),
    /// The address of an empty database.
    Postgres(String),
}

impl Database {
    /// Opens it, without any tables. Every call gives a backend that shares nothing with the others, as if it
    /// were another process's.
    pub(crate) async fn open(&self) -> Arc<dyn Backend> {
        self.open_with(Patience::default()).await
    }

    /// Opens it so that it waits for others no longer than this.
    pub(crate) async fn open_impatient(&self, turn: Duration) -> Arc<dyn Backend> {
        let patience = Patience {
            turn,
            ..Patience::default()
        };
        self.open_with(patience).await
    }

    pub(crate) async fn open_with(&self, patience: Patience) -> Arc<dyn Backend> {
        match self {
            Self::Sqlite(file) => Arc::new(SqliteBackend::open_with(file, patience).await.unwrap()),
            Self::Postgres(address) => {
                let address = Secret::new(address.clone());
                Arc::new(
                    PostgresBackend::connect_with(&address, patience)
                        .await
                        .unwrap(),
                )
            }
        }
    }
}

/// Runs a scenario on a new database of this kind.
pub(crate) async fn with<F, Running>(kind: Kind, scenario: F)
where
    F: FnOnce(Database) -> Running,
    Running: Future<Output = ()> + Send + 'static,
{
    match kind {
        Kind::Sqlite => {
            let folder = tempfile::tempdir().unwrap();
            scenario(Database::Sqlite(folder.path().join("store.db"))).await;
        }
        Kind::Postgres => with_postgres(scenario).await,
    }
}

/// A task of its own catches the panic of a failed test, so that its database is dropped all the same.
async fn with_postgres<F, Running>(scenario: F)
where
    F: FnOnce(Database) -> Running,
    Running: Future<Output = ()> + Send + 'static,
{
    let server = server();
    let name = fresh_name();
    administer(&server, format!("CREATE DATABASE {name}")).await;
    let database = Database::Postgres(with_database(&server, &name));
    let ended = tokio::spawn(scenario(database)).await;
    administer(&server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
    if let Err(failure) = ended {
        std::panic::resume_unwind(failure.into_panic());
    }
}

/// The address of the server.
pub(crate) fn server() -> String {
    std::env::var(SERVER).unwrap_or_else(|_| {
        panic!(
            "{SERVER} is not set; run `cargo xtask postgres -- cargo test -p orchestra-secrets`, which starts a server for the tests"
        )
    })
}

fn fresh_name() -> String {
    let random = getrandom::u64().unwrap();
    format!("orchestra_secrets_{random:016x}")
}

/// The same address with another database: whatever is between the authority and the options.
fn with_database(server: &str, name: &str) -> String {
    let (address, options) = match server.split_once('?') {
        Some((address, options)) => (address, format!("?{options}")),
        None => (server, String::new()),
    };
    let (scheme, rest) = address.split_once("://").expect("the address has a scheme");
    let authority = rest.split('/').next().unwrap_or(rest);
    format!("{scheme}://{authority}/{name}{options}")
}

/// Runs a statement outside of every store.
pub(crate) async fn administer(address: &str, statement: String) {
    let mut connection = PgConnection::connect(address).await.unwrap();
    let statement = AssertSqlSafe(statement);
    sqlx::raw_sql(statement)
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

/// All that is in a folder, in order of name.
pub(crate) fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn the_database_of_an_address_is_exchanged() {
    let cases = [
        (
            "postgres://u:p@h:1/old?host=/tmp",
            "postgres://u:p@h:1/new?host=/tmp",
        ),
        ("postgres://h", "postgres://h/new"),
        ("postgres:///old", "postgres:///new"),
        ("postgres://h/", "postgres://h/new"),
    ];
    for (server, expected) in cases {
        assert_eq!(with_database(server, "new"), expected);
    }
}
