//! Attack S18 and what it stands for: a backup gives everything back, on either database, to whoever has the recovery
//! key and nothing else.

use std::collections::BTreeMap;

use orchestra_secrets::backend::{Kind, Value};
use orchestra_secrets::{
    Action, Ask, Backup, Created, Credential, Entry, KdfParameters, Labels, NewSecret, RecoveryKey,
    SlotKind, State, Store, StoreError, UnlockError, Use,
};

use crate::attacks::hand::Hand;
use crate::databases::{Database, on_each_database, with};
use crate::stores::{create, credential, get, name, parts, secret, set, unsealed};

on_each_database!(
    a_drill_needs_nothing_but_the_recovery_key,
    a_store_goes_from_one_database_to_the_other_and_back,
    an_old_credential_opens_an_old_backup,
    a_backup_is_of_one_moment,
);

const LEAST: KdfParameters = KdfParameters::LEAST;

/// A store in which everything has happened that may happen.
async fn lived_in(database: &Database) -> Created {
    let created = create(database, None).await;
    let store = &created.store;
    for value in ["one", "two", "three"] {
        set(store, "A", value).await;
    }
    store.revoke(&name("A"), Some(1)).await.unwrap();
    let mut labels = Labels::default();
    labels.insert("owner", "ops \u{e4}\u{1f600}").unwrap();
    let bound = NewSecret {
        service: Some("payments".to_owned()),
        origin: Some("https://api.example.com".parse().unwrap()),
        labels,
        expires_ms: Some(i64::MAX),
        ..NewSecret::new(name("acme/B"))
    };
    store.set(bound, &secret("bound")).await.unwrap();
    set(store, "C", "removed").await;
    store.remove(&name("C")).await.unwrap();
    set(store, "long", &"x".repeat(64 * 1024)).await;
    let rotated = store.rotate_root(vec![credential()], LEAST, false).await;
    let recovery = rotated.unwrap().recovery;
    store.rotate_key().await.unwrap();
    store.destroy_key(1).await.unwrap();
    let used = Use {
        entry: store.entries(None).await.unwrap()[0].id,
        count: 7,
        last_used_ms: 1234,
    };
    // Beyond the entry at which a checkpoint is due.
    store.record_uses(&vec![used; 1000]).await.unwrap();
    store.checkpoint().await.unwrap().unwrap();
    Created {
        store: created.store,
        recovery,
    }
}

/// What is said of each version, and its value.
type Known = BTreeMap<String, (Entry, Option<String>)>;

/// All that can be handed out, and all that is said of it.
async fn everything(store: &Store) -> Known {
    let mut everything = BTreeMap::new();
    for entry in store.entries(None).await.unwrap() {
        let ask = Ask {
            version: Some(entry.version),
            ..Ask::current(entry.name.clone())
        };
        let value = match store.fetch(&ask).await {
            Ok(fetched) => Some(fetched.secret.expose().to_owned()),
            Err(StoreError::Revoked { .. }) if entry.state == State::Revoked => None,
            Err(error) => panic!("{error:?}"),
        };
        let key = format!("{} {}", entry.name, entry.version);
        everything.insert(key, (entry, value));
    }
    everything
}

async fn exported(store: &Store) -> Backup {
    Backup::parse(store.export().await.unwrap()).unwrap()
}

async fn a_drill_needs_nothing_but_the_recovery_key(database: Database) {
    let created = lived_in(&database).await;
    let store = &created.store;
    let backup = exported(store).await;
    let (status, audit) = (
        store.status().await.unwrap(),
        store.verify_audit().await.unwrap(),
    );
    store.close().await;
    let info = backup.info();
    assert_eq!((&info.store, info.epoch), (&status.store, status.epoch));
    assert_eq!(info.slots, status.slots);
    let recovery = Credential::recovery(&created.recovery);
    let report = backup.verify(recovery).unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.store, report.epoch), (status.store, status.epoch));
    assert_eq!(report.content.entries, status.entries);
    assert_eq!(report.content.audit, Ok(audit));
    assert!(backup.verify(credential()).unwrap().is_whole());
}

/// What a backup must bring back.
struct Packed {
    bytes: Vec<u8>,
    recovery: String,
    known: Known,
    rows: Vec<Vec<Vec<Value>>>,
    entries: u64,
}

impl Packed {
    async fn of(store: &Store, recovery: &str, hand: &Hand) -> Self {
        let known = everything(store).await;
        let bytes = store.export().await.unwrap();
        let entries = store.verify_audit().await.unwrap().entries;
        Self {
            bytes,
            recovery: recovery.to_owned(),
            known,
            rows: rows(hand, entries).await,
            entries,
        }
    }

    fn recovery(&self) -> Credential {
        let key = RecoveryKey::parse(&self.recovery).ok().unwrap();
        Credential::recovery(&key)
    }
}

