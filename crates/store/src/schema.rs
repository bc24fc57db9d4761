//! The tables, and how an older file gets them.

use sqlx::{Connection, SqliteConnection};

/// What leads from each version of the schema to the next; a new file goes through all of them.
const MIGRATIONS: &[&[&str]] = &[CONVERSATIONS, CONFIGS_AND_NOTES];

const CONVERSATIONS: &[&str] = &[
    // Times are milliseconds since 1970; `used` counts uses, the latest has the highest number.
    // A caller without a key is the client ''.
    "CREATE TABLE conversations (
        client TEXT NOT NULL,
        id TEXT NOT NULL,
        input TEXT NOT NULL,
        response TEXT NOT NULL,
        size INTEGER NOT NULL,
        created INTEGER NOT NULL,
        expires INTEGER NOT NULL,
        used INTEGER NOT NULL,
        PRIMARY KEY (client, id)
    ) STRICT",
    "CREATE INDEX conversations_by_use ON conversations (used)",
    "CREATE INDEX conversations_by_client ON conversations (client, used)",
    "CREATE INDEX conversations_by_end ON conversations (expires)",
    // Counted along, since counting anew at each write takes longer the more there is.
    "CREATE TABLE clients (
        client TEXT NOT NULL PRIMARY KEY,
        entries INTEGER NOT NULL,
        bytes INTEGER NOT NULL
    ) STRICT",
    "CREATE TRIGGER conversation_added AFTER INSERT ON conversations BEGIN
        INSERT INTO clients (client, entries, bytes) VALUES (new.client, 1, new.size)
        ON CONFLICT (client) DO UPDATE SET entries = entries + 1, bytes = bytes + new.size;
    END",
    "CREATE TRIGGER conversation_removed AFTER DELETE ON conversations BEGIN
        UPDATE clients SET entries = entries - 1, bytes = bytes - old.size WHERE client = old.client;
        DELETE FROM clients WHERE client = old.client AND entries = 0;
    END",
];

const CONFIGS_AND_NOTES: &[&str] = &[
    // A config is what its latest version says; `number` counts its versions from 1.
    "CREATE TABLE configs (
        slug TEXT NOT NULL PRIMARY KEY,
        number INTEGER NOT NULL,
        created INTEGER NOT NULL,
        created_by TEXT NOT NULL
    ) STRICT",
    "CREATE TABLE config_versions (
        slug TEXT NOT NULL REFERENCES configs (slug) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        id TEXT NOT NULL,
        name TEXT NOT NULL,
        body TEXT NOT NULL,
        active INTEGER NOT NULL,
        made INTEGER NOT NULL,
        made_by TEXT NOT NULL,
        PRIMARY KEY (slug, number)
    ) STRICT",
    // What clients tell of calls. `number` is their order.
    "CREATE TABLE notes (
        number INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        client TEXT NOT NULL,
        id TEXT NOT NULL UNIQUE,
        trace TEXT NOT NULL,
        body TEXT NOT NULL,
        size INTEGER NOT NULL,
        made INTEGER NOT NULL
    ) STRICT",
    "CREATE INDEX notes_by_client ON notes (client, kind, number)",
    "CREATE INDEX notes_by_trace ON notes (trace, kind, number)",
    "CREATE INDEX notes_by_time ON notes (made)",
    "CREATE TABLE note_clients (
        client TEXT NOT NULL PRIMARY KEY,
        entries INTEGER NOT NULL,
        bytes INTEGER NOT NULL
    ) STRICT",
    "CREATE TRIGGER note_added AFTER INSERT ON notes BEGIN
        INSERT INTO note_clients (client, entries, bytes) VALUES (new.client, 1, new.size)
        ON CONFLICT (client) DO UPDATE SET entries = entries + 1, bytes = bytes + new.size;
    END",
    "CREATE TRIGGER note_changed AFTER UPDATE OF size ON notes BEGIN
        UPDATE note_clients SET bytes = bytes - old.size + new.size WHERE client = new.client;
    END",
    "CREATE TRIGGER note_removed AFTER DELETE ON notes BEGIN
        UPDATE note_clients SET entries = entries - 1, bytes = bytes - old.size WHERE client = old.client;
        DELETE FROM note_clients WHERE client = old.client AND entries = 0;
    END",
];

/// What is wrong with a file's schema.
pub(crate) enum SchemaError {
    Foreign,
    Newer { found: i64, known: i64 },
    Failed(sqlx::Error),
}

impl From<sqlx::Error> for SchemaError {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error)
    }
}

/// Brings a file to the newest schema, in one transaction.
pub(crate) async fn migrate(connection: &mut SqliteConnection) -> Result<(), SchemaError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let found = version(&mut transaction).await?;
    let known = i64::try_from(MIGRATIONS.len()).expect("there are few migrations");
    if found > known {
        return Err(SchemaError::Newer { found, known });
    }
    let done = usize::try_from(found).unwrap_or(0);
    for statement in MIGRATIONS.iter().skip(done).copied().flatten().copied() {
        sqlx::query(statement).execute(&mut *transaction).await?;
    }
    sqlx::query("UPDATE schema_version SET version = ?")
        .bind(known)
        .execute(&mut *transaction)
        .await?;
    Ok(transaction.commit().await?)
}

/// The version of a file's schema, 0 for an empty file, which gets the table of it.
async fn version(connection: &mut SqliteConnection) -> Result<i64, SchemaError> {
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table'")
            .fetch_all(&mut *connection)
            .await?;
    if tables.is_empty() {
        for statement in [
            "CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT",
            "INSERT INTO schema_version (version) VALUES (0)",
        ] {
            sqlx::query(statement).execute(&mut *connection).await?;
        }
    } else if !tables.iter().any(|table| table == "schema_version") {
        return Err(SchemaError::Foreign);
    }
    let versions: Vec<i64> = sqlx::query_scalar("SELECT version FROM schema_version")
        .fetch_all(connection)
        .await?;
    match versions[..] {
        [version] => Ok(version),
        _ => Err(SchemaError::Foreign),
    }
}
