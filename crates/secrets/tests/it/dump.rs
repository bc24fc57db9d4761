//! Everything that a database holds of a store, to be compared and to be put back.

use orchestra_secrets::backend::{Backend, Mode, Row};

/// A table: how it is read, emptied and filled.
struct Table {
    read: &'static str,
    empty: &'static str,
    fill: &'static str,
}

const TABLES: [Table; 5] = [
    Table {
        read: "SELECT id, store, epoch, root_version, keyring_version, keyring, manifest, fence
               FROM secrets_store ORDER BY id",
        empty: "DELETE FROM secrets_store",
        fill: "INSERT INTO secrets_store
               (id, store, epoch, root_version, keyring_version, keyring, manifest, fence)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    },
    Table {
        read: "SELECT id, slot FROM secrets_slots ORDER BY id",
        empty: "DELETE FROM secrets_slots",
        fill: "INSERT INTO secrets_slots (id, slot) VALUES ($1, $2)",
    },
    Table {
        read: "SELECT id, tenant, name, version, state, service, origin, labels, created, expires,
               row_version, key_version, record, last_used FROM secrets_entries ORDER BY id",
        empty: "DELETE FROM secrets_entries",
        fill: "INSERT INTO secrets_entries
               (id, tenant, name, version, state, service, origin, labels, created, expires,
                row_version, key_version, record, last_used)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    },
    Table {
        read: "SELECT seq, key_version, entry, hash, mac FROM secrets_audit ORDER BY seq",
        empty: "DELETE FROM secrets_audit",
        fill: "INSERT INTO secrets_audit (seq, key_version, entry, hash, mac)
               VALUES ($1, $2, $3, $4, $5)",
    },
    Table {
        read: "SELECT seq, note FROM secrets_checkpoints ORDER BY seq",
        empty: "DELETE FROM secrets_checkpoints",
        fill: "INSERT INTO secrets_checkpoints (seq, note) VALUES ($1, $2)",
    },
];

/// All rows of all tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dump([Vec<Row>; TABLES.len()]);

impl Dump {
    pub(crate) async fn of(backend: &dyn Backend) -> Self {
        let mut transaction = backend.begin(Mode::Read).await.unwrap();
        let mut tables = [const { Vec::new() }; TABLES.len()];
        for (table, rows) in TABLES.iter().zip(&mut tables) {
            *rows = transaction.query(table.read, Vec::new()).await.unwrap();
        }
        Self(tables)
    }

    /// The database holds this again, and nothing else.
    pub(crate) async fn put_back(&self, backend: &dyn Backend) {
        let mut transaction = backend.begin(Mode::Write).await.unwrap();
        for (table, rows) in TABLES.iter().zip(&self.0) {
            let emptied = transaction.execute(table.empty, Vec::new());
            emptied.await.unwrap();
            for row in rows {
                let filled = transaction.execute(table.fill, row.0.clone());
                filled.await.unwrap();
            }
        }
        transaction.commit().await.unwrap();
    }
}
