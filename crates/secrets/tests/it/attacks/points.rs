//! Something goes wrong at every single statement and commit of every operation: it fails before the database was
//! asked or afterwards, or whoever waits for it gives up there.
//!
//! Whatever it was, the store is as it was before the operation, or as it is after it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use orchestra_secrets::backend::Backend;
use orchestra_secrets::{
    Created, Credential, KdfParameters, NewSecret, RecoveryKey, Store, StoreError, StoreParts, Use,
};
use tempfile::TempDir;

use super::hand::{Contents, Hand};
use super::quick;
use super::whole::Whole;
use crate::databases::{Database, on_each_database};
use crate::faults::{Fault, Faulty, Passed, Plan};
use crate::stores::{credential, get, name, secret, set};

on_each_database!(
    a_secret_is_set_whole_or_not_at_all,
    a_secret_is_taken_away_whole_or_not_at_all,
    slots_change_whole_or_not_at_all,
    a_key_is_rotated_in_the_end,
    the_root_key_is_rotated_whole_or_not_at_all,
    who_unseals_is_in_the_log_or_outside,
    what_only_reads_or_notes_leaves_everything_as_it_was,
    a_store_is_made_whole_or_not_at_all,
);

const FAULTS: [Fault; 4] = [
    Fault::Before,
    Fault::After,
    Fault::HaltBefore,
    Fault::HaltAfter,
];

const SECOND_FILE: &[u8] = b"a second key file that is long enough as well";
const THIRD_FILE: &[u8] = b"a third key file which has enough bytes, too!";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    SetNew,
    SetOver,
    Revoke,
    RevokeVersion,
    Remove,
    AddSlot,
    ReplaceSlot,
    RemoveSlot,
    RotateKey,
    DestroyKey,
    RotateRoot,
    Seal,
    Unseal,
    UnsealAgain,
    AcceptRestore,
    Fetch,
    Use,
    Checkpoint,
}

/// A store that all operations have something to do with, and what it is put back to after each.
struct Scene {
    backend: Arc<dyn Backend>,
    hand: Hand,
    anchor: PathBuf,
    recovery: RecoveryKey,
    contents: Contents,
    anchored: Vec<u8>,
    _folder: TempDir,
}

impl Scene {
    async fn of(database: &Database) -> Self {
        let folder = quick::folder();
        let backend: Arc<dyn Backend> = match database {
            Database::Sqlite(_) => {
                Database::Sqlite(folder.path().join("store.db"))
                    .open()
                    .await
            }
            Database::Postgres(_) => database.open().await,
        };
        let anchor = folder.path().join("anchor");
        let parts = parts(Arc::clone(&backend), &anchor);
        let costs = KdfParameters::LEAST;
        let Created { store, recovery } = Store::create(parts, vec![credential()], costs)
            .await
            .unwrap();
        let second = Credential::key_file(SECOND_FILE);
        assert_eq!(store.add_slot(second, costs).await.unwrap(), 3);
        for (name, value) in [("A", "a 1"), ("A", "a 2"), ("B", "b 1"), ("C", "c 1")] {
            set(&store, name, value).await;
        }
        store.revoke(&name("C"), None).await.unwrap();
        store.rotate_key().await.unwrap();
        let hand = Hand::new(&backend);
        Self {
            contents: hand.copy().await,
            anchored: std::fs::read(&anchor).unwrap(),
            backend,
            hand,
            anchor,
            recovery,
            _folder: folder,
        }
    }

    /// Everything is as it was, and a store is opened that will meet with what is planned.
    async fn store(&self, operation: Operation, plan: &Plan) -> Store {
        plan.clear();
        self.hand.put_back(&self.contents).await;
        std::fs::write(&self.anchor, &self.anchored).unwrap();
        let faulty = Arc::new(Faulty::new(Arc::clone(&self.backend), plan.clone()));
        let store = Store::open(parts(faulty, &self.anchor)).await.unwrap();
        match operation {
            Operation::Unseal => {}
            // What the anchor knows is later than what is there.
            Operation::AcceptRestore => {
                store.unseal(credential()).await.unwrap();
                store.seal().await.unwrap();
                self.hand.put_back(&self.contents).await;
            }
            _ => store.unseal(credential()).await.unwrap(),
        }
        store
    }

