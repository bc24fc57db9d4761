//! What is logged, and reading it.

use orchestra_secrets::{Action, AuditEntry, Use, UseCounter};

use crate::databases::{Database, on_each_database};
use crate::stores::{create, get, name, set};

on_each_database!(
    everything_is_logged_in_order,
    uses_are_counted_and_told_once,
);

async fn everything_is_logged_in_order(database: Database) {
    let store = create(&database, None).await.store;
    set(&store, "A", "1").await;
    set(&store, "A", "2").await;
    get(&store, "A").await.unwrap();
    store.revoke(&name("A"), Some(1)).await.unwrap();
    store.remove(&name("A")).await.unwrap();
    let expected = [
        Action::StoreCreated,
        Action::SecretSet,
        Action::SecretSet,
        Action::SecretRead,
        Action::SecretRevoked,
        Action::SecretRemoved,
    ];
    let entries = store.audit_entries(0, 100).await.unwrap();
    let actions: Vec<_> = entries.iter().map(|entry| entry.action).collect();
    assert_eq!(actions, expected);
    let mut pages: Vec<AuditEntry> = Vec::new();
    while let Some(last) = Some(pages.last().map_or(0, |entry| entry.seq)) {
        let page = store.audit_entries(last, 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        pages.extend(page);
    }
    assert_eq!(pages, entries);
    let report = store.verify_audit().await.unwrap();
    assert_eq!((report.entries, report.last_seq), (6, 6));
    assert!(store.verify().await.unwrap().is_whole());
}

async fn uses_are_counted_and_told_once(database: Database) {
    let store = create(&database, None).await.store;
    set(&store, "A", "1").await;
    let id = store.entries(None).await.unwrap()[0].id;
    let counter = UseCounter::default();
    counter.count(id, 70);
    counter.count(id, 50);
    store.flush_uses(&counter).await.unwrap();
    store.flush_uses(&counter).await.unwrap();
    let told = Use {
        entry: id,
        count: 3,
        last_used_ms: 60,
    };
    store.record_uses(&[told]).await.unwrap();
    let entry = store.entries(None).await.unwrap().remove(0);
    assert_eq!(entry.last_used_ms, Some(70));
    let entries = store.audit_entries(2, 10).await.unwrap();
    let uses: Vec<_> = entries
        .iter()
        .map(|entry| (entry.action, entry.name.clone(), entry.number))
        .collect();
    let used = |count| (Action::SecretUsed, Some(name("A")), Some(count));
    assert_eq!(uses, [used(2), used(3)]);
    assert_eq!(get(&store, "A").await.unwrap(), "1");
}
