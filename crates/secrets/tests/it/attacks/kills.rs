//! Processes that are killed at any moment of an operation.
//!
//! A process does one kind of operation after the other, and writes into a journal when it begins and when it is
//! told that it is done. Another kills it (SIGKILL, nothing is cleaned up). The next one compares the store with the
//! journal before it goes on: what was told to be done is there, and of what was begun all or nothing.

mod journal;
mod victims;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use orchestra_secrets::backend::Kind;
use orchestra_secrets::{KdfParameters, Store, StoreError, StoreParts};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Child;

use self::journal::Journal;
pub(crate) use self::victims::ROLES;
use self::victims::{VALUES, key_file, opened};
use super::chance::{Chance, long, seed};
use super::quick;
use super::whole::Whole;
use crate::databases::{self, Database};
use crate::processes::play;
use crate::stores::{credential, set};

/// How often a store is used again before there is a new one: its log grows.
const PER_STORE: u32 = 40;

/// The longest time that a process has, in microseconds, after it has found everything in order.
const fn longest(database: &Database) -> usize {
    match database {
        Database::Sqlite(_) => 25_000,
        Database::Postgres(_) => 100_000,
    }
}

fn kills(kind: Kind) -> u32 {
    match (kind, long()) {
        (Kind::Sqlite, false) => 200,
        (Kind::Sqlite, true) => 1000,
        (Kind::Postgres, false) => 15,
        (Kind::Postgres, true) => 200,
    }
}

/// A store for processes to be killed at, and its folder.
async fn prepared(role: &str, database: &Database, folder: &Path) {
    let mut journal = Journal::open(folder);
    if role == "create stores" {
        return;
    }
    let credentials = match role {
        "replace slots" => vec![key_file(0)],
        _ => vec![credential()],
    };
    let parts = StoreParts {
        anchor: Some(folder.join("anchor")),
        ..StoreParts::new(database.open().await, "a test")
    };
    let created = Store::create(parts, credentials, KdfParameters::LEAST);
    let store = created.await.unwrap().store;
    match role {
        "set secrets" => {}
        "replace slots" => {
            journal.done(0);
            set(&store, "A", "value").await;
        }
        _ => {
            journal.done(1);
            for (name, value) in VALUES {
                set(&store, name, value).await;
            }
        }
    }
    store.close().await;
}

/// Starts a process and kills it, some time after it has found everything in order, or before.
async fn kill_one(role: &str, database: &Database, folder: &Path, chance: &mut Chance) {
    let mut command = play(role, database, &[folder.to_str().unwrap()]);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // One in eight dies while it opens the store.
    if chance.below(8) > 0 {
        wait_until_ready(&mut child).await;
    }
    let time = u64::try_from(chance.below(longest(database))).unwrap();
    tokio::time::sleep(Duration::from_micros(time)).await;
    child.start_kill().unwrap();
    let status = child.wait().await.unwrap();
    if let Some(code) = status.code() {
        let mut said = String::new();
        let mut stderr = child.stderr.take().unwrap();
        stderr.read_to_string(&mut said).await.unwrap();
        panic!("{role} ended by itself with {code}:\n{said}");
    }
}

async fn wait_until_ready(child: &mut Child) {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.contains("ready") {
            return;
        }
    }
}

/// Kills so many, and then lets one find everything in order.
async fn kill(role: &str, database: Database, folder: &Path, count: u32, chance: &mut Chance) {
    prepared(role, &database, folder).await;
    for _ in 0..count {
        kill_one(role, &database, folder, chance).await;
    }
    let mut last = play(role, &database, &[folder.to_str().unwrap()]);
    let last = last.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut last = last.spawn().unwrap();
    wait_until_ready(&mut last).await;
    last.start_kill().unwrap();
    let status = last.wait().await.unwrap();
    assert!(
        status.code().is_none(),
        "the last process did not find everything in order"
    );
    let begun = check_at_the_end(role, &database, folder).await;
    let least = usize::try_from(count / 2).unwrap();
    assert!(begun >= least, "{role} began only {begun}");
}

/// Says how many operations were begun.
async fn check_at_the_end(role: &str, database: &Database, folder: &Path) -> usize {
    let journal = Journal::open(folder);
    let begun_in_all = journal.begun.len();
    println!("{role}: {begun_in_all} begun, {} done", journal.done.len());
    let (done, begun) = journal.ends();
    let anchor = folder.join("anchor");
    let store = match role {
        "create stores" => return begun_in_all,
        "replace slots" => {
            let numbers = [done, begun].into_iter().flatten().map(key_file);
            let mut store = Err(StoreError::Sealed);
            for credential in numbers {
                if store.is_err() {
                    store = opened(database, &anchor, credential).await;
                }
            }
            store
        }
        _ => opened(database, &anchor, credential()).await,
    };
    let store = store.unwrap();
    Whole::of(&store).await;
    store.close().await;
    begun_in_all
}

async fn killed_on_sqlite(role: &str) {
    let mut chance = Chance::new(seed());
    let mut left = kills(Kind::Sqlite);
    while left > 0 {
        let folder = quick::folder();
        let database = Database::Sqlite(folder.path().join("store.db"));
        let count = left.min(PER_STORE);
        kill(role, database, folder.path(), count, &mut chance).await;
        left -= count;
    }
}

async fn killed_on_postgres(role: &'static str) {
    databases::with(Kind::Postgres, |database| async move {
        let folder = quick::folder();
        let mut chance = Chance::new(seed());
        let count = kills(Kind::Postgres);
        kill(role, database, folder.path(), count, &mut chance).await;
    })
    .await;
}

macro_rules! killed {
    ($($name:ident: $kills:ident($role:literal),)*) => {
        $(#[tokio::test]
        async fn $name() {
            $kills($role).await;
        })*
    };
}

killed!(
    who_is_killed_while_creating: killed_on_sqlite("create stores"),
    who_is_killed_while_setting: killed_on_sqlite("set secrets"),
    who_is_killed_while_replacing_a_slot: killed_on_sqlite("replace slots"),
    who_is_killed_while_rotating_keys: killed_on_sqlite("rotate keys"),
    who_is_killed_while_rotating_root_keys: killed_on_sqlite("rotate root keys"),
    who_is_killed_while_setting_on_postgres: killed_on_postgres("set secrets"),
    who_is_killed_while_replacing_a_slot_on_postgres: killed_on_postgres("replace slots"),
    who_is_killed_while_rotating_keys_on_postgres: killed_on_postgres("rotate keys"),
    who_is_killed_while_rotating_root_keys_on_postgres: killed_on_postgres("rotate root keys"),
);
