//! Several processes at one database, and what is left when one dies.

use std::process::Stdio;
use std::time::Duration;

use orchestra_secrets::backend::{Backend, Mode, migrate};

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use super::generations::{generation, rewrite};
use super::{INSERT, count, insert, open, read};
use crate::databases::{Database, on_each_database};
use crate::faults::{Fault, Faulty, Plan};
use crate::processes::{Role, play, played};

on_each_database!(
    processes_lose_no_update,
    a_writer_that_dies_leaves_nothing_and_holds_nobody_up,
    what_was_committed_outlives_its_process,
    a_migration_that_dies_anywhere_leaves_nothing,
    two_processes_that_migrate_at_once_both_succeed,
);

/// What another process does for the tests in here.
pub(crate) const ROLES: &[(&str, Role)] = &[
    ("add one", |database, words| {
        Box::pin(add_ones(database, words))
    }),
    ("hold", |database, _| Box::pin(hold(database))),
    ("generate", |database, _| Box::pin(generate(database))),
    ("migrate", |database, words| {
        Box::pin(migrate_and_die(database, words))
    }),
    #[cfg(target_os = "linux")]
    ("fail everywhere", |database, words| {
        Box::pin(super::disk::fail_everywhere(database, words))
    }),
    #[cfg(target_os = "linux")]
    ("fail and die", |database, words| {
        Box::pin(super::disk::fail_and_die(database, words))
    }),
];

async fn add_ones(database: Database, words: Vec<String>) {
    let times: u32 = words[0].parse().unwrap();
    let backend = database.open_impatient(Duration::from_secs(60)).await;
    for _ in 0..times {
        let mut transaction = backend.begin(Mode::Write).await.unwrap();
        let query = "SELECT seq FROM secrets_checkpoints";
        let rows = transaction.query(query, Vec::new()).await.unwrap();
        let next = rows[0].integer(0).unwrap() + 1;
        let update = "UPDATE secrets_checkpoints SET seq = $1";
        transaction
            .execute(update, vec![next.into()])
            .await
            .unwrap();
        transaction.commit().await.unwrap();
    }
}

async fn processes_lose_no_update(database: Database) {
    let backend = open(&database).await;
    insert(&*backend, 0).await.unwrap();
    let (a, b, c) = tokio::join!(
        played(play("add one", &database, &["50"])),
        played(play("add one", &database, &["50"])),
        played(play("add one", &database, &["50"])),
    );
    assert!(a.success() && b.success() && c.success());
    let rows = read(&*backend, "SELECT seq FROM secrets_checkpoints", Vec::new());
    assert_eq!(rows.await.unwrap()[0].integer(0).unwrap(), 150);
}

/// Says that it has written and not committed, and waits to be killed.
async fn hold(database: Database) {
    let backend = database.open().await;
    let mut transaction = backend.begin(Mode::Write).await.unwrap();
    let values = vec![(-1_i64).into(), "half".into()];
    transaction.execute(INSERT, values).await.unwrap();
    println!("holding");
    std::future::pending::<()>().await;
}

async fn a_writer_that_dies_leaves_nothing_and_holds_nobody_up(database: Database) {
    let backend = open(&database).await;
    for seq in 0..3 {
        let (mut child, mut lines) = start("hold", &database);
        while !lines
            .next_line()
            .await
            .unwrap()
            .unwrap()
            .contains("holding")
        {}
        child.kill().await.unwrap();
        insert(&*backend, seq).await.unwrap();
        assert_eq!(count(&*backend).await, seq + 1);
    }
}

/// Puts one generation after the other there, and says which are committed.
async fn generate(database: Database) {
    let backend = database.open().await;
    for next in 2.. {
        rewrite(&*backend, next).await.unwrap();
        println!("committed {next}");
    }
}

async fn what_was_committed_outlives_its_process(database: Database) {
    let backend = open(&database).await;
    rewrite(&*backend, 1).await.unwrap();
    for round in 0..15 {
        let (mut child, mut lines) = start("generate", &database);
        while !lines
            .next_line()
            .await
            .unwrap()
            .unwrap()
            .contains("committed 2")
        {}
        // At any moment of a transaction, which takes some milliseconds.
        tokio::time::sleep(Duration::from_micros(1700 * round)).await;
        child.kill().await.unwrap();
        let mut last = 2;
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some(told) = line.strip_prefix("committed ") {
                last = told.parse().unwrap();
            }
        }
        // Waits for what the server still does for the dead.
        drop(backend.begin(Mode::Write).await.unwrap());
        let found = generation(&*backend).await.unwrap();
        assert!(found == last || found == last + 1, "{found} after {last}");
    }
}

fn start(role: &str, database: &Database) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut command = play(role, database, &[]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

/// Migrates, and dies at a point of it if it has one.
async fn migrate_and_die(database: Database, words: Vec<String>) {
    let plan = Plan::new();
    let backend = Faulty::new(database.open().await, plan.clone());
    if let [when, point] = &words[..] {
        let fault = match when.as_str() {
            "before" => Fault::AbortBefore,
            _ => Fault::AbortAfter,
        };
        plan.fault_at(point.parse().unwrap(), fault);
    }
    migrate(&backend).await.unwrap();
}

/// How many tables there are whose names are the store's.
async fn tables(backend: &dyn Backend) -> i64 {
    let query = match backend.kind() {
        orchestra_secrets::backend::Kind::Sqlite => {
            "SELECT count(*) FROM sqlite_schema WHERE type = 'table'"
        }
        orchestra_secrets::backend::Kind::Postgres => {
            "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"
        }
    };
    let rows = read(backend, query, Vec::new()).await.unwrap();
    rows[0].integer(0).unwrap()
}

async fn a_migration_that_dies_anywhere_leaves_nothing(database: Database) {
    for point in 0_u64.. {
        let mut survived = true;
        for when in ["before", "after"] {
            let command = play("migrate", &database, &[when, &point.to_string()]);
            survived = quietly(command).await;
            let left = tables(&*database.open().await).await;
            assert!(
                left == 0 || survived || when == "after",
                "{left} tables after dying {when} {point}"
            );
            if left > 0 {
                // The commit was the last point.
                open(&database).await;
                assert!(point > 5, "{point}");
                return;
            }
        }
        assert!(!survived);
    }
}

async fn quietly(mut command: tokio::process::Command) -> bool {
    command.output().await.unwrap().status.success()
}

async fn two_processes_that_migrate_at_once_both_succeed(database: Database) {
    let (a, b, c) = tokio::join!(
        played(play("migrate", &database, &[])),
        played(play("migrate", &database, &[])),
        async { open(&database).await.close().await },
    );
    assert!(a.success() && b.success());
    let () = c;
    insert(&*open(&database).await, 1).await.unwrap();
}
