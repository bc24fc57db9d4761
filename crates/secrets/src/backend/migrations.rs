//! The tables, version by version.

use super::Kind;

/// What leads from one version of the tables to the next.
///
/// Both lists make the same tables of the same columns with the same keys: the tables that a database has are
/// compared with those that the statements for SQLite make.
#[derive(Clone, Copy, Debug)]
pub(super) struct Migration {
    pub(super) sqlite: &'static [&'static str],
    pub(super) postgres: &'static [&'static str],
}

impl Migration {
    pub(super) fn statements(self, kind: Kind) -> &'static [&'static str] {
        match kind {
            Kind::Sqlite => self.sqlite,
            Kind::Postgres => self.postgres,
        }
    }
}

/// What leads from each version of the schema to the next, for SQLite and for PostgreSQL.
///
/// Numbers are 64 bits wide; times are milliseconds since 1970.
pub(super) const MIGRATIONS: &[Migration] = &[Migration {
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
