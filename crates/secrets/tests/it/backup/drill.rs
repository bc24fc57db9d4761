//! Restore drills.

use orchestra_secrets::{Backup, Credential};

use crate::databases::{Database, on_each_database, with};
use crate::stores::{create, get, parts, set};

on_each_database!(what_was_backed_up_comes_back);

async fn what_was_backed_up_comes_back(database: Database) {
    let created = create(&database, None).await;
    let store = created.store;
    set(&store, "A", "1").await;
    let backup = Backup::parse(store.export().await.unwrap()).unwrap();
    let report = backup
        .verify(Credential::recovery(&created.recovery))
        .unwrap();
    assert!(report.is_whole(), "{report:?}");
    for kind in [
        orchestra_secrets::backend::Kind::Sqlite,
        orchestra_secrets::backend::Kind::Postgres,
    ] {
        let backup = Backup::parse(store.export().await.unwrap()).unwrap();
        let credential = Credential::recovery(&created.recovery);
        with(kind, async move |other| {
            let parts = parts(&other, None).await;
            let restored = backup.restore(parts, credential).await.unwrap();
            assert_eq!(get(&restored, "A").await.unwrap(), "1");
            assert!(restored.verify().await.unwrap().is_whole());
        })
        .await;
    }
}
