//! What tables a database has, and in what they differ from those it should have.

use std::collections::{BTreeMap, BTreeSet};

use super::{BackendError, Kind, Row, Transaction};

/// The first difference between the tables there are and those there should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Difference {
    /// The table with the version has none, or several.
    #[error("`secrets_schema` does not have one version")]
    Version,
    /// A table is not there.
    #[error("the table `{table}` is missing")]
    TableMissing {
        /// Its name.
        table: String,
    },
    /// A table has a name of ours, but no version made it.
    #[error("the table `{table}` is there although no version made it")]
    TableExtra {
        /// Its name.
        table: String,
    },
    /// The SQLite file is something else's.
    #[error("the file has the table `{table}` of something else in it")]
    Stranger {
        /// The table's name.
        table: String,
    },
    /// It is a view or something like it, or a table of SQLite that takes values of any type.
    #[error("`{table}` is no table such as it was made")]
    NotPlain {
        /// Its name.
        table: String,
    },
    /// A column is not there.
    #[error("the column `{table}.{column}` is missing")]
    ColumnMissing {
        /// The table's name.
        table: String,
        /// The column's name.
        column: String,
    },
    /// A column is there that no version made.
    #[error("the column `{table}.{column}` is there although no version made it")]
    ColumnExtra {
        /// The table's name.
        table: String,
        /// The column's name.
        column: String,
    },
    /// A column is of another type, or may be NULL, or may not.
    #[error("the column `{table}.{column}` is {found}")]
    ColumnOther {
        /// The table's name.
        table: String,
        /// The column's name.
        column: String,
        /// What it is declared as.
        found: String,
    },
    /// A primary key or what must be unique may be there twice.
    #[error("`{table}` is not unique by ({columns})")]
    KeyMissing {
        /// The table's name.
        table: String,
        /// The columns' names.
        columns: String,
    },
    /// A trigger, a rule or a policy changes what statements do.
    #[error("`{name}` of `{table}` changes what statements do")]
    Intercepted {
        /// The table's name.
        table: String,
        /// The trigger's, rule's or policy's name.
        name: String,
    },
}

