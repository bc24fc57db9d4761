//! The tables, and how an older database gets them.

use super::{Backend, BackendError, Kind, Mode};

/// What leads from each version of the schema to the next, for SQLite and for PostgreSQL.
///
/// Numbers are 64 bits wide; times are milliseconds since 1970.
const MIGRATIONS: &[Migration] = &[Migration {
    sqlite: &[
        "CREATE TABLE secrets_store (
            id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
            store BLOB NOT NULL,
            epoch INTEGER NOT NULL,
            root_version INTEGER NOT NULL,
            keyring_version INTEGER NOT NULL,
            keyring BLOB NOT NULL,
            manifest BLOB NOT NULL,
            fence INTEGER NOT NULL
        ) STRICT",
        "CREATE TABLE secrets_slots (
            id INTEGER NOT NULL PRIMARY KEY,
            slot BLOB NOT NULL
        ) STRICT",
        "CREATE TABLE secrets_entries (
            id BLOB NOT NULL PRIMARY KEY,
            tenant TEXT NOT NULL,
            name TEXT NOT NULL,
            version INTEGER NOT NULL,
            state TEXT NOT NULL,
            service TEXT,
            origin TEXT,
            labels TEXT NOT NULL,
            created INTEGER NOT NULL,
            expires INTEGER,
            row_version INTEGER NOT NULL,
            key_version INTEGER NOT NULL,
            record BLOB NOT NULL,
            last_used INTEGER,
            UNIQUE (tenant, name, version)
        ) STRICT",
        "CREATE INDEX secrets_entries_by_key ON secrets_entries (key_version)",
        "CREATE TABLE secrets_audit (
            seq INTEGER NOT NULL PRIMARY KEY,
            key_version INTEGER NOT NULL,
            entry BLOB NOT NULL,
            hash BLOB NOT NULL,
            mac BLOB NOT NULL
        ) STRICT",
        "CREATE TABLE secrets_checkpoints (
            seq INTEGER NOT NULL PRIMARY KEY,
            note TEXT NOT NULL
        ) STRICT",
    ],
    postgres: &[
        "CREATE TABLE secrets_store (
            id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
            store BYTEA NOT NULL,
            epoch BIGINT NOT NULL,
            root_version BIGINT NOT NULL,
            keyring_version BIGINT NOT NULL,
            keyring BYTEA NOT NULL,
            manifest BYTEA NOT NULL,
            fence BIGINT NOT NULL
        )",
        "CREATE TABLE secrets_slots (
            id BIGINT NOT NULL PRIMARY KEY,
            slot BYTEA NOT NULL
        )",
        "CREATE TABLE secrets_entries (
            id BYTEA NOT NULL PRIMARY KEY,
            tenant TEXT NOT NULL,
            name TEXT NOT NULL,
            version BIGINT NOT NULL,
            state TEXT NOT NULL,
            service TEXT,
            origin TEXT,
            labels TEXT NOT NULL,
            created BIGINT NOT NULL,
            expires BIGINT,
            row_version BIGINT NOT NULL,
            key_version BIGINT NOT NULL,
            record BYTEA NOT NULL,
            last_used BIGINT,
            UNIQUE (tenant, name, version)
        )",
        "CREATE INDEX secrets_entries_by_key ON secrets_entries (key_version)",
        "CREATE TABLE secrets_audit (
            seq BIGINT NOT NULL PRIMARY KEY,
            key_version BIGINT NOT NULL,
            entry BYTEA NOT NULL,
            hash BYTEA NOT NULL,
            mac BYTEA NOT NULL
        )",
        "CREATE TABLE secrets_checkpoints (
            seq BIGINT NOT NULL PRIMARY KEY,
            note TEXT NOT NULL
        )",
    ],
}];

struct Migration {
    sqlite: &'static [&'static str],
    postgres: &'static [&'static str],
}

/// What is wrong with a database's tables.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// A newer program made them.
    #[error(
        "the secret store has tables of version {found}, and this program knows up to {known}: use the newer program"
    )]
    Newer {
        /// The version found.
        found: i64,
        /// The newest version known.
        known: i64,
    },
    /// They are not what a version of this program makes.
    #[error(
        "the tables of the secret store are not what they were made as: restore a backup rather than mend them by hand"
    )]
    Foreign,
    /// The database failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

/// Brings the tables to the newest version, in one transaction.
///
/// # Errors
/// [`SchemaError`]; then nothing was changed.
pub async fn migrate(backend: &dyn Backend) -> Result<(), SchemaError> {
    let mut transaction = backend.begin(Mode::Write).await?;
    transaction
        .execute(
            match backend.kind() {
                Kind::Sqlite => {
                    "CREATE TABLE IF NOT EXISTS secrets_schema (version INTEGER NOT NULL) STRICT"
                }
                Kind::Postgres => {
                    "CREATE TABLE IF NOT EXISTS secrets_schema (version BIGINT NOT NULL)"
                }
            },
            Vec::new(),
        )
        .await?;
    let rows = transaction
        .query("SELECT version FROM secrets_schema", Vec::new())
        .await?;
    let found = match &rows[..] {
        [] => 0,
        [row] => row.integer(0)?,
        _ => return Err(SchemaError::Foreign),
    };
    let known = i64::try_from(MIGRATIONS.len()).expect("there are few migrations");
    if found > known {
        return Err(SchemaError::Newer { found, known });
    }
    let done = usize::try_from(found).map_err(|_| SchemaError::Foreign)?;
    for migration in MIGRATIONS.iter().skip(done) {
        let statements = match backend.kind() {
            Kind::Sqlite => migration.sqlite,
            Kind::Postgres => migration.postgres,
        };
        for statement in statements {
            transaction.execute(statement, Vec::new()).await?;
        }
    }
    if found != known {
        transaction
            .execute("DELETE FROM secrets_schema", Vec::new())
            .await?;
        transaction
            .execute(
                "INSERT INTO secrets_schema (version) VALUES ($1)",
                vec![known.into()],
            )
            .await?;
    }
    Ok(transaction.commit().await?)
}
