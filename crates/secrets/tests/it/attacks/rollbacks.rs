//! What was true once is put back: a row, all rows, a slot, the keyring, everything.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use orchestra_secrets::backend::{Backend, BackendError};
use orchestra_secrets::{
    Action, AnchorError, Ask, Created, Credential, KdfParameters, RecoveryKey, Store, StoreError,
    UnlockError,
};
use tempfile::TempDir;

use super::hand::Hand;
use super::quick;
use crate::databases::{Database, on_each_database};
use crate::stores::{credential, get, name, parts, set, unsealed};

on_each_database!(
    an_old_row_is_refused,
    a_row_from_before_it_was_revoked_or_removed_is_refused,
    old_rows_are_refused_all_of_them,
    an_old_slot_does_not_bring_back_an_old_passphrase,
    an_old_keyring_is_refused,
    rows_that_are_deleted_or_added_are_noticed,
    an_old_state_is_refused_until_it_is_accepted,
    who_runs_notices_an_old_state_at_the_next_write,
    an_accepted_state_is_accepted_by_all,
    who_went_on_from_an_old_state_is_not_believed,
    keys_of_a_state_that_was_given_up_are_not_used,
    without_an_anchor_the_first_state_is_believed,
    an_anchor_that_was_changed_lets_nobody_in,
    instances_share_an_anchor,
);

/// A store with an anchor, and somebody who can write its database.
struct Scene {
    database: Database,
    store: Store,
    recovery: RecoveryKey,
    hand: Hand,
    anchor: PathBuf,
    folder: TempDir,
}

impl Scene {
    async fn of(database: Database) -> Self {
        let folder = quick::folder();
        let anchor = folder.path().join("anchor");
        let Created { store, recovery } = crate::stores::create(&database, Some(&anchor)).await;
        let backend: Arc<dyn Backend> = database.open().await;
        Self {
            hand: Hand::new(&backend),
            database,
            store,
            recovery,
            anchor,
            folder,
        }
    }

    /// Another process that remembers in this file, sealed.
    async fn instance(&self, anchor: Option<&Path>) -> Store {
        Store::open(parts(&self.database, anchor).await)
            .await
            .unwrap()
    }

    fn recovery(&self) -> Credential {
        Credential::recovery(&self.recovery)
    }

    async fn epoch(&self) -> u64 {
        self.store.epoch().await.unwrap()
    }
}

fn is_rolled_back<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::RolledBack { .. }))
}

fn is_refused<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::EntryTampered { .. }))
}

async fn version(store: &Store, name_: &str, version: u32) -> Result<String, StoreError> {
    let ask = Ask {
        version: Some(version),
        ..Ask::current(name(name_))
    };
    let fetched = store.fetch(&ask).await?;
    Ok(fetched.secret.expose().to_owned())
}

async fn an_old_row_is_refused(database: Database) {
    let scene = Scene::of(database).await;
    set(&scene.store, "A", "first").await;
    set(&scene.store, "B", "other").await;
    let row = scene.hand.row("secrets_entries", "name", "A").await;
    set(&scene.store, "A", "second").await;
    scene.hand.replace_row("secrets_entries", &row).await;
    assert!(is_refused(&version(&scene.store, "A", 1).await));
    assert_eq!(get(&scene.store, "A").await.unwrap(), "second");
    let hide = "UPDATE secrets_entries SET state = 'previous' WHERE name = 'A' AND version = 2";
    scene.hand.run(hide, Vec::new()).await;
    assert!(is_refused(&get(&scene.store, "A").await));
    assert_eq!(get(&scene.store, "B").await.unwrap(), "other");
    let row = scene.hand.row("secrets_entries", "name", "B").await;
    scene.store.remove(&name("A")).await.unwrap();
    scene.store.rotate_key().await.unwrap();
    scene.hand.replace_row("secrets_entries", &row).await;
    assert!(is_refused(&get(&scene.store, "B").await));
}

