//! The file of a SQLite database.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use orchestra_secrets::backend::{Backend, BackendError, Mode, Patience, SqliteBackend};
use tempfile::TempDir;
use tokio::task::{JoinHandle, JoinSet};

use super::{INSERT, count, insert, open, read};
use crate::databases::{Database, files_in};

/// A folder, and the path of a file in it that is not there yet.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    (folder, file)
}

async fn refused(path: &Path) -> BackendError {
    SqliteBackend::open(path).await.unwrap_err()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_not_made() {
    let (folder, _) = place();
    let error = refused(&folder.path().join("no/store.db")).await;
    let BackendError::File { path, source } = &error else {
        panic!("{error:?}");
    };
    assert!(path.ends_with("no/store.db"));
    assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
    assert!(error.to_string().contains("its folder must exist"));
    assert!(files_in(folder.path()).is_empty());
}

#[tokio::test]
async fn what_is_no_file_is_refused() {
    let (folder, file) = place();
    fs::create_dir(&file).unwrap();
    assert!(matches!(refused(&file).await, BackendError::File { .. }));
    assert!(matches!(
        refused(folder.path()).await,
        BackendError::File { .. }
    ));
    let device = refused(Path::new("/dev/null")).await;
    assert!(matches!(device, BackendError::File { .. }), "{device:?}");
}

#[tokio::test]
async fn a_file_of_something_else_is_left_as_it_is() {
    let (folder, file) = place();
    for content in [&b"x"[..], b"a letter to somebody\n", &[0; 100], &[7; 9000]] {
        fs::write(&file, content).unwrap();
        let error = refused(&file).await;
        assert!(matches!(error, BackendError::NotSqlite { .. }), "{error:?}");
        assert_eq!(fs::read(&file).unwrap(), content);
    }
    assert_eq!(files_in(folder.path()), [file]);
}

#[tokio::test]
async fn an_empty_file_becomes_a_store() {
    let (_folder, file) = place();
    fs::write(&file, b"").unwrap();
    chmod(&file, 0o644);
    insert(&*open(&Database::Sqlite(file.clone())).await, 1)
        .await
        .unwrap();
    assert_eq!(mode(&file), 0o600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_make_one_file_at_once() {
    for _ in 0..10 {
        let (_folder, file) = place();
        let mut makers = JoinSet::new();
        for seq in 0..6 {
            let database = Database::Sqlite(file.clone());
            makers.spawn(async move { insert(&*open(&database).await, seq).await });
        }
        while let Some(made) = makers.join_next().await {
            made.unwrap().unwrap();
        }
        assert_eq!(count(&*open(&Database::Sqlite(file)).await).await, 6);
    }
}

/// Somebody who makes the file at the same time and takes his time.
fn hold(file: &Path, time: Duration) -> JoinHandle<()> {
    let other = rusqlite::Connection::open(file).unwrap();
    other
        .execute_batch("BEGIN IMMEDIATE; CREATE TABLE t (n INTEGER)")
        .unwrap();
    tokio::spawn(async move {
        tokio::time::sleep(time).await;
        other.execute_batch("ROLLBACK").unwrap();
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_opens_a_file_that_another_makes_waits_for_it() {
    let (_folder, file) = place();
    let other = hold(&file, Duration::from_millis(300));
    let began = Instant::now();
    let backend = open(&Database::Sqlite(file)).await;
    assert!(began.elapsed() >= Duration::from_millis(250));
    other.await.unwrap();
    insert(&*backend, 1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_opens_a_file_that_another_makes_for_ever_gives_up() {
    let (_folder, file) = place();
    let other = hold(&file, Duration::from_secs(2));
    let patience = Patience {
        turn: Duration::from_millis(200),
        ..Patience::default()
    };
    let began = Instant::now();
    let refused = SqliteBackend::open_with(&file, patience).await;
    assert!(matches!(refused, Err(BackendError::Busy(_))), "{refused:?}");
    assert!(began.elapsed() >= patience.turn);
    other.await.unwrap();
}

#[tokio::test]
async fn nobody_else_may_read_the_files() {
    let (folder, file) = place();
    let database = Database::Sqlite(file.clone());
    let backend = open(&database).await;
    insert(&*backend, 1).await.unwrap();
    let all = files_in(folder.path());
    assert_eq!(all.len(), 3, "{all:?}");
    for file in &all {
        assert_eq!(mode(file), 0o600, "{file:?}");
        chmod(file, 0o666);
    }
    let other = database.open().await;
    for file in &all {
        assert_eq!(mode(file), 0o600, "{file:?}");
    }
    assert_eq!(count(&*other).await, 1);
}

#[tokio::test]
async fn a_name_is_a_name_whatever_it_looks_like() {
    let (folder, _) = place();
    for name in ["file:x?mode=memory", ":memory:", "a b%20c#d?e", "ü"] {
        let file = folder.path().join(name);
        insert(&*open(&Database::Sqlite(file.clone())).await, 1)
            .await
            .unwrap();
        assert!(file.is_file(), "{name}");
    }
    let strange = folder.path().join(std::ffi::OsStr::from_bytes(b"\xff"));
    assert!(matches!(refused(&strange).await, BackendError::File { .. }));
}

#[tokio::test]
async fn a_link_leads_to_its_file() {
    let (folder, file) = place();
    insert(&*open(&Database::Sqlite(file.clone())).await, 1)
        .await
        .unwrap();
    let link = folder.path().join("link");
    symlink(&file, &link).unwrap();
    assert_eq!(count(&*open(&Database::Sqlite(link)).await).await, 1);
}

#[tokio::test]
async fn after_a_clean_stop_the_file_is_whole() {
    let (folder, file) = place();
    let backend = open(&Database::Sqlite(file.clone())).await;
    for seq in 0..100 {
        insert(&*backend, seq).await.unwrap();
    }
    backend.close().await;
    assert_eq!(files_in(folder.path()), std::slice::from_ref(&file));
    let copy = folder.path().join("copy.db");
    fs::copy(&file, &copy).unwrap();
    assert_eq!(count(&*open(&Database::Sqlite(copy)).await).await, 100);
}

/// Others have it open, so that SQLite does not bring all into the file by itself.
#[tokio::test]
async fn after_a_clean_stop_the_file_is_whole_though_others_stay() {
    let (folder, file) = place();
    let database = Database::Sqlite(file.clone());
    let backend = open(&database).await;
    let other = database.open().await;
    for seq in 0..100 {
        insert(&*backend, seq).await.unwrap();
    }
    backend.close().await;
    let log = folder.path().join("store.db-wal");
    assert_eq!(fs::metadata(&log).unwrap().len(), 0);
    assert_eq!(count(&*other).await, 100);
}

async fn replaced(backend: &dyn Backend) {
    for mode in [Mode::Read, Mode::Write] {
        let refused = backend.begin(mode).await.err();
        assert!(
            matches!(refused, Some(BackendError::Replaced { .. })),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_file_that_was_replaced_is_noticed() {
    let (folder, file) = place();
    let database = Database::Sqlite(file.clone());
    let backend = open(&database).await;
    insert(&*backend, 1).await.unwrap();
    let aside = folder.path().join("aside.db");
    fs::rename(&file, &aside).unwrap();
    replaced(&*backend).await;
    fs::write(&file, b"").unwrap();
    replaced(&*backend).await;
    fs::rename(&aside, &file).unwrap();
    assert_eq!(count(&*backend).await, 1);
    insert(&*backend, 2).await.unwrap();
}

#[tokio::test]
async fn a_page_of_rubbish_is_damage() {
    let (_folder, file) = place();
    let database = Database::Sqlite(file.clone());
    let backend = open(&database).await;
    let mut transaction = backend.begin(Mode::Write).await.unwrap();
    for seq in 0..500_i64 {
        let values = vec![seq.into(), "a long note ".repeat(50).into()];
        transaction.execute(INSERT, values).await.unwrap();
    }
    transaction.commit().await.unwrap();
    backend.close().await;
    let mut bytes = fs::read(&file).unwrap();
    for page in bytes.chunks_mut(4096).skip(20) {
        page.fill(0xa5);
    }
    fs::write(&file, bytes).unwrap();
    let backend = database.open().await;
    let query = "SELECT note FROM secrets_checkpoints";
    let error = read(&*backend, query, Vec::new()).await.unwrap_err();
    assert!(matches!(error, BackendError::Damaged(_)), "{error:?}");
    assert!(error.to_string().contains("restore a backup"));
}

#[tokio::test]
async fn the_engine_is_set_up_to_keep_what_it_commits() {
    let (_folder, file) = place();
    let backend: Arc<dyn Backend> = open(&Database::Sqlite(file)).await;
    let query = "SELECT (SELECT journal_mode FROM pragma_journal_mode), \
        (SELECT synchronous FROM pragma_synchronous), (SELECT secure_delete FROM pragma_secure_delete)";
    let rows = read(&*backend, query, Vec::new()).await.unwrap();
    assert_eq!(rows[0].text(0).unwrap(), "wal");
    assert_eq!(rows[0].integer(1).unwrap(), 2);
    assert_eq!(rows[0].integer(2).unwrap(), 1);
}
