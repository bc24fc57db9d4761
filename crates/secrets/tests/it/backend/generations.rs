//! Transactions that exchange all rows: whether one was done as a whole can be seen afterwards.

use orchestra_secrets::backend::{Backend, BackendError, Mode};

use super::{INSERT, read};

/// Rows that one transaction puts there, large enough for many pages.
const ROWS: i64 = 12;

/// A transaction that takes all rows away and puts others there, of this generation.
pub(super) async fn rewrite(backend: &dyn Backend, generation: i64) -> Result<(), BackendError> {
    let mut transaction = backend.begin(Mode::Write).await?;
    let delete = "DELETE FROM secrets_checkpoints";
    transaction.execute(delete, Vec::new()).await?;
    for row in 0..ROWS {
        let seq = generation * 100 + row;
        let note = format!("{generation} ").repeat(3000);
        transaction
            .execute(INSERT, vec![seq.into(), note.into()])
            .await?;
    }
    transaction.commit().await
}

/// The one generation whose rows are there, all of them.
pub(super) async fn generation(backend: &dyn Backend) -> Result<i64, BackendError> {
    let query = "SELECT seq, note FROM secrets_checkpoints ORDER BY seq";
    let rows = read(backend, query, Vec::new()).await?;
    let generation = rows[0].integer(0)? / 100;
    assert_eq!(i64::try_from(rows.len()).unwrap(), ROWS);
    for (row, expected) in rows.iter().zip(0..) {
        assert_eq!(row.integer(0)?, generation * 100 + expected);
        let note = format!("{generation} ");
        assert!(row.text(1)?.starts_with(&note));
        assert_eq!(row.text(1)?.len(), note.len() * 3000);
    }
    Ok(generation)
}
