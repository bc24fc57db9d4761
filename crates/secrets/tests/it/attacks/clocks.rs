//! A clock that jumps ten years to and fro between operations, and clocks that are twenty years apart.
//!
//! It says when things happened, and ends what expires. Nothing else hangs on it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use orchestra_secrets::backend::{Backend, Mode};
use orchestra_secrets::{
    Action, AuditEntry, Clock, Created, KdfParameters, NewSecret, Store, StoreError, StoreParts,
};

use tokio::time::timeout;

use super::quick;
use super::whole::Whole;
use crate::databases::{Database, on_each_database};
use crate::faults::{Fault, Faulty, Passed, Plan};
use crate::stores::{credential, get, name, secret, set};

on_each_database!(
    expiry_follows_the_clock,
    the_store_is_whole_whatever_the_clock_says,
    instances_need_not_agree_on_the_time,
    a_rotation_is_finished_at_another_time,
    a_rotation_that_was_overtaken_is_fenced_off_at_any_time,
);

const TEN_YEARS: i64 = 10 * 365 * 86_400_000;
const NOW: i64 = 1_800_000_000_000;
const TIMES: [i64; 5] = [NOW, NOW + TEN_YEARS, NOW - TEN_YEARS, NOW + 1, NOW - 1];

/// A clock that is set by hand.
#[derive(Debug)]
struct Wall(AtomicI64);

impl Wall {
    fn at(time: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(time)))
    }

    fn set(&self, time: i64) {
        self.0.store(time, Ordering::SeqCst);
    }
}