async fn a_row_from_before_it_was_revoked_or_removed_is_refused(database: Database) {
    let scene = Scene::of(database).await;
    set(&scene.store, "A", "first").await;
    let row = scene.hand.row("secrets_entries", "name", "A").await;
    scene.store.revoke(&name("A"), None).await.unwrap();
    scene.hand.replace_row("secrets_entries", &row).await;
    assert!(is_refused(&get(&scene.store, "A").await));
    scene.store.remove(&name("A")).await.unwrap();
    scene.hand.replace_row("secrets_entries", &row).await;
    assert!(is_refused(&get(&scene.store, "A").await));
    let report = scene.store.verify().await.unwrap();
    assert_eq!(report.damaged.len(), 1, "{report:?}");
}

async fn old_rows_are_refused_all_of_them(database: Database) {
    let scene = Scene::of(database).await;
    for name in ["A", "B", "C"] {
        set(&scene.store, name, "first").await;
    }
    let old = scene.hand.copy().await;
    for name in ["A", "B", "C"] {
        set(&scene.store, name, "second").await;
    }
    scene.hand.put_back_table("secrets_entries", &old).await;
    for name in ["A", "B", "C"] {
        assert!(is_refused(&get(&scene.store, name).await));
    }
    let report = scene.store.verify().await.unwrap();
    assert_eq!(report.damaged.len(), 6, "{report:?}");
}

async fn an_old_slot_does_not_bring_back_an_old_passphrase(database: Database) {
    let scene = Scene::of(database).await;
    let costs = KdfParameters::LEAST;
    let old = || Credential::passphrase("a passphrase that leaked");
    let slot = scene.store.add_slot(old(), costs).await.unwrap();
    let slots = scene.hand.copy().await;
    let new = || Credential::passphrase("a passphrase that did not");
    scene.store.replace_slot(slot, new(), costs).await.unwrap();
    scene.hand.put_back_table("secrets_slots", &slots).await;
    let other = scene.instance(None).await;
    let refused = other.unseal(old()).await;
    assert!(matches!(
        refused,
        Err(StoreError::Unlock(UnlockError::Damaged { .. }))
    ));
    assert!(other.is_sealed());
    // Nor with a new root key: the old one is gone from everything that is listed.
    let rotated = scene.store.rotate_root(vec![credential()], costs, true);
    rotated.await.unwrap();
    scene.hand.put_back_table("secrets_slots", &slots).await;
    for credential in [old(), credential()] {
        assert!(other.unseal(credential).await.is_err());
    }
}

async fn an_old_keyring_is_refused(database: Database) {
    let scene = Scene::of(database).await;
    set(&scene.store, "A", "first").await;
    let keyring = "SELECT keyring FROM secrets_store";
    let old = scene.hand.value(keyring, Vec::new()).await;
    let number = "SELECT keyring_version FROM secrets_store";
    let old_number = scene.hand.value(number, Vec::new()).await;
    scene.store.rotate_key().await.unwrap();
    let put = "UPDATE secrets_store SET keyring = $1";
    scene.hand.run(put, vec![old]).await;
    for store in [&scene.store, &scene.instance(None).await] {
        let refused = store.unseal(credential()).await;
        assert!(matches!(refused, Err(StoreError::Tampered { .. })));
        assert!(get(store, "A").await.is_err());
    }
    let put = "UPDATE secrets_store SET keyring_version = $1";
    scene.hand.run(put, vec![old_number]).await;
    let refused = scene.store.unseal(credential()).await;
    assert!(matches!(refused, Err(StoreError::Tampered { .. })));
    assert!(get(&scene.store, "A").await.is_err());
}

