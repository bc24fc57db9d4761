//! A source of random bytes that fails, stands still or repeats an earlier draw, at every draw of every operation.
//!
//! What needs it is refused and nothing was changed; with a good source the same store goes on.

use std::sync::{Arc, Mutex};

use orchestra_secrets::backend::Backend;
use orchestra_secrets::{
    Created, Credential, Entropy, EntropyError, KdfParameters, NewSecret, OsEntropy, SealError,
    Store, StoreError, StoreParts,
};

use super::hand::Hand;
use super::quick;
use super::whole::Whole;
use crate::databases::{Database, on_each_database};
use crate::stores::{credential, get, name, secret, set};

on_each_database!(
    a_store_is_not_made_by_a_bad_source,
    a_secret_is_not_set_by_a_bad_source,
    a_key_is_not_rotated_by_a_bad_source,
    the_root_key_is_not_rotated_by_a_bad_source,
    a_slot_is_not_added_by_a_bad_source,
);

/// What is wrong with a draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    /// There is none.
    Missing,
    /// All its bytes are alike.
    Constant,
    /// It is the draw before.
    Repeated,
}

const FLAWS: [Flaw; 3] = [Flaw::Missing, Flaw::Constant, Flaw::Repeated];

/// The system's source, until the draw with the flaw, and from there on.
#[derive(Debug, Default)]
struct Source(Mutex<Draws>);

#[derive(Debug, Default)]
struct Draws {
    count: usize,
    flaw: Option<(usize, Flaw)>,
    last: Vec<u8>,
}

impl Source {
    /// Counts from 0 again, with this flaw from this draw on.
    fn plan(&self, flaw: Option<(usize, Flaw)>) {
        let mut draws = self.0.lock().unwrap();
        draws.count = 0;
        draws.flaw = flaw;
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().count
    }
}

impl Entropy for Source {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        let mut draws = self.0.lock().unwrap();
        let flaw = draws.flaw.filter(|(from, _)| draws.count >= *from);
        draws.count += 1;
        match flaw {
            Some((_, Flaw::Missing)) => return Err(EntropyError::Unavailable),
            Some((_, Flaw::Constant)) => buffer.fill(0x5a),
            // Of another length, it begins alike.
            Some((_, Flaw::Repeated)) => {
                let last = draws.last.iter().copied().cycle();
                buffer
                    .iter_mut()
                    .zip(last)
                    .for_each(|(to, from)| *to = from);
            }
            None => OsEntropy.fill(buffer)?,
        }
        draws.last = buffer.to_vec();
        Ok(())
    }
}

fn parts(backend: &Arc<dyn Backend>, source: &Arc<Source>) -> StoreParts {
    StoreParts {
        entropy: Arc::clone(source) as Arc<dyn Entropy>,
        ..StoreParts::new(Arc::clone(backend), "a test")
    }
}

async fn create(parts: StoreParts) -> Result<Created, StoreError> {
    Store::create(parts, vec![credential()], KdfParameters::LEAST).await
}

fn check_refused<T>(result: Result<T, StoreError>, flaw: Flaw, case: &str) {
    let expected = match flaw {
        Flaw::Missing => EntropyError::Unavailable,
        Flaw::Constant | Flaw::Repeated => EntropyError::Repeats,
    };
    match result {
        Err(StoreError::Seal(SealError::Entropy(error))) => assert_eq!(error, expected, "{case}"),
        Err(error) => panic!("{case}: {error}"),
        Ok(_) => panic!("{case}: it was done"),
    }
}

#[derive(Clone, Copy, Debug)]
enum Operation {
    Set,
    RotateKey,
    RotateRoot,
    AddSlot,
}

impl Operation {
    async fn run(self, store: &Store) -> Result<(), StoreError> {
        let costs = KdfParameters::LEAST;
        match self {
            Self::Set => drop(store.set(NewSecret::new(name("A")), &secret("new")).await?),
            Self::RotateKey => drop(store.rotate_key().await?),
            Self::RotateRoot => drop(store.rotate_root(vec![credential()], costs, true).await?),
            Self::AddSlot => {
                let other = Credential::key_file(b"another key file that is long enough as well");
                store.add_slot(other, costs).await?;
            }
        }
        Ok(())
    }
}

