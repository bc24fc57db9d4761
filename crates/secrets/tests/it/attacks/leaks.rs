//! Everything that a store leaves on disk is taken away, and searched for what it keeps.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use orchestra_secrets::backend::{Backend, Kind, SqliteBackend};
use orchestra_secrets::{Created, KdfParameters, Store, StoreParts};

use super::chance::Chance;
use super::dumps::dump;
use super::quick::{self, Quick};
use super::windows::{LONG, SHORT, Windows};
use crate::databases::{self, Database, files_in};
use crate::stores::{credential, get, name, set};

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Secrets of 40 random letters, other ones for each seed.
fn canaries(seed: u64, count: usize) -> Vec<String> {
    let mut chance = Chance::new(seed);
    let mut letter = || char::from(LETTERS[chance.below(LETTERS.len())]);
    let mut canary = || (0..40).map(|_| letter()).collect();
    (0..count).map(|_| canary()).collect()
}

fn bird(number: usize) -> String {
    format!("CANARY_{number}")
}

/// All that happens to secrets: some are replaced, some revoked, some removed, all encrypted anew and handed out in a
/// backup, which is put beside the rest. What is left is sealed.
async fn live(store: &Store, canaries: &[String], backup: &Path) {
    let replaced = canaries.len() / 10;
    let (last, first) = canaries.split_at(replaced);
    for (number, canary) in first.iter().enumerate() {
        set(store, &bird(number), canary).await;
    }
    store.rotate_key().await.unwrap();
    for (number, canary) in last.iter().enumerate() {
        set(store, &bird(number), canary).await;
        store.revoke(&name(&bird(number)), Some(1)).await.unwrap();
    }
    assert_eq!(&get(store, &bird(0)).await.unwrap(), &last[0]);
    store.revoke(&name(&bird(1)), None).await.unwrap();
    store.remove(&name(&bird(2))).await.unwrap();
    std::fs::write(backup, store.export().await.unwrap()).unwrap();
    store.seal().await.unwrap();
}

async fn created(backend: Arc<dyn Backend>, folder: &Path) -> Store {
    let parts = StoreParts {
        anchor: Some(folder.join("anchor")),
        ..StoreParts::new(backend, "a test")
    };
    let Created { store, .. } = Store::create(parts, vec![credential()], KdfParameters::LEAST)
        .await
        .unwrap();
    store
}

/// The names of the files, all of which were searched.
fn search(folder: &Path, windows: &Windows) -> Vec<String> {
    let searched = |file: PathBuf| {
        let bytes = std::fs::read(&file).unwrap();
        let hits = windows.hits(&bytes);
        assert!(hits.is_empty(), "{}: {hits:?}", file.display());
        file.file_name().unwrap().to_str().unwrap().to_owned()
    };
    files_in(folder).into_iter().map(searched).collect()
}

/// Names are no secret, and show that the right file was searched.
fn names(file: &Path) -> usize {
    let bytes = std::fs::read(file).unwrap();
    bytes.windows(7).filter(|piece| piece == b"CANARY_").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_ten_thousand_secrets_no_file_has_a_piece() {
    let canaries = canaries(1, 10_000);
    let mut stores = tokio::task::JoinSet::new();
    for shelf in canaries.chunks(400) {
        stores.spawn(keep(shelf.to_vec()));
    }
    let folders = stores.join_all().await;
    let windows = Windows::of(&canaries);
    for (folder, _quick) in &folders {
        let files = search(folder.path(), &windows);
        let expected = [
            "anchor",
            "anchor.lock",
            "backup",
            "store.db",
            "store.db-shm",
            "store.db-wal",
        ];
        assert_eq!(files, expected);
        assert!(names(&folder.path().join("store.db")) > 100);
    }
}

/// What a store with these leaves. As long as it is open, nothing is tidied up.
async fn keep(canaries: Vec<String>) -> (tempfile::TempDir, Arc<Quick>) {
    let folder = quick::folder();
    let quick = Quick::open(&folder.path().join("store.db"));
    let store = created(Arc::clone(&quick) as _, folder.path()).await;
    live(&store, &canaries, &folder.path().join("backup")).await;
    (folder, quick)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_leaves_no_piece() {
    let canaries = canaries(2, 200);
    let windows = Windows::of(&canaries);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    let backend = Arc::new(SqliteBackend::open(&file).await.unwrap());
    let store = created(backend, folder.path()).await;
    live(&store, &canaries, &folder.path().join("backup")).await;
    let open = search(folder.path(), &windows);
    assert!(open.iter().any(|file| file == "store.db-wal"), "{open:?}");
    let wal = folder.path().join("store.db-wal");
    assert!(names(&file) + names(&wal) > 100);
    store.close().await;
    search(folder.path(), &windows);
    assert!(names(&file) > 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_of_postgresql_has_no_piece() {
    databases::with(Kind::Postgres, dumped).await;
}

async fn dumped(database: Database) {
    let Database::Postgres(address) = &database else {
        panic!("it was asked for PostgreSQL");
    };
    let canaries = canaries(3, 200);
    let folder = tempfile::tempdir().unwrap();
    let store = created(database.open().await, folder.path()).await;
    live(&store, &canaries, &folder.path().join("backup")).await;
    let file = folder.path().join("dump.sql");
    dump(address, &file);
    let files = search(folder.path(), &Windows::of(&canaries));
    assert_eq!(files, ["anchor", "anchor.lock", "backup", "dump.sql"]);
    assert!(names(&file) > 100);
}

#[test]
fn a_piece_in_any_form_is_found() {
    let canaries = canaries(4, 50);
    let windows = Windows::of(&canaries);
    let folder = quick::folder();
    let file = folder.path().join("scratch");
    for (form, write) in SHORT.into_iter().chain(LONG) {
        for first in [0, 13, 31] {
            let piece = write(&canaries[first].as_bytes()[first..first + 8]);
            let mut bytes = noise();
            bytes.splice(5_000 + first..5_000 + first, piece);
            std::fs::write(&file, bytes).unwrap();
            let read = std::fs::read(&file).unwrap();
            assert_eq!(
                windows.hits(&read).first(),
                Some(&(5_000 + first)),
                "{form}"
            );
        }
    }
    std::fs::write(&file, noise()).unwrap();
    assert_eq!(search(folder.path(), &windows), ["scratch"]);
}

fn noise() -> Vec<u8> {
    let mut chance = Chance::new(5);
    let numbers = (0..2_000).map(|_| chance.number().to_le_bytes());
    numbers.flatten().collect()
}
