//! What a process does until it is killed, and what it looks at before.

use std::path::{Path, PathBuf};

use orchestra_secrets::{Credential, KdfParameters, SlotKind, Store, StoreError};

use super::super::whole::Whole;
use super::journal::Journal;
use crate::databases::Database;
use crate::processes::Role;
use crate::stores::{create, credential, get, set};

/// What the other processes do.
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

fn parts_of(words: &[String]) -> (PathBuf, PathBuf) {
    let folder = PathBuf::from(&words[0]);
    let anchor = folder.join("anchor");
    (folder, anchor)
}

pub(super) async fn opened(
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

pub(super) fn key_file(number: u64) -> Credential {
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

pub(super) const VALUES: [(&str, &str); 5] = [
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
