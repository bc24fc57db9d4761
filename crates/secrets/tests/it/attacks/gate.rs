//! A database at whose every statement a task waits until it is told to go on: a seed decides who comes when.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use orchestra_secrets::backend::{
    Backend, BackendError, BoxFuture, Kind, Mode, Row, Transaction, Value,
};

use super::chance::Chance;

/// Something that is done with stores behind the gate. It may wait for the gate, for the turn of a writer and for
/// threads, and for nothing else that another task holds.
pub(crate) type Task<'t> = Pin<Box<dyn Future<Output = ()> + 't>>;

/// Which task did what, in order.
pub(crate) type Passed = Vec<(usize, &'static str)>;

/// Statements of a crowd that is still small.
const MOST: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It computes, or a thread does that for it.
    Running,
    /// Before a statement.
    Gate,
    /// In front of the database, until other writers are done.
    Queue,
    Done,
}

#[derive(Debug, Default)]
struct Turns {
    /// Whose future is just polled. Without a task, all gates are open.
    current: Option<usize>,
    allowed: Option<usize>,
    places: Vec<Place>,
    moves: u64,
    passed: Passed,
}

impl Turns {
    fn go(&mut self, task: usize, place: Place) {
        self.places[task] = place;
        self.moves += 1;
    }
}

/// Where tasks wait. Clones are one gate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<Mutex<Turns>>);

impl Gate {
    /// A database behind this gate.
    pub(crate) fn before(&self, inner: &Arc<dyn Backend>) -> Arc<dyn Backend> {
        Arc::new(Gated {
            inner: Arc::clone(inner),
            gate: self.clone(),
        })
    }

    /// Runs the tasks to their ends, one statement at a time.
    ///
    /// # Panics
    /// If none of them can go on, or they go on for ever.
    pub(crate) async fn run(&self, tasks: Vec<Task<'_>>, chance: &mut Chance) -> Passed {
        *self.turns() = Turns {
            places: vec![Place::Running; tasks.len()],
            ..Turns::default()
        };
        let mut tasks: Vec<_> = tasks.into_iter().map(Some).collect();
        loop {
            // Whoever has run for long is not to be stopped by the runtime: that would look like waiting.
            let settled = poll_fn(|context| self.settle(&mut tasks, context));
            tokio::task::unconstrained(settled).await;
            let waiting = self.waiting();
            let passed = self.turns().passed.len();
            assert!(passed < MOST, "there is no end to it");
            if waiting.is_empty() {
                break;
            }
            self.turns().allowed = Some(chance.one_of(&waiting));
        }
        let ended = std::mem::take(&mut *self.turns());
        let done = |place: &Place| *place == Place::Done;
        assert!(ended.places.iter().all(done), "a deadlock: {ended:?}");
        ended.passed
    }

    /// Lets everybody come as far as they can without being told to go on.
    fn settle(&self, tasks: &mut [Option<Task<'_>>], context: &mut Context<'_>) -> Poll<()> {
        loop {
            let moves = self.turns().moves;
            for (number, task) in tasks.iter_mut().enumerate() {
                self.poll(number, task, context);
            }
            if self.turns().moves == moves {
                break;
            }
        }
        match self.turns().places.contains(&Place::Running) {
            true => Poll::Pending,
            false => Poll::Ready(()),
        }
    }

    fn poll(&self, number: usize, slot: &mut Option<Task<'_>>, context: &mut Context<'_>) {
        let Some(task) = slot else { return };
        self.turns().current = Some(number);
        let polled = task.as_mut().poll(context);
        let mut turns = self.turns();
        turns.current = None;
        if polled.is_ready() {
            turns.go(number, Place::Done);
            *slot = None;
        }
    }

    fn waiting(&self) -> Vec<usize> {
        let turns = self.turns();
        let places = turns.places.iter().enumerate();
        let waiting = places.filter(|(_, place)| **place == Place::Gate);
        waiting.map(|(task, _)| task).collect()
    }

    async fn pass(&self, to: &'static str) {
        let Some(task) = self.go(Place::Gate) else {
            return;
        };
        poll_fn(|_| {
            let mut turns = self.turns();
            if turns.allowed != Some(task) {
                return Poll::Pending;
            }
            turns.allowed = None;
            turns.passed.push((task, to));
            turns.go(task, Place::Running);
            Poll::Ready(())
        })
        .await;
    }

    /// The task that is just polled, if it is one, is there now.
    fn go(&self, place: Place) -> Option<usize> {
        let mut turns = self.turns();
        let task = turns.current?;
        turns.go(task, place);
        Some(task)
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.0.lock().unwrap()
    }
}

#[derive(Debug)]
struct Gated {
    inner: Arc<dyn Backend>,
    gate: Gate,
}

impl Backend for Gated {
    fn kind(&self) -> Kind {
        self.inner.kind()
    }

    fn begin(&self, mode: Mode) -> BoxFuture<'_, Result<Box<dyn Transaction>, BackendError>> {
        Box::pin(async move {
            let begins = match mode {
                Mode::Read => "BEGIN, to read",
                Mode::Write => "BEGIN, to write",
            };
            self.gate.pass(begins).await;
            self.gate.go(Place::Queue);
            let inner = self.inner.begin(mode).await?;
            self.gate.go(Place::Running);
            let gate = self.gate.clone();
            Ok(Box::new(GatedTransaction { inner, gate }) as Box<dyn Transaction>)
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}

struct GatedTransaction {
    inner: Box<dyn Transaction>,
    gate: Gate,
}

impl Transaction for GatedTransaction {
    fn execute<'a>(
        &'a mut self,
        statement: &'static str,
        values: Vec<Value>,
    ) -> BoxFuture<'a, Result<u64, BackendError>> {
        Box::pin(async move {
            self.gate.pass(statement).await;
            self.inner.execute(statement, values).await
        })
    }

    fn query<'a>(
        &'a mut self,
        statement: &'static str,
        values: Vec<Value>,
    ) -> BoxFuture<'a, Result<Vec<Row>, BackendError>> {
        Box::pin(async move {
            self.gate.pass(statement).await;
            self.inner.query(statement, values).await
        })
    }

    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<(), BackendError>> {
        Box::pin(async move {
            self.gate.pass("COMMIT").await;
            self.inner.commit().await
        })
    }
}

#[tokio::test]
#[should_panic(expected = "a deadlock")]
async fn tasks_that_wait_for_one_another_are_noticed() {
    let folder = super::quick::folder();
    let file: Arc<dyn Backend> = super::quick::Quick::open(&folder.path().join("store.db"));
    let gate = Gate::default();
    let gated = gate.before(&file);
    let task: Task<'_> = Box::pin(async {
        let _first = gated.begin(Mode::Write).await.unwrap();
        drop(gated.begin(Mode::Write).await);
    });
    gate.run(vec![task], &mut Chance::new(1)).await;
}
