//! What is left in memory when the store was sealed.
//!
//! In a process of its own: the arena is one for all tests of this program.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};

use orchestra_arena::{regions, scan};
use orchestra_secrets::{
    Ask, Created, Entropy, EntropyError, KdfParameters, NewSecret, Secret, Store, StoreError,
    StoreParts,
};
use sha2::{Digest, Sha256};

use super::quick;
use crate::databases::Database;
use crate::processes::{Role, play, played};
use crate::stores::{credential, get, name};

/// What another process does for the tests in here.
pub(crate) const ROLES: &[(&str, Role)] = &[("seal and look", |database, _| {
    Box::pin(seal_and_look(database))
})];

/// Bytes that can be told again, so that nobody has to keep the keys that were made of them.
#[derive(Debug, Default)]
struct Told(Mutex<Vec<usize>>);

impl Told {
    /// How long each draw was.
    fn lengths(&self) -> Vec<usize> {
        self.0.lock().unwrap().clone()
    }
}

impl Entropy for Told {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        let mut lengths = self.0.lock().unwrap();
        write_draw(lengths.len(), buffer);
        lengths.push(buffer.len());
        Ok(())
    }
}

fn write_draw(number: usize, buffer: &mut [u8]) {
    for (part, bytes) in buffer.chunks_mut(32).enumerate() {
        let hash = Sha256::digest(format!("draw {number}, part {part}"));
        bytes.copy_from_slice(&hash[..bytes.len()]);
    }
}

fn draw(number: usize, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    write_draw(number, &mut bytes);
    bytes
}

/// The text of the secret, which stands in no part of the program.
fn value() -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest("the value of a secret") {
        for half in [byte >> 4, byte & 15] {
            text.push(char::from(b'a' + half));
        }
    }
    text
}

/// Which draws are in the arena.
fn draws_found(told: &Told) -> Vec<usize> {
    let draws = told.lengths().into_iter().enumerate();
    let found = draws.filter(|(number, length)| scan(&draw(*number, *length)).unwrap() > 0);
    found.map(|(number, _)| number).collect()
}

/// The first draw is the number of the store.
const ROOT: usize = 1;
const RECOVERY: usize = 2;

async fn seal_and_look(database: Database) {
    let told = Arc::new(Told::default());
    let parts = StoreParts {
        entropy: Arc::clone(&told) as Arc<dyn Entropy>,
        ..StoreParts::new(database.open().await, "a test")
    };
    let created = Store::create(parts, vec![credential()], KdfParameters::LEAST).await;
    let Created { store, recovery } = created.unwrap();
    assert!(draws_found(&told).contains(&RECOVERY));
    drop(recovery);
    let new = NewSecret::new(name("A"));
    store.set(new, &Secret::new(value())).await.unwrap();
    store.rotate_key().await.unwrap();
    look_while_open(&store, &told).await;
    store.seal().await.unwrap();
    assert_eq!(draws_found(&told), [0_usize; 0], "keys are left");
    assert_eq!(scan(value().as_bytes()).unwrap(), 0, "the secret is left");
    assert!(matches!(get(&store, "A").await, Err(StoreError::Sealed)));
    println!("elsewhere in memory after sealing:");
    println!("the root key: {}", elsewhere(&draw(ROOT, 32)));
    println!("the secret: {}", elsewhere(value().as_bytes()));
    // The keys were no others.
    store.unseal(credential()).await.unwrap();
    look_while_open(&store, &told).await;
}

/// The root key, the key that signs the log, two data keys and their audit keys; and the secret as long as it is held.
async fn look_while_open(store: &Store, told: &Told) {
    let keys = draws_found(told);
    assert!(keys.contains(&ROOT), "{keys:?}");
    assert!(!keys.contains(&RECOVERY), "{keys:?}");
    assert_eq!(keys.len(), 6, "{keys:?}");
    assert_eq!(scan(value().as_bytes()).unwrap(), 0);
    let fetched = store.fetch(&Ask::current(name("A"))).await.unwrap();
    assert_eq!(scan(value().as_bytes()).unwrap(), 1);
    assert_eq!(fetched.secret.expose(), value());
    drop(fetched);
    assert_eq!(scan(value().as_bytes()).unwrap(), 0);
}

/// How often this is in what the process may write to, but for the arena and what looks for it.
fn elsewhere(needle: &[u8]) -> usize {
    const CHUNK: usize = 1 << 20;
    let mut buffer = vec![0; CHUNK];
    let mut own = regions();
    own.extend([range_of(&buffer), range_of(needle)]);
    let memory = File::open("/proc/self/mem").unwrap();
    let mut found = 0;
    for region in writable() {
        for start in region.clone().step_by(CHUNK - needle.len()) {
            let length = CHUNK.min(region.end - start);
            let offset = u64::try_from(start).unwrap();
            if memory.read_exact_at(&mut buffer[..length], offset).is_err() {
                continue;
            }
            let windows = (start..).zip(buffer[..length].windows(needle.len()));
            let hits = windows.filter(|(at, window)| {
                *window == needle && !own.iter().any(|own| own.contains(at))
            });
            found += hits.count();
        }
    }
    found
}

fn range_of(bytes: &[u8]) -> Range<usize> {
    let start = bytes.as_ptr().addr();
    start..start + bytes.len()
}

fn writable() -> Vec<Range<usize>> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let region = |line: &str| {
        let (range, rest) = line.split_once(' ')?;
        let (start, end) = range.split_once('-')?;
        let start = usize::from_str_radix(start, 16).ok()?;
        let end = usize::from_str_radix(end, 16).ok()?;
        rest.starts_with("rw").then_some(start..end)
    };
    maps.lines().filter_map(region).collect()
}

#[tokio::test]
async fn a_sealed_store_leaves_no_key_and_no_secret_in_the_arena() {
    let folder = quick::folder();
    let database = Database::Sqlite(folder.path().join("store.db"));
    assert!(
        played(play("seal and look", &database, &[]))
            .await
            .success()
    );
}
