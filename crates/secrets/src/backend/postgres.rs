//! PostgreSQL, shared by several instances.

use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::{Arguments, ConnectOptions, PgPool, Postgres, Row as _, TypeInfo};

use super::{Backend, BackendError, BoxFuture, Kind, Mode, Row, Transaction, Value};

/// How long to wait for a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// The advisory lock that writers of a store take: one writer at a time, even while there are no tables yet.
/// The bytes of "orchsecr".
const WRITER: i64 = 0x6f72_6368_7365_6372;

/// A store in a PostgreSQL database.
#[derive(Clone, Debug)]
pub struct PostgresBackend {
    pool: PgPool,
}

impl PostgresBackend {
    /// Connects to `postgres://user@host/database`. The store's tables are in the connection's schema.
    ///
    /// # Errors
    /// [`BackendError`] if the address makes no sense or the server does not answer.
    pub async fn connect(url: &str) -> Result<Self, BackendError> {
        let options: PgConnectOptions = url.parse()?;
        let pool = PgPoolOptions::new()
            .max_connections(8)
            .acquire_timeout(PATIENCE)
            .connect_with(options.disable_statement_logging())
            .await?;
        Ok(Self { pool })
    }
}

impl Backend for PostgresBackend {
    fn kind(&self) -> Kind {
        Kind::Postgres
    }

    fn begin(&self, mode: Mode) -> BoxFuture<'_, Result<Box<dyn Transaction>, BackendError>> {
        let begin = match mode {
            Mode::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Mode::Write => "BEGIN ISOLATION LEVEL READ COMMITTED",
        };
        Box::pin(async move {
            let mut transaction = self.pool.begin_with(begin).await?;
            if mode == Mode::Write {
                let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(WRITER);
                lock.execute(&mut *transaction).await?;
            }
            Ok(Box::new(PostgresTransaction(transaction)) as Box<dyn Transaction>)
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.pool.close())
    }
}

struct PostgresTransaction(sqlx::Transaction<'static, Postgres>);

impl Transaction for PostgresTransaction {
    fn execute<'a>(
        &'a mut self,
        statement: &'static str,
        values: Vec<Value>,
    ) -> BoxFuture<'a, Result<u64, BackendError>> {
        Box::pin(async move {
            let query = sqlx::query_with(statement, arguments(values)?);
            Ok(query.execute(&mut *self.0).await?.rows_affected())
        })
    }

    fn query<'a>(
        &'a mut self,
        statement: &'static str,
        values: Vec<Value>,
    ) -> BoxFuture<'a, Result<Vec<Row>, BackendError>> {
        Box::pin(async move {
            let query = sqlx::query_with(statement, arguments(values)?);
            let rows = query.fetch_all(&mut *self.0).await?;
            rows.iter().map(row).collect()
        })
    }

    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<(), BackendError>> {
        Box::pin(async move { Ok(self.0.commit().await?) })
    }
}

fn arguments(values: Vec<Value>) -> Result<PgArguments, BackendError> {
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            Value::Integer(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value),
            Value::Blob(value) => arguments.add(value),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn row(row: &PgRow) -> Result<Row, BackendError> {
    let values = (0..row.len()).map(|column| {
        let shape = |_| BackendError::Shape { column };
        Ok(match sqlx::Column::type_info(row.column(column)).name() {
            "INT8" => Value::Integer(row.try_get(column).map_err(shape)?),
            "TEXT" => Value::Text(row.try_get(column).map_err(shape)?),
            "BYTEA" => Value::Blob(row.try_get(column).map_err(shape)?),
            _ => return Err(BackendError::Shape { column }),
        })
    });
    Ok(Row(values.collect::<Result<_, BackendError>>()?))
}
