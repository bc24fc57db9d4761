//! Every column of every table is edited. Each has a decision below; one that has none makes a test fail.

use std::collections::BTreeSet;
use std::sync::Arc;

use orchestra_secrets::backend::{Backend, Value};
use orchestra_secrets::{NewSecret, Store, StoreError};

use super::hand::{Hand, HandRow};
use crate::databases::{Database, on_each_database};
use crate::stores::{create, credential, get, name, secret, set, unsealed};

on_each_database!(
    every_column_has_a_decision,
    an_edited_secret_is_refused,
    an_edited_head_is_refused,
    an_edited_slot_is_refused,
    an_edited_log_is_refused,
    edited_words_that_mean_the_same_are_refused,
);

/// What an edit of a column leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    /// What stands in the row is refused.
    Bound,
    /// It is believed, and decides nothing.
    Unbound,
    /// The database itself lets it have one value only.
    Fixed,
}

use Decision::{Bound, Fixed, Unbound};

const DECISIONS: [(&str, &[(&str, Decision)]); 6] = [
    ("secrets_schema", &[("version", Bound)]),
    (
        "secrets_store",
        &[
            ("id", Fixed),
            ("store", Bound),
            ("epoch", Bound),
            ("root_version", Bound),
            ("keyring_version", Bound),
            ("keyring", Bound),
            ("manifest", Bound),
            ("fence", Bound),
        ],
    ),
    ("secrets_slots", &[("id", Bound), ("slot", Bound)]),
    (
        "secrets_entries",
        &[
            ("id", Bound),
            ("tenant", Bound),
            ("name", Bound),
            ("version", Bound),
            ("state", Bound),
            ("service", Bound),
            ("origin", Bound),
            ("labels", Bound),
            ("created", Bound),
            ("expires", Bound),
            ("row_version", Bound),
            ("key_version", Bound),
            ("record", Bound),
            ("last_used", Unbound),
        ],
    ),
    (
        "secrets_audit",
        &[
            ("seq", Bound),
            ("key_version", Bound),
            ("entry", Bound),
            ("hash", Bound),
            ("mac", Bound),
        ],
    ),
    ("secrets_checkpoints", &[("seq", Bound), ("note", Bound)]),
];

fn decisions(table: &str) -> &'static [(&'static str, Decision)] {
    let (_, columns) = DECISIONS.iter().find(|(name, _)| *name == table).unwrap();
    columns
}

async fn prepared(database: &Database) -> (Store, Hand) {
    let store = create(database, None).await.store;
    let mut new = NewSecret::new(name("tenant/A"));
    new.service = Some("service".to_owned());
    new.origin = Some("https://api.example.com".parse().unwrap());
    new.expires_ms = Some(4_000_000_000_000);
    new.labels.insert("one", "1").unwrap();
    new.labels.insert("two", "2").unwrap();
    store.set(new.clone(), &secret("first")).await.unwrap();
    store.set(new, &secret("second")).await.unwrap();
    set(&store, "B", "other").await;
    store.rotate_key().await.unwrap();
    store.checkpoint().await.unwrap();
    let backend: Arc<dyn Backend> = database.open().await;
    (store, Hand::new(&backend))
}

async fn every_column_has_a_decision(database: Database) {
    let (_, hand) = prepared(&database).await;
    let tables = match database {
        Database::Sqlite(_) => "SELECT name FROM sqlite_schema WHERE type = 'table'",
        Database::Postgres(_) => {
            "SELECT CAST(table_name AS TEXT) FROM information_schema.tables
             WHERE table_schema = current_schema()"
        }
    };
    let tables = hand.rows(tables, Vec::new()).await;
    let tables: BTreeSet<String> = tables.iter().map(|row| text(&row[0])).collect();
    let decided = DECISIONS.iter().map(|(table, _)| (*table).to_owned());
    assert_eq!(tables, decided.collect());
    for (table, columns) in DECISIONS {
        let decided: BTreeSet<&str> = columns.iter().map(|(column, _)| *column).collect();
        let found = hand.columns(table).await;
        assert_eq!(
            found.iter().map(String::as_str).collect::<BTreeSet<_>>(),
            decided,
            "{table}"
        );
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Text(Some(text)) => text.clone(),
        other => panic!("{other:?} is no text"),
    }
}