    async fn run(&self, operation: Operation, store: &Store) -> Result<(), StoreError> {
        let costs = KdfParameters::LEAST;
        let third = || Credential::key_file(THIRD_FILE);
        match operation {
            Operation::SetNew => drop(store.set(NewSecret::new(name("D")), &secret("d 1")).await?),
            Operation::SetOver => drop(store.set(NewSecret::new(name("A")), &secret("a 3")).await?),
            Operation::Revoke => drop(store.revoke(&name("A"), None).await?),
            Operation::RevokeVersion => drop(store.revoke(&name("A"), Some(1)).await?),
            Operation::Remove => drop(store.remove(&name("A")).await?),
            Operation::AddSlot => drop(store.add_slot(third(), costs).await?),
            Operation::ReplaceSlot => drop(store.replace_slot(3, third(), costs).await?),
            Operation::RemoveSlot => store.remove_slot(3).await?,
            Operation::RotateKey => drop(store.rotate_key().await?),
            Operation::DestroyKey => store.destroy_key(1).await?,
            Operation::RotateRoot => {
                let credentials = vec![credential(), third()];
                drop(store.rotate_root(credentials, costs, true).await?);
            }
            Operation::Seal => store.seal().await?,
            Operation::Unseal | Operation::UnsealAgain => store.unseal(credential()).await?,
            Operation::AcceptRestore => {
                let epoch = store.epoch().await?;
                let recovery = Credential::recovery(&self.recovery);
                store.accept_restore(recovery, epoch).await?;
            }
            Operation::Fetch => drop(get(store, "A").await?),
            Operation::Use => store.record_uses(&[self.use_of_b(store).await?]).await?,
            Operation::Checkpoint => drop(store.checkpoint().await?),
        }
        Ok(())
    }

    async fn use_of_b(&self, store: &Store) -> Result<Use, StoreError> {
        let entries = store.entries(Some(&name("B"))).await?;
        Ok(Use {
            entry: entries[0].id,
            count: 3,
            last_used_ms: 7,
        })
    }

    /// Opens the store as the next process would, and reads everything.
    async fn reopened(&self) -> (Store, Whole) {
        let store = Store::open(parts(Arc::clone(&self.backend), &self.anchor))
            .await
            .unwrap();
        if let Err(refused) = store.unseal(credential()).await {
            // An older state that was not accepted yet.
            let epoch = store.epoch().await.unwrap();
            assert!(matches!(refused, StoreError::RolledBack { found, .. } if found == epoch));
            let recovery = Credential::recovery(&self.recovery);
            store.accept_restore(recovery, epoch).await.unwrap();
        }
        let whole = Whole::of(&store).await;
        (store, whole)
    }
}

fn parts(backend: Arc<dyn Backend>, anchor: &Path) -> StoreParts {
    StoreParts {
        anchor: Some(anchor.to_owned()),
        ..StoreParts::new(backend, "a test")
    }
}

/// What passes and what is known of a run.
struct Trial<'s> {
    scene: &'s Scene,
    operation: Operation,
    plan: Plan,
    points: Vec<Passed>,
    old: Whole,
    new: Whole,
}

impl<'s> Trial<'s> {
    /// Runs the operation without a fault, to learn what it passes and what comes of it.
    async fn of(scene: &'s Scene, operation: Operation) -> Self {
        let plan = Plan::new();
        drop(scene.store(operation, &plan).await);
        scene.hand.put_back(&scene.contents).await;
        std::fs::write(&scene.anchor, &scene.anchored).unwrap();
        let (_, old) = scene.reopened().await;
        let store = scene.store(operation, &plan).await;
        plan.clear();
        scene.run(operation, &store).await.unwrap();
        let points = plan.passed();
        let (_, new) = scene.reopened().await;
        Self {
            scene,
            operation,
            plan,
            points,
            old,
            new,
        }
    }

    async fn at_every_point(&self) {
        assert!(
            self.points.len() >= 4,
            "{:?}: {:?}",
            self.operation,
            self.points
        );
        for point in 0..self.points.len() {
            for fault in FAULTS {
                self.at(point, fault).await;
            }
        }
    }

    async fn at(&self, point: usize, fault: Fault) {
        let operation = self.operation;
        let last = self.points.len() - 1;
        let case = format!("{operation:?}, {fault:?} at {point} of {last}");
        println!("{case}");
        let store = self.scene.store(operation, &self.plan).await;
        self.plan.fault_at(u64::try_from(point).unwrap(), fault);
        let result = tokio::select! {
            result = self.scene.run(operation, &store) => Some(result),
            () = self.plan.halted() => None,
        };
        assert!(
            result.is_none_or(|result| result.is_err()),
            "{case}: no error"
        );
        self.plan.clear();
        let sealed = matches!(
            operation,
            Operation::Seal | Operation::Unseal | Operation::AcceptRestore
        );
        assert!(!sealed || store.is_sealed(), "{case}");
        let (reopened, whole) = self.scene.reopened().await;
        let done = point == last && matches!(fault, Fault::After | Fault::HaltAfter);
        match operation {
            Operation::RotateKey => self.check_resumed(&whole).await,
            _ => self.check_whole(&whole, done),
        }
        // The instance that it happened to holds nobody up, and can go on; the root key may be another by now.
        if let Err(error) = get(&store, "B").await {
            assert!(matches!(error, StoreError::Sealed), "{case}: {error}");
            store.unseal(credential()).await.unwrap();
            get(&store, "B").await.unwrap();
        }
        set(&reopened, "B", "b 2").await;
        assert_eq!(get(&store, "B").await.unwrap(), "b 2", "{case}");
    }

