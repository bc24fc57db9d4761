//! Checkpoints: what they prove, and what becomes of those that somebody changes.

use std::sync::{Arc, Mutex};

use orchestra_secrets::backend::{Backend, Kind, Mode, Row, Value};
use orchestra_secrets::{
    AuditFlaw, Checkpoint, KdfParameters, NoteError, Store, StoreError, StoreParts, Use,
};

use super::attacked::{Pretending, Shown, fault, rows};
use crate::attacks::hand::Hand;
use crate::databases::{Database, on_each_database, with};
use crate::stores::{create, credential, set, unsealed};

on_each_database!(
    a_checkpoint_is_signed_where_something_happened,
    every_thousandth_entry_has_one,
    a_checkpoint_is_nobody_elses,
    checkpoints_in_the_database_are_genuine_or_found_out,
    a_log_that_was_written_anew_is_contradicted,
);

async fn a_checkpoint_is_signed_where_something_happened(database: Database) {
    let store = create(&database, None).await.store;
    let first = store.checkpoint().await.unwrap().unwrap();
    let epoch = store.epoch().await.unwrap();
    assert_eq!(store.checkpoint().await.unwrap(), None);
    assert_eq!(store.epoch().await.unwrap(), epoch);
    let key = store.checkpoint_key().unwrap();
    let covered = first.verify(&key).unwrap();
    let status = store.status().await.unwrap();
    assert_eq!(
        covered.origin,
        format!("orchestra-secrets/{}", status.store)
    );
    let entry = store.audit_entries(0, 1).await.unwrap().remove(0);
    assert_eq!((covered.seq, covered.hash), (1, entry.hash));
    let other = unsealed(&database, None).await.unwrap();
    let second = other.checkpoint().await.unwrap().unwrap();
    assert_eq!(second.verify(&key).unwrap().seq, 2);
    for kept in [&first, &second] {
        let report = store.verify_against(kept).await.unwrap();
        assert_eq!((report.checkpoints, report.last_checkpoint), (2, Some(2)));
    }
    // The key outlives all rotations.
    store.rotate_key().await.unwrap();
    let rotated = store.rotate_root(vec![credential()], KdfParameters::LEAST, false);
    rotated.await.unwrap();
    assert_eq!(store.checkpoint_key().unwrap(), key);
    store.verify_against(&first).await.unwrap();
}

/// Entries, as many as wanted, in few transactions.
async fn grow(store: &Store, entries: u64) {
    let used = store.entries(None).await.unwrap()[0].id;
    let one = Use {
        entry: used,
        count: 1,
        last_used_ms: 1,
    };
    let uses = vec![one; usize::try_from(entries).unwrap()];
    store.record_uses(&uses).await.unwrap();
}

async fn every_thousandth_entry_has_one(database: Database) {
    let store = create(&database, None).await.store;
    set(&store, "A", "1").await;
    for _ in 0..3 {
        grow(&store, 300).await;
        store.checkpoint().await.unwrap().unwrap();
    }
    let kept = store.checkpoint().await.unwrap();
    assert_eq!(kept, None);
    assert_eq!(store.verify_audit().await.unwrap().checkpoints, 3);
    // In the midst of a transaction with many entries, and the smaller ones before it go.
    grow(&store, 2000).await;
    let report = store.verify_audit().await.unwrap();
    assert_eq!((report.entries, report.checkpoints), (2902, 2));
    assert_eq!(report.last_checkpoint, Some(2000));
    store.checkpoint().await.unwrap().unwrap();
    let report = store.verify_audit().await.unwrap();
    assert_eq!(
        (report.checkpoints, report.last_checkpoint),
        (3, Some(2902))
    );
}

async fn a_checkpoint_is_nobody_elses(database: Database) {
    let store = create(&database, None).await.store;
    let key = store.checkpoint_key().unwrap();
    let genuine = store.checkpoint().await.unwrap().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = Database::Sqlite(folder.path().join("other.db"));
    let other = create(&elsewhere, None).await.store;
    for (checkpoint, expected) in [
        (
            other.checkpoint().await.unwrap().unwrap(),
            NoteError::Unsigned,
        ),
        (
            Checkpoint {
                text: genuine.text.replacen("\n1\n", "\n2\n", 1),
            },
            NoteError::Refused,
        ),
        (
            Checkpoint {
                text: "not a note".to_owned(),
            },
            NoteError::Malformed,
        ),
    ] {
        assert_eq!(checkpoint.verify(&key), Err(expected));
        let refused = store.verify_against(&checkpoint).await;
        assert!(matches!(refused, Err(StoreError::Checkpoint(error)) if error == expected));
    }
    let theirs = other.checkpoint_key().unwrap();
    assert_eq!(genuine.verify(&theirs), Err(NoteError::Unsigned));
    assert_eq!(genuine.verify("no key"), Err(NoteError::Key));
}

const INSERT: &str = "INSERT INTO secrets_checkpoints (seq, note) VALUES ($1, $2)";
const UPDATE: &str = "UPDATE secrets_checkpoints SET note = $2 WHERE seq = $1";
const DELETE: &str = "DELETE FROM secrets_checkpoints WHERE seq = $1";

