//! Processes that are killed at any moment of an operation.
//!
//! A process does one kind of operation after the other, and writes into a journal when it begins and when it is
//! told that it is done. Another kills it (SIGKILL, nothing is cleaned up). The next one compares the store with the
//! journal before it goes on: what was told to be done is there, and of what was begun all or nothing.

use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use orchestra_secrets::backend::Kind;
use orchestra_secrets::{Credential, KdfParameters, SlotKind, Store, StoreError, StoreParts};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Child;

use super::chance::{Chance, long, seed};
use super::quick;
use super::whole::Whole;
use crate::databases::{self, Database};
use crate::processes::{Role, play};
use crate::stores::{create, credential, get, set};

/// What a process does until it is killed.
pub(crate) const ROLES: &[(&str, Role)] = &[
    ("create stores", |database, words| {
        Box::pin(create_stores(database, words))
    }),
    ("set secrets", |database, words| {
        Box::pin(set_secrets(database, words))
    }),
    ("replace slots", |database, words| {
        Box::pin(replace_slots(database, words))
    }),
    ("rotate keys", |database, words| {
        Box::pin(rotate_keys(database, words))
    }),
    ("rotate root keys", |database, words| {
        Box::pin(rotate_root_keys(database, words))
    }),
];

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

/// What was begun, and what was done.
struct Journal {
    file: File,
    begun: Vec<u64>,
    done: Vec<u64>,
}

impl Journal {
    fn open(folder: &Path) -> Self {
        let path = folder.join("journal");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        // Of a line that was cut off nobody was told.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let numbers = |kind: &str| {
            let lines = whole.lines().filter_map(|line| line.strip_prefix(kind));
            lines.map(|number| number.trim().parse().unwrap()).collect()
        };
        Self {
            begun: numbers("begun"),
            done: numbers("done"),
            file: OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .unwrap(),
        }
    }

    fn begin(&mut self, number: u64) {
        self.write("begun", number);
        self.begun.push(number);
    }

    fn done(&mut self, number: u64) {
        self.write("done", number);
        self.done.push(number);
    }

    fn write(&mut self, kind: &str, number: impl Display) {
        let line = format!("{kind} {number}\n");
        self.file.write_all(line.as_bytes()).unwrap();
    }

    /// The last that is done, and the one that may be done.
    fn ends(&self) -> (Option<u64>, Option<u64>) {
        let done = self.done.last().copied();
        let begun = self
            .begun
            .last()
            .copied()
            .filter(|begun| Some(*begun) != done);
        (done, begun)
    }

    /// The one that is done in fact: either the last that was told, or the one begun afterwards.
    fn settle(&mut self, number: u64) {
        let (done, begun) = self.ends();
        assert!(
            [done, begun].contains(&Some(number)),
            "{number}: {done:?}, {begun:?}"
        );
        if done != Some(number) {
            self.done(number);
        }
    }
}

fn parts_of(words: &[String]) -> (PathBuf, PathBuf) {
    let folder = PathBuf::from(&words[0]);
    let anchor = folder.join("anchor");
    (folder, anchor)
}

async fn opened(
    database: &Database,
    anchor: &Path,
    credential: Credential,
) -> Result<Store, StoreError> {
    let parts = crate::stores::parts(database, Some(anchor)).await;
    let store = Store::open(parts).await?;
    store.unseal(credential).await?;
    Ok(store)
}

async fn set_secrets(database: Database, words: Vec<String>) {
    let (folder, anchor) = parts_of(&words);
    let mut journal = Journal::open(&folder);
    let store = opened(&database, &anchor, credential()).await.unwrap();
    let (done, begun) = journal.ends();
    for name in 0..3 {
        let last = journal
            .done
            .iter()
            .copied()
            .rfind(|number| number % 3 == name);
        let found = match get(&store, &format!("S{name}")).await {
            Ok(value) => Some(value.parse::<u64>().unwrap()),
            Err(StoreError::NoSecret(_)) => None,
            Err(error) => panic!("{error}"),
        };
        let begun = begun.filter(|number| number % 3 == name);
        assert!(
            found == last || found == begun && found.is_some(),
            "{found:?}: {last:?}, {begun:?}"
        );
        if found != last {
            journal.done(found.unwrap());
        }
    }
    println!("ready");
    let first = begun.max(done).map_or(0, |last| last + 1);
    for number in first.. {
        journal.begin(number);
        set(&store, &format!("S{}", number % 3), &number.to_string()).await;
        journal.done(number);
    }
}

