//! What a transaction is, on both databases.

use orchestra_secrets::backend::{Backend, Mode, migrate};

use crate::databases::{Database, on_each_database};
use crate::faults::{Fault, Faulty, Plan};

on_each_database!(
    a_dropped_transaction_changes_nothing,
    a_fault_happens_where_it_was_put
);

const INSERT: &str = "INSERT INTO secrets_checkpoints (seq, note) VALUES ($1, $2)";
const COUNT: &str = "SELECT count(*) FROM secrets_checkpoints";

async fn count(backend: &dyn Backend) -> i64 {
    let mut transaction = backend.begin(Mode::Read).await.unwrap();
    let rows = transaction.query(COUNT, Vec::new()).await.unwrap();
    rows[0].integer(0).unwrap()
}

async fn a_dropped_transaction_changes_nothing(database: Database) {
    let backend = database.open().await;
    migrate(&*backend).await.unwrap();
    let mut transaction = backend.begin(Mode::Write).await.unwrap();
    let values = vec![1_i64.into(), "note".into()];
    assert_eq!(transaction.execute(INSERT, values).await.unwrap(), 1);
    drop(transaction);
    assert_eq!(count(&*backend).await, 0);
}

async fn insert(backend: &dyn Backend, seq: i64) -> bool {
    let run = async {
        let mut transaction = backend.begin(Mode::Write).await?;
        transaction
            .execute(INSERT, vec![seq.into(), "note".into()])
            .await?;
        transaction.commit().await
    };
    run.await.is_ok()
}

async fn a_fault_happens_where_it_was_put(database: Database) {
    let plan = Plan::new();
    let backend = Faulty::new(database.open().await, plan.clone());
    migrate(&backend).await.unwrap();
    plan.clear();
    assert!(insert(&backend, 1).await);
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
        assert!(!insert(&backend, 2).await, "{fault:?} at {point}");
        plan.clear();
        assert_eq!(count(&backend).await, left, "{fault:?} at {point}");
    }
    plan.break_now();
    assert!(!insert(&backend, 3).await);
}
