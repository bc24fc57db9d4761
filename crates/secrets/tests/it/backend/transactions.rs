//! What a transaction is, on both databases.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use orchestra_secrets::backend::{Backend, BackendError, Kind, Mode, Patience, Transaction};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{INSERT, count, insert, open, read};
use crate::databases::{Database, on_each_database};
use crate::faults::{Fault, Faulty, Plan};

on_each_database!(
    a_dropped_transaction_changes_nothing,
    a_reader_sees_one_state_while_others_commit,
    a_reader_cannot_write,
    a_transaction_with_a_failed_statement_cannot_be_committed,
    writers_wait_for_each_other,
    a_writer_that_waits_too_long_gives_up,
    waiting_readers_and_writers_do_not_keep_each_other_out,
    a_begin_that_is_given_up_begins_nothing,
    a_statement_that_is_given_up_changes_nothing,
    a_commit_that_is_given_up_is_made_whole_or_not_at_all,
    a_transaction_may_outlive_its_runtime,
    a_closed_backend_does_nothing_more,
    a_lost_transaction_does_not_hold_up_the_end,
    a_fault_happens_where_it_was_put,
);

async fn a_dropped_transaction_changes_nothing(database: Database) {
    let backend = open(&database).await;
    let mut transaction = backend.begin(Mode::Write).await.unwrap();
    let values = vec![1_i64.into(), "note".into()];
    assert_eq!(transaction.execute(INSERT, values).await.unwrap(), 1);
    drop(transaction);
    assert_eq!(count(&*backend).await, 0);
    insert(&*backend, 1).await.unwrap();
    assert_eq!(count(&*database.open().await).await, 1);
}

async fn a_reader_sees_one_state_while_others_commit(database: Database) {
    let backend = open(&database).await;
    let other = database.open().await;
    insert(&*backend, 1).await.unwrap();
    let mut reader = backend.begin(Mode::Read).await.unwrap();
    let seen = |rows: Vec<orchestra_secrets::backend::Row>| rows[0].integer(0).unwrap();
    let query = "SELECT count(*) FROM secrets_checkpoints";
    assert_eq!(seen(reader.query(query, Vec::new()).await.unwrap()), 1);
    insert(&*backend, 2).await.unwrap();
    insert(&*other, 3).await.unwrap();
    assert_eq!(seen(reader.query(query, Vec::new()).await.unwrap()), 1);
    let sum = "SELECT CAST(sum(seq) AS BIGINT) FROM secrets_checkpoints";
    assert_eq!(seen(reader.query(sum, Vec::new()).await.unwrap()), 1);
    drop(reader);
    assert_eq!(count(&*backend).await, 3);
}

async fn a_reader_cannot_write(database: Database) {
    let backend = open(&database).await;
    let mut reader = backend.begin(Mode::Read).await.unwrap();
    let values = vec![1_i64.into(), "note".into()];
    let refused = reader.execute(INSERT, values).await;
    assert!(
        matches!(refused, Err(BackendError::ReadOnly(_))),
        "{refused:?}"
    );
    drop(reader);
    for seq in 0..20 {
        insert(&*backend, seq).await.unwrap();
        assert_eq!(count(&*backend).await, seq + 1);
    }
}

async fn a_transaction_with_a_failed_statement_cannot_be_committed(database: Database) {
    let backend = open(&database).await;
    let mut transaction = backend.begin(Mode::Write).await.unwrap();
    for seq in [1_i64, 1] {
        let _ = transaction
            .execute(INSERT, vec![seq.into(), "note".into()])
            .await;
    }
    let more = transaction.query("SELECT 1", Vec::new()).await;
    assert!(matches!(more, Err(BackendError::Aborted)), "{more:?}");
    let committed = transaction.commit().await;
    assert!(
        matches!(committed, Err(BackendError::Aborted)),
        "{committed:?}"
    );
    assert_eq!(count(&*backend).await, 0);
}

/// Adds 1 to the number that stands in the one row, after some thought.
async fn add_one(backend: &dyn Backend) -> Result<(), BackendError> {
    let mut transaction = backend.begin(Mode::Write).await?;
    let query = "SELECT seq FROM secrets_checkpoints";
    let seq = transaction.query(query, Vec::new()).await?[0].integer(0)?;
    tokio::task::yield_now().await;
    let update = "UPDATE secrets_checkpoints SET seq = $1";
    transaction.execute(update, vec![(seq + 1).into()]).await?;
    transaction.commit().await
}

