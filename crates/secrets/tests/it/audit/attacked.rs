//! A log that somebody changes who can write the database.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use orchestra_secrets::backend::{
    Backend, BackendError, BoxFuture, Kind, Mode, Row, Transaction, Value,
};
use orchestra_secrets::{
    AuditFlaw, AuditReport, EntryId, KdfParameters, Store, StoreError, StoreParts, Use,
};
use sha2::{Digest, Sha256};

use crate::databases::Database;
use crate::stores::{credential, set};

/// A row of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Logged {
    pub(super) seq: i64,
    pub(super) key_version: i64,
    pub(super) entry: Vec<u8>,
    pub(super) hash: Vec<u8>,
    pub(super) mac: Vec<u8>,
}

impl Logged {
    fn of(row: &Row) -> Self {
        Self {
            seq: row.integer(0).unwrap(),
            key_version: row.integer(1).unwrap(),
            entry: row.blob(2).unwrap(),
            hash: row.blob(3).unwrap(),
            mac: row.blob(4).unwrap(),
        }
    }

    fn values(&self) -> Vec<Value> {
        vec![
            self.seq.into(),
            self.key_version.into(),
            self.entry.as_slice().into(),
            self.hash.as_slice().into(),
            self.mac.as_slice().into(),
        ]
    }

    /// What anybody can calculate.
    pub(super) fn linked_to(mut self, previous: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"orchestra/audit/v1\0");
        hash.update(previous);
        hash.update(u32::try_from(self.key_version).unwrap().to_be_bytes());
        hash.update(&self.entry);
        self.hash = hash.finalize().to_vec();
        self
    }
}

/// What a database pretends to hold, instead of what it holds.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) log: Option<Vec<Logged>>,
    pub(super) head: Option<Row>,
}

/// A database that pretends.
#[derive(Debug)]
pub(super) struct Pretending {
    pub(super) inner: Arc<dyn Backend>,
    pub(super) shown: Arc<Mutex<Shown>>,
}

struct PretendingTransaction {
    inner: Box<dyn Transaction>,
    shown: Arc<Mutex<Shown>>,
}

impl Backend for Pretending {
    fn kind(&self) -> Kind {
        self.inner.kind()
    }

    fn begin(&self, mode: Mode) -> BoxFuture<'_, Result<Box<dyn Transaction>, BackendError>> {
        Box::pin(async move {
            let transaction = PretendingTransaction {
                inner: self.inner.begin(mode).await?,
                shown: Arc::clone(&self.shown),
            };
            Ok(Box::new(transaction) as Box<dyn Transaction>)
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}

impl PretendingTransaction {
    /// The answer to the queries that read the head, and the log in pages.
    fn answer(&self, statement: &str, values: &[Value]) -> Option<Vec<Row>> {
        let shown = self.shown.lock().unwrap();
        if statement.contains("FROM secrets_store") {
            return shown.head.clone().map(|head| vec![head]);
        }
        let [Value::Integer(Some(from)), Value::Integer(Some(limit))] = values else {
            return None;
        };
        let rows = shown.log.as_ref()?.iter();
        let page = rows.filter(|row| row.seq >= *from);
        let page = page.take(usize::try_from(*limit).unwrap());
        let is_log = statement.contains("FROM secrets_audit");
        is_log.then(|| page.map(|row| Row(row.values())).collect())
    }
}

impl Transaction for PretendingTransaction {
    fn execute<'a>(
        &'a mut self,
        statement: &'static str,
        values: Vec<Value>,
    ) -> BoxFuture<'a, Result<u64, BackendError>> {
        self.inner.execute(statement, values)
    }

    fn query<'a>(
        &'a mut self,
        statement: &'static str,
        values: Vec<Value>,
    ) -> BoxFuture<'a, Result<Vec<Row>, BackendError>> {
        match self.answer(statement, &values) {
            Some(rows) => Box::pin(async move { Ok(rows) }),
            None => self.inner.query(statement, values),
        }
    }

    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<(), BackendError>> {
        self.inner.commit()
    }
}

/// How the attacker comes in.
#[derive(Clone, Copy)]
pub(super) enum Door {
    /// The database shows other rows than it has.
    Shown,
    /// The rows are changed.
    Made,
}

/// A log, and the doors by which the attacker comes.
pub(super) struct Attacked {
    pub(super) store: Store,
    pub(super) shown: Arc<Mutex<Shown>>,
    pub(super) backend: Arc<dyn Backend>,
    pub(super) rows: Vec<Logged>,
}

