//! Small crowds at one store, in every order that ten thousand seeds come to.
//!
//! Three tasks do one or two things each, on two instances of the store; a seed decides what they do, and whose
//! statement is next. What was acknowledged is compared with what a third instance finds in the end.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use orchestra_secrets::backend::Backend;
use orchestra_secrets::{
    Ask, Credential, Entry, KdfParameters, State, Store, StoreError, StoreParts,
};
use tempfile::TempDir;

use super::chance::{Chance, Repeatable, Still};
use super::gate::{Gate, Passed, Task};
use super::hand::{Contents, Hand};
use super::quick::{self, Quick};
use super::whole::Whole;
use crate::stores::{credential, name, set};

const HISTORIES: u64 = 10_000;

const NAMES: [&str; 3] = ["A", "B", "C"];

#[derive(Clone, Copy, Debug)]
enum Step {
    Set,
    Fetch,
    List,
    Revoke,
    RotateKey,
    AddSlot,
}

const STEPS: [Step; 13] = [
    Step::Set,
    Step::Set,
    Step::Set,
    Step::Set,
    Step::Fetch,
    Step::Fetch,
    Step::List,
    Step::Revoke,
    Step::RotateKey,
    Step::RotateKey,
    Step::RotateKey,
    Step::AddSlot,
    Step::AddSlot,
];

/// What was acknowledged, and what was only begun.
#[derive(Debug, Default)]
struct Told {
    /// The values that were set, by version.
    sets: BTreeMap<&'static str, BTreeMap<u32, String>>,
    /// The values that were handed out.
    fetched: Vec<(&'static str, u32, String)>,
    revoking: BTreeSet<&'static str>,
    /// Up to which version.
    revoked: BTreeMap<&'static str, u32>,
    rotated: usize,
    fenced: usize,
    key_files: Vec<String>,
}

impl Told {
    /// The latest version that must be there.
    fn latest(&self, name: &str) -> u32 {
        let versions = self.sets.get(name);
        let latest = versions.and_then(|versions| versions.keys().next_back());
        latest.copied().unwrap_or(0)
    }

    /// The latest version that nobody may get any more.
    fn gone(&self, name: &str) -> u32 {
        self.revoked.get(name).copied().unwrap_or(0)
    }
}

/// One task of a history: what it does, with which instance.
struct Actor<'h> {
    number: usize,
    store: &'h Store,
    steps: Vec<(Step, &'static str)>,
    told: &'h RefCell<Told>,
}

impl Actor<'_> {
    async fn act(self) {
        for (place, (step, name)) in self.steps.iter().enumerate() {
            let own = format!("{} of {}", place, self.number);
            match step {
                Step::Set => self.set(name, own).await,
                Step::Fetch => self.fetch(name).await,
                Step::List => self.list().await,
                Step::Revoke => self.revoke(name).await,
                Step::RotateKey => self.rotate_key().await,
                Step::AddSlot => self.add_slot(own).await,
            }
        }
    }

    async fn set(&self, name: &'static str, value: String) {
        let version = set(self.store, name, &value).await;
        let mut told = self.told.borrow_mut();
        let other = told.sets.entry(name).or_default().insert(version, value);
        assert_eq!(other, None, "two are version {version} of {name}");
    }

    async fn fetch(&self, name_: &'static str) {
        let (latest, gone) = {
            let told = self.told.borrow();
            (told.latest(name_), told.gone(name_))
        };
        let fetched = self.store.fetch(&Ask::current(name(name_))).await;
        let mut told = self.told.borrow_mut();
        match fetched {
            Ok(fetched) => {
                let version = fetched.entry.version;
                assert!(version >= latest && version > gone, "{name_} {version}");
                let value = fetched.secret.expose().to_owned();
                told.fetched.push((name_, version, value));
            }
            Err(StoreError::NoSecret(_)) => assert_eq!(latest, 0),
            Err(StoreError::Revoked { .. }) => assert!(told.revoking.contains(name_)),
            Err(error) => panic!("{name_}: {error}"),
        }
    }

