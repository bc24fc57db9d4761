//! Attack S20: the audit log cannot be written. Then nothing is done, and nothing is handed out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use orchestra_secrets::backend::{Backend, migrate};
use orchestra_secrets::{
    Ask, Backup, Created, Credential, KdfParameters, NewSecret, Store, StoreError, StoreParts, Use,
    UseCounter,
};

use crate::attacks::hand::Hand;
use crate::databases::{Database, on_each_database};
use crate::faults::{Faulty, Plan};
use crate::stores::{credential, get, name, secret, set};

on_each_database!(
    nothing_is_done_that_cannot_be_logged,
    nobody_gets_in_unlogged,
    no_store_begins_unlogged,
);

/// How soon whoever asked is told.
const SOON: Duration = Duration::from_secs(1);

const INSERT: &str = "INSERT INTO secrets_audit";

/// A store in a database that takes entries of the log, or none.
struct Logless {
    hand: Hand,
    plan: Plan,
    created: Created,
}

impl Logless {
    async fn new(database: &Database) -> Self {
        let plan = Plan::new();
        let backend: Arc<dyn Backend> = Arc::new(Faulty::new(database.open().await, plan.clone()));
        let parts = StoreParts::new(Arc::clone(&backend), "a test");
        let created = Store::create(parts, vec![credential()], KdfParameters::LEAST);
        let created = created.await.unwrap();
        for value in ["first", "second"] {
            set(&created.store, "A", value).await;
        }
        Self {
            hand: Hand::new(&backend),
            plan,
            created,
        }
    }

    /// The operation fails soon and changes nothing, while no entry of the log can be written.
    async fn refuses<T>(&self, what: &str, operation: impl Future<Output = Result<T, StoreError>>) {
        let before = self.hand.copy().await;
        self.plan.fail_statements_with(INSERT);
        let begun = Instant::now();
        let done = operation.await;
        assert!(begun.elapsed() < SOON, "{what}: {:?}", begun.elapsed());
        self.plan.clear();
        let error = done.map(drop).expect_err(what);
        assert!(matches!(error, StoreError::Backend(_)), "{what}: {error:?}");
        assert!(self.hand.copy().await == before, "{what}");
    }
}

async fn nothing_is_done_that_cannot_be_logged(database: Database) {
    let logless = Logless::new(&database).await;
    let store = &logless.created.store;
    let least = KdfParameters::LEAST;
    let key_file = || Credential::key_file(b"another key file, of at least 32 bytes too");
    let entry = store.entries(None).await.unwrap().remove(0);
    let used = Use {
        entry: entry.id,
        count: 1,
        last_used_ms: 1,
    };
    let counter = UseCounter::default();
    counter.count(entry.id, 1);
    let (ask, value) = (Ask::current(name("A")), secret("third"));
    let first = Ask {
        version: Some(1),
        ..ask.clone()
    };
    let new = |text| NewSecret::new(name(text));
    logless.refuses("fetch", store.fetch(&ask)).await;
    logless
        .refuses("fetch a version", store.fetch(&first))
        .await;
    logless
        .refuses("set anew", store.set(new("A"), &value))
        .await;
    logless.refuses("set", store.set(new("B"), &value)).await;
    logless
        .refuses("revoke", store.revoke(&name("A"), None))
        .await;
    logless.refuses("remove", store.remove(&name("A"))).await;
    logless.refuses("record", store.record_uses(&[used])).await;
    logless.refuses("flush", store.flush_uses(&counter)).await;
    logless
        .refuses("add a slot", store.add_slot(key_file(), least))
        .await;
    logless
        .refuses("replace a slot", store.replace_slot(1, key_file(), least))
        .await;
    logless.refuses("remove a slot", store.remove_slot(2)).await;
    logless.refuses("rotate", store.rotate_key()).await;
    let rotated = store.rotate_root(vec![credential()], least, false);
    logless.refuses("rotate the root", rotated).await;
    logless.refuses("export", store.export()).await;
    // With the log back, all is as if nothing had been asked for.
    assert_eq!(get(store, "A").await.unwrap(), "second");
    assert_eq!(counter.take(), [used]);
    store.rotate_key().await.unwrap();
    logless.refuses("destroy a key", store.destroy_key(1)).await;
    store.destroy_key(1).await.unwrap();
    assert!(store.verify().await.unwrap().is_whole());
}

async fn nobody_gets_in_unlogged(database: Database) {
    let logless = Logless::new(&database).await;
    let store = &logless.created.store;
    // A store is sealed even where nobody can note it.
    logless.refuses("seal", store.seal()).await;
    assert!(store.is_sealed());
    logless.refuses("unseal", store.unseal(credential())).await;
    assert!(store.is_sealed());
    let epoch = store.epoch().await.unwrap();
    let recovery = Credential::recovery(&logless.created.recovery);
    logless
        .refuses("accept", store.accept_restore(recovery, epoch))
        .await;
    assert!(store.is_sealed());
    store.unseal(credential()).await.unwrap();
    logless
        .refuses("unseal again", store.unseal(credential()))
        .await;
    assert_eq!(get(store, "A").await.unwrap(), "second");
}

async fn no_store_begins_unlogged(database: Database) {
    let backup = {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = Database::Sqlite(folder.path().join("other.db"));
        let other = crate::stores::create(&elsewhere, None).await.store;
        Backup::parse(other.export().await.unwrap()).unwrap()
    };
    let plan = Plan::new();
    let backend: Arc<dyn Backend> = Arc::new(Faulty::new(database.open().await, plan.clone()));
    migrate(&*backend).await.unwrap();
    let hand = Hand::new(&backend);
    let empty = hand.copy().await;
    let parts = || StoreParts::new(Arc::clone(&backend), "a test");
    plan.fail_statements_with(INSERT);
    let created = Store::create(parts(), vec![credential()], KdfParameters::LEAST).await;
    assert!(matches!(created.map(drop), Err(StoreError::Backend(_))));
    let restored = backup.restore(parts(), credential()).await;
    assert!(matches!(restored.map(drop), Err(StoreError::Backend(_))));
    plan.clear();
    assert!(hand.copy().await == empty);
    // The rows of the backup go in, and the entry that says so does not.
    plan.clear();
    backup.restore(parts(), credential()).await.unwrap();
    let inserts = plan.passed().iter().filter(|passed| matches!(passed, crate::faults::Passed::Statement(text) if text.contains(INSERT))).count();
    assert_eq!(inserts, 3);
}
