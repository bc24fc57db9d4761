//! Two copies of one machine, which draw the same random bytes from then on.

use std::sync::Arc;

use orchestra_secrets::backend::{Backend, Value};
use orchestra_secrets::{Created, KdfParameters, Store, StoreError, StoreParts};

use super::chance::{Repeatable, Still};
use super::hand::Hand;
use super::quick;
use super::whole::Whole;
use crate::databases::{Database, on_each_database};
use crate::stores::{create, credential, name, secret, set};

on_each_database!(
    copies_of_a_store_use_no_nonce_twice,
    copies_at_one_database_lose_nothing,
);

/// A store whose random bytes are those of every other with this seed, and whose time is the same.
async fn copied(backend: &Arc<dyn Backend>, seed: u64) -> Store {
    let parts = StoreParts {
        clock: Arc::new(Still),
        entropy: Arc::new(Repeatable::new(seed)),
        ..StoreParts::new(Arc::clone(backend), "a test")
    };
    let store = Store::open(parts).await.unwrap();
    store.unseal(credential()).await.unwrap();
    store
}

/// Salt and nonce of the record of each row of a name: behind the header of 9 bytes and the suite's number.
async fn salts_and_nonces(hand: &Hand, name: &str) -> Vec<Vec<u8>> {
    let select = "SELECT record FROM secrets_entries WHERE name = $1 ORDER BY version";
    let rows = hand.rows(select, vec![name.into()]).await;
    let part = |row: &Vec<Value>| match &row[0] {
        Value::Blob(Some(record)) => record[10..10 + 32 + 12].to_vec(),
        other => panic!("{other:?} is no record"),
    };
    rows.iter().map(part).collect()
}

/// The machine was copied with its database. GCM shows two values that are encrypted with one key and one nonce.
async fn copies_of_a_store_use_no_nonce_twice(database: Database) {
    let backend = quick::backend(&database).await;
    let parts = StoreParts::new(Arc::clone(&backend), "a test");
    let created = Store::create(parts, vec![credential()], KdfParameters::LEAST).await;
    let Created { store, .. } = created.unwrap();
    set(&store, "A", "before").await;
    let hand = Hand::new(&backend);
    let start = hand.copy().await;
    let mut seen = Vec::new();
    for value in [
        "same",
        "same",
        "else",
        "a value that is longer than the others",
    ] {
        hand.put_back(&start).await;
        let copy = copied(&backend, 1).await;
        set(&copy, "A", value).await;
        Whole::of(&copy).await;
        seen.push(salts_and_nonces(&hand, "A").await.remove(1));
    }
    assert_eq!(seen[0], seen[1], "the bytes are drawn from the same seed");
    for (place, seen_in) in seen.iter().enumerate().skip(1) {
        for other in &seen[place + 1..] {
            assert_ne!(seen_in[..32], other[..32], "a salt");
            assert_ne!(seen_in[32..], other[32..], "a nonce");
        }
    }
}

/// Both draw the same number for a new row: the second is refused, and its next attempt is not.
async fn copies_at_one_database_lose_nothing(database: Database) {
    let store = create(&database, None).await.store;
    let backend = database.open().await;
    let (first, second) = (copied(&backend, 2).await, copied(&backend, 2).await);
    set(&first, "A", "of the first").await;
    let new = orchestra_secrets::NewSecret::new(name("B"));
    let refused = second.set(new, &secret("of the second")).await;
    assert!(
        matches!(refused, Err(StoreError::Backend(_))),
        "{refused:?}"
    );
    let whole = Whole::of(&store).await;
    assert_eq!(whole.value("A"), Some("of the first"));
    assert_eq!(whole.secrets.len(), 1);
    set(&second, "B", "of the second").await;
    let whole = Whole::of(&store).await;
    assert_eq!(whole.value("A"), Some("of the first"));
    assert_eq!(whole.value("B"), Some("of the second"));
}
