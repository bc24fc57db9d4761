//! The rows of secrets: every column, and what binds it.

use crate::backend::{BackendError, Row, Transaction, Value};
use crate::entry::{Labels, State};
use crate::format::{Aad, Manifest, NameMark, Record, RowMark};
use crate::store::StoreError;
use crate::store::head::integer;
use crate::{Entry, EntryId, FormatError, Name, Origin};

/// A row: an entry and its encrypted value.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) entry: Entry,
    pub(crate) record: Vec<u8>,
}

/// The columns in the order in which [`Stored::of`] reads them.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, tenant, name, version, state, service, origin, labels, created, expires, ",
            "row_version, key_version, last_used, record FROM secrets_entries ",
            $rest
        )
    };
}

/// What the value of an entry is bound to: every column but `last_used`, which changes too often, and decides
/// nothing. `key_version` is added where the record is encrypted.
pub(crate) fn binding(store: &[u8; 16], entry: &Entry) -> Aad {
    Aad::new("orchestra/secret")
        .bytes(store)
        .text("secrets_entries")
        .text("record")
        .bytes(&entry.id.0)
        .text(entry.name.tenant())
        .text(entry.name.name())
        .number(entry.version)
        .text(entry.state.as_str())
        .optional_text(entry.service.as_deref())
        .optional_text(entry.origin.as_ref().map(Origin::as_str))
        .text(&entry.labels.encode())
        .number(entry.created_ms)
        .optional_number(entry.expires_ms)
        .unsigned(entry.row_version)
}

/// How the manifest lists a row.
pub(crate) fn row_mark(entry: &Entry, record: &Record) -> RowMark {
    RowMark {
        version: entry.row_version,
        commitment: *record.commitment(),
        name: name_mark(&entry.name),
    }
}

pub(crate) fn name_mark(name: &Name) -> NameMark {
    NameMark::of(name.tenant(), name.name())
}

impl EntryId {
    pub(crate) fn of_column(bytes: Vec<u8>) -> Result<Self, BackendError> {
        let id = bytes.try_into();
        id.map(Self).map_err(|_| BackendError::Shape { column: 0 })
    }
}

impl Stored {
    pub(crate) fn of(row: &Row) -> Result<Self, BackendError> {
        let shape = |column| BackendError::Shape { column };
        let id = EntryId::of_column(row.blob(0)?)?;
        let name = Name::within(&row.text(1)?, &row.text(2)?).map_err(|_| shape(2))?;
        let entry = Entry {
            id,
            name,
            version: row.count(3)?,
            state: State::of_word(&row.text(4)?).ok_or_else(|| shape(4))?,
            service: row.optional_text(5)?,
            origin: origin(row.optional_text(6)?).ok_or_else(|| shape(6))?,
            labels: Labels::decode(&row.text(7)?).ok_or_else(|| shape(7))?,
            created_ms: row.integer(8)?,
            expires_ms: row.optional_integer(9)?,
            row_version: row.count(10)?,
            key_version: row.count(11)?,
            last_used_ms: row.optional_integer(12)?,
        };
        Ok(Self {
            entry,
            record: row.blob(13)?,
        })
    }

    /// The record, if it is the one that the manifest lists for this row.
    pub(crate) fn checked(&self, manifest: &Manifest) -> Result<Record, StoreError> {
        let refused = |source| StoreError::EntryTampered {
            name: self.entry.name.clone(),
            version: self.entry.version,
            source,
        };
        self.listed(manifest).map_err(refused)
    }

    pub(crate) fn listed(&self, manifest: &Manifest) -> Result<Record, FormatError> {
        let record = self.parsed()?;
        let found = row_mark(&self.entry, &record);
        let listed = manifest.rows.get(&self.entry.id.0) == Some(&found);
        listed.then_some(record).ok_or(FormatError::Refused)
    }

    /// The record, if it is of the key version that the row says.
    pub(crate) fn parsed(&self) -> Result<Record, FormatError> {
        let record = Record::parse(&self.record)?;
        let same = record.key_version == self.entry.key_version;
        same.then_some(record).ok_or(FormatError::Refused)
    }

    /// The rows of a name, the latest version first.
    pub(crate) async fn rows_of(
        name: &Name,
        transaction: &mut dyn Transaction,
    ) -> Result<Vec<Row>, BackendError> {
        let values = vec![name.tenant().into(), name.name().into()];
        let statement = select!("WHERE tenant = $1 AND name = $2 ORDER BY version DESC");
        transaction.query(statement, values).await
    }

