//! SQLite on a disk that is full or broken: what is reported, and what is there afterwards.

use orchestra_secrets::backend::BackendError;

use super::generations::{generation, rewrite};
use super::open;
use crate::databases::Database;
use crate::disk_faults::{EIO, ENOSPC, Plan, process};
use crate::processes::played;

/// Lets the disk fail once, at the first call of a transaction, then at the second, and so on, until a transaction
/// comes through: nothing is left for its commit to do.
pub(super) async fn fail_everywhere(database: Database, words: Vec<String>) {
    let errno: i32 = words[0].parse().unwrap();
    let calls: u32 = words[1].parse().unwrap();
    let mut plan = Plan::of_this_process();
    let mut known = 1;
    rewrite(&*open(&database).await, known).await.unwrap();
    for skip in 0.. {
        let backend = database.open().await;
        plan.fail(skip, calls, errno);
        let next = known + 1;
        let done = rewrite(&*backend, next).await;
        plan.mend();
        let now = generation(&*backend).await.unwrap();
        match &done {
            Ok(()) => assert_eq!(now, next, "at {skip}"),
            Err(error) => {
                check_kind(error, errno);
                assert_eq!(now, known, "at {skip}: {error:?}");
            }
        }
        rewrite(&*backend, next + 1).await.unwrap();
        assert_eq!(generation(&*backend).await.unwrap(), next + 1);
        known = next + 1;
        backend.close().await;
        assert_eq!(generation(&*database.open().await).await.unwrap(), known);
        if done.is_ok() {
            assert!(skip > 10, "the disk failed at {skip} calls");
            return;
        }
    }
}

/// What an operator is told: the disk is full, or it is broken.
fn check_kind(error: &BackendError, errno: i32) {
    let right = match errno {
        ENOSPC => matches!(error, BackendError::Full(_) | BackendError::Disk(_)),
        _ => matches!(error, BackendError::Disk(_)),
    };
    assert!(right || matches!(error, BackendError::Aborted), "{error:?}");
}

/// Dies as soon as an error is reported, so that what is on the disk is all there is.
pub(super) async fn fail_and_die(database: Database, words: Vec<String>) {
    let errno: i32 = words[0].parse().unwrap();
    let skip: u32 = words[1].parse().unwrap();
    let mut plan = Plan::of_this_process();
    let backend = open(&database).await;
    rewrite(&*backend, 1).await.unwrap();
    plan.fail(skip, u32::MAX, errno);
    if rewrite(&*backend, 2).await.is_err() {
        std::process::abort();
    }
}

fn place() -> (tempfile::TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::Sqlite(folder.path().join("store.db"));
    (folder, database)
}

async fn check(errno: i32, calls: u32) {
    let (folder, database) = place();
    let words = [&*errno.to_string(), &*calls.to_string()];
    let command = process(
        folder.path(),
        "store.db",
        "fail everywhere",
        &database,
        &words,
    );
    assert!(played(command).await.success());
    assert!(generation(&*database.open().await).await.unwrap() > 10);
}

#[tokio::test]
async fn a_full_disk_is_reported_and_changes_nothing() {
    check(ENOSPC, u32::MAX).await;
}

#[tokio::test]
async fn a_disk_that_is_full_for_a_moment_is_used_again() {
    check(ENOSPC, 1).await;
}

#[tokio::test]
async fn a_broken_disk_is_reported_and_changes_nothing() {
    check(EIO, u32::MAX).await;
}

#[tokio::test]
async fn a_disk_that_fails_once_is_used_again() {
    check(EIO, 1).await;
}

/// The log may have been written as a whole before its synchronisation failed, so that it counts for who comes
/// next. But never half of it.
#[tokio::test]
async fn after_a_failure_and_a_crash_there_is_one_whole_state() {
    for skip in 0.. {
        let (folder, database) = place();
        let words = [&*EIO.to_string(), &*u32::to_string(&skip)];
        let mut command = process(folder.path(), "store.db", "fail and die", &database, &words);
        let survived = command.output().await.unwrap().status.success();
        let left = generation(&*open(&database).await).await.unwrap();
        assert!(if survived { left == 2 } else { left <= 2 }, "{left}");
        if survived {
            assert!(skip > 10, "the disk failed at {skip} calls");
            return;
        }
    }
}
