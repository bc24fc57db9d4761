//! Transactions of either database, and what becomes of their connections.
//!
//! A connection goes back to the pool only if its state is known. After an error, or when a future was dropped
//! half-way, the driver's idea of the connection and the database's may differ (a transaction that the database
//! has rolled back by itself, a `BEGIN` whose answer was never read), so it is closed and another opened.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::{Database, Pool};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::error::Cause;
use super::{BackendError, BoxFuture, Kind, Mode, Patience, Row, Transaction, Value};

/// How many transactions may read at once. Another one may write.
pub(super) const READERS: u32 = 4;

/// How many connections that makes.
pub(super) const CONNECTIONS: u32 = READERS + 1;

/// Between two attempts at what SQLite does not wait for by itself.
pub(super) const PAUSE: Duration = Duration::from_millis(5);

/// What differs between the drivers.
pub(super) trait Driver: Database {
    const KIND: Kind;

    /// Runs statements that have no parameters and no results.
    fn command<'a>(
        connection: &'a mut Self::Connection,
        statements: &str,
    ) -> BoxFuture<'a, Result<(), sqlx::Error>>;

    fn execute<'a>(
        connection: &'a mut Self::Connection,
        statement: &'static str,
        arguments: Self::Arguments,
    ) -> BoxFuture<'a, Result<u64, sqlx::Error>>;

    fn query<'a>(
        connection: &'a mut Self::Connection,
        statement: &'static str,
        arguments: Self::Arguments,
    ) -> BoxFuture<'a, Result<Vec<Self::Row>, sqlx::Error>>;

    fn row(row: &Self::Row) -> Result<Row, BackendError>;

    fn add(arguments: &mut Self::Arguments, value: Value) -> Result<(), sqlx::error::BoxDynError>;
}

/// The connections to one database, and whose turn it is.
pub(super) struct Sessions<D: Driver> {
    pool: Pool<D>,
    readers: Arc<Semaphore>,
    /// Writers of this process wait here, in the order they came, before they ask the database: there they would
    /// hold connections that readers need.
    writers: Arc<Semaphore>,
    patience: Patience,
}

impl<D: Driver> Sessions<D> {
    pub(super) fn new(pool: Pool<D>, patience: Patience) -> Self {
        let readers = usize::try_from(READERS).expect("a few fit into any integer");
        Self {
            pool,
            readers: Arc::new(Semaphore::new(readers)),
            writers: Arc::new(Semaphore::new(1)),
            patience,
        }
    }

    pub(super) fn pool(&self) -> &Pool<D> {
        &self.pool
    }

    /// Begins a transaction with these statements.
    pub(super) async fn begin(
        &self,
        mode: Mode,
        statements: &str,
    ) -> Result<Box<dyn Transaction>, BackendError> {
        let began = Instant::now();
        loop {
            match self.begin_at_once(mode, statements).await {
                // SQLite waits for other writers, but not for whoever makes or clears away the write-ahead log
                // just now (sqlite.org/wal.html, section 2.1). Nothing was begun.
                Err(BackendError::Busy(_)) if began.elapsed() < self.patience.turn => {
                    tokio::time::sleep(PAUSE).await;
                }
                done => return done,
            }
        }
    }

    async fn begin_at_once(
        &self,
        mode: Mode,
        statements: &str,
    ) -> Result<Box<dyn Transaction>, BackendError> {
        let turn = self.turn(mode).await?;
        let connection = self.pool.acquire().await.map_err(explain::<D>)?;
        let mut session = Session::<D> {
            kept: Some((connection, turn)),
            certain: true,
            patience: self.patience,
        };
        session.begin(statements).await?;
        Ok(Box::new(session))
    }

    /// Waits for what is open, but not for ever: somebody may have lost a transaction that he will never end.
    pub(super) async fn close(&self) {
        let _ = timeout(self.patience.answer, self.pool.close()).await;
    }

    async fn turn(&self, mode: Mode) -> Result<OwnedSemaphorePermit, BackendError> {
        let queue = match mode {
            Mode::Read => &self.readers,
            Mode::Write => &self.writers,
        };
        match timeout(self.patience.turn, Arc::clone(queue).acquire_owned()).await {
            Ok(turn) => turn.map_err(|_| BackendError::Closed),
            Err(_) => Err(BackendError::Busy(Cause::new(
                "other transactions of this process were not done in time",
            ))),
        }
    }
}

