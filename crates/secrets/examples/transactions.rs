//! Prints what a transaction costs on the databases, synchronised to the disk as in a store.
//!
//! Run with `cargo run --release -p orchestra-secrets --example transactions -- FOLDER [ADDRESS]`: the folder is on
//! the disk to measure, the address is that of a PostgreSQL database in which nothing is kept. Figures are for
//! comparison on one machine.

#![expect(clippy::print_stdout, reason = "printing figures is its purpose")]

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use orchestra_secrets::Secret;
use orchestra_secrets::backend::{Backend, BackendError, Mode, PostgresBackend, SqliteBackend};

const ROUNDS: usize = 500;
const RECORD_BYTES: usize = 400;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments
        .next()
        .ok_or("name a folder on the disk to measure")?;
    let folder = tempfile::tempdir_in(folder)?;
    measure_sqlite(folder.path()).await?;
    if let Some(address) = arguments.next() {
        measure(
            "PostgreSQL",
            &PostgresBackend::connect(&Secret::new(address)).await?,
        )
        .await?;
    }
    Ok(())
}

async fn measure_sqlite(folder: &Path) -> Result<(), BackendError> {
    let backend = SqliteBackend::open(&folder.join("store.db")).await?;
    measure("SQLite", &backend).await?;
    backend.close().await;
    Ok(())
}

async fn measure(name: &str, backend: &dyn Backend) -> Result<(), BackendError> {
    let table = "CREATE TABLE transaction_costs (id BIGINT PRIMARY KEY, record TEXT NOT NULL)";
    run(backend, table).await?;
    let mut writes = Vec::new();
    let mut reads = Vec::new();
    for id in (0_i64..).take(ROUNDS) {
        let began = Instant::now();
        write(backend, id).await?;
        writes.push(began.elapsed());
        let began = Instant::now();
        read(backend, id).await?;
        reads.push(began.elapsed());
    }
    run(backend, "DROP TABLE transaction_costs").await?;
    show(name, "write: begin, 3 statements, commit", writes);
    show(name, "read: begin, 1 query, end", reads);
    Ok(())
}

async fn run(backend: &dyn Backend, statement: &'static str) -> Result<(), BackendError> {
    let mut transaction = backend.begin(Mode::Write).await?;
    transaction.execute(statement, Vec::new()).await?;
    transaction.commit().await
}

async fn write(backend: &dyn Backend, id: i64) -> Result<(), BackendError> {
    let mut transaction = backend.begin(Mode::Write).await?;
    let query = "SELECT record FROM transaction_costs WHERE id = $1";
    transaction.query(query, vec![(id - 1).into()]).await?;
    let insert = "INSERT INTO transaction_costs (id, record) VALUES ($1, $2)";
    let values = vec![id.into(), "x".repeat(RECORD_BYTES).into()];
    transaction.execute(insert, values).await?;
    let update = "UPDATE transaction_costs SET record = $2 WHERE id = $1";
    let values = vec![(id - 1).into(), "y".repeat(RECORD_BYTES).into()];
    transaction.execute(update, values).await?;
    transaction.commit().await
}

async fn read(backend: &dyn Backend, id: i64) -> Result<(), BackendError> {
    let mut transaction = backend.begin(Mode::Read).await?;
    let query = "SELECT record FROM transaction_costs WHERE id = $1";
    transaction.query(query, vec![id.into()]).await?;
    Ok(())
}

fn show(name: &str, what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |percent: usize| times[times.len() * percent / 100];
    println!(
        "{name}, {what}: median {:?}, 99 of 100 within {:?}",
        at(50),
        at(99)
    );
}
