//! What is logged, and reading it.

use orchestra_secrets::{Action, AuditEntry};

use crate::databases::{Database, on_each_database};
use crate::stores::{create, get, name, set, unsealed};

on_each_database!(
    everything_is_logged_in_order,
    the_log_is_read_while_others_write,
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

async fn the_log_is_read_while_others_write(database: Database) {
    let store = create(&database, None).await.store;
    set(&store, "A", "1").await;
    let other = unsealed(&database, None).await.unwrap();
    let writes = async {
        for _ in 0..40 {
            get(&other, "A").await.unwrap();
            set(&store, "A", "2").await;
        }
    };
    let reads = async {
        let mut last = 0;
        for _ in 0..40 {
            let report = store.verify_audit().await.unwrap();
            assert!(report.entries >= last);
            last = report.entries;
            assert!(store.verify().await.unwrap().is_whole());
            store.audit_entries(last - 1, 5).await.unwrap();
        }
    };
    tokio::join!(writes, reads);
    assert_eq!(store.verify_audit().await.unwrap().entries, 83);
}
