//! Stores for tests, quick to make and to open: their credential is a key file.

use std::path::Path;

use orchestra_secrets::{
    Ask, Created, Credential, KdfParameters, Name, NewSecret, Secret, Store, StoreError, StoreParts,
};

use crate::databases::Database;

/// What stands in the key file of every store here.
pub(crate) const KEY_FILE: &[u8] = b"an example of a key file, at least 32 bytes long";

pub(crate) fn credential() -> Credential {
    Credential::key_file(KEY_FILE)
}

/// The parts of a store in this database, with an anchor if it is to have one.
pub(crate) async fn parts(database: &Database, anchor: Option<&Path>) -> StoreParts {
    StoreParts {
        anchor: anchor.map(Path::to_owned),
        ..StoreParts::new(database.open().await, "a test")
    }
}

/// A new store, unsealed.
pub(crate) async fn create(database: &Database, anchor: Option<&Path>) -> Created {
    let parts = parts(database, anchor).await;
    Store::create(parts, vec![credential()], KdfParameters::LEAST)
        .await
        .unwrap()
}

/// The store that is there, as another process would open it.
pub(crate) async fn unsealed(
    database: &Database,
    anchor: Option<&Path>,
) -> Result<Store, StoreError> {
    let store = Store::open(parts(database, anchor).await).await?;
    store.unseal(credential()).await?;
    Ok(store)
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

pub(crate) async fn set(store: &Store, name_: &str, value: &str) -> u32 {
    let new = NewSecret::new(name(name_));
    store.set(new, &secret(value)).await.unwrap().version
}

/// The current value.
pub(crate) async fn get(store: &Store, name_: &str) -> Result<String, StoreError> {
    let fetched = store.fetch(&Ask::current(name(name_))).await?;
    Ok(fetched.secret.expose().to_owned())
}
