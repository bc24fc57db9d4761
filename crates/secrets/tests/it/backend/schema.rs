//! The store's tables, where others have been.

use orchestra_secrets::backend::{BackendError, Mode, SchemaError, migrate};

use super::{count, insert, open};
use crate::databases::{Database, on_each_database};
use crate::faults::{Fault, Faulty, Plan};

on_each_database!(
    tables_are_made_once,
    a_newer_programs_tables_are_left_alone,
    a_missing_column_is_named,
    a_migration_that_fails_anywhere_leaves_nothing,
);

async fn tables_are_made_once(database: Database) {
    let backend = open(&database).await;
    insert(&*backend, 1).await.unwrap();
    migrate(&*backend).await.unwrap();
    assert_eq!(count(&*open(&database).await).await, 1);
}

async fn a_newer_programs_tables_are_left_alone(database: Database) {
    let backend = open(&database).await;
    let mut transaction = backend.begin(Mode::Write).await.unwrap();
    let update = "UPDATE secrets_schema SET version = 1000000";
    transaction.execute(update, Vec::new()).await.unwrap();
    transaction.commit().await.unwrap();
    let refused = migrate(&*backend).await.unwrap_err();
    assert!(matches!(
        refused,
        SchemaError::Newer {
            found: 1_000_000,
            ..
        }
    ));
    assert!(refused.to_string().contains("use the newer program"));
}

async fn a_missing_column_is_named(database: Database) {
    let backend = open(&database).await;
    let mut transaction = backend.begin(Mode::Write).await.unwrap();
    let drop = "ALTER TABLE secrets_entries DROP COLUMN labels";
    transaction.execute(drop, Vec::new()).await.unwrap();
    transaction.commit().await.unwrap();
    let refused = migrate(&*backend).await.unwrap_err().to_string();
    assert!(
        refused.contains("`secrets_entries.labels` is missing"),
        "{refused}"
    );
    assert!(refused.contains("restore a backup"), "{refused}");
}

async fn a_migration_that_fails_anywhere_leaves_nothing(database: Database) {
    let plan = Plan::new();
    let backend = Faulty::new(database.open().await, plan.clone());
    for point in 0.. {
        plan.fault_at(point, Fault::Before);
        match migrate(&backend).await {
            Err(SchemaError::Backend(BackendError::Injected)) => {}
            Err(other) => panic!("{other:?}"),
            Ok(()) => {
                assert!(point > 5, "{point}");
                break;
            }
        }
        // Another would refuse tables that are there without a version.
        let commits_before = plan.commits();
        assert!(commits_before <= 1);
    }
    plan.clear();
    insert(&backend, 1).await.unwrap();
}