    async fn list(&self) {
        let latest = NAMES.map(|name| self.told.borrow().latest(name));
        let entries = self.store.entries(None).await.unwrap();
        for (name, latest) in NAMES.iter().zip(latest) {
            let found = check_versions(&entries, name);
            assert!(found >= latest, "{name}: {found}, and {latest} was set");
        }
    }

    async fn revoke(&self, name_: &'static str) {
        let latest = self.told.borrow().latest(name_);
        self.told.borrow_mut().revoking.insert(name_);
        let revoked = self.store.revoke(&name(name_), None).await;
        let mut told = self.told.borrow_mut();
        match revoked {
            Ok(revoked) => {
                let last = revoked.iter().map(|entry| entry.version).max();
                let gone = told.revoked.entry(name_).or_default();
                *gone = latest.max(last.unwrap_or(0)).max(*gone);
            }
            Err(StoreError::NoSecret(_)) => assert_eq!(latest, 0),
            Err(error) => panic!("{name_}: {error}"),
        }
    }

    async fn rotate_key(&self) {
        let rotated = self.store.rotate_key().await;
        let mut told = self.told.borrow_mut();
        match rotated {
            Ok(_) => told.rotated += 1,
            Err(StoreError::Fenced) => told.fenced += 1,
            Err(error) => panic!("{error}"),
        }
    }

