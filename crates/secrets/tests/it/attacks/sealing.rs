//! Who is in and who is out while others unseal and seal.

use std::sync::Arc;
use std::time::Duration;

use orchestra_secrets::backend::{Backend, Mode};
use orchestra_secrets::{Action, AnchorError, KdfParameters, Store, StoreError, StoreParts};

use super::quick;
use crate::databases::{Database, on_each_database};
use crate::faults::{Fault, Faulty, Plan};
use crate::stores::{create, credential, get, set};

on_each_database!(
    a_seal_that_is_given_up_has_sealed_all_the_same,
    who_waits_when_the_store_is_sealed_gets_nothing,
    who_unseals_while_another_seals_stays_outside,
    a_new_store_does_not_take_anothers_anchor,
    a_root_key_that_only_an_unseen_key_opens_is_not_made,
);

/// An unsealed store with a secret, whose database does what the plan says.
async fn planned(database: &Database) -> (Store, Arc<dyn Backend>, Plan) {
    set(&create(database, None).await.store, "A", "value").await;
    let plan = Plan::new();
    let backend: Arc<dyn Backend> = Arc::new(Faulty::new(database.open().await, plan.clone()));
    let store = Store::open(StoreParts::new(Arc::clone(&backend), "a test"))
        .await
        .unwrap();
    store.unseal(credential()).await.unwrap();
    plan.clear();
    (store, backend, plan)
}

async fn a_seal_that_is_given_up_has_sealed_all_the_same(database: Database) {
    let (store, backend, _) = planned(&database).await;
    let writer = backend.begin(Mode::Write).await.unwrap();
    let given_up = tokio::time::timeout(Duration::from_millis(20), store.seal()).await;
    assert!(given_up.is_err(), "the entry cannot have been written");
    assert!(store.is_sealed());
    drop(writer);
    assert!(matches!(get(&store, "A").await, Err(StoreError::Sealed)));
}

async fn who_waits_when_the_store_is_sealed_gets_nothing(database: Database) {
    let (store, backend, plan) = planned(&database).await;
    let writer = backend.begin(Mode::Write).await.unwrap();
    let asked = plan.points();
    let waiting = store.clone();
    let waiting = tokio::spawn(async move { get(&waiting, "A").await });
    while plan.points() == asked {
        tokio::task::yield_now().await;
    }
    let sealing = store.clone();
    let sealing = tokio::spawn(async move { sealing.seal().await });
    while !store.is_sealed() {
        tokio::task::yield_now().await;
    }
    drop(writer);
    assert!(matches!(waiting.await.unwrap(), Err(StoreError::Sealed)));
    sealing.await.unwrap().unwrap();
    store.unseal(credential()).await.unwrap();
    let entries = store.audit_entries(0, 100).await.unwrap();
    let last: Vec<Action> = entries
        .iter()
        .rev()
        .take(2)
        .map(|entry| entry.action)
        .collect();
    assert_eq!(last, [Action::Unsealed, Action::Sealed]);
}

async fn who_unseals_while_another_seals_stays_outside(database: Database) {
    let (store, _, plan) = planned(&database).await;
    // At the commit, the last of what an unsealing passes.
    store.unseal(credential()).await.unwrap();
    let commit = plan.points() - 1;
    plan.fault_at(commit, Fault::Delay(Duration::from_millis(300)));
    let unsealing = store.clone();
    let unsealing = tokio::spawn(async move { unsealing.unseal(credential()).await });
    while plan.points() <= commit {
        tokio::task::yield_now().await;
    }
    store.seal().await.unwrap();
    assert!(matches!(unsealing.await.unwrap(), Err(StoreError::Sealed)));
    assert!(store.is_sealed());
}

async fn a_new_store_does_not_take_anothers_anchor(database: Database) {
    let folder = quick::folder();
    let anchor = folder.path().join("anchor");
    let old = Database::Sqlite(folder.path().join("old.db"));
    create(&old, Some(&anchor)).await;
    let parts = StoreParts {
        anchor: Some(anchor.clone()),
        ..StoreParts::new(database.open().await, "a test")
    };
    let made = Store::create(parts.clone(), vec![credential()], KdfParameters::LEAST).await;
    let refused = made.err().unwrap();
    assert!(
        matches!(refused, StoreError::Anchor(AnchorError::Damaged { .. })),
        "{refused}"
    );
    assert!(matches!(
        Store::open(parts.clone()).await,
        Err(StoreError::NoStore)
    ));
    std::fs::remove_file(&anchor).unwrap();
    assert!(
        Store::create(parts, vec![credential()], KdfParameters::LEAST)
            .await
            .is_ok()
    );
}

/// If the process dies before the new recovery key was shown, nothing would open the store.
async fn a_root_key_that_only_an_unseen_key_opens_is_not_made(database: Database) {
    let created = create(&database, None).await;
    let rotated = created
        .store
        .rotate_root(Vec::new(), KdfParameters::LEAST, true)
        .await;
    assert!(matches!(rotated, Err(StoreError::NoCredential)));
}
