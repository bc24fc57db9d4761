//! A disk that is full or broken, at each call that a store makes to it, below the database and the anchor.
//!
//! An error is reported unless it was done; then everything is there as it was before, or as it is afterwards.

use std::path::{Path, PathBuf};

use orchestra_secrets::{KdfParameters, NewSecret, Store, StoreError};

use super::quick;
use super::whole::Whole;
use crate::databases::{Database, files_in};
use crate::disk_faults::{EIO, ENOSPC, Plan, process};
use crate::processes::{Role, played};
use crate::stores::{create, credential, get, name, secret, set, unsealed};

/// What another process does for the tests in here.
pub(crate) const ROLES: &[(&str, Role)] = &[("operate on a bad disk", |database, words| {
    Box::pin(operate_on_a_bad_disk(database, words))
})];

/// A store in a folder, and a copy of the folder that it starts from each time.
struct Place {
    database: Database,
    folder: PathBuf,
    copy: PathBuf,
    anchor: PathBuf,
    before: Whole,
    operation: Operation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Set,
    RotateKey,
    RotateRoot,
}

const OPERATIONS: [(&str, Operation); 3] = [
    ("set", Operation::Set),
    ("rotate", Operation::RotateKey),
    ("rotate root", Operation::RotateRoot),
];

impl Place {
    async fn of(database: Database, operation: Operation) -> Self {
        let Database::Sqlite(file) = &database else {
            panic!("the disk of a PostgreSQL server is not ours");
        };
        let folder = file.parent().unwrap().to_owned();
        let (copy, anchor) = (folder.with_extension("copy"), folder.join("anchor"));
        let store = create(&database, Some(&anchor)).await.store;
        for (name, value) in [("A", "a 1"), ("A", "a 2"), ("B", "b 1"), ("C", "c 1")] {
            set(&store, name, value).await;
        }
        let before = Whole::of(&store).await;
        store.close().await;
        std::fs::create_dir(&copy).unwrap();
        copy_files(&folder, &copy);
        Self {
            database,
            folder,
            copy,
            anchor,
            before,
            operation,
        }
    }

    async fn opened(&self) -> Store {
        unsealed(&self.database, Some(&self.anchor)).await.unwrap()
    }

    async fn run(&self, store: &Store) -> Result<(), StoreError> {
        match self.operation {
            Operation::Set => {
                let new = NewSecret::new(name("A"));
                store.set(new, &secret("a 3")).await.map(drop)
            }
            Operation::RotateKey => store.rotate_key().await.map(drop),
            Operation::RotateRoot => {
                let costs = KdfParameters::LEAST;
                let rotated = store.rotate_root(vec![credential()], costs, true);
                rotated.await.map(drop)
            }
        }
    }

    /// Runs the operation on a disk that fails after some calls, this often. Says how many calls it made, and whether
    /// it said that anything went wrong.
    async fn at(&self, plan: &mut Plan, skip: u32, times: u32, errno: i32) -> (u32, bool) {
        for file in files_in(&self.folder) {
            std::fs::remove_file(file).unwrap();
        }
        copy_files(&self.copy, &self.folder);
        let store = self.opened().await;
        plan.fail(skip, times, errno);
        let result = self.run(&store).await;
        let calls = plan.calls();
        let failure = store.status().await.ok().and_then(|now| now.anchor_failure);
        plan.mend();
        let case = format!("error {errno}, {times} times after {skip} calls: {result:?}");
        let reopened = self.opened().await;
        let whole = Whole::of(&reopened).await;
        self.check(&whole, result.is_ok(), &case);
        // Both instances go on.
        for store in [&store, &reopened] {
            if self.operation == Operation::RotateRoot {
                // The root key may be another, though it was not told.
                store.unseal(credential()).await.unwrap();
            }
            set(store, "B", "b 2").await;
            assert_eq!(get(store, "B").await.unwrap(), "b 2", "{case}");
        }
        if self.operation == Operation::RotateKey {
            self.check_resumed(&reopened, &whole, result.is_ok(), &case)
                .await;
        }
        store.close().await;
        reopened.close().await;
        (calls, result.is_err() || failure.is_some())
    }

