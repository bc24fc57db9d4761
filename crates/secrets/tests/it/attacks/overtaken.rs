//! Writers that start from a state that another has replaced, as if no lock had kept them apart: each is refused.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use orchestra_secrets::backend::{Backend, Kind};
use orchestra_secrets::{Entry, NewSecret, Store, StoreError, StoreParts};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::loose::{Halted, Loose};
use super::whole::Whole;
use crate::databases::{self, Database, administer};
use crate::stores::{create, credential, name, secret, set};

/// The numbers of the audit log and those of versions are unique in the tables, too. Without that, nothing but the
/// head keeps one of two writers out.
const UNBOUND: &str = "ALTER TABLE secrets_audit DROP CONSTRAINT secrets_audit_pkey;
    ALTER TABLE secrets_entries DROP CONSTRAINT secrets_entries_tenant_name_version_key";

/// Nothing in here takes longer.
const LONG: Duration = Duration::from_secs(60);

const ROUNDS: usize = 8;

/// What writers were told is done.
type Told = BTreeMap<(String, u32), String>;

/// A writer that halts when it has read.
struct Slow {
    store: Store,
    loose: Arc<Loose>,
}

type Ended = Result<Entry, StoreError>;

impl Slow {
    async fn new(database: &Database) -> Self {
        let Database::Postgres(address) = database else {
            panic!("SQLite lets nobody else write");
        };
        let loose = Arc::new(Loose::connect(address).await);
        let parts = StoreParts::new(Arc::clone(&loose) as Arc<dyn Backend>, "a test");
        let store = Store::open(parts).await.unwrap();
        store.unseal(credential()).await.unwrap();
        Self { store, loose }
    }

    /// Begins to set a secret, and has read the state that is now.
    async fn begin(&self, name_: &str, value: &str) -> (JoinHandle<Ended>, Halted) {
        let mut halted = self.loose.halt_next();
        let (store, new) = (self.store.clone(), NewSecret::new(name(name_)));
        let value = secret(value);
        let setting = tokio::spawn(async move { store.set(new, &value).await });
        within(&mut halted.has_read).await.unwrap();
        (setting, halted)
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(LONG, future).await.expect("it takes too long")
}

async fn finish((setting, halted): (JoinHandle<Ended>, Halted)) -> Ended {
    halted.go_on.send(()).unwrap();
    within(setting).await.unwrap()
}

async fn unbind(database: &Database) {
    if let Database::Postgres(address) = database {
        administer(address, UNBOUND.to_owned()).await;
    }
}

/// All that was told to be done is there, and nothing else.
async fn check(store: &Store, told: &Told) {
    let whole = Whole::of(store).await;
    let found = whole
        .secrets
        .into_iter()
        .map(|((name, version), (_, value))| {
            let place = (name.name().to_owned(), version);
            (place, value.unwrap())
        });
    assert_eq!(&found.collect::<Told>(), told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_was_overtaken_is_refused() {
    databases::with(Kind::Postgres, overtake).await;
}

/// Of other names, so that what the slow one reads afterwards is as it was.
async fn overtake(database: Database) {
    let sound = create(&database, None).await.store;
    let slow = Slow::new(&database).await;
    unbind(&database).await;
    let mut told = Told::new();
    for round in 0..ROUNDS {
        let begun = slow.begin("SLOW", "too late").await;
        let value = format!("value {round}");
        let version = set(&sound, "SOUND", &value).await;
        told.insert(("SOUND".to_owned(), version), value);
        let ended = finish(begun).await;
        assert!(matches!(ended, Err(StoreError::Conflict)), "{ended:?}");
        check(&sound, &told).await;
    }
    let version = set(&slow.store, "SLOW", "in time").await;
    told.insert(("SLOW".to_owned(), version), "in time".to_owned());
    check(&sound, &told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_writers_that_saw_the_same_state_one_is_told_that_it_is_done() {
    databases::with(Kind::Postgres, |database| both_at_once(database, false)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_head_alone_lets_only_one_through() {
    databases::with(Kind::Postgres, |database| both_at_once(database, true)).await;
}

async fn both_at_once(database: Database, unbound: bool) {
    let sound = create(&database, None).await.store;
    let (first, second) = (Slow::new(&database).await, Slow::new(&database).await);
    if unbound {
        unbind(&database).await;
    }
    let mut told = Told::new();
    for round in 0..ROUNDS {
        let value = format!("value {round}");
        let begun = [
            first.begin("FIRST", &value).await,
            second.begin("SECOND", &value).await,
        ];
        let [first, second] = begun.map(finish);
        let (first, second) = tokio::join!(first, second);
        for entry in [first, second].into_iter().flatten() {
            let place = (entry.name.name().to_owned(), entry.version);
            told.insert(place, value.clone());
        }
        assert_eq!(told.len(), round + 1, "one of each round");
        check(&sound, &told).await;
    }
}
