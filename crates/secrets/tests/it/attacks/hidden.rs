//! Rows that somebody hides from the store, or shows otherwise than they are, and then shows again.

use std::sync::Arc;

use orchestra_secrets::backend::Backend;
use orchestra_secrets::{Ask, State, Store, StoreError};

use super::hand::Hand;
use crate::databases::{Database, on_each_database};
use crate::stores::{create, get, name, set};

on_each_database!(
    a_superseded_version_cannot_be_made_current_again,
    a_version_called_revoked_is_revoked_all_the_same,
    a_version_under_another_name_is_not_forgotten,
    a_version_that_bears_anothers_number_is_not_revoked_in_its_place,
    a_row_that_cannot_be_read_stops_its_own_version_only,
    a_removed_version_that_was_hidden_stays_removed,
    a_deleted_row_is_missed_though_another_was_added,
    the_last_number_of_a_version_stops_nobody,
    the_last_number_of_a_slot_stops_nobody,
);

async fn prepared(database: &Database) -> (Store, Hand) {
    let store = create(database, None).await.store;
    let backend: Arc<dyn Backend> = database.open().await;
    (store, Hand::new(&backend))
}

async fn version(store: &Store, name_: &str, version: u32) -> Result<String, StoreError> {
    let ask = Ask {
        version: Some(version),
        ..Ask::current(name(name_))
    };
    let fetched = store.fetch(&ask).await?;
    Ok(fetched.secret.expose().to_owned())
}

const STATE: &str = "UPDATE secrets_entries SET state = $1 WHERE name = $2 AND version = $3";
const RENAME: &str = "UPDATE secrets_entries SET name = $1 WHERE name = $2 AND version = $3";

/// Two rows that are both genuine and current would let whoever writes the database choose.
async fn a_superseded_version_cannot_be_made_current_again(database: Database) {
    let (store, hand) = prepared(&database).await;
    set(&store, "A", "first").await;
    hand.run(STATE, vec!["previous".into(), "A".into(), 1_i64.into()])
        .await;
    let new = orchestra_secrets::NewSecret::new(name("A"));
    let again = store.set(new, &crate::stores::secret("second")).await;
    hand.run(STATE, vec!["current".into(), "A".into(), 1_i64.into()])
        .await;
    if again.is_ok() {
        hand.run(STATE, vec!["previous".into(), "A".into(), 2_i64.into()])
            .await;
        assert!(get(&store, "A").await.is_err(), "the old value is back");
    }
    assert!(matches!(
        again,
        Err(StoreError::EntryTampered { version: 1, .. })
    ));
}

async fn a_version_called_revoked_is_revoked_all_the_same(database: Database) {
    let (store, hand) = prepared(&database).await;
    set(&store, "A", "value").await;
    hand.run(STATE, vec!["revoked".into(), "A".into(), 1_i64.into()])
        .await;
    let revoked = store.revoke(&name("A"), None).await;
    hand.run(STATE, vec!["current".into(), "A".into(), 1_i64.into()])
        .await;
    assert!(get(&store, "A").await.is_err(), "it can still be had");
    let revoked = revoked.unwrap();
    assert_eq!(revoked.len(), 1);
    assert_eq!(revoked[0].state, State::Revoked);
}

async fn a_version_under_another_name_is_not_forgotten(database: Database) {
    let (store, hand) = prepared(&database).await;
    set(&store, "A", "first").await;
    set(&store, "A", "second").await;
    hand.run(RENAME, vec!["Z".into(), "A".into(), 1_i64.into()])
        .await;
    let revoked = store.revoke(&name("A"), None).await;
    hand.run(RENAME, vec!["A".into(), "Z".into(), 1_i64.into()])
        .await;
    match revoked {
        Ok(_) => assert!(
            version(&store, "A", 1).await.is_err(),
            "it can still be had"
        ),
        Err(error) => assert!(matches!(error, StoreError::NameTampered { .. }), "{error}"),
    }
}

async fn a_version_that_bears_anothers_number_is_not_revoked_in_its_place(database: Database) {
    let (store, hand) = prepared(&database).await;
    set(&store, "A", "first").await;
    set(&store, "A", "second").await;
    let swap = "UPDATE secrets_entries SET version = $1 WHERE version = $2";
    for (to, from) in [(3_i64, 1_i64), (1, 2), (2, 3)] {
        hand.run(swap, vec![to.into(), from.into()]).await;
    }
    let revoked = store.revoke(&name("A"), Some(1)).await;
    assert!(matches!(revoked, Err(StoreError::EntryTampered { .. })));
    // Whichever it is, all of them can be revoked.
    assert_eq!(store.revoke(&name("A"), None).await.unwrap().len(), 2);
    for number in [1, 2] {
        let revoked = version(&store, "A", number).await;
        assert!(matches!(revoked, Err(StoreError::Revoked { .. })));
    }
    assert!(store.verify().await.unwrap().is_whole());
    assert!(store.revoke(&name("A"), None).await.unwrap().is_empty());
}

