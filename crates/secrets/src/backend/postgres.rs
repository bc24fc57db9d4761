//! PostgreSQL, shared by several instances.

use std::fmt;
use std::time::Duration;

use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgConnection, PgPoolOptions, PgRow};
use sqlx::{Arguments, AssertSqlSafe, Column, ConnectOptions, Postgres, Row as _, TypeInfo};

use super::address;
use super::session::{CONNECTIONS, Driver, Sessions, explain};
use super::{Backend, BackendError, BoxFuture, Kind, Mode, Patience, Row, Transaction, Value};
use crate::secret::Secret;

/// The advisory lock that writers of a store take: one writer at a time, even while there are no tables yet.
/// The bytes of "orchsecr".
const WRITER: i64 = 0x6f72_6368_7365_6372;

/// After this long without a statement the server ends a transaction. The writer's lock of a machine that
/// vanished, which TCP notices after hours only, would keep all others out.
const IDLE: Duration = Duration::from_secs(30);

/// A store in a PostgreSQL database.
pub struct PostgresBackend {
    sessions: Sessions<Postgres>,
    read: String,
    write: String,
}

impl fmt::Debug for PostgresBackend {
    /// The driver's options, which the pool holds, have the password among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresBackend").finish_non_exhaustive()
    }
}

impl PostgresBackend {
    /// Connects to `postgres://USER:PASSWORD@HOST/DATABASE`. The store's tables are in the connection's schema.
    ///
    /// A server on another machine must prove who it is (`sslmode=verify-full`) unless the address says
    /// otherwise; it is believed if an authority that this machine trusts has signed for it, or the one whose
    /// certificates are in the file that the option `sslrootcert` names. What the address leaves out is taken from
    /// the environment as PostgreSQL's own programs do (`PGUSER`, `PGPASSWORD`, `.pgpass` ...).
    ///
    /// The driver keeps a copy of the password in ordinary memory, to connect again. A pooler in between that gives
    /// each transaction another connection must know prepared statements.
    ///
    /// # Errors
    /// [`BackendError`] if the address makes no sense or the server does not answer.
    pub async fn connect(address: &Secret) -> Result<Self, BackendError> {
        Self::connect_with(address, Patience::default()).await
    }

    /// Connects like [`PostgresBackend::connect`], with another patience.
    ///
    /// # Errors
    /// As [`PostgresBackend::connect`].
    pub async fn connect_with(address: &Secret, patience: Patience) -> Result<Self, BackendError> {
        let options = address::parse(address)?;
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(patience.turn)
            .connect_with(options.disable_statement_logging())
            .await
            .map_err(explain::<Postgres>)?;
        Ok(Self {
            sessions: Sessions::new(pool, patience),
            read: format!(
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {}",
                idle_limit()
            ),
            write: write(patience),
        })
    }
}

fn idle_limit() -> String {
    let idle = IDLE.as_millis();
    format!("SET LOCAL idle_in_transaction_session_timeout = {idle}")
}

/// All in one message. A writer sees what was committed before it got the lock: at this level each statement
/// sees the newest state. A server whose commits do not wait for the disk is told to wait for ours.
fn write(patience: Patience) -> String {
    let turn = patience
        .turn
        .as_millis()
        .clamp(1, i32::MAX.unsigned_abs().into());
    format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {}; \
         SET LOCAL lock_timeout = {turn}; \
         SELECT set_config('synchronous_commit', 'on', true) \
         WHERE current_setting('synchronous_commit') = 'off'; \
         SELECT pg_advisory_xact_lock({WRITER})",
        idle_limit()
    )
}

impl Backend for PostgresBackend {
    fn kind(&self) -> Kind {
        Kind::Postgres
    }

    fn begin(&self, mode: Mode) -> BoxFuture<'_, Result<Box<dyn Transaction>, BackendError>> {
        let begin = match mode {
            Mode::Read => &self.read,
            Mode::Write => &self.write,
        };
        Box::pin(self.sessions.begin(mode, begin))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.sessions.close())
    }
}

impl Driver for Postgres {
    const KIND: Kind = Kind::Postgres;

    fn command<'a>(
        connection: &'a mut PgConnection,
        statements: &str,
    ) -> BoxFuture<'a, Result<(), sqlx::Error>> {
        let statements = sqlx::raw_sql(AssertSqlSafe(statements.to_owned()));
        Box::pin(async move { statements.execute(connection).await.map(drop) })
    }

    fn execute<'a>(
        connection: &'a mut PgConnection,
        statement: &'static str,
        arguments: PgArguments,
    ) -> BoxFuture<'a, Result<u64, sqlx::Error>> {
        let query = sqlx::query_with(statement, arguments);
        Box::pin(async move { Ok(query.execute(connection).await?.rows_affected()) })
    }

    fn query<'a>(
        connection: &'a mut PgConnection,
        statement: &'static str,
        arguments: PgArguments,
    ) -> BoxFuture<'a, Result<Vec<PgRow>, sqlx::Error>> {
        let query = sqlx::query_with(statement, arguments);
        Box::pin(query.fetch_all(connection))
    }

    fn row(row: &PgRow) -> Result<Row, BackendError> {
        let values = (0..row.len()).map(|column| {
            let shape = |_| BackendError::Shape { column };
            Ok(match row.column(column).type_info().name() {
                "INT8" => Value::Integer(row.try_get(column).map_err(shape)?),
                // A number that stands in a statement is of this type.
                "INT4" => {
                    let narrow: Option<i32> = row.try_get(column).map_err(shape)?;
                    Value::Integer(narrow.map(i64::from))
                }
                "TEXT" => Value::Text(row.try_get(column).map_err(shape)?),
                "BYTEA" => Value::Blob(row.try_get(column).map_err(shape)?),
                _ => return Err(BackendError::Shape { column }),
            })
        });
        Ok(Row(values.collect::<Result<_, BackendError>>()?))
    }

    fn add(arguments: &mut PgArguments, value: Value) -> Result<(), BoxDynError> {
        match value {
            Value::Integer(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value),
            Value::Blob(value) => arguments.add(value),
        }
    }
}