    fn check(&self, whole: &Whole, done: bool, case: &str) {
        let before = &self.before;
        let changed = match self.operation {
            Operation::Set if whole == before => false,
            Operation::Set => {
                assert_eq!(whole.value("A"), Some("a 3"), "{case}");
                assert_eq!(whole.secrets.len(), before.secrets.len() + 1, "{case}");
                true
            }
            Operation::RotateKey => whole.keys.len() == 2,
            Operation::RotateRoot => whole.root_version == before.root_version + 1,
        };
        assert!(changed || !done, "{case}: it is not there");
        if self.operation != Operation::Set {
            assert_eq!(whole.secrets, before.secrets, "{case}");
        }
        if !changed {
            assert_eq!(whole, before, "{case}");
        }
    }

    async fn check_resumed(&self, store: &Store, whole: &Whole, done: bool, case: &str) {
        let begun = whole.keys.len() == 2;
        let rotation = store.rotate_key().await.unwrap();
        assert!(!rotation.resumed || begun && !done, "{case}");
        let now = Whole::of(store).await;
        for (key, held) in &self.before.secrets {
            let (_, value) = &now.secrets[key];
            assert_eq!(value, &held.1, "{case}");
        }
        for entry in store.entries(None).await.unwrap() {
            assert_eq!(entry.key_version, rotation.key_version, "{case}");
        }
    }
}

fn copy_files(from: &Path, to: &Path) {
    for file in files_in(from) {
        let name = file.file_name().unwrap();
        std::fs::copy(&file, to.join(name)).unwrap();
    }
}

/// At each call the disk turns bad, once for good and once for that call. That it is bad for good is noticed.
async fn operate_on_a_bad_disk(database: Database, words: Vec<String>) {
    let mut operations = OPERATIONS.into_iter();
    let (_, operation) = operations.find(|(name, _)| *name == words[0]).unwrap();
    let errno: i32 = words[1].parse().unwrap();
    let place = Place::of(database, operation).await;
    let mut plan = Plan::of_this_process();
    for skip in 0.. {
        let (calls, noticed) = place.at(&mut plan, skip, u32::MAX, errno).await;
        assert_eq!(noticed, calls > skip, "bad after {skip} of {calls} calls");
        if !noticed {
            assert!(skip > 6, "only {skip} calls");
            break;
        }
        place.at(&mut plan, skip, 1, errno).await;
    }
}

async fn check(operation: &str, errno: i32) {
    let folder = quick::folder();
    let held = folder.path().join("held");
    std::fs::create_dir(&held).unwrap();
    let database = Database::Sqlite(held.join("store.db"));
    let words = [operation, &*errno.to_string()];
    let role = "operate on a bad disk";
    let command = process(folder.path(), "/held", role, &database, &words);
    assert!(played(command).await.success());
}

#[tokio::test]
async fn a_secret_is_set_whole_or_not_at_all_on_a_full_disk() {
    check("set", ENOSPC).await;
}

#[tokio::test]
async fn a_secret_is_set_whole_or_not_at_all_on_a_broken_disk() {
    check("set", EIO).await;
}

#[tokio::test]
async fn a_key_is_rotated_in_the_end_on_a_full_disk() {
    check("rotate", ENOSPC).await;
}

#[tokio::test]
async fn a_key_is_rotated_in_the_end_on_a_broken_disk() {
    check("rotate", EIO).await;
}

#[tokio::test]
async fn a_root_key_is_rotated_whole_or_not_at_all_on_a_full_disk() {
    check("rotate root", ENOSPC).await;
}

#[tokio::test]
async fn a_root_key_is_rotated_whole_or_not_at_all_on_a_broken_disk() {
    check("rotate root", EIO).await;
}
