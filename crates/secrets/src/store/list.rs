//! What there is, without any value.

use crate::backend::Mode;
use crate::format::{KeyState, Slot, SlotKind};
use crate::store::head::Head;
use crate::store::rows::Stored;
use crate::store::{Store, StoreError};
use crate::{Entry, Name};

/// A way to unseal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotInfo {
    /// Its number.
    pub id: u32,
    /// What opens it.
    pub kind: SlotKind,
}

/// A key version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its number.
    pub version: u32,
    /// `active`, `decrypt_only` or `destroyed`.
    pub state: &'static str,
    /// Unix time in milliseconds.
    pub created_ms: i64,
}

/// A store at a glance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// What tells this store from others: 32 hexadecimal digits.
    pub store: String,
    /// Whether there is no root key in memory. Then `keys` is empty.
    pub sealed: bool,
    /// Counts changes.
    pub epoch: u64,
    /// Counts root keys.
    pub root_version: u64,
    /// The ways to unseal.
    pub slots: Vec<SlotInfo>,
    /// The key versions.
    pub keys: Vec<KeyInfo>,
    /// How many versions of secrets there are.
    pub entries: u64,
    /// Whether an earlier state of the whole database would be noticed by another process than this.
    pub anchored: bool,
    /// Why the anchor could not be moved after the last change.
    pub anchor_failure: Option<String>,
}

impl Store {
    /// The store at a glance. Works while it is sealed; what it says is then not authenticated.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn status(&self) -> Result<Status, StoreError> {
        let mut transaction = self.shared.backend.begin(Mode::Read).await?;
        let head = Head::read(transaction.as_mut()).await?;
        let rows = transaction
            .query("SELECT slot FROM secrets_slots ORDER BY id", Vec::new())
            .await?;
        let slots = rows.iter().map(|row| {
            let slot = Slot::parse(&row.blob(0)?).map_err(StoreError::tampered("a slot"))?;
            Ok(SlotInfo {
                id: slot.id,
                kind: slot.kind,
            })
        });
        let slots = slots.collect::<Result<_, StoreError>>()?;
        let rows = transaction
            .query("SELECT count(*) FROM secrets_entries", Vec::new())
            .await?;
        let entries = rows.first().map_or(Ok(0), |row| row.count(0))?;
        Ok(Status {
            store: crate::hex::hex(&head.store),
            sealed: self.is_sealed(),
            epoch: head.epoch,
            root_version: head.root_version,
            slots,
            keys: self.keys(),
            entries,
            anchored: self.shared.anchor.is_some(),
            anchor_failure: self.shared.anchor_failure(),
        })
    }

    /// The key versions, none while the store is sealed.
    fn keys(&self) -> Vec<KeyInfo> {
        let Ok(unsealed) = self.shared.unsealed() else {
            return Vec::new();
        };
        let info = |(version, state, created_ms)| KeyInfo {
            version,
            state: match state {
                KeyState::Active => "active",
                KeyState::DecryptOnly => "decrypt_only",
                KeyState::Destroyed => "destroyed",
            },
            created_ms,
        };
        unsealed.keyring.versions().map(info).collect()
    }

    /// Every version of every secret, or of one, by tenant, name and version. Works while the store is sealed; what
    /// it says is authenticated only when a secret is handed out.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn entries(&self, name: Option<&Name>) -> Result<Vec<Entry>, StoreError> {
        let mut transaction = self.shared.backend.begin(Mode::Read).await?;
        let mut stored = match name {
            Some(name) => Stored::versions(name, transaction.as_mut()).await?,
            None => Stored::all(transaction.as_mut()).await?,
        };
        if name.is_some() {
            stored.reverse();
        }
        Ok(stored.into_iter().map(|stored| stored.entry).collect())
    }

    /// Counts changes of the whole store: while it stays the same, so does everything else. Cheap.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn epoch(&self) -> Result<u64, StoreError> {
        let mut transaction = self.shared.backend.begin(Mode::Read).await?;
        let rows = transaction
            .query("SELECT epoch FROM secrets_store WHERE id = 1", Vec::new())
            .await?;
        let row = rows.first().ok_or(StoreError::NoStore)?;
        Ok(row.count(0)?)
    }
}
