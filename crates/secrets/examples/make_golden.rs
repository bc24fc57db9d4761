//! Makes the golden files of the present formats: a store, a backup of it, and what opens them.
//!
//! Run with `cargo run -p orchestra-secrets --example make_golden -- FOLDER`. Once per format, at its first release, into
//! `crates/secrets/tests/golden/formatN`; from then on every later version must open them (`tests/it/golden.rs`).
//!
//! Chance and time are not what they are elsewhere: the same program makes the same files, so what a change of the
//! program does to them can be seen. Keys made in this way protect nothing.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use orchestra_secrets::backend::SqliteBackend;
use orchestra_secrets::{
    Ask, Clock, Created, Credential, Entropy, EntropyError, KdfParameters, Labels, NewSecret,
    Secret, State, Store, StoreError, StoreParts, Use, new_key_file,
};
use sha2::{Digest, Sha256};

const PASSPHRASE: &str = "an example passphrase";
const COSTS: KdfParameters = KdfParameters::LEAST;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("name a new folder")?;
    let folder = PathBuf::from(folder);
    fs::create_dir(&folder)?;
    let entropy: Arc<dyn Entropy> = Arc::new(Predictable::default());
    let key_file = new_key_file(&entropy)?;
    fs::write(folder.join("key-file"), key_file.as_bytes())?;
    fs::write(folder.join("passphrase"), format!("{PASSPHRASE}\n"))?;
    let parts = StoreParts {
        entropy,
        clock: Arc::new(Steps(AtomicI64::new(1_767_225_600_000))),
        ..StoreParts::new(
            Arc::new(SqliteBackend::open(&folder.join("store.db")).await?),
            "make_golden",
        )
    };
    let credentials = || {
        vec![
            Credential::key_file(key_file.as_bytes()),
            Credential::passphrase(PASSPHRASE),
            Credential::passphrase_and_key_file(PASSPHRASE, key_file.as_bytes()),
        ]
    };
    let Created { store, .. } = Store::create(parts, credentials(), COSTS).await?;
    live(&store).await?;
    let rotated = store.rotate_root(credentials(), COSTS, false).await?;
    let recovery = rotated.recovery.expose();
    fs::write(folder.join("recovery-key"), format!("{}\n", *recovery))?;
    keep(&store, &folder).await?;
    store.close().await;
    Ok(())
}

/// All kinds of things that a store may hold.
async fn live(store: &Store) -> Result<(), Box<dyn Error>> {
    let set = async |new: NewSecret, value: &str| store.set(new, &Secret::new(value.into())).await;
    for value in ["the first value", "the second value", "the third value"] {
        set(NewSecret::new("VERSIONS".parse()?), value).await?;
    }
    store.revoke(&"VERSIONS".parse()?, Some(1)).await?;
    let mut labels = Labels::default();
    labels.insert("owner", "ops")?;
    labels.insert("note", "gr\u{fc}\u{df}e \u{1f511}")?;
    let described = NewSecret {
        service: Some("payments".to_owned()),
        origin: Some("https://api.example.com:8443".parse()?),
        labels,
        expires_ms: Some(253_402_300_799_999),
        ..NewSecret::new("acme/DESCRIBED".parse()?)
    };
    set(described, "a value bound to a place").await?;
    set(
        NewSecret::new("LONG".parse()?),
        &"0123456789abcdef".repeat(64),
    )
    .await?;
    set(NewSecret::new("SHORT".parse()?), "\u{fc}").await?;
    store.rotate_key().await?;
    store.rotate_key().await?;
    store.destroy_key(1).await?;
    set(NewSecret::new("REMOVED".parse()?), "gone").await?;
    store.remove(&"REMOVED".parse()?).await?;
    let entry = store.entries(None).await?.remove(0).id;
    let used = Use {
        entry,
        count: 3,
        last_used_ms: 1_767_225_700_000,
    };
    store.record_uses(&[used]).await?;
    Ok(())
}

/// What is compared with the store later, and the backup.
async fn keep(store: &Store, folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut table = String::new();
    for entry in store.entries(None).await? {
        let ask = Ask {
            version: Some(entry.version),
            ..Ask::current(entry.name.clone())
        };
        let value = match store.fetch(&ask).await {
            Ok(fetched) => fetched.secret.expose().to_owned(),
            Err(StoreError::Revoked { .. }) if entry.state == State::Revoked => String::new(),
            Err(error) => return Err(error.into()),
        };
        let (name, version, state) = (&entry.name, entry.version, entry.state.as_str());
        table.push_str(&format!("{name}\t{version}\t{state}\t{value}\n"));
    }
    fs::write(folder.join("secrets.tsv"), table)?;
    let checkpoint = store.checkpoint().await?.ok_or("nothing to sign")?;
    fs::write(folder.join("checkpoint"), checkpoint.text)?;
    fs::write(folder.join("checkpoint-key"), store.checkpoint_key()?)?;
    fs::write(folder.join("backup.orbk"), store.export().await?)?;
    Ok(())
}

/// Bytes that look like chance and are not.
#[derive(Debug, Default)]
struct Predictable(AtomicU64);

impl Entropy for Predictable {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        for chunk in buffer.chunks_mut(32) {
            let count = self.0.fetch_add(1, Ordering::Relaxed);
            let block = Sha256::digest(format!("golden {count}"));
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        Ok(())
    }
}

/// A second passes whenever somebody looks.
#[derive(Debug)]
struct Steps(AtomicI64);

impl Clock for Steps {
    fn unix_ms(&self) -> i64 {
        self.0.fetch_add(1000, Ordering::Relaxed)
    }
}