impl Clock for Wall {
    fn unix_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

fn parts(backend: &Arc<dyn Backend>, clock: &Arc<Wall>, anchor: Option<&Path>) -> StoreParts {
    StoreParts {
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        anchor: anchor.map(Path::to_owned),
        ..StoreParts::new(Arc::clone(backend), "a test")
    }
}

async fn created(parts: StoreParts) -> Store {
    let created = Store::create(parts, vec![credential()], KdfParameters::LEAST).await;
    let Created { store, .. } = created.unwrap();
    store
}

async fn opened(parts: StoreParts) -> Store {
    let store = Store::open(parts).await.unwrap();
    store.unseal(credential()).await.unwrap();
    store
}

/// The whole log.
async fn log(store: &Store) -> Vec<AuditEntry> {
    store.audit_entries(0, 1000).await.unwrap()
}

async fn expiry_follows_the_clock(database: Database) {
    let clock = Wall::at(NOW);
    let store = created(parts(&quick::backend(&database).await, &clock, None)).await;
    let new = NewSecret {
        expires_ms: Some(NOW + 1000),
        ..NewSecret::new(name("A"))
    };
    store.set(new, &secret("for a second")).await.unwrap();
    let ends = [
        (NOW, true),
        (NOW + 1000, false),
        (NOW + 999, true),
        (NOW + TEN_YEARS, false),
        (NOW - TEN_YEARS, true),
        (i64::MAX, false),
        (i64::MIN, true),
        (0, true),
    ];
    for (time, usable) in ends {
        clock.set(time);
        match get(&store, "A").await {
            Ok(value) => assert!(usable && value == "for a second", "at {time}"),
            Err(StoreError::Expired { .. }) => assert!(!usable, "at {time}"),
            Err(error) => panic!("at {time}: {error}"),
        }
        // An expired secret is listed, and all else is whole.
        assert_eq!(store.entries(None).await.unwrap().len(), 1);
        assert!(store.verify().await.unwrap().is_whole());
    }
}

/// In each round the clock jumps otherwise between the operations; in the last it stands still.
async fn the_store_is_whole_whatever_the_clock_says(database: Database) {
    let folder = quick::folder();
    let anchor = folder.path().join("anchor");
    let backend = quick::backend(&database).await;
    let clock = Wall::at(NOW);
    let store = created(parts(&backend, &clock, Some(&anchor))).await;
    let mut latest = String::new();
    let mut told = vec![NOW];
    for round in 0..5 {
        for step in 0..5_usize {
            let time = TIMES[(step * (round + 1) + round) % TIMES.len()];
            clock.set(time);
            let before = log(&store).await.len();
            operate(&store, step, round, &mut latest).await;
            let after = log(&store).await.len();
            // A checkpoint is no entry.
            assert_eq!(after > before, step != 3);
            told.extend((before..after).map(|_| time));
        }
        check(&store, &latest, &told).await;
    }
    // Who opens it at any time finds the anchor and the log as they were left.
    for time in TIMES {
        clock.set(time);
        let other = opened(parts(&backend, &clock, Some(&anchor))).await;
        told.push(time);
        check(&other, &latest, &told).await;
        assert_eq!(get(&other, "A").await.unwrap(), latest);
        told.push(time);
    }
    let status = store.status().await.unwrap();
    assert!(status.anchored && status.anchor_failure.is_none());
}

async fn operate(store: &Store, step: usize, round: usize, latest: &mut String) {
    match step {
        0 => {
            *latest = format!("value {round}");
            let version = set(store, "A", latest).await;
            assert_eq!(usize::try_from(version).unwrap(), round + 1);
        }
        1 => assert_eq!(&get(store, "A").await.unwrap(), latest),
        2 => {
            let rotation = store.rotate_key().await.unwrap();
            assert!(!rotation.resumed && rotation.reencrypted > 0);
        }
        3 => drop(store.checkpoint().await.unwrap()),
        _ => {
            store.seal().await.unwrap();
            store.unseal(credential()).await.unwrap();
        }
    }
}

/// All is whole, and the log has the times that the clock showed.
async fn check(store: &Store, latest: &str, told: &[i64]) {
    let entries = log(store).await;
    let times: Vec<i64> = entries.iter().map(|entry| entry.time_ms).collect();
    assert_eq!(times, told);
    store.verify_audit().await.unwrap();
    assert!(store.verify().await.unwrap().is_whole());
    let listed = store.entries(None).await.unwrap();
    assert!(!latest.is_empty() && !listed.is_empty());
    assert!(listed.iter().all(|entry| TIMES.contains(&entry.created_ms)));
}

async fn instances_need_not_agree_on_the_time(database: Database) {
    let backend = quick::backend(&database).await;
    let (past, future) = (Wall::at(NOW - TEN_YEARS), Wall::at(NOW + TEN_YEARS));
    let first = created(parts(&backend, &past, None)).await;
    let second = opened(parts(&backend, &future, None)).await;
    for number in 0..4 {
        let (writer, reader) = match number % 2 {
            0 => (&first, &second),
            _ => (&second, &first),
        };
        let value = format!("value {number}");
        assert_eq!(set(writer, "A", &value).await, number + 1);
        let rotation = writer.rotate_key().await.unwrap();
        assert_eq!(rotation.key_version, number + 2);
        assert_eq!(get(reader, "A").await.unwrap(), value);
    }
    let both = tokio::join!(first.rotate_key(), second.rotate_key());
    let finished = [both.0, both.1].into_iter().filter(|ended| match ended {
        Ok(_) => true,
        Err(StoreError::Fenced) => false,
        Err(error) => panic!("{error}"),
    });
    assert!(finished.count() >= 1);
    let whole = Whole::of(&first).await;
    assert_eq!(whole, Whole::of(&second).await);
    assert_eq!(whole.value("A"), Some("value 3"));
    let active = whole.keys.last().unwrap().0;
    for entry in first.entries(None).await.unwrap() {
        assert_eq!(entry.key_version, active);
    }
}

/// One begins, and another whose clock is twenty years behind finishes.
async fn a_rotation_is_finished_at_another_time(database: Database) {
    let backend = quick::backend(&database).await;
    let plan = Plan::new();
    let faulty: Arc<dyn Backend> = Arc::new(Faulty::new(Arc::clone(&backend), plan.clone()));
    let (past, future) = (Wall::at(NOW - TEN_YEARS), Wall::at(NOW + TEN_YEARS));
    let first = created(parts(&faulty, &future, None)).await;
    set(&first, "A", "value").await;
    let second = opened(parts(&backend, &past, None)).await;
    let before = log(&first).await.len();
    plan.clear();
    first.rotate_key().await.unwrap();
    assert!(plan.commits() >= 3, "it takes several transactions");
    let mut resumed = 0;
    for point in 0.. {
        plan.fault_at(point, Fault::Before);
        if first.rotate_key().await.is_ok() {
            assert!(point > 10, "it ran into {point} faults");
            break;
        }
        plan.clear();
        resumed += u32::from(second.rotate_key().await.unwrap().resumed);
        assert_eq!(get(&first, "A").await.unwrap(), "value");
    }
    assert!(resumed > 0);
    second.verify_audit().await.unwrap();
    let entries = log(&second).await;
    let published = entries[before..]
        .iter()
        .filter(|entry| entry.action == Action::KeyPublished);
    let mut times: Vec<i64> = published.map(|entry| entry.time_ms).collect();
    times.sort_unstable();
    times.dedup();
    assert_eq!(times, [NOW - TEN_YEARS, NOW + TEN_YEARS]);
}

/// One has begun and is slow, and another rotates meanwhile. Neither of their clocks tells who was first.
async fn a_rotation_that_was_overtaken_is_fenced_off_at_any_time(database: Database) {
    let backend = quick::backend(&database).await;
    let plan = Plan::new();
    let faulty: Arc<dyn Backend> = Arc::new(Faulty::new(Arc::clone(&backend), plan.clone()));
    let (of_slow, of_other) = (Wall::at(NOW), Wall::at(NOW));
    let slow = created(parts(&faulty, &of_slow, None)).await;
    set(&slow, "A", "value").await;
    let other = opened(parts(&backend, &of_other, None)).await;
    for jump in [0, TEN_YEARS, -TEN_YEARS] {
        let point = second_writer(&slow, &plan).await;
        of_slow.set(NOW + jump);
        of_other.set(NOW - jump);
        plan.fault_at(point, Fault::Pause);
        let rotating = tokio::spawn({
            let slow = slow.clone();
            async move { slow.rotate_key().await }
        });
        within(plan.halted()).await;
        let rotation = within(other.rotate_key()).await.unwrap();
        within(other.rotate_key()).await.unwrap();
        plan.go_on();
        let ended = within(rotating).await.unwrap();
        assert!(matches!(ended, Err(StoreError::Fenced)), "{ended:?}");
        let entries = slow.entries(None).await.unwrap();
        assert_eq!(entries[0].key_version, rotation.key_version + 1);
    }
}

/// Where a rotation begins its second transaction.
async fn second_writer(store: &Store, plan: &Plan) -> u64 {
    // What others did is taken over first.
    store.rotate_key().await.unwrap();
    plan.clear();
    store.rotate_key().await.unwrap();
    let passed = plan.passed().into_iter().zip(0..);
    let mut writers = passed.filter(|(point, _)| *point == Passed::Begin(Mode::Write));
    writers.nth(1).unwrap().1
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    let long = Duration::from_secs(60);
    timeout(long, future).await.expect("it takes too long")
}
