//! PostgreSQL dumped and restored with its own programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use orchestra_secrets::backend::Kind;
use orchestra_secrets::{Created, Credential, Store, StoreError};

use super::quick;
use crate::databases::{self, Database};
use crate::stores::{create, credential, get, parts, set};

/// Where `pg_dump` and `psql` are; without it they are looked for where all programs are.
const PROGRAMS: &str = "ORCHESTRA_TEST_POSTGRES_BIN";

/// Writes everything to a file, as SQL.
pub(crate) fn dump(address: &str, file: &Path) {
    let mut dump = program("pg_dump");
    dump.args(["--clean", "--if-exists", "--no-owner", "--dbname", address]);
    run(dump.arg("--file").arg(file));
}

fn restore(address: &str, file: &Path) {
    let mut restore = program("psql");
    restore.args(["--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1"]);
    run(restore.args(["--dbname", address, "--file"]).arg(file));
}

pub(crate) fn program(name: &str) -> Command {
    let folder = std::env::var_os(PROGRAMS).map(PathBuf::from);
    Command::new(folder.unwrap_or_default().join(name))
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_that_was_restored_is_refused_until_it_is_accepted() {
    databases::with(Kind::Postgres, dumped_and_restored).await;
}

async fn dumped_and_restored(database: Database) {
    let Database::Postgres(address) = &database else {
        panic!("it was asked for PostgreSQL");
    };
    let folder = quick::folder();
    let anchor = folder.path().join("anchor");
    let Created { store, recovery } = create(&database, Some(&anchor)).await;
    set(&store, "A", "first").await;
    let file = folder.path().join("dump.sql");
    dump(address, &file);
    set(&store, "A", "second").await;
    restore(address, &file);
    let refused = get(&store, "A").await;
    assert!(matches!(refused, Err(StoreError::RolledBack { .. })));
    assert!(store.is_sealed());
    let next = Store::open(parts(&database, Some(&anchor)).await)
        .await
        .unwrap();
    let refused = next.unseal(credential()).await;
    assert!(matches!(refused, Err(StoreError::RolledBack { .. })));
    let epoch = next.epoch().await.unwrap();
    let recovery = || Credential::recovery(&recovery);
    next.accept_restore(recovery(), epoch).await.unwrap();
    assert_eq!(get(&next, "A").await.unwrap(), "first");
    store.unseal(credential()).await.unwrap();
    assert_eq!(get(&store, "A").await.unwrap(), "first");
}