async fn rows_that_are_deleted_or_added_are_noticed(database: Database) {
    let scene = Scene::of(database).await;
    set(&scene.store, "A", "first").await;
    set(&scene.store, "A", "second").await;
    set(&scene.store, "B", "other").await;
    let mut row = scene.hand.row("secrets_entries", "name", "B").await;
    row.set("id", vec![7_u8; 16].into());
    row.set("version", 2_i64.into());
    scene.hand.replace_row("secrets_entries", &row).await;
    assert!(is_refused(&get(&scene.store, "B").await));
    let delete = "DELETE FROM secrets_entries WHERE name = 'A' AND version = 2";
    scene.hand.run(delete, Vec::new()).await;
    let missing = get(&scene.store, "A").await;
    assert!(matches!(missing, Err(StoreError::NameTampered { .. })));
    assert_eq!(version(&scene.store, "A", 1).await.unwrap(), "first");
    let report = scene.store.verify().await.unwrap();
    assert_eq!(report.damaged.len(), 2, "{report:?}");
}

async fn an_old_state_is_refused_until_it_is_accepted(database: Database) {
    let scene = Scene::of(database).await;
    set(&scene.store, "A", "first").await;
    let old = scene.hand.copy().await;
    let epoch = scene.epoch().await;
    set(&scene.store, "A", "second").await;
    scene.hand.put_back(&old).await;
    let restored = scene.instance(Some(&scene.anchor)).await;
    assert!(is_rolled_back(&restored.unseal(credential()).await));
    assert!(is_rolled_back(&restored.unseal(scene.recovery()).await));
    let by_file = restored.accept_restore(credential(), epoch).await;
    assert!(by_file.is_err(), "a key file lies beside the server");
    let wrong = restored.accept_restore(scene.recovery(), epoch + 1).await;
    assert!(matches!(wrong, Err(StoreError::OtherEpoch { found }) if found == epoch));
    assert!(restored.is_sealed());
    assert!(is_rolled_back(&restored.unseal(credential()).await));
    restored
        .accept_restore(scene.recovery(), epoch)
        .await
        .unwrap();
    assert_eq!(get(&restored, "A").await.unwrap(), "first");
    let entries = restored.audit_entries(0, 100).await.unwrap();
    let accepted = |entry: &&orchestra_secrets::AuditEntry| {
        entry.action == Action::RestoreAccepted && entry.number == Some(epoch)
    };
    assert_eq!(entries.iter().filter(accepted).count(), 1);
    let next = scene.instance(Some(&scene.anchor)).await;
    next.unseal(credential()).await.unwrap();
    assert_eq!(get(&next, "A").await.unwrap(), "first");
    // What was given up is not accepted any more.
    scene.hand.put_back(&old).await;
    let again = scene.instance(Some(&scene.anchor)).await;
    assert!(is_rolled_back(&again.unseal(credential()).await));
}

async fn who_runs_notices_an_old_state_at_the_next_write(database: Database) {
    let scene = Scene::of(database).await;
    set(&scene.store, "A", "first").await;
    let unanchored = unsealed(&scene.database, None).await.unwrap();
    let old = scene.hand.copy().await;
    set(&scene.store, "A", "second").await;
    assert_eq!(get(&unanchored, "A").await.unwrap(), "second");
    scene.hand.put_back(&old).await;
    for store in [&scene.store, &unanchored] {
        assert!(is_rolled_back(&store.verify().await));
        assert!(is_rolled_back(&get(store, "A").await));
        assert!(store.is_sealed());
        assert!(is_rolled_back(&store.unseal(credential()).await));
    }
    // Another state of the very same epoch is no better.
    let third = unsealed(&scene.database, None).await.unwrap();
    while third.epoch().await.unwrap() < scene.epoch().await {
        set(&third, "A", "third").await;
    }
    assert!(is_rolled_back(&scene.store.unseal(credential()).await));
}

async fn an_accepted_state_is_accepted_by_all(database: Database) {
    let scene = Scene::of(database).await;
    let own = scene.folder.path().join("own anchor");
    let ahead = unsealed(&scene.database, Some(&own)).await.unwrap();
    let old = scene.hand.copy().await;
    let epoch = scene.epoch().await;
    for value in ["1", "2", "3", "4"] {
        set(&ahead, "A", value).await;
    }
    scene.hand.put_back(&old).await;
    set_again(&scene, epoch).await;
    // It has seen more than who accepted ever knew of.
    assert_eq!(get(&ahead, "A").await.unwrap(), "again");
    let next = scene.instance(Some(&own)).await;
    next.unseal(credential()).await.unwrap();
    assert_eq!(get(&next, "A").await.unwrap(), "again");
}