impl Attacked {
    /// A log with this many entries.
    pub(super) async fn new(database: &Database, entries: u64) -> Self {
        let shown = Arc::default();
        let pretending = Pretending {
            inner: database.open().await,
            shown: Arc::clone(&shown),
        };
        let parts = StoreParts::new(Arc::new(pretending), "a test");
        let created = Store::create(parts, vec![credential()], KdfParameters::LEAST);
        let store = created.await.unwrap().store;
        for value in ["one", "two"] {
            set(&store, "A", value).await;
        }
        let used = store.entries(None).await.unwrap()[0].id;
        store.record_uses(&uses(used, 4..=entries)).await.unwrap();
        let backend = database.open().await;
        let rows = rows(&*backend).await;
        assert_eq!(store.verify_audit().await.unwrap().entries, entries);
        Self {
            store,
            shown,
            backend,
            rows,
        }
    }

    /// What is said of the log when it is changed. The change is undone then.
    pub(super) async fn found(&self, door: Door, change: &Change) -> (u64, AuditFlaw) {
        match door {
            Door::Shown => self.shown.lock().unwrap().log = Some(change.applied_to(&self.rows)),
            Door::Made => self.make(change).await,
        }
        let found = fault(self.store.verify_audit().await);
        match door {
            Door::Shown => self.shown.lock().unwrap().log = None,
            Door::Made => self.make(&change.undone(&self.rows)).await,
        }
        found
    }

    pub(super) async fn make(&self, change: &Change) {
        let mut transaction = self.backend.begin(Mode::Write).await.unwrap();
        for seq in change.touched() {
            let statement = "DELETE FROM secrets_audit WHERE seq = $1";
            let deleted = transaction.execute(statement, vec![seq.into()]);
            deleted.await.unwrap();
        }
        for row in &change.put {
            let statement = "INSERT INTO secrets_audit (seq, key_version, entry, hash, mac)
                 VALUES ($1, $2, $3, $4, $5)";
            transaction.execute(statement, row.values()).await.unwrap();
        }
        transaction.commit().await.unwrap();
    }
}

fn uses(entry: EntryId, counts: impl Iterator<Item = u64>) -> Vec<Use> {
    let used = |count| Use {
        entry,
        count,
        last_used_ms: 1,
    };
    counts.map(used).collect()
}

/// Rows that stand in the place of those with their numbers, and rows that are gone.
#[derive(Clone, Debug, Default)]
pub(super) struct Change {
    pub(super) put: Vec<Logged>,
    pub(super) delete: Vec<i64>,
}

impl Change {
    pub(super) fn put(put: Vec<Logged>) -> Self {
        Self {
            put,
            delete: Vec::new(),
        }
    }

    pub(super) fn delete<'r>(rows: impl IntoIterator<Item = &'r Logged>) -> Self {
        Self {
            put: Vec::new(),
            delete: rows.into_iter().map(|row| row.seq).collect(),
        }
    }

    fn touched(&self) -> impl Iterator<Item = i64> {
        let put = self.put.iter().map(|row| row.seq);
        put.chain(self.delete.iter().copied())
    }

    pub(super) fn applied_to(&self, rows: &[Logged]) -> Vec<Logged> {
        let mut changed: BTreeMap<_, _> = rows.iter().map(|row| (row.seq, row)).collect();
        for seq in self.touched() {
            changed.remove(&seq);
        }
        changed.extend(self.put.iter().map(|row| (row.seq, row)));
        changed.into_values().cloned().collect()
    }

    /// What makes these rows of what the change made.
    pub(super) fn undone(&self, rows: &[Logged]) -> Self {
        let touched: BTreeSet<i64> = self.touched().collect();
        let back = rows.iter().filter(|row| touched.contains(&row.seq));
        Self {
            put: back.cloned().collect(),
            delete: touched.iter().copied().collect(),
        }
    }
}

pub(super) async fn rows(backend: &dyn Backend) -> Vec<Logged> {
    let mut transaction = backend.begin(Mode::Read).await.unwrap();
    let statement = "SELECT seq, key_version, entry, hash, mac FROM secrets_audit ORDER BY seq";
    let rows = transaction.query(statement, Vec::new()).await.unwrap();
    rows.iter().map(Logged::of).collect()
}

/// Which entry is bad, and how.
pub(super) fn fault(result: Result<AuditReport, StoreError>) -> (u64, AuditFlaw) {
    match result {
        Err(StoreError::AuditTampered { seq, reason }) => (seq, reason),
        other => panic!("the log was changed, and this was said: {other:?}"),
    }
}