/// Rows as they stand, but for the head and for later entries of the log.
async fn rows(hand: &Hand, entries: u64) -> Vec<Vec<Vec<Value>>> {
    let last = i64::try_from(entries).unwrap();
    let mut rows = Vec::new();
    for (select, values) in [
        ("SELECT id, slot FROM secrets_slots ORDER BY id", vec![]),
        (
            "SELECT id, tenant, name, version, state, service, origin, labels, created, expires,
             row_version, key_version, last_used, record FROM secrets_entries ORDER BY id",
            vec![],
        ),
        (
            "SELECT seq, key_version, entry, hash, mac FROM secrets_audit
             WHERE seq <= $1 ORDER BY seq",
            vec![last.into()],
        ),
        (
            "SELECT seq, note FROM secrets_checkpoints ORDER BY seq",
            vec![],
        ),
    ] {
        rows.push(hand.rows(select, values).await);
    }
    rows
}

async fn a_store_goes_from_one_database_to_the_other_and_back(database: Database) {
    let Created { store, recovery } = lived_in(&database).await;
    let hand = Hand::new(&database.open().await);
    let mut packed = Packed::of(&store, &recovery.expose(), &hand).await;
    for kind in [Kind::Sqlite, Kind::Postgres, Kind::Sqlite] {
        packed = unpacked_in(kind, packed).await;
    }
}

/// Restores in a database of this kind, goes on there, and packs again.
async fn unpacked_in(kind: Kind, packed: Packed) -> Packed {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    with(kind, async move |database| {
        let backup = Backup::parse(packed.bytes.clone()).unwrap();
        let parts = parts(&database, None).await;
        let store = backup.restore(parts, packed.recovery()).await.unwrap();
        let hand = Hand::new(&database.open().await);
        assert!(rows(&hand, packed.entries).await == packed.rows);
        assert!(everything(&store).await == packed.known);
        let report = store.verify().await.unwrap();
        assert!(report.is_whole(), "{report:?}");
        let epoch = backup.info().epoch;
        let first = store.audit_entries(packed.entries, 1).await.unwrap();
        assert_eq!(
            (first[0].action, first[0].number),
            (Action::Restored, Some(epoch))
        );
        go_on(&store, &database).await;
        let again = Packed::of(&store, &packed.recovery, &hand).await;
        assert!(sender.send(again).is_ok());
    })
    .await;
    receiver.await.unwrap()
}

/// A restored store is a store.
async fn go_on(store: &Store, database: &Database) {
    set(store, "A", "another").await;
    store.rotate_key().await.unwrap();
    let other = unsealed(database, None).await.unwrap();
    assert_eq!(get(&other, "A").await.unwrap(), "another");
}

async fn an_old_credential_opens_an_old_backup(database: Database) {
    let Created { store, recovery } = create(&database, None).await;
    set(&store, "A", "1").await;
    let old = Credential::passphrase("correct horse battery");
    let slot = store.add_slot(old, LEAST).await.unwrap();
    let backup = exported(&store).await;
    let new = Credential::passphrase("staple correct horse");
    store.replace_slot(slot, new, LEAST).await.unwrap();
    let rotated = store.rotate_root(vec![credential()], LEAST, true);
    let rotated = rotated.await.unwrap();
    let later = exported(&store).await;
    let old = || Credential::passphrase("correct horse battery");
    for (backup, credential, opens) in [
        (&backup, old(), true),
        (&backup, Credential::recovery(&recovery), true),
        (&backup, Credential::recovery(&rotated.recovery), false),
        (
            &backup,
            Credential::passphrase("staple correct horse"),
            false,
        ),
        (&backup, Credential::key_file(&[7; 32]), false),
        (&backup, credential(), true),
        (&later, credential(), true),
        (&later, Credential::recovery(&rotated.recovery), true),
        (&later, Credential::recovery(&recovery), false),
    ] {
        let verified = backup.verify(credential);
        match verified {
            Ok(report) => assert!(opens && report.is_whole()),
            Err(StoreError::Unlock(UnlockError::Refused)) => assert!(!opens),
            Err(error) => panic!("{error:?}"),
        }
    }
    let none = later.verify(old());
    let kind = SlotKind::Passphrase;
    assert!(matches!(none, Err(StoreError::Unlock(UnlockError::NoSlot(found))) if found == kind));
}

async fn a_backup_is_of_one_moment(database: Database) {
    let store = create(&database, None).await.store;
    set(&store, "A", "0").await;
    let writer = async {
        for number in 1..60 {
            set(&store, "A", &number.to_string()).await;
        }
    };
    let reader = async {
        let mut whole = 0;
        for _ in 0..20 {
            let report = exported(&store).await.verify(credential()).unwrap();
            assert!(report.is_whole(), "{report:?}");
            whole += report.content.entries;
        }
        whole
    };
    let ((), entries) = tokio::join!(writer, reader);
    // Some were written while others were read.
    assert!(entries > 20);
}