/// Other values of a column.
fn edits(value: &Value) -> Vec<Value> {
    match value {
        Value::Integer(Some(value)) => [value ^ 1, value ^ 2, -1, 0, i64::MAX, i64::MIN]
            .into_iter()
            .filter(|edited| edited != value)
            .map(Value::from)
            .collect(),
        Value::Text(Some(text)) => {
            let edited = [
                format!("{text}x"),
                format!("x{text}"),
                text.to_uppercase(),
                format!("{text}\n"),
                text.chars().rev().collect(),
                String::new(),
            ];
            let edited = edited.into_iter().filter(|edited| edited != text);
            edited.map(Value::from).collect()
        }
        Value::Blob(Some(bytes)) => {
            let last = bytes.len() - 1;
            let flipped = |place: usize| {
                let mut bytes = bytes.clone();
                bytes[place] ^= 1;
                bytes
            };
            let longer = [&bytes[..], &[0]].concat();
            let edited = [0, last / 2, last].map(flipped).into_iter();
            let cut = [bytes[..last].to_vec(), longer, Vec::new()];
            edited.chain(cut).map(Value::from).collect()
        }
        Value::Integer(None) | Value::Text(None) | Value::Blob(None) => vec![1_i64.into()],
    }
}

/// What stands for nothing in a column that may be empty.
fn nothing(column: &str) -> Option<Value> {
    match column {
        "service" | "origin" => Some(Value::Text(None)),
        "expires" | "last_used" => Some(Value::Integer(None)),
        _ => None,
    }
}

/// Every edit of a column in this row, and the row as it was.
fn edited(row: &HandRow, column: &str) -> Vec<HandRow> {
    let mut values = edits(row.get(column));
    values.extend(nothing(column).filter(|nothing| nothing != row.get(column)));
    let edited = values.into_iter().map(|value| {
        let mut row = row.clone();
        row.set(column, value);
        row
    });
    edited.collect()
}

async fn an_edited_secret_is_refused(database: Database) {
    let (store, hand) = prepared(&database).await;
    let row = hand.row("secrets_entries", "version", 2_i64).await;
    assert_eq!(row.get("name"), &"A".into());
    for (column, decision) in decisions("secrets_entries") {
        for edit in edited(&row, column) {
            hand.exchange_row("secrets_entries", &row, &edit).await;
            let fetched = get(&store, "tenant/A").await;
            let whole = store.verify().await.unwrap().is_whole();
            match decision {
                Bound => assert!(fetched.is_err() && !whole, "{column}: {edit:?}"),
                Unbound => assert!(fetched.is_ok() && whole, "{column}: {edit:?}"),
                Fixed => panic!("no column of secrets is fixed"),
            }
            // Whatever it is called now, it is not handed out.
            for entry in store.entries(None).await.unwrap_or_default() {
                let text = entry.name.to_string();
                let fetched = get(&store, &text).await;
                let good = ["B", "tenant/A"].contains(&text.as_str()) && *decision == Unbound;
                assert!(good || text == "B" || fetched.is_err(), "{column}: {text}");
            }
            assert_eq!(get(&store, "B").await.unwrap(), "other");
            hand.exchange_row("secrets_entries", &edit, &row).await;
        }
    }
    assert_eq!(get(&store, "tenant/A").await.unwrap(), "second");
}

