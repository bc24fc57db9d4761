//! A full scan: whole stores are whole, and everything that is damaged is named, all of it.

use orchestra_secrets::backend::Value;
use orchestra_secrets::{
    AuditFault, AuditFlaw, Backup, KdfParameters, Store, StoreError, StoreReport,
};

use crate::attacks::hand::Hand;
use crate::databases::{Database, on_each_database};
use crate::stores::{create, credential, name, set, unsealed};

on_each_database!(
    a_whole_store_is_whole,
    all_that_is_damaged_is_named,
    without_its_list_a_store_is_checked_as_far_as_that_goes,
    more_damage_than_anybody_reads_is_counted,
);

async fn filled(database: &Database) -> Store {
    let store = create(database, None).await.store;
    for secret in ["A", "B", "C", "D"] {
        set(&store, secret, "one").await;
    }
    set(&store, "B", "two").await;
    store
}

async fn a_whole_store_is_whole(database: Database) {
    let store = filled(&database).await;
    store.revoke(&name("A"), None).await.unwrap();
    store.rotate_key().await.unwrap();
    store.destroy_key(1).await.unwrap();
    store.remove(&name("C")).await.unwrap();
    let rotated = store.rotate_root(vec![credential()], KdfParameters::LEAST, false);
    rotated.await.unwrap();
    let report = store.verify().await.unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.entries, report.unlisted), (4, 0));
    let audit = store.verify_audit().await.unwrap();
    assert_eq!(report.audit, Ok(audit));
    let other = unsealed(&database, None).await.unwrap();
    assert!(other.verify().await.unwrap().is_whole());
    store.seal().await.unwrap();
    assert!(matches!(store.verify().await, Err(StoreError::Sealed)));
}

/// Makes another last byte.
async fn flip(hand: &Hand, target: &str, column: &str, rows: &str) {
    let select = format!("SELECT {column} FROM {target} {rows}");
    let Value::Blob(Some(mut bytes)) = hand.value(select, Vec::new()).await else {
        panic!("{target} holds no bytes in {column}");
    };
    *bytes.last_mut().unwrap() ^= 1;
    let update = format!("UPDATE {target} SET {column} = $1 {rows}");
    assert_eq!(hand.run(update, vec![bytes.into()]).await, 1);
}

async fn all_that_is_damaged_is_named(database: Database) {
    let store = filled(&database).await;
    let least = KdfParameters::LEAST;
    let third = store.add_slot(credential(), least).await.unwrap();
    let unreadable = store.entries(Some(&name("C"))).await.unwrap()[0].id;
    let hand = Hand::new(&database.open().await);
    flip(&hand, "secrets_entries", "record", "WHERE name = 'A'").await;
    flip(&hand, "secrets_slots", "slot", "WHERE id = 2").await;
    flip(&hand, "secrets_audit", "mac", "WHERE seq = 4").await;
    for statement in [
        "DELETE FROM secrets_entries WHERE name = 'B' AND version = 1",
        "UPDATE secrets_entries SET origin = 'https://evil.example.com' WHERE name = 'B'",
        "UPDATE secrets_entries SET state = 'nonsense' WHERE name = 'C'",
        "INSERT INTO secrets_slots SELECT id + 10, slot FROM secrets_slots WHERE id = 1",
    ] {
        assert_eq!(hand.run(statement, Vec::new()).await, 1);
    }
    let gone = hand.run(
        "DELETE FROM secrets_slots WHERE id = $1",
        vec![third.into()],
    );
    assert_eq!(gone.await, 1);
    let copied = "INSERT INTO secrets_entries
         SELECT $1, tenant, name, 7, state, service, origin, labels, created, expires,
                row_version, key_version, record, last_used
         FROM secrets_entries WHERE name = 'D' AND version = 1";
    assert_eq!(hand.run(copied, vec![vec![0; 16].into()]).await, 1);
    let nameless = copied.replace("7, state", "8, state");
    assert_eq!(hand.run(nameless, vec![Vec::<u8>::new().into()]).await, 1);
    let report = store.verify().await.unwrap();
    let changed = "it was changed or moved, or belongs to another key";
    let expected = [
        "row  of the secrets cannot be read".to_owned(),
        format!("row {unreadable} of the secrets cannot be read"),
        format!("slot 11: {changed}"),
        format!("slot 2: {changed}"),
        format!("slot {third} is missing"),
        format!("version 1 of secret A: {changed}"),
        "version 1 of secret B is missing".to_owned(),
        format!("version 2 of secret B: {changed}"),
        "version 7 of secret D was added by somebody else".to_owned(),
    ];
    assert_eq!(told(&report), expected);
    assert_eq!(report.entries, 6);
    let forged = AuditFault {
        seq: 4,
        reason: AuditFlaw::Forged,
    };
    assert_eq!(report.audit, Err(forged));
    assert!(!report.is_whole());
    // A backup takes it all along, and tells the same.
    let backup = Backup::parse(store.export().await.unwrap()).unwrap();
    let drilled = backup.verify(credential()).unwrap().content;
    assert!(drilled == report);
}

/// The damage, in words, in order.
fn told(report: &StoreReport) -> Vec<String> {
    let mut told: Vec<_> = report.damaged.iter().map(ToString::to_string).collect();
    told.sort();
    told
}

async fn without_its_list_a_store_is_checked_as_far_as_that_goes(database: Database) {
    let store = filled(&database).await;
    let hand = Hand::new(&database.open().await);
    let whole = hand.copy().await;
    let changed = "it was changed or moved, or belongs to another key";
    flip(&hand, "secrets_entries", "record", "WHERE name = 'A'").await;
    flip(&hand, "secrets_store", "manifest", "").await;
    let report = store.verify().await.unwrap();
    let expected = [
        format!("the manifest: {changed}"),
        format!("version 1 of secret A: {changed}"),
    ];
    assert_eq!(told(&report), expected);
    assert_eq!(report.audit.unwrap().entries, 6);
    hand.put_back(&whole).await;
    flip(&hand, "secrets_store", "keyring", "").await;
    let report = store.verify().await.unwrap();
    let expected = [
        format!("the keyring: {changed}"),
        format!("the store's head: {changed}"),
    ];
    assert_eq!(told(&report), expected);
    hand.put_back(&whole).await;
    assert!(store.verify().await.unwrap().is_whole());
}

async fn more_damage_than_anybody_reads_is_counted(database: Database) {
    let store = filled(&database).await;
    let hand = Hand::new(&database.open().await);
    let many = "WITH RECURSIVE numbers(number) AS
            (SELECT 101 UNION ALL SELECT number + 1 FROM numbers WHERE number < 1300)
         INSERT INTO secrets_slots SELECT number, slot FROM numbers, secrets_slots WHERE id = 1";
    assert_eq!(hand.run(many, Vec::new()).await, 1200);
    let report = store.verify().await.unwrap();
    assert_eq!(report.damaged.len(), StoreReport::MOST_DAMAGED);
    assert_eq!(report.unlisted, 200);
    // Nobody could read a backup with so many.
    let refused = store.export().await;
    assert!(matches!(
        refused,
        Err(StoreError::Tampered {
            part: "the slots",
            ..
        })
    ));
}
