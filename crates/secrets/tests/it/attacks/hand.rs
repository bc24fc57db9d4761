//! The hand of somebody who can write the database, and has no key.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use orchestra_secrets::backend::{Backend, Kind, Mode, Value};

/// The store's tables, and the columns that tell their rows apart.
pub(crate) const TABLES: [(&str, &str); 5] = [
    ("secrets_store", "id"),
    ("secrets_slots", "id"),
    ("secrets_entries", "id"),
    ("secrets_audit", "seq"),
    ("secrets_checkpoints", "seq"),
];

#[derive(Clone, Debug)]
pub(crate) struct Hand(Arc<dyn Backend>);

/// All rows of all tables, column by column in the order of [`Hand::columns`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contents(Vec<Vec<Vec<Value>>>);

/// One row, column by column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HandRow(Vec<(String, Value)>);

impl HandRow {
    pub(crate) fn set(&mut self, column: &str, value: Value) {
        let mut columns = self.0.iter_mut();
        let (_, held) = columns.find(|(name, _)| name == column).unwrap();
        *held = value;
    }

    pub(crate) fn get(&self, column: &str) -> &Value {
        let (_, value) = self.0.iter().find(|(name, _)| name == column).unwrap();
        value
    }
}

impl Hand {
    pub(crate) fn new(backend: &Arc<dyn Backend>) -> Self {
        Self(Arc::clone(backend))
    }

    /// Changes something, and says how many rows it was.
    pub(crate) async fn run(&self, statement: impl Into<String>, values: Vec<Value>) -> u64 {
        let mut transaction = self.0.begin(Mode::Write).await.unwrap();
        let statement = lasting(statement.into());
        let changed = transaction.execute(statement, values).await.unwrap();
        transaction.commit().await.unwrap();
        changed
    }

    pub(crate) async fn rows(
        &self,
        statement: impl Into<String>,
        values: Vec<Value>,
    ) -> Vec<Vec<Value>> {
        let mut transaction = self.0.begin(Mode::Read).await.unwrap();
        let statement = lasting(statement.into());
        let rows = transaction.query(statement, values).await.unwrap();
        rows.into_iter().map(|row| row.0).collect()
    }

    /// The one value that a query finds.
    pub(crate) async fn value(&self, statement: impl Into<String>, values: Vec<Value>) -> Value {
        let mut rows = self.rows(statement, values).await;
        rows.remove(0).remove(0)
    }

    /// The columns that a table has in fact.
    pub(crate) async fn columns(&self, table: &str) -> Vec<String> {
        let statement = match self.0.kind() {
            Kind::Sqlite => "SELECT name FROM pragma_table_info($1) ORDER BY cid",
            Kind::Postgres => {
                "SELECT CAST(column_name AS TEXT) FROM information_schema.columns
                 WHERE table_name = $1 ORDER BY ordinal_position"
            }
        };
        let rows = self.rows(statement, vec![table.into()]).await;
        let name = |row: &Vec<Value>| match &row[0] {
            Value::Text(Some(name)) => name.clone(),
            other => panic!("{other:?} is no name"),
        };
        rows.iter().map(name).collect()
    }

    /// The first row of a table in which this column is so.
    pub(crate) async fn row(&self, table: &str, column: &str, is: impl Into<Value>) -> HandRow {
        let columns = self.columns(table).await;
        let select = format!(
            "SELECT {} FROM {table} WHERE {column} = $1",
            columns.join(", ")
        );
        let row = self.rows(select, vec![is.into()]).await.remove(0);
        HandRow(columns.into_iter().zip(row).collect())
    }

    /// Puts a row in the place of the one with the same key, or adds it.
    pub(crate) async fn replace_row(&self, table: &str, row: &HandRow) {
        let (_, key) = TABLES.iter().find(|(name, _)| *name == table).unwrap();
        let delete = format!("DELETE FROM {table} WHERE {key} = $1");
        self.run(delete, vec![row.get(key).clone()]).await;
        let (columns, values): (Vec<_>, Vec<_>) = row.0.iter().cloned().unzip();
        self.run(insertion(table, &columns), typed(&columns, &values))
            .await;
    }

    /// Puts one row in the place of another, whose key may be different.
    pub(crate) async fn exchange_row(&self, table: &str, old: &HandRow, new: &HandRow) {
        let (_, key) = TABLES.iter().find(|(name, _)| *name == table).unwrap();
        let delete = format!("DELETE FROM {table} WHERE {key} = $1");
        assert_eq!(self.run(delete, vec![old.get(key).clone()]).await, 1);
        self.replace_row(table, new).await;
    }

    pub(crate) async fn close(&self) {
        self.0.close().await;
    }

    /// Takes a copy of everything.
    pub(crate) async fn copy(&self) -> Contents {
        let mut tables = Vec::new();
        for (table, key) in TABLES {
            tables.push(self.table(table, key).await);
        }
        Contents(tables)
    }

    async fn table(&self, table: &str, key: &str) -> Vec<Vec<Value>> {
        let columns = self.columns(table).await.join(", ");
        let select = format!("SELECT {columns} FROM {table} ORDER BY {key}");
        self.rows(select, Vec::new()).await
    }

    /// Puts everything back to what it was when the copy was taken.
    pub(crate) async fn put_back(&self, contents: &Contents) {
        let mut columns = Vec::new();
        for (table, _) in TABLES {
            columns.push(self.columns(table).await);
        }
        let mut transaction = self.0.begin(Mode::Write).await.unwrap();
        for (((table, _), columns), rows) in TABLES.iter().zip(&columns).zip(&contents.0) {
            let delete = lasting(format!("DELETE FROM {table}"));
            transaction.execute(delete, Vec::new()).await.unwrap();
            let insert = insertion(table, columns);
            for row in rows {
                let row = typed(columns, row);
                transaction.execute(insert, row).await.unwrap();
            }
        }
        transaction.commit().await.unwrap();
    }

    /// Puts one table's rows back.
    pub(crate) async fn put_back_table(&self, table: &str, contents: &Contents) {
        let place = TABLES.iter().position(|(name, _)| *name == table).unwrap();
        let columns = self.columns(table).await;
        self.run(format!("DELETE FROM {table}"), Vec::new()).await;
        for row in &contents.0[place] {
            let row = typed(&columns, row);
            self.run(insertion(table, &columns), row).await;
        }
    }
}

fn insertion(table: &str, columns: &[String]) -> &'static str {
    let places: Vec<String> = (1..=columns.len())
        .map(|place| format!("${place}"))
        .collect();
    lasting(format!(
        "INSERT INTO {table} ({}) VALUES ({})",
        columns.join(", "),
        places.join(", ")
    ))
}

/// SQLite's NULLs have no type, and PostgreSQL's must have one.
fn typed(columns: &[String], row: &[Value]) -> Vec<Value> {
    let null = |column: &str| match column {
        "service" | "origin" => Value::Text(None),
        _ => Value::Integer(None),
    };
    let typed = columns.iter().zip(row).map(|(column, value)| match value {
        Value::Integer(None) | Value::Text(None) | Value::Blob(None) => null(column),
        other => other.clone(),
    });
    typed.collect()
}

/// Statements are static; each is leaked once.
pub(crate) fn lasting(statement: String) -> &'static str {
    static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut known = KNOWN.lock().unwrap();
    if let Some(found) = known.get(statement.as_str()) {
        return found;
    }
    let leaked: &'static str = Box::leak(statement.into_boxed_str());
    known.insert(leaked);
    leaked
}
