//! What every released format wrote, and later versions must open: stores and backups in `tests/golden`, made by
//! `examples/make_golden.rs` of their time.

use std::fs;
use std::path::{Path, PathBuf};

use orchestra_secrets::backend::Kind;
use orchestra_secrets::{
    Ask, Backup, Checkpoint, Credential, KdfParameters, RecoveryKey, State, Store, StoreError,
};

use crate::databases::{Database, with};
use crate::stores::{parts, set};

/// A format's files.
#[derive(Clone)]
struct Golden(PathBuf);

fn formats() -> Vec<Golden> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let formats: Vec<_> = fs::read_dir(folder).unwrap().collect();
    assert!(!formats.is_empty());
    let formats = formats
        .into_iter()
        .map(|format| Golden(format.unwrap().path()));
    formats.collect()
}

impl Golden {
    fn bytes(&self, file: &str) -> Vec<u8> {
        fs::read(self.0.join(file)).unwrap()
    }

    fn text(&self, file: &str) -> String {
        String::from_utf8(self.bytes(file)).unwrap()
    }

    fn key_file(&self) -> Credential {
        Credential::key_file(&self.bytes("key-file"))
    }

    fn recovery(&self) -> Credential {
        let key = RecoveryKey::parse(&self.text("recovery-key")).ok().unwrap();
        Credential::recovery(&key)
    }

    fn credentials(&self) -> Vec<Credential> {
        let passphrase = self.text("passphrase");
        let passphrase = passphrase.trim_end();
        vec![
            self.key_file(),
            self.recovery(),
            Credential::passphrase(passphrase),
            Credential::passphrase_and_key_file(passphrase, &self.bytes("key-file")),
        ]
    }

    /// A copy of the store, to be worked with.
    fn copy(&self) -> (tempfile::TempDir, Database) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("store.db");
        fs::copy(self.0.join("store.db"), &file).unwrap();
        (folder, Database::Sqlite(file))
    }

    /// All that was in the store is in this one.
    async fn check(&self, store: &Store) {
        let report = store.verify().await.unwrap();
        assert!(report.is_whole(), "{report:?}");
        let table = self.text("secrets.tsv");
        let entries = store.entries(None).await.unwrap();
        assert_eq!(entries.len(), table.lines().count());
        for (entry, line) in entries.iter().zip(table.lines()) {
            let (name, version) = (&entry.name, entry.version);
            let (said, value) = line.rsplit_once('\t').unwrap();
            assert_eq!(said, format!("{name}\t{version}\t{}", entry.state.as_str()));
            let ask = Ask {
                version: Some(version),
                ..Ask::current(name.clone())
            };
            match store.fetch(&ask).await {
                Ok(fetched) => assert_eq!(fetched.secret.expose(), value),
                Err(StoreError::Revoked { .. }) => assert_eq!(entry.state, State::Revoked),
                Err(error) => panic!("{error:?}"),
            }
        }
    }

    /// The log is the one that was signed.
    async fn check_log(&self, store: &Store) {
        let key = self.text("checkpoint-key");
        assert_eq!(store.checkpoint_key().unwrap(), key);
        let checkpoint = Checkpoint {
            text: self.text("checkpoint"),
        };
        checkpoint.verify(&key).unwrap();
        store.verify_against(&checkpoint).await.unwrap();
    }
}

#[tokio::test]
async fn stores_of_every_format_open_to_all_their_credentials() {
    for golden in formats() {
        for credential in golden.credentials() {
            let (_folder, database) = golden.copy();
            let store = Store::open(parts(&database, None).await).await.unwrap();
            store.unseal(credential).await.unwrap();
            golden.check(&store).await;
            golden.check_log(&store).await;
        }
    }
}

#[tokio::test]
async fn stores_of_every_format_go_on() {
    for golden in formats() {
        let (_folder, database) = golden.copy();
        let store = Store::open(parts(&database, None).await).await.unwrap();
        store.unseal(golden.recovery()).await.unwrap();
        let rotation = store.rotate_key().await.unwrap();
        assert!(rotation.reencrypted > 0);
        let credentials = vec![golden.key_file()];
        let rotated = store.rotate_root(credentials, KdfParameters::LEAST, true);
        let recovery = rotated.await.unwrap().recovery;
        golden.check(&store).await;
        set(&store, "NEW", "a new value").await;
        let backup = Backup::parse(store.export().await.unwrap()).unwrap();
        let report = backup.verify(Credential::recovery(&recovery)).unwrap();
        assert!(report.is_whole(), "{report:?}");
        golden.check_log(&store).await;
    }
}

#[tokio::test]
async fn backups_of_every_format_are_restored() {
    for golden in formats() {
        let backup = Backup::parse(golden.bytes("backup.orbk")).unwrap();
        for credential in golden.credentials() {
            let report = backup.verify(credential).unwrap();
            assert!(report.is_whole(), "{report:?}");
        }
        for kind in [Kind::Sqlite, Kind::Postgres] {
            let golden = golden.clone();
            with(kind, async move |database| {
                let backup = Backup::parse(golden.bytes("backup.orbk")).unwrap();
                let parts = parts(&database, None).await;
                let store = backup.restore(parts, golden.recovery()).await.unwrap();
                golden.check(&store).await;
                golden.check_log(&store).await;
            })
            .await;
        }
    }
}
