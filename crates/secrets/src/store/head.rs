//! The one row that every writer locks, and what it says.

use crate::anchor::Mark;
use crate::backend::{Row, Transaction};
use crate::format::{Keyring, KeyringPlace, Manifest};
use crate::key::Key;
use crate::store::StoreError;

/// The row of `secrets_store`.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) store: [u8; 16],
    pub(crate) epoch: u64,
    pub(crate) root_version: u64,
    pub(crate) keyring_version: u64,
    pub(crate) keyring: Vec<u8>,
    pub(crate) manifest: Vec<u8>,
    /// Counts rotations: only the latest may go on.
    pub(crate) fence: u64,
}

impl Head {
    /// # Errors
    /// [`StoreError::NoStore`] if there is none.
    pub(crate) async fn read(transaction: &mut dyn Transaction) -> Result<Self, StoreError> {
        let rows = transaction
            .query(
                "SELECT store, epoch, root_version, keyring_version, keyring, manifest, fence
                 FROM secrets_store WHERE id = 1",
                Vec::new(),
            )
            .await?;
        Self::of(rows.first().ok_or(StoreError::NoStore)?)
    }

    pub(crate) fn of(row: &Row) -> Result<Self, StoreError> {
        let shape = |_| crate::backend::BackendError::Shape { column: 0 };
        Ok(Self {
            store: row.blob(0)?.try_into().map_err(|_: Vec<u8>| shape(()))?,
            epoch: row.count(1)?,
            root_version: row.count(2)?,
            keyring_version: row.count(3)?,
            keyring: row.blob(4)?,
            manifest: row.blob(5)?,
            fence: row.count(6)?,
        })
    }

    pub(crate) async fn insert(&self, transaction: &mut dyn Transaction) -> Result<(), StoreError> {
        transaction
            .execute(
                "INSERT INTO secrets_store
                 (id, store, epoch, root_version, keyring_version, keyring, manifest, fence)
                 VALUES (1, $1, $2, $3, $4, $5, $6, $7)",
                self.row().0,
            )
            .await?;
        Ok(())
    }

    /// Takes the place of the state with this epoch.
    pub(crate) async fn replace(
        &self,
        epoch: u64,
        transaction: &mut dyn Transaction,
    ) -> Result<(), StoreError> {
        let mut values: Vec<_> = self.values().into();
        values.push(integer(epoch).into());
        let changed = transaction
            .execute(
                "UPDATE secrets_store SET epoch = $1, root_version = $2, keyring_version = $3,
                 keyring = $4, manifest = $5, fence = $6 WHERE id = 1 AND epoch = $7",
                values,
            )
            .await?;
        if changed == 1 {
            Ok(())
        } else {
            Err(StoreError::Conflict)
        }
    }

    /// What [`Head::of`] reads.
    pub(crate) fn row(&self) -> Row {
        let mut values = vec![self.store.as_slice().into()];
        values.extend(self.values());
        Row(values)
    }

    fn values(&self) -> [crate::backend::Value; 6] {
        [
            integer(self.epoch).into(),
            integer(self.root_version).into(),
            integer(self.keyring_version).into(),
            self.keyring.as_slice().into(),
            self.manifest.as_slice().into(),
            integer(self.fence).into(),
        ]
    }

    /// What an anchor remembers of this state.
    pub(crate) fn mark(&self, manifest: &Manifest) -> Mark {
        Mark {
            epoch: self.epoch,
            manifest: Manifest::hash(&self.manifest),
            audit_seq: manifest.audit_seq,
            audit_hash: manifest.audit_hash,
        }
    }

    pub(crate) const fn keyring_place(&self) -> KeyringPlace<'_> {
        KeyringPlace {
            store: &self.store,
            root_version: self.root_version,
            keyring_version: self.keyring_version,
        }
    }

    /// The manifest, if it is genuine and lists what this row says.
    pub(crate) fn manifest(&self, root: &Key) -> Result<Manifest, StoreError> {
        let tampered = StoreError::tampered("the manifest");
        let manifest = Manifest::open(&self.manifest, root).map_err(tampered)?;
        let listed = (
            manifest.store,
            manifest.epoch,
            manifest.root_version,
            manifest.keyring_version,
            manifest.keyring,
            manifest.fence,
        );
        let here = (
            self.store,
            self.epoch,
            self.root_version,
            self.keyring_version,
            Manifest::hash(&self.keyring),
            self.fence,
        );
        if listed == here {
            Ok(manifest)
        } else {
            Err(StoreError::Tampered {
                part: "the store's head",
                source: crate::FormatError::Refused,
            })
        }
    }

    pub(crate) fn open_keyring(&self, root: &Key) -> Result<Keyring, StoreError> {
        Keyring::open(&self.keyring, root, self.keyring_place())
            .map_err(StoreError::tampered("the keyring"))
    }
}

/// Databases count up to 2^63; no counter of ours comes near.
pub(crate) fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
