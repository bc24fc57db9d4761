//! Restoring where, with what, and over what that must not be done.

use std::path::Path;
use std::sync::Arc;

use orchestra_secrets::backend::migrate;
use orchestra_secrets::{
    AnchorError, Backup, Created, Credential, RecoveryKey, Store, StoreError, StoreParts,
    UnlockError,
};

use crate::attacks::hand::Hand;
use crate::databases::{Database, on_each_database};
use crate::faults::{Fault, Faulty, Plan};
use crate::stores::{create, credential, get, parts, set, unsealed};

on_each_database!(
    nothing_is_restored_over_anything,
    nothing_is_restored_for_a_wrong_credential,
    a_restored_store_is_the_latest_there_is,
    a_key_file_does_not_go_back_in_time,
    the_anchor_of_another_store_is_left_alone,
    what_breaks_while_restoring_leaves_nothing,
);

/// A backup of a small store that was in a file.
async fn backup(anchor: Option<&Path>) -> (Backup, String) {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = Database::Sqlite(folder.path().join("other.db"));
    let Created { store, recovery } = create(&elsewhere, anchor).await;
    set(&store, "A", "1").await;
    let backup = Backup::parse(store.export().await.unwrap()).unwrap();
    (backup, recovery.expose().to_string())
}

fn key(text: &str) -> Credential {
    Credential::recovery(&RecoveryKey::parse(text).ok().unwrap())
}

async fn nothing_is_restored_over_anything(database: Database) {
    let (backup, _) = backup(None).await;
    let store = create(&database, None).await.store;
    set(&store, "B", "2").await;
    let hand = Hand::new(&database.open().await);
    let whole = hand.copy().await;
    for left in [
        "secrets_store",
        "secrets_slots",
        "secrets_entries",
        "secrets_audit",
        "secrets_checkpoints",
    ] {
        hand.put_back(&whole).await;
        if left == "secrets_checkpoints" {
            store.checkpoint().await.unwrap().unwrap();
        }
        // Not even over the rest of a store.
        for table in [
            "secrets_store",
            "secrets_slots",
            "secrets_entries",
            "secrets_audit",
            "secrets_checkpoints",
        ] {
            if table != left {
                hand.run(format!("DELETE FROM {table}"), Vec::new()).await;
            }
        }
        let before = hand.copy().await;
        let refused = backup
            .restore(parts(&database, None).await, credential())
            .await;
        assert!(matches!(refused, Err(StoreError::StoreExists)), "{left}");
        assert!(hand.copy().await == before, "{left}");
    }
}

async fn nothing_is_restored_for_a_wrong_credential(database: Database) {
    let (backup, _) = backup(None).await;
    let hand = Hand::new(&database.open().await);
    for (credential, expected) in [
        (Credential::key_file(&[1; 32]), "refused"),
        (Credential::key_file(&[1; 3]), "refused"),
        (key(&other_recovery_key()), "refused"),
        (Credential::passphrase("correct horse battery"), "no slot"),
    ] {
        let parts = parts(&database, None).await;
        let refused = backup.restore(parts, credential).await.map(drop);
        let said = match refused {
            Err(StoreError::Unlock(UnlockError::Refused)) => "refused",
            Err(StoreError::Unlock(UnlockError::NoSlot(_))) => "no slot",
            other => panic!("{other:?}"),
        };
        assert_eq!(said, expected);
    }
    backup
        .restore(parts(&database, None).await, credential())
        .await
        .unwrap();
    assert_eq!(
        hand.rows("SELECT id FROM secrets_store", vec![])
            .await
            .len(),
        1
    );
}

fn other_recovery_key() -> String {
    let key = RecoveryKey::random(&orchestra_secrets::OsEntropy)
        .ok()
        .unwrap();
    key.expose().to_string()
}

