//! Many at one store at the same time, while its keys are rotated.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use orchestra_secrets::backend::{Kind, Patience};
use orchestra_secrets::{
    Ask, KdfParameters, KeyRotation, NewSecret, Store, StoreError, StoreParts,
};
use tokio::task::JoinSet;

use super::chance::Chance;
use super::whole::Whole;
use crate::databases::{self, Database, on_each_database};
use crate::processes::{Role, play};
use crate::stores::{create, credential, get, name, secret, set, unsealed};

on_each_database!(
    of_two_rotations_one_ends_and_the_other_is_fenced_or_done,
    a_rotation_among_writers_and_readers_loses_nothing,
    who_holds_an_old_keyring_writes_under_the_new_one,
    a_new_root_key_among_writers_loses_nothing,
);

/// What another process does for the tests in here.
pub(crate) const ROLES: &[(&str, Role)] =
    &[("crowd", |database, words| Box::pin(crowd(database, words)))];

/// Another instance, which waits as long as it takes.
async fn instance(database: &Database) -> Store {
    let patience = Patience {
        turn: Duration::from_secs(120),
        ..Patience::default()
    };
    let backend = database.open_with(patience).await;
    let store = Store::open(StoreParts::new(backend, "a test"))
        .await
        .unwrap();
    store.unseal(credential()).await.unwrap();
    store
}

/// Everything is under the only active key.
async fn rotated(database: &Database) -> (Store, Whole) {
    let store = unsealed(database, None).await.unwrap();
    let whole = Whole::of(&store).await;
    let (active, state) = whole.keys.last().unwrap();
    assert_eq!(*state, "active");
    for entry in store.entries(None).await.unwrap() {
        assert_eq!(entry.key_version, *active, "{}", entry.name);
    }
    (store, whole)
}

fn is_done_or_fenced(rotation: &Result<KeyRotation, StoreError>) -> bool {
    matches!(rotation, Ok(_) | Err(StoreError::Fenced))
}

async fn of_two_rotations_one_ends_and_the_other_is_fenced_or_done(database: Database) {
    create(&database, None).await;
    let (a, b) = (instance(&database).await, instance(&database).await);
    for value in ["1", "2", "3"] {
        set(&a, "A", value).await;
        set(&b, "B", value).await;
    }
    for round in 1..10 {
        let (first, second) = tokio::join!(a.rotate_key(), b.rotate_key());
        assert!(is_done_or_fenced(&first) && is_done_or_fenced(&second));
        assert!(first.is_ok() || second.is_ok(), "round {round}");
        let (_, whole) = rotated(&database).await;
        assert_eq!(whole.value("A"), Some("3"));
        assert_eq!(whole.value("B"), Some("3"));
    }
}

const WRITERS: usize = 64;