    /// All versions of a name, the latest first.
    pub(crate) async fn versions(
        name: &Name,
        transaction: &mut dyn Transaction,
    ) -> Result<Vec<Self>, BackendError> {
        let rows = Self::rows_of(name, transaction).await?;
        rows.iter().map(Self::of).collect()
    }

    /// The row of this id.
    pub(crate) async fn by_id(
        id: EntryId,
        transaction: &mut dyn Transaction,
    ) -> Result<Option<Self>, BackendError> {
        let values = vec![id.0.as_slice().into()];
        let rows = transaction.query(select!("WHERE id = $1"), values).await?;
        rows.first().map(Self::of).transpose()
    }

    /// Everything, by tenant, name and version.
    pub(crate) async fn all(transaction: &mut dyn Transaction) -> Result<Vec<Self>, StoreError> {
        let rows = transaction
            .query(select!("ORDER BY tenant, name, version"), Vec::new())
            .await?;
        Ok(rows.iter().map(Self::of).collect::<Result<_, _>>()?)
    }

    /// Rows from this id on, as they are: one that cannot be read does not hide the others.
    pub(crate) async fn page(
        from: &[u8],
        limit: u32,
        transaction: &mut dyn Transaction,
    ) -> Result<Vec<Row>, BackendError> {
        let values = vec![from.into(), limit.into()];
        let statement = select!("WHERE id >= $1 ORDER BY id LIMIT $2");
        transaction.query(statement, values).await
    }

    /// Some that are not encrypted under this key version.
    pub(crate) async fn under_other_keys(
        key_version: u32,
        limit: u32,
        transaction: &mut dyn Transaction,
    ) -> Result<Vec<Self>, StoreError> {
        let rows = transaction
            .query(
                select!("WHERE key_version <> $1 ORDER BY id LIMIT $2"),
                vec![key_version.into(), limit.into()],
            )
            .await?;
        Ok(rows.iter().map(Self::of).collect::<Result<_, _>>()?)
    }

    pub(crate) async fn insert(&self, transaction: &mut dyn Transaction) -> Result<(), StoreError> {
        Ok(insert_entry_row(self.values(), transaction).await?)
    }

    /// Takes the place of the row's version before, and of no other.
    pub(crate) async fn replace(
        &self,
        before: u64,
        transaction: &mut dyn Transaction,
    ) -> Result<(), StoreError> {
        let mut values = self.values();
        values.push(integer(before).into());
        let changed = transaction
            .execute(
                "UPDATE secrets_entries SET tenant = $2, name = $3, version = $4, state = $5,
                 service = $6, origin = $7, labels = $8, created = $9, expires = $10,
                 row_version = $11, key_version = $12, last_used = $13, record = $14
                 WHERE id = $1 AND row_version = $15",
                values,
            )
            .await?;
        if changed == 1 {
            Ok(())
        } else {
            Err(StoreError::Conflict)
        }
    }

    fn values(&self) -> Vec<Value> {
        let entry = &self.entry;
        vec![
            entry.id.0.as_slice().into(),
            entry.name.tenant().into(),
            entry.name.name().into(),
            entry.version.into(),
            entry.state.as_str().into(),
            entry.service.clone().into(),
            entry.origin.as_ref().map(ToString::to_string).into(),
            entry.labels.encode().into(),
            entry.created_ms.into(),
            entry.expires_ms.into(),
            integer(entry.row_version).into(),
            entry.key_version.into(),
            entry.last_used_ms.into(),
            self.record.as_slice().into(),
        ]
    }
}

/// The least id behind that of a row, of whatever length it is.
pub(crate) fn next_id(row: &Row) -> Result<Vec<u8>, BackendError> {
    let mut id = row.blob(0)?;
    id.push(0);
    Ok(id)
}

/// Only as it is written: others mean the same, and were put there by somebody else.
fn origin(text: Option<String>) -> Option<Option<Origin>> {
    let Some(text) = text else { return Some(None) };
    let origin: Origin = text.parse().ok()?;
    (origin.as_str() == text).then_some(Some(origin))
}

/// The columns stand in the order in which they are read.
pub(crate) async fn insert_entry_row(
    values: Vec<Value>,
    transaction: &mut dyn Transaction,
) -> Result<(), BackendError> {
    let inserted = transaction.execute(
        "INSERT INTO secrets_entries
         (id, tenant, name, version, state, service, origin, labels, created, expires,
          row_version, key_version, last_used, record)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        values,
    );
    inserted.await.map(drop)
}