async fn set_again(scene: &Scene, epoch: u64) {
    let accepting = scene.instance(Some(&scene.anchor)).await;
    let accepted = accepting.accept_restore(scene.recovery(), epoch).await;
    accepted.unwrap();
    set(&accepting, "A", "again").await;
}

/// An instance whose anchor is older goes on until it has passed what others remember.
async fn who_went_on_from_an_old_state_is_not_believed(database: Database) {
    let scene = Scene::of(database).await;
    let own = scene.folder.path().join("own anchor");
    set(&scene.store, "A", "first").await;
    let behind = unsealed(&scene.database, Some(&own)).await.unwrap();
    let old = scene.hand.copy().await;
    for value in ["second", "third"] {
        set(&scene.store, "A", value).await;
    }
    let seen = scene.epoch().await;
    scene.hand.put_back(&old).await;
    while behind.epoch().await.unwrap() <= seen + 3 {
        assert_eq!(get(&behind, "A").await.unwrap(), "first");
    }
    assert!(is_rolled_back(&get(&scene.store, "A").await));
    assert!(scene.store.is_sealed());
    assert!(is_rolled_back(&scene.store.unseal(credential()).await));
    let next = scene.instance(Some(&scene.anchor)).await;
    assert!(is_rolled_back(&next.unseal(credential()).await));
    let epoch = next.epoch().await.unwrap();
    next.accept_restore(scene.recovery(), epoch).await.unwrap();
    for store in [&next, &behind] {
        assert_eq!(get(store, "A").await.unwrap(), "first");
    }
    scene.store.unseal(credential()).await.unwrap();
    // Once is not for ever.
    let accepted = scene.hand.copy().await;
    set(&scene.store, "A", "fourth").await;
    let seen = scene.epoch().await;
    scene.hand.put_back(&accepted).await;
    let trusting = unsealed(&scene.database, None).await.unwrap();
    while trusting.epoch().await.unwrap() <= seen + 3 {
        get(&trusting, "A").await.unwrap();
    }
    assert!(is_rolled_back(&get(&scene.store, "A").await));
}

/// The second keyring has the number of the first, and other keys.
async fn keys_of_a_state_that_was_given_up_are_not_used(database: Database) {
    let scene = Scene::of(database).await;
    set(&scene.store, "A", "first").await;
    let old = scene.hand.copy().await;
    let epoch = scene.epoch().await;
    let kept = unsealed(&scene.database, None).await.unwrap();
    kept.rotate_key().await.unwrap();
    scene.hand.put_back(&old).await;
    let accepting = scene.instance(Some(&scene.anchor)).await;
    let accepted = accepting.accept_restore(scene.recovery(), epoch).await;
    accepted.unwrap();
    accepting.rotate_key().await.unwrap();
    assert_eq!(get(&kept, "A").await.unwrap(), "first");
    set(&kept, "B", "by who kept the keys").await;
    assert_eq!(get(&accepting, "B").await.unwrap(), "by who kept the keys");
    assert!(accepting.verify().await.unwrap().is_whole());
}

async fn without_an_anchor_the_first_state_is_believed(database: Database) {
    let scene = Scene::of(database).await;
    set(&scene.store, "A", "first").await;
    let old = scene.hand.copy().await;
    set(&scene.store, "A", "second").await;
    scene.hand.put_back(&old).await;
    let unanchored = unsealed(&scene.database, None).await.unwrap();
    assert!(!unanchored.status().await.unwrap().anchored);
    assert_eq!(get(&unanchored, "A").await.unwrap(), "first");
    std::fs::remove_file(&scene.anchor).unwrap();
    let trusting = unsealed(&scene.database, Some(&scene.anchor))
        .await
        .unwrap();
    assert_eq!(get(&trusting, "A").await.unwrap(), "first");
    scene.hand.put_back(&old).await;
    let again = scene.instance(Some(&scene.anchor)).await;
    assert!(is_rolled_back(&again.unseal(credential()).await));
}

