//! What goes in comes out again.

use orchestra_secrets::backend::{Backend, BackendError, Mode, Row, Value};

use super::{INSERT, open, read};
use crate::databases::{Database, on_each_database};

on_each_database!(
    values_of_every_type_come_back,
    large_values_come_back,
    expressions_have_the_types_of_what_they_are_made_of,
    a_sum_is_cast_or_refused,
    nothing_found_is_no_row,
    numbers_never_leave_64_bits,
    other_types_are_refused,
    a_nul_character_is_refused,
    statements_are_used_again_with_other_values,
);

/// A table with a column of each type.
async fn types(backend: &dyn Backend) {
    let mut transaction = backend.begin(Mode::Write).await.unwrap();
    let statement = match backend.kind() {
        orchestra_secrets::backend::Kind::Sqlite => {
            "CREATE TABLE types (id INTEGER NOT NULL, i INTEGER, t TEXT, b BLOB) STRICT"
        }
        orchestra_secrets::backend::Kind::Postgres => {
            "CREATE TABLE types (id BIGINT NOT NULL, i BIGINT, t TEXT, b BYTEA)"
        }
    };
    transaction.execute(statement, Vec::new()).await.unwrap();
    transaction.commit().await.unwrap();
}

async fn put(backend: &dyn Backend, id: i64, values: &[Value; 3]) -> Result<(), BackendError> {
    let mut transaction = backend.begin(Mode::Write).await?;
    let mut all = vec![id.into()];
    all.extend_from_slice(values);
    let insert = "INSERT INTO types (id, i, t, b) VALUES ($1, $2, $3, $4)";
    assert_eq!(transaction.execute(insert, all).await?, 1);
    transaction.commit().await
}

async fn get(backend: &dyn Backend, id: i64) -> Vec<Row> {
    let query = "SELECT i, t, b FROM types WHERE id = $1";
    read(backend, query, vec![id.into()]).await.unwrap()
}

async fn values_of_every_type_come_back(database: Database) {
    let backend = database.open().await;
    types(&*backend).await;
    let cases: [[Value; 3]; 5] = [
        [0_i64.into(), "".into(), Vec::new().into()],
        [
            i64::MAX.into(),
            "Grüße, 世界 🔑 '\"\\%".into(),
            vec![0; 3].into(),
        ],
        [
            i64::MIN.into(),
            "\n\t\u{1}\u{10ffff}".into(),
            (0..=255).collect::<Vec<u8>>().into(),
        ],
        [u32::MAX.into(), "1".into(), b"text".to_vec().into()],
        [Value::Integer(None), Value::Text(None), Value::Blob(None)],
    ];
    for (id, values) in (0..).zip(&cases) {
        put(&*backend, id, values).await.unwrap();
    }
    for (id, values) in (0..).zip(cases) {
        assert_eq!(get(&*backend, id).await, [Row(values.to_vec())]);
    }
}

async fn large_values_come_back(database: Database) {
    let backend = database.open().await;
    types(&*backend).await;
    let random: Vec<u8> = (0..8_u32 << 20)
        .map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    let text = "ü".repeat(4 << 20);
    let values = [1_i64.into(), text.into(), random.into()];
    put(&*backend, 1, &values).await.unwrap();
    assert!(get(&*backend, 1).await == [Row(values.to_vec())]);
}

async fn expressions_have_the_types_of_what_they_are_made_of(database: Database) {
    let backend = open(&database).await;
    let query = "SELECT count(*), max(seq), min(note), max(seq) + 1, coalesce(max(seq), 0), 1, 'a' \
        FROM secrets_checkpoints";
    let rows = read(&*backend, query, Vec::new()).await.unwrap();
    let row = &rows[0];
    assert_eq!(row.count::<u64>(0).unwrap(), 0);
    assert_eq!(row.optional_integer(1).unwrap(), None);
    assert_eq!(row.optional_text(2).unwrap(), None);
    assert_eq!(row.optional_integer(3).unwrap(), None);
    assert!(matches!(
        row.integer(3),
        Err(BackendError::Shape { column: 3 })
    ));
    assert_eq!(row.integer(4).unwrap(), 0);
    assert_eq!(row.integer(5).unwrap(), 1);
    assert_eq!(row.text(6).unwrap(), "a");
    super::insert(&*backend, 41).await.unwrap();
    let rows = read(&*backend, query, Vec::new()).await.unwrap();
    let row = &rows[0];
    assert_eq!(row.count::<u8>(0).unwrap(), 1);
    assert_eq!(row.integer(1).unwrap(), 41);
    assert_eq!(row.text(2).unwrap(), "note");
    assert_eq!(row.integer(3).unwrap(), 42);
    let read_as_text = row.text(1);
    assert!(matches!(
        read_as_text,
        Err(BackendError::Shape { column: 1 })
    ));
    assert!(matches!(
        row.text(7),
        Err(BackendError::Shape { column: 7 })
    ));
}