/// Lets the operation fail at each of its draws, from which on nothing good comes.
async fn refused_at_every_draw(database: Database, operation: Operation, least: usize) {
    let backend = quick::backend(&database).await;
    let source = Arc::new(Source::default());
    let Created { store, .. } = create(parts(&backend, &source)).await.unwrap();
    set(&store, "A", "old").await;
    set(&store, "B", "other").await;
    let hand = Hand::new(&backend);
    let contents = hand.copy().await;
    let draws = draws_of(operation, &store, &source).await;
    assert!(draws >= least, "{operation:?} draws {draws} times");
    hand.put_back(&contents).await;
    for (draw, flaw) in (0..draws).flat_map(|draw| FLAWS.map(|flaw| (draw, flaw))) {
        let case = format!("{operation:?}, {flaw:?} from draw {draw} of {draws}");
        hand.put_back(&contents).await;
        let store = Store::open(parts(&backend, &source)).await.unwrap();
        store.unseal(credential()).await.unwrap();
        // So that there is a draw before, of this instance.
        set(&store, "B", "another").await;
        let before = Whole::of(&store).await;
        source.plan(Some((draw, flaw)));
        check_refused(operation.run(&store).await, flaw, &case);
        // What needs no source goes on meanwhile.
        assert_eq!(get(&store, "A").await.unwrap(), "old", "{case}");
        source.plan(None);
        check_after(operation, &store, &before, &case).await;
    }
}

async fn draws_of(operation: Operation, store: &Store, source: &Source) -> usize {
    source.plan(None);
    operation.run(store).await.unwrap();
    source.count()
}

/// Nothing was changed, and the same store does it now.
async fn check_after(operation: Operation, store: &Store, before: &Whole, case: &str) {
    let now = Whole::of(store).await;
    match operation {
        // The key may have been published, and some rows encrypted anew.
        Operation::RotateKey => {
            assert_eq!(now.secrets, before.secrets, "{case}");
            assert_eq!(now.slots, before.slots, "{case}");
        }
        _ => assert_eq!(&now, before, "{case}"),
    }
    operation.run(store).await.unwrap();
    let done = Whole::of(store).await;
    assert_ne!(&done, before, "{case}");
    assert!(store.verify().await.unwrap().is_whole(), "{case}");
}

async fn a_secret_is_not_set_by_a_bad_source(database: Database) {
    refused_at_every_draw(database, Operation::Set, 2).await;
}

/// A key, the keyring, and one draw for each row.
async fn a_key_is_not_rotated_by_a_bad_source(database: Database) {
    refused_at_every_draw(database, Operation::RotateKey, 5).await;
}

async fn the_root_key_is_not_rotated_by_a_bad_source(database: Database) {
    refused_at_every_draw(database, Operation::RotateRoot, 5).await;
}

async fn a_slot_is_not_added_by_a_bad_source(database: Database) {
    refused_at_every_draw(database, Operation::AddSlot, 1).await;
}

async fn a_store_is_not_made_by_a_bad_source(database: Database) {
    let backend = quick::backend(&database).await;
    orchestra_secrets::backend::migrate(&*backend)
        .await
        .unwrap();
    let source = Arc::new(Source::default());
    let hand = Hand::new(&backend);
    let empty = hand.copy().await;
    create(parts(&backend, &source)).await.unwrap();
    let draws = source.count();
    assert!(draws >= 8, "{draws}");
    hand.put_back(&empty).await;
    for (draw, flaw) in (0..draws).flat_map(|draw| FLAWS.map(|flaw| (draw, flaw))) {
        let case = format!("create, {flaw:?} from draw {draw} of {draws}");
        source.plan(Some((draw, flaw)));
        check_refused(create(parts(&backend, &source)).await, flaw, &case);
        assert_eq!(hand.copy().await, empty, "{case}");
    }
    source.plan(None);
    let Created { store, .. } = create(parts(&backend, &source)).await.unwrap();
    set(&store, "A", "value").await;
    assert_eq!(get(&store, "A").await.unwrap(), "value");
}