async fn a_row_that_cannot_be_read_stops_its_own_version_only(database: Database) {
    let (store, hand) = prepared(&database).await;
    set(&store, "A", "first").await;
    set(&store, "A", "second").await;
    hand.run(STATE, vec!["retired".into(), "A".into(), 1_i64.into()])
        .await;
    assert_eq!(get(&store, "A").await.unwrap(), "second");
    let unreadable = version(&store, "A", 1).await;
    assert!(matches!(unreadable, Err(StoreError::NameTampered { .. })));
    hand.run(STATE, vec!["retired".into(), "A".into(), 2_i64.into()])
        .await;
    let unreadable = get(&store, "A").await;
    assert!(matches!(unreadable, Err(StoreError::NameTampered { .. })));
    assert_eq!(store.remove(&name("A")).await.unwrap(), 2);
    assert_eq!(set(&store, "A", "third").await, 1);
}

async fn a_removed_version_that_was_hidden_stays_removed(database: Database) {
    let (store, hand) = prepared(&database).await;
    set(&store, "A", "first").await;
    set(&store, "A", "second").await;
    hand.run(RENAME, vec!["Z".into(), "A".into(), 1_i64.into()])
        .await;
    let removed = store.remove(&name("A")).await;
    hand.run(RENAME, vec!["A".into(), "Z".into(), 1_i64.into()])
        .await;
    assert!(
        version(&store, "A", 1).await.is_err(),
        "it can still be had"
    );
    assert_eq!(removed.unwrap(), 2);
    assert!(store.verify().await.unwrap().is_whole());
}

async fn a_deleted_row_is_missed_though_another_was_added(database: Database) {
    let (store, hand) = prepared(&database).await;
    set(&store, "A", "first").await;
    set(&store, "B", "other").await;
    let copy = "UPDATE secrets_entries SET name = 'C' WHERE name = 'A'";
    hand.run(copy, Vec::new()).await;
    let missing = get(&store, "A").await;
    assert!(
        matches!(missing, Err(StoreError::NameTampered { .. })),
        "{missing:?}"
    );
    let new = orchestra_secrets::NewSecret::new(name("A"));
    let again = store.set(new, &crate::stores::secret("second")).await;
    assert!(
        matches!(again, Err(StoreError::NameTampered { .. })),
        "{again:?}"
    );
    // Of other names it says nothing.
    assert_eq!(get(&store, "B").await.unwrap(), "other");
    assert_eq!(set(&store, "D", "new").await, 1);
}

async fn the_last_number_of_a_version_stops_nobody(database: Database) {
    let (store, hand) = prepared(&database).await;
    set(&store, "A", "first").await;
    set(&store, "A", "second").await;
    let last = "UPDATE secrets_entries SET version = 4294967295 WHERE version = 1";
    hand.run(last, Vec::new()).await;
    let new = orchestra_secrets::NewSecret::new(name("A"));
    let again = store.set(new, &crate::stores::secret("third")).await;
    assert!(
        matches!(again, Err(StoreError::EntryTampered { .. })),
        "{again:?}"
    );
    assert_eq!(get(&store, "A").await.unwrap(), "second");
    let last = "UPDATE secrets_entries SET row_version = 9223372036854775807 WHERE version = 2";
    hand.run(last, Vec::new()).await;
    assert!(get(&store, "A").await.is_err());
    // What was tampered with can be taken away.
    assert_eq!(store.remove(&name("A")).await.unwrap(), 2);
    assert!(store.verify().await.unwrap().is_whole());
}

async fn the_last_number_of_a_slot_stops_nobody(database: Database) {
    let (store, hand) = prepared(&database).await;
    let orchestra_secrets::backend::Value::Blob(Some(mut slot)) = hand
        .value("SELECT slot FROM secrets_slots WHERE id = 1", Vec::new())
        .await
    else {
        panic!("a slot is bytes");
    };
    // Behind magic, format and kind.
    slot[6..10].fill(0xff);
    let insert = "INSERT INTO secrets_slots (id, slot) VALUES (4294967295, $1)";
    hand.run(insert, vec![slot.into()]).await;
    let credential = orchestra_secrets::Credential::key_file(&[7; 40]);
    let costs = orchestra_secrets::KdfParameters::LEAST;
    let added = store.add_slot(credential, costs).await;
    assert_eq!(added.unwrap(), 3);
}