/// Half of the tasks write, to a name of their own and to one of all; the others read.
async fn a_rotation_among_writers_and_readers_loses_nothing(database: Database) {
    set(&create(&database, None).await.store, "ALL", "first").await;
    let mut stores = Vec::new();
    for _ in 0..3 {
        stores.push(instance(&database).await);
    }
    let mut tasks = JoinSet::new();
    for task in 0..WRITERS {
        tasks.spawn(write(stores[task % 3].clone(), task));
        tasks.spawn(read(stores[(task + 1) % 3].clone()));
    }
    let mut done = 0;
    for store in [&stores[0], &stores[1], &stores[0]] {
        done += u32::from(store.rotate_key().await.is_ok());
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    assert_eq!(done, 3, "nobody else rotates");
    let (_, whole) = rotated(&database).await;
    for task in 0..WRITERS {
        let own = format!("OWN_{task}");
        assert_eq!(whole.value(&own), Some("second"), "{own}");
    }
    let all = whole
        .secrets
        .keys()
        .filter(|(name, _)| name.name() == "ALL");
    assert_eq!(all.count(), WRITERS + 1);
}

async fn write(store: Store, task: usize) {
    let own = format!("OWN_{task}");
    assert_eq!(set(&store, &own, "first").await, 1);
    set(&store, "ALL", &own).await;
    assert_eq!(set(&store, &own, "second").await, 2);
    assert_eq!(get(&store, &own).await.unwrap(), "second");
}

async fn read(store: Store) {
    for _ in 0..3 {
        let value = get(&store, "ALL").await.unwrap();
        assert!(value == "first" || value.starts_with("OWN_"), "{value}");
        store.entries(None).await.unwrap();
    }
}

async fn who_holds_an_old_keyring_writes_under_the_new_one(database: Database) {
    let rotating = create(&database, None).await.store;
    set(&rotating, "A", "first").await;
    let stale = instance(&database).await;
    for round in 2..6 {
        let rotation = rotating.rotate_key().await.unwrap();
        rotating.destroy_key(round - 1).await.unwrap();
        assert_eq!(rotation.key_version, round);
        let value = format!("value {round}");
        let new = NewSecret::new(name("A"));
        let entry = stale.set(new, &secret(&value)).await.unwrap();
        assert_eq!(entry.key_version, round);
        assert_eq!(get(&rotating, "A").await.unwrap(), value);
    }
    rotated(&database).await;
}

/// Whoever is sealed by it unseals again, and goes on.
async fn a_new_root_key_among_writers_loses_nothing(database: Database) {
    create(&database, None).await;
    let mut tasks = JoinSet::new();
    for task in 0..8 {
        let store = instance(&database).await;
        tasks.spawn(insist(store, task));
    }
    let store = instance(&database).await;
    for _ in 0..3 {
        let costs = KdfParameters::LEAST;
        let rotation = store.rotate_root(vec![credential()], costs, true);
        rotation.await.unwrap();
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    let (_, whole) = rotated(&database).await;
    assert_eq!(whole.root_version, 4);
    assert_eq!(whole.secrets.len(), 80);
    for task in 0..8 {
        assert_eq!(whole.value(&format!("OWN_{task}")), Some("10"));
    }
}

async fn insist(store: Store, task: usize) {
    let own = format!("OWN_{task}");
    for version in 1..=10 {
        let value = secret(&version.to_string());
        loop {
            match store.set(NewSecret::new(name(&own)), &value).await {
                Ok(entry) => break assert_eq!(entry.version, version),
                Err(StoreError::Sealed) => unseal_again(&store).await,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

async fn unseal_again(store: &Store) {
    match store.unseal(credential()).await {
        // The root key was another before it was done.
        Ok(()) | Err(StoreError::Conflict) => {}
        Err(error) => panic!("{error}"),
    }
}

const SHARED: [&str; 8] = ["A", "B", "C", "D", "E", "F", "G", "H"];

const RUNNING: Duration = Duration::from_secs(3);

/// So much is done on a busy machine, too, however long it takes.
const STEPS: u32 = 60;

/// Sets, fetches and rotates until the time is over and enough is done, and says what was acknowledged, line by line.
async fn crowd(database: Database, words: Vec<String>) {
    let seed: u64 = words[0].parse().unwrap();
    let mut chance = Chance::new(seed);
    let store = instance(&database).await;
    let end = Instant::now() + RUNNING;
    println!();
    for number in 0.. {
        if number >= STEPS && Instant::now() > end {
            break;
        }
        let name = chance.one_of(&SHARED);
        match chance.below(10) {
            0 => assert!(is_done_or_fenced(&store.rotate_key().await)),
            1..5 => fetch_and_tell(&store, name).await,
            _ => {
                let value = format!("{number}-of-{seed}");
                println!("set {name} {} {value}", set(&store, name, &value).await);
            }
        }
    }
    // Whoever is last is not fenced off.
    assert!(is_done_or_fenced(&store.rotate_key().await));
}

async fn fetch_and_tell(store: &Store, name_: &str) {
    match store.fetch(&Ask::current(name(name_))).await {
        Ok(fetched) => {
            let (version, value) = (fetched.entry.version, fetched.secret.expose());
            println!("got {name_} {version} {value}");
        }
        Err(StoreError::NoSecret(_)) => {}
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_processes_lose_nothing() {
    databases::with(Kind::Postgres, three_processes).await;
}

async fn three_processes(database: Database) {
    create(&database, None).await;
    let mut children = Vec::new();
    for seed in ["1", "2", "3"] {
        let mut command = play("crowd", &database, &[seed]);
        children.push(tokio::spawn(async move { command.output().await.unwrap() }));
    }
    let (mut sets, mut gets) = (BTreeMap::new(), BTreeSet::new());
    for child in children {
        let output = child.await.unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}\n{complaint}");
        for line in said.lines() {
            note(line, &mut sets, &mut gets);
        }
    }
    assert!(sets.len() > 10 && gets.len() > 10, "too little happened");
    let (_, whole) = rotated(&database).await;
    assert!(whole.keys.len() > 2, "too few rotations");
    let found = whole.secrets.iter().map(|((name, version), (_, value))| {
        let place = (name.name().to_owned(), *version);
        (place, value.clone().unwrap())
    });
    let found: BTreeMap<_, _> = found.collect();
    assert_eq!(found, sets);
    for (place, value) in gets {
        assert_eq!(found[&place], value);
    }
}

type Place = (String, u32);

fn note(line: &str, sets: &mut BTreeMap<Place, String>, gets: &mut BTreeSet<(Place, String)>) {
    let words: Vec<&str> = line.split(' ').collect();
    let [verb @ ("set" | "got"), name, version, value] = words[..] else {
        return;
    };
    let place = (name.to_owned(), version.parse().unwrap());
    if verb == "got" {
        gets.insert((place, value.to_owned()));
        return;
    }
    let other = sets.insert(place, value.to_owned());
    assert_eq!(other, None, "two have {name} {version}");
}
