//! Prints what secrets cost: unsealing, handing one out, and using one that is at hand.
//!
//! Run with `cargo run --release -p orchestra-secrets --example cost [FOLDER]`: the folder is on the disk to measure.
//! Figures are for comparison on one machine.

#![expect(clippy::print_stdout, reason = "printing figures is its purpose")]

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use orchestra_secrets::backend::SqliteBackend;
use orchestra_secrets::{
    Ask, Created, Credential, KdfParameters, Name, NewSecret, Secret, Store, StoreParts,
};

const PASSPHRASE: &str = "correct horse battery staple, for example";
const VALUE: &str = "an example of a secret, as long as the keys of most services are: 0123456789";
const UNLOCKS: usize = 7;
const FETCHES: usize = 300;
const ROUNDS: usize = 40;
const USES: u32 = 100_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = match std::env::args().nth(1) {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    println!("{:40} {:>12} {:>12}", "", "least", "median");
    unlocks(folder.path(), "usual", KdfParameters::USUAL).await?;
    let store = unlocks(folder.path(), "least", KdfParameters::LEAST).await?;
    let (set, fetched) = fetches(&store).await?;
    show("Store::set, SQLite", set);
    show("Store::fetch, SQLite", fetched);
    uses();
    Ok(())
}

/// How long a passphrase takes to open a store with these costs. The store stays open.
async fn unlocks(folder: &Path, name: &str, costs: KdfParameters) -> Result<Store, Box<dyn Error>> {
    let passphrase = || Credential::passphrase(PASSPHRASE);
    let backend = SqliteBackend::open(&folder.join(name)).await?;
    let parts = StoreParts::new(Arc::new(backend), "an example");
    let Created { store, .. } = Store::create(parts, vec![passphrase()], costs).await?;
    let mut times = Vec::new();
    for _ in 0..UNLOCKS {
        store.seal().await?;
        let began = Instant::now();
        store.unseal(passphrase()).await?;
        times.push(began.elapsed());
    }
    show(&format!("Store::unseal, passphrase, {name} costs"), times);
    Ok(store)
}

/// What it takes to set a secret, and to be handed one out with an entry in the audit log.
async fn fetches(store: &Store) -> Result<(Vec<Duration>, Vec<Duration>), Box<dyn Error>> {
    let mut set = Vec::new();
    let mut fetched = Vec::new();
    for number in 0..FETCHES {
        let name: Name = format!("SECRET_{number}").parse()?;
        let began = Instant::now();
        let secret = Secret::copy_of(VALUE);
        store.set(NewSecret::new(name.clone()), &secret).await?;
        set.push(began.elapsed());
        let began = Instant::now();
        black_box(store.fetch(&Ask::current(name)).await?);
        fetched.push(began.elapsed());
    }
    Ok((set, fetched))
}

/// What a request pays for a secret that is at hand.
fn uses() {
    let secret = Arc::new(Secret::copy_of(VALUE));
    each("Secret::expose", || {
        black_box(black_box(&secret).expose());
    });
    each("Arc<Secret>, cloned and exposed", || {
        let held = Arc::clone(black_box(&secret));
        black_box(held.expose());
    });
    each("Secret::copy_of, dropped", || {
        black_box(Secret::copy_of(black_box(VALUE)));
    });
}

fn each(what: &str, mut run: impl FnMut()) {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        for _ in 0..USES {
            run();
        }
        times.push(began.elapsed() / USES);
    }
    show(what, times);
}

fn show(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let median = times[times.len() / 2];
    println!("{what:40} {:>12.1?} {median:>12.1?}", times[0]);
}
