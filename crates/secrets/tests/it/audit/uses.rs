//! Uses, which are counted where they happen and told later.

use std::sync::Arc;
use std::time::Duration;

use orchestra_secrets::{
    Action, AuditEntry, EntryId, KdfParameters, Store, StoreParts, Use, UseCounter,
};

use crate::attacks::hand::Hand;
use crate::databases::{Database, on_each_database};
use crate::faults::{Fault, Faulty, Plan};
use crate::stores::{create, credential, get, name, set};

on_each_database!(
    uses_are_told_once,
    a_secret_that_is_gone_is_noted_without_its_name,
    uses_that_could_not_be_told_are_counted_again,
);

const fn used(entry: EntryId, count: u64, last_used_ms: i64) -> Use {
    Use {
        entry,
        count,
        last_used_ms,
    }
}

async fn only_entry(store: &Store) -> orchestra_secrets::Entry {
    store.entries(None).await.unwrap().remove(0)
}

/// The uses in the log.
async fn told(store: &Store) -> Vec<AuditEntry> {
    let mut entries = store.audit_entries(0, 100).await.unwrap();
    entries.retain(|entry| entry.action == Action::SecretUsed);
    entries
}

async fn uses_are_told_once(database: Database) {
    let store = create(&database, None).await.store;
    set(&store, "A", "1").await;
    let entry = only_entry(&store).await;
    let counter = UseCounter::default();
    counter.count(entry.id, 70);
    counter.count(entry.id, 50);
    store.flush_uses(&counter).await.unwrap();
    let epoch = store.epoch().await.unwrap();
    // Nothing to tell is not told.
    store.flush_uses(&counter).await.unwrap();
    store.record_uses(&[used(entry.id, 0, 99)]).await.unwrap();
    assert_eq!(store.epoch().await.unwrap(), epoch);
    store.record_uses(&[used(entry.id, 3, 60)]).await.unwrap();
    let after = only_entry(&store).await;
    assert_eq!(after.last_used_ms, Some(70));
    let told = told(&store).await;
    let counts: Vec<_> = told.iter().map(|told| told.number).collect();
    assert_eq!(counts, [Some(2), Some(3)]);
    for told in told {
        assert_eq!(told.name, Some(name("A")));
        assert_eq!((told.version, told.entry), (Some(1), Some(entry.id)));
    }
    // Nothing else of the row has changed.
    assert_eq!(get(&store, "A").await.unwrap(), "1");
    assert!(store.verify().await.unwrap().is_whole());
}

async fn a_secret_that_is_gone_is_noted_without_its_name(database: Database) {
    let store = create(&database, None).await.store;
    set(&store, "A", "1").await;
    let gone = only_entry(&store).await.id;
    store.remove(&name("A")).await.unwrap();
    set(&store, "B", "1").await;
    let edited = only_entry(&store).await.id;
    let hand = Hand::new(&database.open().await);
    let edit = "UPDATE secrets_entries SET name = 'C'";
    assert_eq!(hand.run(edit, Vec::new()).await, 1);
    let uses = [used(gone, 1, 1), used(edited, 2, 1)];
    store.record_uses(&uses).await.unwrap();
    for (told, used) in told(&store).await.iter().zip(uses) {
        assert_eq!(
            (told.entry, told.number),
            (Some(used.entry), Some(used.count))
        );
        assert_eq!((&told.name, told.version), (&None, None));
    }
}

async fn uses_that_could_not_be_told_are_counted_again(database: Database) {
    let plan = Plan::new();
    let backend = Arc::new(Faulty::new(database.open().await, plan.clone()));
    let parts = StoreParts::new(backend, "a test");
    let created = Store::create(parts, vec![credential()], KdfParameters::LEAST);
    let store = created.await.unwrap().store;
    set(&store, "A", "1").await;
    let entry = only_entry(&store).await.id;
    let counter = UseCounter::default();
    counter.count(entry, 5);
    plan.clear();
    store.flush_uses(&counter).await.unwrap();
    let points = plan.points();
    let before = told(&store).await.len();
    for point in 0..points {
        counter.count(entry, 5);
        plan.fault_at(point, Fault::Before);
        store.flush_uses(&counter).await.unwrap_err();
        plan.clear();
        assert_eq!(counter.take(), [used(entry, 1, 5)], "{point}");
        assert_eq!(told(&store).await.len(), before, "{point}");
        // Whoever loses patience has told nothing, too.
        counter.count(entry, 5);
        plan.fault_at(point, Fault::Delay(Duration::from_secs(60)));
        let patience = Duration::from_millis(50);
        let flushed = tokio::time::timeout(patience, store.flush_uses(&counter)).await;
        assert!(flushed.is_err(), "{point}");
        plan.clear();
        assert_eq!(counter.take(), [used(entry, 1, 5)], "{point}");
        assert_eq!(told(&store).await.len(), before, "{point}");
    }
    assert!(store.verify().await.unwrap().is_whole());
}