async fn a_sum_is_cast_or_refused(database: Database) {
    let backend = open(&database).await;
    super::insert(&*backend, 20).await.unwrap();
    super::insert(&*backend, 22).await.unwrap();
    let cast = "SELECT CAST(sum(seq) AS BIGINT) FROM secrets_checkpoints";
    let rows = read(&*backend, cast, Vec::new()).await.unwrap();
    assert_eq!(rows[0].integer(0).unwrap(), 42);
    let bare = "SELECT sum(seq) FROM secrets_checkpoints";
    match read(&*backend, bare, Vec::new()).await {
        Ok(rows) => assert_eq!(rows[0].integer(0).unwrap(), 42),
        Err(error) => assert!(
            matches!(error, BackendError::Shape { column: 0 }),
            "{error:?}"
        ),
    }
}

async fn nothing_found_is_no_row(database: Database) {
    let backend = open(&database).await;
    let query = "SELECT seq, note FROM secrets_checkpoints WHERE seq = $1";
    let rows = read(&*backend, query, vec![7_i64.into()]).await.unwrap();
    assert_eq!(rows, []);
    let mut transaction = backend.begin(Mode::Write).await.unwrap();
    let delete = "DELETE FROM secrets_checkpoints WHERE seq = $1";
    let changed = transaction.execute(delete, vec![7_i64.into()]).await;
    assert_eq!(changed.unwrap(), 0);
}

async fn numbers_never_leave_64_bits(database: Database) {
    let backend = open(&database).await;
    super::insert(&*backend, i64::MAX).await.unwrap();
    let next = "SELECT seq + 1 FROM secrets_checkpoints";
    assert!(read(&*backend, next, Vec::new()).await.is_err());
    let mut transaction = backend.begin(Mode::Write).await.unwrap();
    let update = "UPDATE secrets_checkpoints SET seq = seq + 1";
    assert!(transaction.execute(update, Vec::new()).await.is_err());
    drop(transaction);
    let rows = read(&*backend, "SELECT seq FROM secrets_checkpoints", Vec::new());
    let row = &rows.await.unwrap()[0];
    assert_eq!(row.integer(0).unwrap(), i64::MAX);
    assert!(matches!(
        row.count::<u32>(0),
        Err(BackendError::Shape { column: 0 })
    ));
}

async fn other_types_are_refused(database: Database) {
    let backend = database.open().await;
    let refused = read(&*backend, "SELECT 1, 1.5", Vec::new()).await;
    assert!(
        matches!(refused, Err(BackendError::Shape { column: 1 })),
        "{refused:?}"
    );
}

async fn a_nul_character_is_refused(database: Database) {
    let backend = open(&database).await;
    let mut transaction = backend.begin(Mode::Write).await.unwrap();
    let values = vec![1_i64.into(), "no\0te".into()];
    let refused = transaction.execute(INSERT, values).await;
    assert!(matches!(refused, Err(BackendError::Nul)), "{refused:?}");
}

/// More statements than a connection keeps, each with NULL and with a value, so that a type which was guessed
/// the first time would show the second.
async fn statements_are_used_again_with_other_values(database: Database) {
    let backend = database.open().await;
    types(&*backend).await;
    for round in 0..300 {
        let text = (round % 3 > 0).then(|| "x".repeat(round));
        let number = (round % 2 > 0).then_some(i64::try_from(round).unwrap());
        let id = i64::try_from(round).unwrap();
        let values = [number.into(), text.into(), Value::Blob(None)];
        put(&*backend, id, &values).await.unwrap();
        assert_eq!(get(&*backend, id).await, [Row(values.to_vec())]);
    }
}
