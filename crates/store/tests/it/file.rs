//! What only a file can get wrong.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use orchestra_gateway::{ConversationBounds, Conversations};
use orchestra_store::{Configs, Database, OpenError, SqliteConversations};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use crate::harness::{Hand, conversation, key};

async fn open(path: &Path) -> Result<SqliteConversations, OpenError> {
    let clock = Arc::new(Hand::default());
    SqliteConversations::open(path, ConversationBounds::DISK, clock).await
}

/// Has another program write into the file.
async fn write(path: &Path, statement: &'static str) {
    let options = SqliteConnectOptions::new().filename(path);
    let mut connection = options.create_if_missing(true).connect().await.unwrap();
    sqlx::query(statement)
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn it_is_still_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.db");
    for closed in [true, false] {
        let store = open(&path).await.unwrap();
        let id = format!("{closed}");
        let saved = store.save(key("a", &id), conversation("x", 10_000));
        saved.await.unwrap();
        if closed {
            store.close().await;
        }
        drop(store);
        let store = open(&path).await.unwrap();
        let found = store.load(key("a", &id)).await.unwrap();
        assert_eq!(found, Some(conversation("x", 10_000)));
    }
}

#[tokio::test]
async fn nobody_else_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.db");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    let store = open(&path).await.unwrap();
    let saved = store.save(key("a", "x"), conversation("x", 1000));
    saved.await.unwrap();
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().flatten().collect();
    assert!(files.len() > 1, "a log stands beside the file");
    for file in files {
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", file.path());
    }
}

#[tokio::test]
async fn what_is_no_database_is_named_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.db");
    let store = open(&path).await.unwrap();
    for id in 0..50 {
        let saved = store.save(key("a", &id.to_string()), conversation("x", 5000));
        saved.await.unwrap();
    }
    store.close().await;
    let whole = fs::read(&path).unwrap();
    let garbage = b"no database, but long enough to be one: ".repeat(200);
    let mut torn = whole.clone();
    torn[100..4096].fill(0xff);
    for broken in [&garbage[..], &whole[..whole.len() / 2], &torn] {
        fs::write(&path, broken).unwrap();
        let error = open(&path).await.unwrap_err();
        let words = error.to_string();
        assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
        assert!(
            words.contains("kept.db") && words.contains("move it away"),
            "{words}"
        );
        assert_eq!(fs::read(&path).unwrap(), broken, "it is left as it was");
    }
}

#[tokio::test]
async fn another_programs_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("theirs.db");
    write(&path, "CREATE TABLE songs (title TEXT)").await;
    let error = open(&path).await.unwrap_err();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
}

#[tokio::test]
async fn a_newer_schema_is_refused_with_both_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.db");
    open(&path).await.unwrap().close().await;
    write(&path, "UPDATE schema_version SET version = 77").await;
    let words = open(&path).await.unwrap_err().to_string();
    assert!(words.contains("77") && words.contains("knows 2"), "{words}");
}

#[tokio::test]
async fn an_older_file_is_brought_up_to_date_and_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.db");
    let store = open(&path).await.unwrap();
    let saved = store.save(key("a", "x"), conversation("x", 1000));
    saved.await.unwrap();
    store.close().await;
    // As the first version left it.
    for statement in [
        "DROP TABLE config_versions",
        "DROP TABLE configs",
        "DROP TABLE notes",
        "DROP TABLE note_clients",
        "UPDATE schema_version SET version = 1",
    ] {
        write(&path, statement).await;
    }
    let store = open(&path).await.unwrap();
    let found = store.load(key("a", "x")).await.unwrap();
    assert_eq!(found, Some(conversation("x", 1000)));
    let database = Database::open(&path).await.unwrap();
    assert!(Configs::of(&database).all().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_missing_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let words = open(&folder.path().join("no/kept.db")).await.unwrap_err();
    assert!(words.to_string().contains("no/kept.db"), "{words}");
}

#[tokio::test]
async fn deleted_words_are_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.db");
    let store = open(&path).await.unwrap();
    let saved = store.save(key("a", "x"), conversation("a very secret word", 9000));
    saved.await.unwrap();
    assert!(store.delete(key("a", "x")).await.unwrap());
    store.close().await;
    let bytes = fs::read(&path).unwrap();
    let holds = |word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
    assert!(holds(b"conversations") && !holds(b"a very secret word"));
}