async fn an_anchor_that_was_changed_lets_nobody_in(database: Database) {
    let scene = Scene::of(database).await;
    set(&scene.store, "A", "first").await;
    let genuine = std::fs::read(&scene.anchor).unwrap();
    for bit in 0..genuine.len() * 8 {
        let mut changed = genuine.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&scene.anchor, changed).unwrap();
        let store = if bit % 97 == 0 {
            scene.instance(Some(&scene.anchor)).await
        } else {
            scene.store.clone()
        };
        let refused = store.unseal(credential()).await;
        assert!(
            matches!(
                refused,
                Err(StoreError::Anchor(AnchorError::Damaged { .. }))
            ),
            "bit {bit}"
        );
    }
    std::fs::write(&scene.anchor, b"").unwrap();
    let store = scene.instance(Some(&scene.anchor)).await;
    assert!(store.unseal(credential()).await.is_err());
    // A person can give it up.
    let epoch = scene.epoch().await;
    store.accept_restore(scene.recovery(), epoch).await.unwrap();
    assert_eq!(store.status().await.unwrap().anchor_failure, None);
    let next = scene.instance(Some(&scene.anchor)).await;
    next.unseal(credential()).await.unwrap();
}

async fn instances_share_an_anchor(database: Database) {
    let scene = Scene::of(database).await;
    let other = unsealed(&scene.database, Some(&scene.anchor))
        .await
        .unwrap();
    set(&other, "A", "0").await;
    let old = scene.hand.copy().await;
    let mut tasks = tokio::task::JoinSet::new();
    for store in [&scene.store, &other, &scene.store, &other] {
        let store = store.clone();
        tasks.spawn(async move {
            for value in ["1", "2", "3", "4", "5"] {
                set(&store, "A", value).await;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let last = scene.hand.copy().await;
    set(&other, "A", "last").await;
    for state in [&old, &last] {
        scene.hand.put_back(state).await;
        let next = scene.instance(Some(&scene.anchor)).await;
        assert!(is_rolled_back(&next.unseal(credential()).await));
    }
    for store in [&scene.store, &other] {
        assert_eq!(store.status().await.unwrap().anchor_failure, None);
    }
}

#[tokio::test]
async fn a_file_that_was_copied_back_is_refused() {
    let folder = quick::folder();
    let file = folder.path().join("store.db");
    let scene = Scene::of(Database::Sqlite(file.clone())).await;
    set(&scene.store, "A", "first").await;
    scene.close().await;
    let old = folder.path().join("old.db");
    std::fs::copy(&file, &old).unwrap();
    let store = unsealed(&scene.database, Some(&scene.anchor))
        .await
        .unwrap();
    set(&store, "A", "second").await;
    // Another file under the name, while the store has the first one open.
    std::fs::rename(&file, folder.path().join("away.db")).unwrap();
    std::fs::copy(&old, &file).unwrap();
    let replaced = get(&store, "A").await;
    assert!(matches!(
        replaced,
        Err(StoreError::Backend(BackendError::Replaced { .. }))
    ));
    store.close().await;
    for leftover in ["store.db-wal", "store.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join(leftover));
    }
    let restored = scene.instance(Some(&scene.anchor)).await;
    assert!(is_rolled_back(&restored.unseal(credential()).await));
    let epoch = restored.epoch().await.unwrap();
    restored
        .accept_restore(scene.recovery(), epoch)
        .await
        .unwrap();
    assert_eq!(get(&restored, "A").await.unwrap(), "first");
}

impl Scene {
    async fn close(&self) {
        self.store.close().await;
        self.hand.close().await;
    }
}
