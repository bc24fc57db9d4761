//! A database that breaks when it is told to.
//!
//! [`Faulty`] wraps any [`Backend`]; what it does stands in the [`Plan`] that wraps and test share. Every place
//! where something may go wrong is a *point*, and points are counted: each statement has one, each commit has
//! one. So a test runs an operation once to learn how many points it passes, and then again for each of them
//! with a fault there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use orchestra_secrets::backend::{
    Backend, BackendError, BoxFuture, Kind, Mode, Row, Transaction, Value,
};
use tokio::sync::Notify;

/// What happens at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It fails, and the database was not asked.
    Before,
    /// The database did it, and it fails nevertheless. Of a commit: nobody knows that it is done.
    After,
    /// The process dies before the database is asked.
    AbortBefore,
    /// The process dies when the database has done it.
    AbortAfter,
    /// It is done, but later.
    Delay(Duration),
    /// It is never done: whoever waits can only give up.
    HaltBefore,
    /// The database does it, and nobody is ever told.
    HaltAfter,
    /// It is done when the test says so, by [`Plan::go_on`].
    Pause,
}

/// What has passed, counted from 0, and what shall happen.
#[derive(Debug, Default)]
struct State {
    points: u64,
    statements: u64,
    commits: u64,
    faults: BTreeMap<u64, Fault>,
    /// From this point on, everything fails.
    broken_from: Option<u64>,
    /// What fails wherever it stands in a statement.
    piece: Option<&'static str>,
    /// What each point was.
    passed: Vec<Passed>,
}

/// What a point was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passed {
    /// A transaction was begun.
    Begin(Mode),
    /// A statement was run.
    Statement(&'static str),
    /// A transaction was committed.
    Commit,
}

/// The faults of a database, and the count of what it was asked. Clones share both.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan(Arc<Mutex<State>>, Arc<Halts>);

#[derive(Debug, Default)]
struct Halts {
    halted: Notify,
    go_on: Notify,
}

impl Plan {
    /// No faults yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Forgets every fault, and counts from 0 again.
    pub(crate) fn clear(&self) {
        *self.0.lock().unwrap() = State::default();
    }

    /// From now on counts from 0 again, with this fault at this point.
    pub(crate) fn fault_at(&self, point: u64, fault: Fault) {
        let mut state = self.0.lock().unwrap();
        *state = State::default();
        state.faults.insert(point, fault);
    }

    /// From now on nothing works any more, until [`Plan::clear`].
    pub(crate) fn break_now(&self) {
        let mut state = self.0.lock().unwrap();
        state.broken_from = Some(state.points);
    }

    /// From now on counts from 0 again, and statements with this piece in them fail before the database is asked,
    /// as when a table cannot be written.
    pub(crate) fn fail_statements_with(&self, piece: &'static str) {
        let mut state = self.0.lock().unwrap();
        *state = State::default();
        state.piece = Some(piece);
    }

    /// Waits until something halts.
    pub(crate) async fn halted(&self) {
        self.1.halted.notified().await;
    }

    /// Lets go on what pauses.
    pub(crate) fn go_on(&self) {
        self.1.go_on.notify_one();
    }

    async fn halt(&self) -> ! {
        self.1.halted.notify_one();
        loop {
            std::future::pending::<()>().await;
        }
    }

    async fn pause(&self) {
        self.1.halted.notify_one();
        self.1.go_on.notified().await;
    }

    /// How many points were passed.
    pub(crate) fn points(&self) -> u64 {
        self.0.lock().unwrap().points
    }

    /// How many statements were asked for.
    pub(crate) fn statements(&self) -> u64 {
        self.0.lock().unwrap().statements
    }

    /// How many commits were asked for.
    pub(crate) fn commits(&self) -> u64 {
        self.0.lock().unwrap().commits
    }

    /// What the points were, in order.
    pub(crate) fn passed(&self) -> Vec<Passed> {
        self.0.lock().unwrap().passed.clone()
    }

    fn pass(&self, passed: Passed) -> Option<Fault> {
        let mut state = self.0.lock().unwrap();
        let point = state.points;
        state.points += 1;
        match passed {
            Passed::Begin(_) => {}
            Passed::Statement(_) => state.statements += 1,
            Passed::Commit => state.commits += 1,
        }
        state.passed.push(passed);
        let meant = match (passed, state.piece) {
            (Passed::Statement(statement), Some(piece)) => statement.contains(piece),
            _ => false,
        };
        if meant || state.broken_from.is_some_and(|from| point >= from) {
            return Some(Fault::Before);
        }
        state.faults.get(&point).copied()
    }

    /// Does it, and what stands in the plan.
    async fn around<T>(
        &self,
        passed: Passed,
        does: impl Future<Output = Result<T, BackendError>>,
    ) -> Result<T, BackendError> {
        let fault = self.pass(passed);
        match fault {
            Some(Fault::Before) => return Err(BackendError::Injected),
            Some(Fault::AbortBefore) => std::process::abort(),
            Some(Fault::Delay(time)) => tokio::time::sleep(time).await,
            Some(Fault::HaltBefore) => self.halt().await,
            Some(Fault::Pause) => self.pause().await,
            Some(Fault::After | Fault::AbortAfter | Fault::HaltAfter) | None => {}
        }
        let done = does.await?;
        match fault {
            Some(Fault::After) => Err(BackendError::Injected),
            Some(Fault::AbortAfter) => std::process::abort(),
            Some(Fault::HaltAfter) => self.halt().await,
            _ => Ok(done),
        }
    }
}

/// A database that breaks when its plan says so.
#[derive(Debug)]
pub(crate) struct Faulty<B> {
    inner: B,
    plan: Plan,
}

impl<B> Faulty<B> {
    /// Wraps a database.
    pub(crate) fn new(inner: B, plan: Plan) -> Self {
        Self { inner, plan }
    }
}

impl<B: std::ops::Deref<Target: Backend> + std::fmt::Debug + Send + Sync> Backend for Faulty<B> {
    fn kind(&self) -> Kind {
        self.inner.kind()
    }

    fn begin(&self, mode: Mode) -> BoxFuture<'_, Result<Box<dyn Transaction>, BackendError>> {
        Box::pin(async move {
            let begin = self.inner.begin(mode);
            let inner = self.plan.around(Passed::Begin(mode), begin).await?;
            let plan = self.plan.clone();
            Ok(Box::new(FaultyTransaction { inner, plan }) as Box<dyn Transaction>)
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}

struct FaultyTransaction {
    inner: Box<dyn Transaction>,
    plan: Plan,
}

impl Transaction for FaultyTransaction {
    fn execute<'a>(
        &'a mut self,
        statement: &'static str,
        values: Vec<Value>,
    ) -> BoxFuture<'a, Result<u64, BackendError>> {
        let runs = self.inner.execute(statement, values);
        Box::pin(self.plan.around(Passed::Statement(statement), runs))
    }

    fn query<'a>(
        &'a mut self,
        statement: &'static str,
        values: Vec<Value>,
    ) -> BoxFuture<'a, Result<Vec<Row>, BackendError>> {
        let runs = self.inner.query(statement, values);
        Box::pin(self.plan.around(Passed::Statement(statement), runs))
    }

    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<(), BackendError>> {
        Box::pin(async move {
            let Self { inner, plan } = *self;
            plan.around(Passed::Commit, inner.commit()).await
        })
    }
}