async fn checkpoints_in_the_database_are_genuine_or_found_out(database: Database) {
    let store = create(&database, None).await.store;
    set(&store, "A", "1").await;
    grow(&store, 998).await;
    grow(&store, 1).await;
    let latest = store.checkpoint().await.unwrap().unwrap().text;
    grow(&store, 1).await;
    let hand = Hand::new(&database.open().await);
    let whole = hand.copy().await;
    let edited = latest.replacen("\n1001\n", "\n1002\n", 1);
    let forged = AuditFlaw::CheckpointForged;
    for (statement, seq, note, found) in [
        (UPDATE, 1000, Some(latest.as_str()), (1000, forged)),
        (UPDATE, 1001, Some(edited.as_str()), (1001, forged)),
        (UPDATE, 1001, Some("no note"), (1001, forged)),
        (INSERT, 1002, Some(latest.as_str()), (1002, forged)),
        (INSERT, 1002, Some(edited.as_str()), (1002, forged)),
        (INSERT, 1003, Some("no note"), (1003, forged)),
        (INSERT, 0, Some(latest.as_str()), (0, forged)),
        (INSERT, -7, Some("no note"), (0, forged)),
        (DELETE, 1000, None, (1000, AuditFlaw::CheckpointMissing)),
    ] {
        let mut values: Vec<Value> = vec![i64::from(seq).into()];
        values.extend(note.map(Value::from));
        assert_eq!(hand.run(statement, values).await, 1, "{statement} {seq}");
        assert_eq!(
            fault(store.verify_audit().await),
            found,
            "{statement} {seq}"
        );
        hand.put_back(&whole).await;
    }
    // One of those in between is no loss: it says nothing that the log does not say.
    assert_eq!(hand.run(DELETE, vec![1001_i64.into()]).await, 1);
    let report = store.verify_audit().await.unwrap();
    assert_eq!(
        (report.checkpoints, report.last_checkpoint),
        (1, Some(1000))
    );
}

async fn a_log_that_was_written_anew_is_contradicted(database: Database) {
    let store = create(&database, None).await.store;
    set(&store, "A", "1").await;
    let hand = Hand::new(&database.open().await);
    let early = hand.copy().await;
    grow(&store, 8).await;
    let kept = store.checkpoint().await.unwrap().unwrap();
    store.verify_against(&kept).await.unwrap();
    // Whoever puts the database back, and has the keys too, goes on from there as if nothing had been.
    hand.put_back(&early).await;
    let again = unsealed(&database, None).await.unwrap();
    while again.verify_audit().await.unwrap().entries < 12 {
        let entries = again.verify_audit().await.unwrap().entries;
        let found = fault(again.verify_against(&kept).await);
        let expected = if entries < 10 {
            (entries + 1, AuditFlaw::CutOff)
        } else {
            (10, AuditFlaw::Contradicted)
        };
        assert_eq!(found, expected);
        grow(&again, 1).await;
    }
    // The later checkpoint is genuine, and in the database it shows that the log is shorter than it was.
    hand.put_back(&early).await;
    assert_eq!(
        hand.run(INSERT, vec![10_i64.into(), kept.text.into()])
            .await,
        1
    );
    let third = unsealed(&database, None).await.unwrap();
    assert_eq!(fault(third.verify_audit().await), (4, AuditFlaw::CutOff));
}

/// Attack S19: the log is cut at every length, and the database shows the state that it had then. The manifest
/// of that state fits, so only what was kept elsewhere tells.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_at_any_length_shows_against_a_checkpoint() {
    with(Kind::Sqlite, async |database| {
        let store = create(&database, None).await.store;
        set(&store, "A", "1").await;
        let backend = database.open().await;
        let hand = Hand::new(&backend);
        let early = hand.copy().await;
        let mut heads = Vec::new();
        for _ in 3..=1000 {
            grow(&store, 1).await;
            heads.push(head(&*backend).await);
        }
        let log = rows(&*backend).await;
        let kept = note(&*backend, 1000).await;
        hand.put_back(&early).await;
        let (reader, shown) = reader(backend).await;
        for (length, head) in (3_u32..=1000).zip(heads).skip(1) {
            let cut = log.iter().filter(|row| row.seq <= length.into());
            *shown.lock().unwrap() = Shown {
                log: Some(cut.cloned().collect()),
                head: Some(head),
            };
            let compared = reader.verify_against(&kept).await;
            match length {
                // It lacks nothing but the checkpoint that should stand beside it.
                1000 => {
                    let missing = (1000, AuditFlaw::CheckpointMissing);
                    assert_eq!(fault(compared), missing);
                }
                _ => {
                    reader.verify_audit().await.unwrap();
                    let next = u64::from(length) + 1;
                    assert_eq!(fault(compared), (next, AuditFlaw::CutOff));
                }
            }
        }
    })
    .await;
}

/// Another process, which has seen nothing later than what the database holds, and to which it will show something else.
async fn reader(inner: Arc<dyn Backend>) -> (Store, Arc<Mutex<Shown>>) {
    let shown = Arc::default();
    let pretending = Pretending {
        inner,
        shown: Arc::clone(&shown),
    };
    let parts = StoreParts::new(Arc::new(pretending), "another process");
    let reader = Store::open(parts).await.unwrap();
    reader.unseal(credential()).await.unwrap();
    (reader, shown)
}

async fn note(backend: &dyn Backend, seq: i64) -> Checkpoint {
    let statement = "SELECT note FROM secrets_checkpoints WHERE seq = $1";
    let row = one(backend, statement, vec![seq.into()]).await;
    Checkpoint {
        text: row.text(0).unwrap(),
    }
}

async fn head(backend: &dyn Backend) -> Row {
    let statement = "SELECT store, epoch, root_version, keyring_version, keyring, manifest, fence
         FROM secrets_store";
    one(backend, statement, Vec::new()).await
}

async fn one(backend: &dyn Backend, statement: &'static str, values: Vec<Value>) -> Row {
    let mut transaction = backend.begin(Mode::Read).await.unwrap();
    transaction
        .query(statement, values)
        .await
        .unwrap()
        .remove(0)
}