async fn writers_wait_for_each_other(database: Database) {
    let backends = [open(&database).await, database.open().await];
    insert(&*backends[0], 0).await.unwrap();
    let mut writers = JoinSet::new();
    for writer in 0..64 {
        let backend = Arc::clone(&backends[writer % 2]);
        writers.spawn(async move { add_one(&*backend).await });
    }
    while let Some(written) = writers.join_next().await {
        written.unwrap().unwrap();
    }
    let query = "SELECT seq FROM secrets_checkpoints";
    let rows = read(&*backends[0], query, Vec::new()).await.unwrap();
    assert_eq!(rows[0].integer(0).unwrap(), 64);
}

async fn a_writer_that_waits_too_long_gives_up(database: Database) {
    let backend = open(&database).await;
    let other = database.open_impatient(Duration::from_millis(200)).await;
    for holder in [&backend, &other] {
        let held = holder.begin(Mode::Write).await.unwrap();
        let refused = other.begin(Mode::Write).await.err();
        assert!(
            matches!(refused, Some(BackendError::Busy(_))),
            "{refused:?}"
        );
        assert_eq!(count(&*other).await, 0);
        drop(held);
        other.begin(Mode::Write).await.unwrap();
    }
}

async fn waiting_readers_and_writers_do_not_keep_each_other_out(database: Database) {
    let backend = open(&database).await;
    let mut readers = Vec::new();
    while let Ok(reader) = timeout(Duration::from_millis(200), backend.begin(Mode::Read)).await {
        readers.push(reader.unwrap());
    }
    assert!(readers.len() >= 2);
    insert(&*backend, 1).await.unwrap();
    drop(readers);
    let held = backend.begin(Mode::Write).await.unwrap();
    let mut writers = JoinSet::new();
    for seq in 10..30 {
        let backend = Arc::clone(&backend);
        writers.spawn(async move { insert(&*backend, seq).await });
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(count(&*backend).await, 1);
    drop(held);
    while let Some(written) = writers.join_next().await {
        written.unwrap().unwrap();
    }
    assert_eq!(count(&*backend).await, 21);
}

/// Polls the future this often, and drops it if it is not done then.
async fn give_up_after<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let mut left = polls;
    poll_fn(move |context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

async fn a_begin_that_is_given_up_begins_nothing(database: Database) {
    let backend = open(&database).await;
    for polls in 0..8 {
        for mode in [Mode::Read, Mode::Write] {
            drop(give_up_after(polls, backend.begin(mode)).await);
            insert(
                &*backend,
                i64::try_from(polls).unwrap() * 2 + i64::from(mode == Mode::Read),
            )
            .await
            .unwrap();
        }
    }
    assert_eq!(count(&*backend).await, 16);
    // While another holds the lock, which the begin waits for inside of the database.
    let other = database.open().await;
    let held = other.begin(Mode::Write).await.unwrap();
    let waited = timeout(Duration::from_millis(100), backend.begin(Mode::Write)).await;
    assert!(waited.is_err());
    drop(held);
    insert(&*backend, 100).await.unwrap();
    insert(&*other, 101).await.unwrap();
    assert_eq!(count(&*backend).await, 18);
}

/// A statement that makes a row and takes about a second.
fn slow(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => {
            "INSERT INTO secrets_checkpoints WITH RECURSIVE n (i) AS \
            (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000) SELECT max(i), 'slow' FROM n"
        }
        Kind::Postgres => {
            "INSERT INTO secrets_checkpoints SELECT 1, 'slow' FROM (SELECT pg_sleep(1)) AS s"
        }
    }
}

async fn a_statement_that_is_given_up_changes_nothing(database: Database) {
    let backend = open(&database).await;
    let mut transaction = backend.begin(Mode::Write).await.unwrap();
    transaction
        .execute(INSERT, vec![7_i64.into(), "first".into()])
        .await
        .unwrap();
    let slow = transaction.execute(slow(backend.kind()), Vec::new());
    assert!(timeout(Duration::from_millis(100), slow).await.is_err());
    let refused = transaction.query("SELECT 1", Vec::new()).await;
    assert!(matches!(refused, Err(BackendError::Aborted)), "{refused:?}");
    drop(transaction);
    assert_eq!(count(&*backend).await, 0);
    insert(&*backend, 8).await.unwrap();
    assert_eq!(count(&*backend).await, 1);
}

async fn a_commit_that_is_given_up_is_made_whole_or_not_at_all(database: Database) {
    let backend = open(&database).await;
    let mut expected = 0;
    for polls in 0_i64..10 {
        let mut transaction = backend.begin(Mode::Write).await.unwrap();
        for seq in [0, 1] {
            let seq = polls * 2 + seq;
            transaction
                .execute(INSERT, vec![seq.into(), "half".into()])
                .await
                .unwrap();
        }
        let polls = usize::try_from(polls).unwrap();
        let known = give_up_after(polls, transaction.commit()).await;
        let marker = 100 + i64::try_from(polls).unwrap();
        insert(&*backend, marker).await.unwrap();
        let now = count(&*backend).await - 1;
        match known {
            Some(done) => {
                done.unwrap();
                assert_eq!(now, expected + 2);
            }
            None => assert!(now == expected || now == expected + 2, "{now}"),
        }
        expected = now + 1;
    }
}

async fn a_transaction_may_outlive_its_runtime(database: Database) {
    open(&database).await.close().await;
    let other = database.clone();
    let ended = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let begun: (Arc<dyn Backend>, Box<dyn Transaction>) = runtime.block_on(async {
            let backend = other.open().await;
            let mut transaction = backend.begin(Mode::Write).await.unwrap();
            transaction
                .execute(INSERT, vec![1_i64.into(), "note".into()])
                .await
                .unwrap();
            (backend, transaction)
        });
        drop(runtime);
        drop(begun.1);
        drop(begun.0);
    });
    tokio::task::spawn_blocking(|| ended.join())
        .await
        .unwrap()
        .unwrap();
    let backend = database.open().await;
    assert_eq!(count(&*backend).await, 0);
    insert(&*backend, 1).await.unwrap();
}