    async fn add_slot(&self, own: String) {
        let file = format!("a key file, long enough to be one: {own}");
        let credential = Credential::key_file(file.as_bytes());
        let added = self.store.add_slot(credential, KdfParameters::LEAST).await;
        match added {
            Ok(_) => self.told.borrow_mut().key_files.push(file),
            Err(StoreError::Conflict) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// The versions of a name are counted through, and only the last may be current. Says how many there are.
fn check_versions(entries: &[Entry], name: &str) -> u32 {
    let of_name = entries.iter().filter(|entry| entry.name.name() == name);
    let mut of_name: Vec<_> = of_name.map(|entry| (entry.version, entry.state)).collect();
    of_name.sort_by_key(|(version, _)| *version);
    let count = u32::try_from(of_name.len()).unwrap();
    for ((version, state), expected) in of_name.into_iter().zip(1..) {
        assert_eq!(version, expected, "{name}");
        let current = state == State::Current;
        assert!(!current || version == count, "{name} {version} of {count}");
    }
    count
}

/// One database for many histories, one after the other.
struct Stage {
    file: Arc<dyn Backend>,
    hand: Hand,
    start: Contents,
    _folder: TempDir,
}

impl Stage {
    async fn new() -> Self {
        let folder = quick::folder();
        let file: Arc<dyn Backend> = Quick::open(&folder.path().join("store.db"));
        let parts = parts(&file, u64::MAX);
        let created = Store::create(parts, vec![credential()], KdfParameters::LEAST).await;
        set(&created.unwrap().store, NAMES[0], "in the beginning").await;
        let hand = Hand::new(&file);
        Self {
            start: hand.copy().await,
            file,
            hand,
            _folder: folder,
        }
    }

    /// What happened in the history of this seed.
    async fn play(&self, seed: u64) -> Passed {
        let _seed = Seed(seed);
        let history = tokio::time::timeout(Duration::from_secs(60), self.history(seed));
        history
            .await
            .expect("a task waits for something that no other task does")
    }

    async fn history(&self, seed: u64) -> Passed {
        self.hand.put_back(&self.start).await;
        let gate = Gate::default();
        let gated = gate.before(&self.file);
        let stores = [
            unsealed(&gated, 4 * seed, credential()).await,
            unsealed(&gated, 4 * seed + 1, credential()).await,
        ];
        let told = RefCell::new(Told::default());
        let first = BTreeMap::from([(1, "in the beginning".to_owned())]);
        told.borrow_mut().sets.insert(NAMES[0], first);
        let mut chance = Chance::new(seed);
        let tasks = (0..3).map(|number| {
            let steps = 1 + chance.below(2);
            let actor = Actor {
                number,
                store: &stores[number % 2],
                steps: (0..steps)
                    .map(|_| (chance.one_of(&STEPS), chance.one_of(&NAMES)))
                    .collect(),
                told: &told,
            };
            Box::pin(actor.act()) as Task<'_>
        });
        let tasks = tasks.collect();
        let passed = gate.run(tasks, &mut chance).await;
        self.check(seed, &told.take()).await;
        passed
    }

    /// Everything that was acknowledged is there, and nothing else.
    async fn check(&self, seed: u64, told: &Told) {
        let credential = told
            .key_files
            .last()
            .map_or_else(credential, |file| Credential::key_file(file.as_bytes()));
        let store = unsealed(&self.file, 4 * seed + 2, credential).await;
        let entries = store.entries(None).await.unwrap();
        let whole = Whole::of(&store).await;
        assert_eq!(whole.slots.len(), 2 + told.key_files.len());
        for name in NAMES {
            let versions = told.sets.get(name).map_or(0, BTreeMap::len);
            let found = check_versions(&entries, name);
            assert_eq!(usize::try_from(found).unwrap(), versions, "{name}");
            check_values(name, told, &whole);
        }
        for (name, version, value) in &told.fetched {
            assert_eq!(&told.sets[name][version], value);
        }
        check_keys(&entries, told, &whole);
    }
}

fn check_values(name_: &'static str, told: &Told, whole: &Whole) {
    let latest = told.latest(name_);
    for (version, value) in told.sets.get(name_).into_iter().flatten() {
        let (state, found) = &whole.secrets[&(name(name_), *version)];
        let case = format!("{name_} {version}: {state:?}");
        if *state == State::Revoked {
            assert!(told.revoking.contains(name_), "{case}");
            continue;
        }
        assert!(*version > told.gone(name_), "{case}");
        assert_eq!(*state == State::Current, *version == latest, "{case}");
        assert_eq!(found.as_ref(), Some(value), "{case}");
    }
}

/// Of rotations at one time the last is never fenced off, so that nothing is left under another key.
fn check_keys(entries: &[Entry], told: &Told, whole: &Whole) {
    assert!(told.fenced == 0 || told.rotated > 0, "{told:?}");
    let last = whole.keys.last().unwrap();
    assert_eq!(last.1, "active");
    assert!(whole.keys.len() <= 1 + told.rotated + told.fenced);
    assert_eq!(whole.keys.len() > 1, told.rotated > 0);
    for entry in entries {
        assert_eq!(
            entry.key_version, last.0,
            "{} {}",
            entry.name, entry.version
        );
    }
}

fn parts(backend: &Arc<dyn Backend>, seed: u64) -> StoreParts {
    StoreParts {
        entropy: Arc::new(Repeatable::new(seed)),
        clock: Arc::new(Still),
        ..StoreParts::new(Arc::clone(backend), "a test")
    }
}

async fn unsealed(backend: &Arc<dyn Backend>, seed: u64, credential: Credential) -> Store {
    let store = Store::open(parts(backend, seed)).await.unwrap();
    store.unseal(credential).await.unwrap();
    store
}

/// Tells which history it was that failed.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("the seed is {}", self.0);
        }
    }
}

fn on_a_runtime<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(future)
}

async fn play(seeds: impl Iterator<Item = u64>) {
    let stage = Stage::new().await;
    for seed in seeds {
        stage.play(seed).await;
    }
}

#[test]
fn no_order_of_ten_thousand_loses_anything() {
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for first in 0..threads {
            let seeds = (0..HISTORIES).skip(first).step_by(threads);
            scope.spawn(|| on_a_runtime(play(seeds)));
        }
    });
}

#[test]
fn the_same_seed_is_the_same_history() {
    on_a_runtime(async {
        let stage = Stage::new().await;
        let mut seen = BTreeSet::new();
        for seed in 0..30 {
            let first = stage.play(seed).await;
            let left = stage.hand.copy().await;
            assert_eq!(stage.play(seed).await, first, "{seed}");
            assert!(stage.hand.copy().await == left, "{seed}: other rows");
            seen.insert(first);
        }
        assert_eq!(seen.len(), 30, "all seeds are one another's like");
    });
}