/// A folder with an anchor in it, that has seen the store go on behind its backup.
async fn left_behind() -> (tempfile::TempDir, Backup, String, u64) {
    let folder = tempfile::tempdir().unwrap();
    let anchor = folder.path().join("anchor");
    let lost = Database::Sqlite(folder.path().join("lost.db"));
    let Created { store, recovery } = create(&lost, Some(&anchor)).await;
    set(&store, "A", "1").await;
    let backup = Backup::parse(store.export().await.unwrap()).unwrap();
    for number in 0..5 {
        set(&store, "A", &number.to_string()).await;
    }
    let epoch = store.epoch().await.unwrap();
    (folder, backup, recovery.expose().to_string(), epoch)
}

async fn a_restored_store_is_the_latest_there_is(database: Database) {
    let (folder, backup, recovery, seen) = left_behind().await;
    let anchor = folder.path().join("anchor");
    assert!(backup.info().epoch < seen);
    let restored = backup
        .restore(parts(&database, Some(&anchor)).await, key(&recovery))
        .await;
    let restored = restored.unwrap();
    assert!(restored.epoch().await.unwrap() > seen);
    assert_eq!(restored.status().await.unwrap().anchor_failure, None);
    assert_eq!(get(&restored, "A").await.unwrap(), "1");
    // Another process finds it as the anchor has it, and the lost database, found again, is old.
    unsealed(&database, Some(&anchor)).await.unwrap();
    let lost = Database::Sqlite(folder.path().join("lost.db"));
    let old = unsealed(&lost, Some(&anchor)).await.map(drop);
    assert!(matches!(old, Err(StoreError::RolledBack { .. })), "{old:?}");
}

async fn a_key_file_does_not_go_back_in_time(database: Database) {
    let (folder, backup, recovery, epoch) = left_behind().await;
    let anchor = folder.path().join("anchor");
    let hand = Hand::new(&database.open().await);
    let refused = backup
        .restore(parts(&database, Some(&anchor)).await, credential())
        .await;
    let seen = match refused.map(drop) {
        Err(StoreError::NeedsPerson { seen }) => seen,
        other => panic!("{other:?}"),
    };
    assert_eq!(seen, epoch);
    assert!(
        hand.rows("SELECT id FROM secrets_store", vec![])
            .await
            .is_empty()
    );
    backup
        .restore(parts(&database, Some(&anchor)).await, key(&recovery))
        .await
        .unwrap();
}

async fn the_anchor_of_another_store_is_left_alone(database: Database) {
    let (backup, recovery) = backup(None).await;
    let (folder, ..) = left_behind().await;
    let anchor = folder.path().join("anchor");
    let before = std::fs::read(&anchor).unwrap();
    let refused = backup
        .restore(parts(&database, Some(&anchor)).await, key(&recovery))
        .await;
    assert!(matches!(
        refused,
        Err(StoreError::Anchor(AnchorError::Damaged { .. }))
    ));
    assert_eq!(std::fs::read(&anchor).unwrap(), before);
}

async fn what_breaks_while_restoring_leaves_nothing(database: Database) {
    let (backup, _) = backup(None).await;
    let plan = Plan::new();
    let faulty: Arc<dyn orchestra_secrets::backend::Backend> =
        Arc::new(Faulty::new(database.open().await, plan.clone()));
    migrate(&*faulty).await.unwrap();
    let hand = Hand::new(&database.open().await);
    let empty = hand.copy().await;
    let restore = async || -> Result<Store, StoreError> {
        let parts = StoreParts::new(Arc::clone(&faulty), "a test");
        backup.restore(parts, credential()).await
    };
    plan.clear();
    restore().await.unwrap();
    let points = plan.points();
    assert!(points > 12);
    for point in 0..points {
        hand.put_back(&empty).await;
        plan.fault_at(point, Fault::Before);
        assert!(restore().await.is_err(), "{point}");
        assert!(hand.copy().await == empty, "{point}");
    }
    plan.clear();
    assert_eq!(get(&restore().await.unwrap(), "A").await.unwrap(), "1");
}