async fn a_closed_backend_does_nothing_more(database: Database) {
    let backend = open(&database).await;
    insert(&*backend, 1).await.unwrap();
    backend.close().await;
    for mode in [Mode::Read, Mode::Write] {
        let refused = backend.begin(mode).await.err();
        assert!(matches!(refused, Some(BackendError::Closed)), "{refused:?}");
    }
    backend.close().await;
    assert_eq!(count(&*database.open().await).await, 1);
}

async fn a_lost_transaction_does_not_hold_up_the_end(database: Database) {
    let backend = database
        .open_with(Patience {
            answer: Duration::from_secs(2),
            ..Patience::default()
        })
        .await;
    let lost = backend.begin(Mode::Read).await.unwrap();
    timeout(Duration::from_secs(60), backend.close())
        .await
        .unwrap();
    drop(lost);
}

async fn a_fault_happens_where_it_was_put(database: Database) {
    let plan = Plan::new();
    let backend = Faulty::new(open(&database).await, plan.clone());
    insert(&backend, 1).await.unwrap();
    assert_eq!(
        (plan.points(), plan.statements(), plan.commits()),
        (3, 1, 1)
    );
    assert_eq!(plan.passed().len(), 3);
    let cases = [
        (0, Fault::Before, 1),
        (0, Fault::After, 1),
        (1, Fault::Before, 1),
        (1, Fault::After, 1),
        (2, Fault::Before, 1),
        (2, Fault::After, 2),
    ];
    for (point, fault, left) in cases {
        plan.fault_at(point, fault);
        let failed = insert(&backend, 2).await;
        assert!(
            matches!(failed, Err(BackendError::Injected)),
            "{fault:?} at {point}"
        );
        plan.clear();
        assert_eq!(count(&backend).await, left, "{fault:?} at {point}");
    }
    plan.fault_at(2, Fault::Delay(Duration::from_millis(30)));
    let began = std::time::Instant::now();
    insert(&backend, 3).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(30));
    plan.fail_statements_with("secrets_checkpoints");
    assert!(insert(&backend, 4).await.is_err());
    let mut transaction = backend.begin(Mode::Read).await.unwrap();
    let other = "SELECT count(*) FROM secrets_audit";
    transaction.query(other, Vec::new()).await.unwrap();
    plan.break_now();
    assert!(transaction.query(other, Vec::new()).await.is_err());
    assert!(backend.begin(Mode::Read).await.is_err());
}
