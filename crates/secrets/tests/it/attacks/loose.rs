//! A PostgreSQL database that lets everybody write at once: a writer locks nothing when it begins.

use std::sync::Mutex;

use orchestra_secrets::backend::{
    Backend, BackendError, BoxFuture, Kind, Mode, Row, Transaction, Value,
};
use sqlx::postgres::{PgArguments, PgPool, PgPoolOptions, PgRow};
use sqlx::{Arguments, Column, Postgres, Row as _, TypeInfo};
use tokio::sync::oneshot;

/// The store's own statements run as they are; what they mean for one another is up to the database.
#[derive(Debug)]
pub(crate) struct Loose {
    pool: PgPool,
    next: Mutex<Option<Halt>>,
}

/// Where a writer halts when it has read the state that it starts from.
#[derive(Debug)]
struct Halt {
    has_read: oneshot::Sender<()>,
    go_on: oneshot::Receiver<()>,
}

/// Somebody else's end of a [`Halt`].
pub(crate) struct Halted {
    pub(crate) has_read: oneshot::Receiver<()>,
    pub(crate) go_on: oneshot::Sender<()>,
}

impl Loose {
    pub(crate) async fn connect(address: &str) -> Self {
        let pool = PgPoolOptions::new().max_connections(2);
        Self {
            pool: pool.connect(address).await.unwrap(),
            next: Mutex::default(),
        }
    }

    /// Lets the next writer halt.
    pub(crate) fn halt_next(&self) -> Halted {
        let (has_read, read) = oneshot::channel();
        let (going, go_on) = oneshot::channel();
        *self.next.lock().unwrap() = Some(Halt { has_read, go_on });
        Halted {
            has_read: read,
            go_on: going,
        }
    }
}

impl Backend for Loose {
    fn kind(&self) -> Kind {
        Kind::Postgres
    }

    fn begin(&self, mode: Mode) -> BoxFuture<'_, Result<Box<dyn Transaction>, BackendError>> {
        Box::pin(async move {
            let inner = self.pool.begin().await.map_err(|_| BackendError::Aborted)?;
            let halt = match mode {
                Mode::Read => None,
                Mode::Write => self.next.lock().unwrap().take(),
            };
            Ok(Box::new(LooseTransaction { inner, halt }) as Box<dyn Transaction>)
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.pool.close())
    }
}

struct LooseTransaction {
    inner: sqlx::Transaction<'static, Postgres>,
    halt: Option<Halt>,
}

impl Transaction for LooseTransaction {
    fn execute<'a>(
        &'a mut self,
        statement: &'static str,
        values: Vec<Value>,
    ) -> BoxFuture<'a, Result<u64, BackendError>> {
        Box::pin(async move {
            let query = sqlx::query_with(statement, arguments(values));
            let done = query.execute(&mut *self.inner).await;
            done.map(|done| done.rows_affected())
                .map_err(|_| BackendError::Aborted)
        })
    }

    fn query<'a>(
        &'a mut self,
        statement: &'static str,
        values: Vec<Value>,
    ) -> BoxFuture<'a, Result<Vec<Row>, BackendError>> {
        Box::pin(async move {
            let query = sqlx::query_with(statement, arguments(values));
            let rows = query.fetch_all(&mut *self.inner).await;
            let rows = rows.map_err(|_| BackendError::Aborted)?;
            if let Some(Halt { has_read, go_on }) = self.halt.take() {
                // If nobody is there any more, the test has failed.
                let _ = has_read.send(());
                let _ = go_on.await;
            }
            Ok(rows.iter().map(row).collect())
        })
    }

    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<(), BackendError>> {
        Box::pin(async move {
            let committed = self.inner.commit().await;
            committed.map_err(|_| BackendError::Aborted)
        })
    }
}

fn arguments(values: Vec<Value>) -> PgArguments {
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            Value::Integer(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value),
            Value::Blob(value) => arguments.add(value),
        }
        .unwrap();
    }
    arguments
}

fn row(row: &PgRow) -> Row {
    let value = |column: usize| match row.column(column).type_info().name() {
        "INT8" => Value::Integer(row.get(column)),
        "INT4" => Value::Integer(row.get::<Option<i32>, _>(column).map(i64::from)),
        "TEXT" => Value::Text(row.get(column)),
        "BYTEA" => Value::Blob(row.get(column)),
        other => panic!("the store has no {other}"),
    };
    Row((0..row.len()).map(value).collect())
}