    /// Done or not, and nothing between.
    fn check_whole(&self, whole: &Whole, done: bool) {
        let expected = if done { &self.new } else { &self.old };
        assert_eq!(whole, expected, "done: {done}");
    }

    /// Every transaction of a rotation leaves everything readable, and the next rotation finishes it.
    async fn check_resumed(&self, whole: &Whole) {
        assert_eq!(whole.secrets, self.old.secrets);
        assert!([&self.old.keys, &self.new.keys].contains(&&whole.keys));
        let (store, _) = self.scene.reopened().await;
        let rotation = store.rotate_key().await.unwrap();
        let begun = whole.keys == self.new.keys;
        assert!(rotation.key_version == 3 || begun && rotation.key_version == 4);
        assert_eq!(Whole::of(&store).await.secrets, self.old.secrets);
        for entry in store.entries(None).await.unwrap() {
            assert_eq!(entry.key_version, rotation.key_version);
        }
    }
}

async fn whole_or_not_at_all(database: Database, operations: &[Operation]) {
    let scene = Scene::of(&database).await;
    for operation in operations {
        let trial = Trial::of(&scene, *operation).await;
        trial.at_every_point().await;
    }
}

async fn a_secret_is_set_whole_or_not_at_all(database: Database) {
    whole_or_not_at_all(database, &[Operation::SetNew, Operation::SetOver]).await;
}

async fn a_secret_is_taken_away_whole_or_not_at_all(database: Database) {
    let operations = [
        Operation::Revoke,
        Operation::RevokeVersion,
        Operation::Remove,
    ];
    whole_or_not_at_all(database, &operations).await;
}

async fn slots_change_whole_or_not_at_all(database: Database) {
    let operations = [
        Operation::AddSlot,
        Operation::ReplaceSlot,
        Operation::RemoveSlot,
    ];
    whole_or_not_at_all(database, &operations).await;
}

async fn the_root_key_is_rotated_whole_or_not_at_all(database: Database) {
    let operations = [Operation::RotateRoot, Operation::DestroyKey];
    whole_or_not_at_all(database, &operations).await;
}

async fn who_unseals_is_in_the_log_or_outside(database: Database) {
    let operations = [
        Operation::Seal,
        Operation::Unseal,
        Operation::UnsealAgain,
        Operation::AcceptRestore,
    ];
    whole_or_not_at_all(database, &operations).await;
}

async fn what_only_reads_or_notes_leaves_everything_as_it_was(database: Database) {
    let operations = [Operation::Fetch, Operation::Use, Operation::Checkpoint];
    whole_or_not_at_all(database, &operations).await;
}

async fn a_key_is_rotated_in_the_end(database: Database) {
    let scene = Scene::of(&database).await;
    let trial = Trial::of(&scene, Operation::RotateKey).await;
    let rotated = [(1, "decrypt_only"), (2, "decrypt_only"), (3, "active")];
    assert_eq!(trial.new.keys, rotated);
    trial.at_every_point().await;
}

async fn a_store_is_made_whole_or_not_at_all(database: Database) {
    let backend = quick::backend(&database).await;
    let folder = quick::folder();
    let anchor = folder.path().join("anchor");
    orchestra_secrets::backend::migrate(&*backend)
        .await
        .unwrap();
    let hand = Hand::new(&backend);
    let empty = hand.copy().await;
    let plan = Plan::new();
    let faulty: Arc<dyn Backend> = Arc::new(Faulty::new(Arc::clone(&backend), plan.clone()));
    let create = || {
        let parts = parts(Arc::clone(&faulty), &anchor);
        Store::create(parts, vec![credential()], KdfParameters::LEAST)
    };
    plan.clear();
    create().await.unwrap();
    let points = plan.points();
    assert!(points > 10);
    for (point, fault) in (0..points).flat_map(|point| FAULTS.map(|fault| (point, fault))) {
        hand.put_back(&empty).await;
        let _ = std::fs::remove_file(&anchor);
        plan.fault_at(point, fault);
        let result = tokio::select! {
            result = create() => Some(result.map(drop)),
            () = plan.halted() => None,
        };
        assert!(
            result.is_none_or(|result| result.is_err()),
            "{fault:?} at {point}"
        );
        plan.clear();
        let done = point + 1 == points && matches!(fault, Fault::After | Fault::HaltAfter);
        let opened = Store::open(parts(Arc::clone(&backend), &anchor)).await;
        match opened {
            Ok(store) if done => store.unseal(credential()).await.unwrap(),
            Err(StoreError::NoStore) if !done => drop(create().await.unwrap()),
            other => panic!("{fault:?} at {point}: {:?}", other.map(drop)),
        }
    }
}