/// The tables of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape(BTreeMap<String, Table>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Table {
    plain: bool,
    columns: BTreeMap<String, Column>,
    keys: BTreeSet<BTreeSet<String>>,
    interceptors: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Column {
    kind: Option<ColumnKind>,
    required: bool,
    declared: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ColumnKind {
    Integer,
    Text,
    Blob,
}

/// The queries for one database. Each row begins with the name of a table.
struct Queries {
    /// table, 1 if it is plain
    tables: &'static str,
    /// table, column, declared type, 1 if it may not be NULL
    columns: &'static str,
    /// table, name of the key, column
    keys: &'static str,
    /// table, name of what intercepts its statements
    interceptors: &'static str,
}

const SQLITE: Queries = Queries {
    tables: "SELECT name, type = 'table' AND strict FROM pragma_table_list
        WHERE schema = 'main'",
    columns: "SELECT t.name, c.name, c.type, c.\"notnull\" FROM pragma_table_list t
        JOIN pragma_table_xinfo(t.name) c WHERE t.schema = 'main'",
    // A primary key that is an integer has no index.
    keys: "SELECT t.name, i.name, c.name FROM pragma_table_list t
        JOIN pragma_index_list(t.name) i JOIN pragma_index_info(i.name) c
        WHERE t.schema = 'main' AND i.\"unique\" AND NOT i.partial AND c.name IS NOT NULL
        UNION ALL
        SELECT t.name, '', c.name FROM pragma_table_list t
        JOIN pragma_table_info(t.name) c WHERE t.schema = 'main' AND c.pk > 0",
    interceptors: "SELECT tbl_name, name FROM sqlite_schema WHERE type = 'trigger'",
};

const POSTGRES: Queries = Queries {
    tables: "SELECT c.relname::TEXT, CASE WHEN c.relkind IN ('r', 'p') THEN 1 ELSE 0 END
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f')",
    columns: "SELECT c.relname::TEXT, a.attname::TEXT,
        pg_catalog.format_type(a.atttypid, a.atttypmod),
        CASE WHEN a.attnotnull THEN 1 ELSE 0 END
        FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema() AND a.attnum > 0 AND NOT a.attisdropped",
    keys: "SELECT c.relname::TEXT, x.relname::TEXT, a.attname::TEXT
        FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
        JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        CROSS JOIN unnest(i.indkey::INT2[]) WITH ORDINALITY k (attnum, place)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
        WHERE n.nspname = current_schema() AND i.indisunique AND i.indisvalid
        AND i.indpred IS NULL AND i.indexprs IS NULL AND k.place <= i.indnkeyatts",
    interceptors: "SELECT c.relname::TEXT, t.tgname::TEXT
        FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema() AND NOT t.tgisinternal
        UNION ALL
        SELECT tablename::TEXT, rulename::TEXT FROM pg_catalog.pg_rules
        WHERE schemaname = current_schema()
        UNION ALL
        SELECT c.relname::TEXT, 'row security' FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema() AND c.relrowsecurity",
};

impl Shape {
    /// Reads what is in the SQLite file, or in the schema of the PostgreSQL connection.
    pub(super) async fn read(
        transaction: &mut dyn Transaction,
        kind: Kind,
    ) -> Result<Self, BackendError> {
        let queries = match kind {
            Kind::Sqlite => SQLITE,
            Kind::Postgres => POSTGRES,
        };
        let mut shape = Self::default();
        for row in transaction.query(queries.tables, Vec::new()).await? {
            shape.table(&row)?.plain = row.integer(1)? == 1;
        }
        for row in transaction.query(queries.columns, Vec::new()).await? {
            let column = Column::new(row.text(2)?, row.integer(3)? == 1);
            shape.table(&row)?.columns.insert(row.text(1)?, column);
        }
        shape.read_keys(&transaction.query(queries.keys, Vec::new()).await?)?;
        for row in transaction.query(queries.interceptors, Vec::new()).await? {
            shape.table(&row)?.interceptors.insert(row.text(1)?);
        }
        // SQLite keeps these names for itself.
        shape.0.retain(|table, _| !table.starts_with("sqlite_"));
        Ok(shape)
    }

    fn table(&mut self, row: &Row) -> Result<&mut Table, BackendError> {
        Ok(self.0.entry(row.text(0)?).or_default())
    }

    fn read_keys(&mut self, rows: &[Row]) -> Result<(), BackendError> {
        let mut keys: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for row in rows {
            let columns = keys.entry((row.text(0)?, row.text(1)?)).or_default();
            columns.insert(row.text(2)?);
        }
        for ((table, _), columns) in keys {
            self.0.entry(table).or_default().keys.insert(columns);
        }
        Ok(())
    }

    pub(super) fn has(&self, table: &str) -> bool {
        self.0.contains_key(table)
    }

    /// The first table of another name than these.
    pub(super) fn stranger(&self, known: &Self) -> Option<Difference> {
        let table = self.0.keys().find(|table| !known.has(table))?.clone();
        Some(Difference::Stranger { table })
    }

    /// The first of the known tables that is not as expected. Tables that are not known are not looked at.
    pub(super) fn difference(&self, expected: &Self, known: &Self) -> Option<Difference> {
        known.0.keys().find_map(|name| {
            let table = name.clone();
            match (self.0.get(name), expected.0.get(name)) {
                (None, None) => None,
                (None, Some(_)) => Some(Difference::TableMissing { table }),
                (Some(_), None) => Some(Difference::TableExtra { table }),
                (Some(actual), Some(expected)) => actual.difference(expected, name),
            }
        })
    }
}

impl Table {
    fn difference(&self, expected: &Self, name: &str) -> Option<Difference> {
        let table = name.to_owned();
        if !self.plain {
            return Some(Difference::NotPlain { table });
        }
        if let Some(name) = self.interceptors.first().cloned() {
            return Some(Difference::Intercepted { table, name });
        }
        let mut columns = expected.columns.iter();
        columns
            .find_map(|(column, expected)| self.column_difference(name, column, expected))
            .or_else(|| {
                let mut columns = self.columns.keys();
                let extra = columns.find(|column| !expected.columns.contains_key(*column))?;
                let (table, column) = (table.clone(), extra.clone());
                Some(Difference::ColumnExtra { table, column })
            })
            .or_else(|| {
                let missing = expected.keys.difference(&self.keys).next()?;
                let columns: Vec<_> = missing.iter().map(String::as_str).collect();
                let (table, columns) = (table.clone(), columns.join(", "));
                Some(Difference::KeyMissing { table, columns })
            })
    }

    fn column_difference(
        &self,
        table: &str,
        column: &str,
        expected: &Column,
    ) -> Option<Difference> {
        let (table, column) = (table.to_owned(), column.to_owned());
        let Some(actual) = self.columns.get(&column) else {
            return Some(Difference::ColumnMissing { table, column });
        };
        if (actual.kind, actual.required) == (expected.kind, expected.required) {
            return None;
        }
        let found = actual.describe();
        Some(Difference::ColumnOther {
            table,
            column,
            found,
        })
    }
}

impl Column {
    fn new(declared: String, required: bool) -> Self {
        let kind = match declared.as_str() {
            "INTEGER" | "bigint" => Some(ColumnKind::Integer),
            "TEXT" | "text" => Some(ColumnKind::Text),
            "BLOB" | "bytea" => Some(ColumnKind::Blob),
            _ => None,
        };
        Self {
            kind,
            required,
            declared,
        }
    }

    fn describe(&self) -> String {
        let null = if self.required { "NOT NULL" } else { "NULL" };
        format!("{} {null}", self.declared)
    }
}