async fn create_stores(_: Database, words: Vec<String>) {
    let (folder, _) = parts_of(&words);
    let mut journal = Journal::open(&folder);
    let place = |number: u64| {
        let file = folder.join(format!("{number}.db"));
        (
            Database::Sqlite(file),
            folder.join(format!("{number}.anchor")),
        )
    };
    let (done, begun) = journal.ends();
    if let Some(done) = done {
        let (database, anchor) = place(done);
        opened(&database, &anchor, credential()).await.unwrap();
    }
    if let Some(begun) = begun {
        let (database, anchor) = place(begun);
        match opened(&database, &anchor, credential()).await {
            Ok(store) => drop(Whole::of(&store).await),
            // Nothing is there, and nothing is in the way.
            Err(StoreError::NoStore) => drop(create(&database, Some(&anchor)).await),
            Err(error) => panic!("{error}"),
        }
    }
    println!("ready");
    for number in begun.max(done).map_or(0, |last| last + 1).. {
        let (database, anchor) = place(number);
        journal.begin(number);
        let created = create(&database, Some(&anchor)).await;
        journal.done(number);
        created.store.close().await;
    }
}

fn key_file(number: u64) -> Credential {
    Credential::key_file(format!("the key file with the number {number:08}").as_bytes())
}

async fn replace_slots(database: Database, words: Vec<String>) {
    let (folder, anchor) = parts_of(&words);
    let mut journal = Journal::open(&folder);
    let (done, begun) = journal.ends();
    let done = done.unwrap();
    let mut open = None;
    for number in [Some(done), begun].into_iter().flatten() {
        if let Ok(store) = opened(&database, &anchor, key_file(number)).await {
            assert!(open.is_none(), "two credentials open one slot");
            open = Some((store, number));
        }
    }
    let (store, number) = open.unwrap();
    let before = number.checked_sub(1).map(key_file);
    if let Some(before) = before {
        assert!(
            store.unseal(before).await.is_err(),
            "an old credential opens the store"
        );
    }
    assert_eq!(get(&store, "A").await.unwrap(), "value");
    journal.settle(number);
    println!("ready");
    let mut slot = file_slot(&store).await;
    for number in number + 1.. {
        journal.begin(number);
        let replaced = store.replace_slot(slot, key_file(number), KdfParameters::LEAST);
        slot = replaced.await.unwrap();
        journal.done(number);
    }
}

async fn file_slot(store: &Store) -> u32 {
    let slots = store.status().await.unwrap().slots;
    let mut files = slots.iter().filter(|slot| slot.kind == SlotKind::KeyFile);
    let slot = files.next().unwrap().id;
    assert!(files.next().is_none());
    slot
}

async fn rotate_keys(database: Database, words: Vec<String>) {
    let (folder, anchor) = parts_of(&words);
    let mut journal = Journal::open(&folder);
    let store = opened(&database, &anchor, credential()).await.unwrap();
    check_values(&store).await;
    let (done, begun) = journal.ends();
    let (done, begun) = (done.unwrap(), begun.unwrap_or(0));
    let keys = store.status().await.unwrap().keys;
    let active: Vec<_> = keys.iter().filter(|key| key.state == "active").collect();
    assert_eq!(active.len(), 1, "{keys:?}");
    let number = u64::from(active[0].version);
    // Several processes may have died between publishing a key and telling that everything is encrypted under it.
    assert!(
        (done..=begun.max(done)).contains(&number),
        "{number}: {done}, {begun}"
    );
    println!("ready");
    // One that was cut short is resumed under its own number.
    let mut number = number;
    loop {
        journal.begin(number + 1);
        let rotation = store.rotate_key().await.unwrap();
        number = rotation.key_version.into();
        journal.done(number);
        for entry in store.entries(None).await.unwrap() {
            assert_eq!(entry.key_version, rotation.key_version);
        }
    }
}

async fn rotate_root_keys(database: Database, words: Vec<String>) {
    let (folder, anchor) = parts_of(&words);
    let mut journal = Journal::open(&folder);
    let store = opened(&database, &anchor, credential()).await.unwrap();
    check_values(&store).await;
    let status = store.status().await.unwrap();
    assert_eq!(status.slots.len(), 2, "{:?}", status.slots);
    journal.settle(status.root_version);
    println!("ready");
    for number in status.root_version + 1.. {
        journal.begin(number);
        let rotated = store.rotate_root(vec![credential()], KdfParameters::LEAST, false);
        rotated.await.unwrap();
        journal.done(number);
    }
}

const VALUES: [(&str, &str); 5] = [
    ("A", "value"),
    ("B", "2"),
    ("C", "3"),
    ("D", "4"),
    ("E", "5"),
];

async fn check_values(store: &Store) {
    for (name, value) in VALUES {
        assert_eq!(get(store, name).await.unwrap(), value);
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