async fn an_edited_head_is_refused(database: Database) {
    let (mut store, hand) = prepared(&database).await;
    let sealed = unsealed(&database, None).await.unwrap();
    sealed.seal().await.unwrap();
    for (column, decision) in decisions("secrets_store") {
        if *decision == Fixed {
            continue;
        }
        for number in 0.. {
            let row = hand.row("secrets_store", "id", 1_i64).await;
            let Some(edit) = edited(&row, column).into_iter().nth(number) else {
                break;
            };
            hand.exchange_row("secrets_store", &row, &edit).await;
            assert!(get(&store, "B").await.is_err(), "{column}: {edit:?}");
            assert!(sealed.unseal(credential()).await.is_err(), "{column}");
            let new = NewSecret::new(name("C"));
            assert!(store.set(new, &secret("new")).await.is_err(), "{column}");
            hand.exchange_row("secrets_store", &edit, &row).await;
            if store.is_sealed() {
                // These look as if everything had been put back, or the root key had been exchanged.
                assert!(["epoch", "root_version"].contains(column), "{column}");
                store = unsealed(&database, None).await.unwrap();
            }
        }
    }
}

async fn an_edited_slot_is_refused(database: Database) {
    let (store, hand) = prepared(&database).await;
    let sealed = unsealed(&database, None).await.unwrap();
    sealed.seal().await.unwrap();
    let row = hand.row("secrets_slots", "id", 1_i64).await;
    for (column, decision) in decisions("secrets_slots") {
        assert_eq!(*decision, Bound);
        for edit in edited(&row, column) {
            // The other slot has that number.
            if edit.get("id") == &Value::from(2_i64) {
                continue;
            }
            hand.exchange_row("secrets_slots", &row, &edit).await;
            let refused = sealed.unseal(credential()).await;
            assert!(
                matches!(refused, Err(StoreError::Unlock(_) | StoreError::Backend(_))),
                "{column}"
            );
            assert!(
                !store.verify().await.is_ok_and(|report| report.is_whole()),
                "{column}"
            );
            hand.exchange_row("secrets_slots", &edit, &row).await;
        }
    }
    sealed.unseal(credential()).await.unwrap();
}

async fn an_edited_log_is_refused(database: Database) {
    let (store, hand) = prepared(&database).await;
    let last = store.verify_audit().await.unwrap();
    let (last_seq, checkpoint) = (last.last_seq, last.last_checkpoint.unwrap());
    let rows = [
        ("secrets_audit", 1),
        ("secrets_audit", last_seq),
        ("secrets_checkpoints", checkpoint),
    ];
    for (table, seq) in rows {
        let row = hand.row(table, "seq", i64::try_from(seq).unwrap()).await;
        for (column, decision) in decisions(table) {
            assert_eq!(*decision, Bound);
            for edit in edited(&row, column) {
                let taken = format!("SELECT seq FROM {table} WHERE seq = $1 AND seq <> $2");
                let taken = hand.rows(taken, vec![edit.get("seq").clone(), row.get("seq").clone()]);
                if !taken.await.is_empty() {
                    continue;
                }
                hand.exchange_row(table, &row, &edit).await;
                let refused = store.verify_audit().await;
                assert!(refused.is_err(), "{table}.{column}: {edit:?}");
                hand.exchange_row(table, &edit, &row).await;
            }
        }
    }
    store.verify_audit().await.unwrap();
}

/// A writer who is not the store has been here, even if nothing came of it.
async fn edited_words_that_mean_the_same_are_refused(database: Database) {
    let (store, hand) = prepared(&database).await;
    let row = hand.row("secrets_entries", "version", 2_i64).await;
    for (column, same) in [
        ("labels", "two=2\none=1\n"),
        ("labels", "one=1\ntwo=2"),
        ("labels", "one=1\r\ntwo=2\r\n"),
        ("labels", "one=0\none=1\ntwo=2\n"),
        ("origin", "https://API.example.com"),
        ("origin", "https://api.example.com:443"),
        ("origin", "https://api.example.com/"),
    ] {
        let mut edit = row.clone();
        edit.set(column, same.into());
        hand.exchange_row("secrets_entries", &row, &edit).await;
        assert!(get(&store, "tenant/A").await.is_err(), "{same:?}");
        hand.exchange_row("secrets_entries", &edit, &row).await;
    }
    assert_eq!(get(&store, "tenant/A").await.unwrap(), "second");
}