/// One transaction. The turn is kept until the database has let go of the transaction.
struct Session<D: Driver> {
    kept: Option<(PoolConnection<D>, OwnedSemaphorePermit)>,
    /// Whether the state of the connection is known: nothing has failed, and nothing is on its way.
    certain: bool,
    patience: Patience,
}

impl<D: Driver> Session<D> {
    async fn begin(&mut self, statements: &str) -> Result<(), BackendError> {
        // The database may let us wait for our turn first.
        let patience = self.patience.turn.saturating_add(self.patience.answer);
        let connection = self.connection()?;
        let done = timeout(patience, D::command(connection, statements)).await;
        self.settle(done)
    }

    /// The connection, for one statement. It counts as uncertain until [`Session::settle`].
    fn connection(&mut self) -> Result<&mut D::Connection, BackendError> {
        if !std::mem::replace(&mut self.certain, false) {
            return Err(BackendError::Aborted);
        }
        match &mut self.kept {
            Some((connection, _)) => Ok(connection),
            None => Err(BackendError::Aborted),
        }
    }

    fn settle<T>(
        &mut self,
        done: Result<Result<T, sqlx::Error>, tokio::time::error::Elapsed>,
    ) -> Result<T, BackendError> {
        let done = done.map_err(|_| overdue(D::KIND))?;
        let done = done.map_err(explain::<D>)?;
        self.certain = true;
        Ok(done)
    }

    async fn finish(mut self) -> Result<(), BackendError> {
        let patience = self.patience.answer;
        let connection = self.connection()?;
        let done = timeout(patience, D::command(connection, "COMMIT")).await;
        self.settle(done)?;
        // Dropping what is kept gives the connection back; without it there is nothing left to roll back.
        self.kept = None;
        Ok(())
    }
}

impl<D: Driver> Transaction for Session<D> {
    fn execute<'a>(
        &'a mut self,
        statement: &'static str,
        values: Vec<Value>,
    ) -> BoxFuture<'a, Result<u64, BackendError>> {
        Box::pin(async move {
            let patience = self.patience.answer;
            let connection = self.connection()?;
            let runs = D::execute(connection, statement, arguments::<D>(values)?);
            let done = timeout(patience, runs).await;
            self.settle(done)
        })
    }

    fn query<'a>(
        &'a mut self,
        statement: &'static str,
        values: Vec<Value>,
    ) -> BoxFuture<'a, Result<Vec<Row>, BackendError>> {
        Box::pin(async move {
            let patience = self.patience.answer;
            let connection = self.connection()?;
            let runs = D::query(connection, statement, arguments::<D>(values)?);
            let done = timeout(patience, runs).await;
            self.settle(done)?.iter().map(D::row).collect()
        })
    }

    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<(), BackendError>> {
        Box::pin(self.finish())
    }
}

impl<D: Driver> Drop for Session<D> {
    fn drop(&mut self) {
        let Some((mut connection, turn)) = self.kept.take() else {
            return;
        };
        let Ok(runtime) = Handle::try_current() else {
            // Without a runtime the pool cannot take it back. A connection that closes rolls back.
            drop(connection.detach());
            return;
        };
        if !self.certain {
            connection.close_on_drop();
            return;
        }
        let patience = self.patience.answer;
        runtime.spawn(async move {
            let done = timeout(patience, D::command(&mut connection, "ROLLBACK")).await;
            if !matches!(done, Ok(Ok(()))) {
                connection.close_on_drop();
            }
            drop(connection);
            drop(turn);
        });
    }
}

fn arguments<D: Driver>(values: Vec<Value>) -> Result<D::Arguments, BackendError> {
    let mut arguments = D::Arguments::default();
    for value in values {
        if matches!(&value, Value::Text(Some(text)) if text.contains('\0')) {
            return Err(BackendError::Nul);
        }
        let added = D::add(&mut arguments, value);
        added.map_err(|error| explain::<D>(sqlx::Error::Encode(error)))?;
    }
    Ok(arguments)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it stands in `map_err`, and the error is not needed any more"
)]
pub(super) fn explain<D: Driver>(error: sqlx::Error) -> BackendError {
    BackendError::explain(&error, D::KIND)
}

fn overdue(kind: Kind) -> BackendError {
    let cause = Cause::new("a statement was not answered in time");
    match kind {
        Kind::Sqlite => BackendError::Disk(cause),
        Kind::Postgres => BackendError::Unreachable(cause),
    }
}
