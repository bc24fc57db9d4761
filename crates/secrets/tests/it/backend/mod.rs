//! The databases themselves: what the store's logic may rely on.

#[cfg(target_os = "linux")]
mod disk;
mod generations;
mod postgres;
mod processes;
mod schema;
mod sqlite;
mod tls;
mod transactions;
mod values;

use orchestra_secrets::backend::{Backend, BackendError, Mode, Row, Value, migrate};

use crate::databases::Database;

pub(crate) use processes::ROLES;

const INSERT: &str = "INSERT INTO secrets_checkpoints (seq, note) VALUES ($1, $2)";

/// Opens the database with the store's tables. The tests use one of them for their own ends.
async fn open(database: &Database) -> std::sync::Arc<dyn Backend> {
    let backend = database.open().await;
    migrate(&*backend).await.unwrap();
    backend
}

async fn insert(backend: &dyn Backend, seq: i64) -> Result<(), BackendError> {
    let mut transaction = backend.begin(Mode::Write).await?;
    let values = vec![seq.into(), "note".into()];
    transaction.execute(INSERT, values).await?;
    transaction.commit().await
}

async fn read(
    backend: &dyn Backend,
    query: &'static str,
    values: Vec<Value>,
) -> Result<Vec<Row>, BackendError> {
    let mut transaction = backend.begin(Mode::Read).await?;
    transaction.query(query, values).await
}

/// How many rows there are.
async fn count(backend: &dyn Backend) -> i64 {
    let query = "SELECT count(*) FROM secrets_checkpoints";
    let rows = read(backend, query, Vec::new()).await.unwrap();
    rows[0].integer(0).unwrap()
}
