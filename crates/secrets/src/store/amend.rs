//! New names that nothing has, and changes of what is said about a secret.

use std::collections::BTreeMap;

use super::secrets::{check_length, text};
use crate::store::write::Write;
use crate::store::{Store, StoreError};
use crate::{Entry, Name, NewSecret, Secret, State};

/// What changes about a secret. All else stays as it was said.
#[derive(Default)]
#[expect(
    missing_debug_implementations,
    reason = "a secret must not be printable"
)]
pub struct Amendment<'a> {
    /// A new value; `None` for the one that it has.
    pub secret: Option<&'a Secret>,
    /// Labels that are set, or taken away.
    pub labels: BTreeMap<String, Option<String>>,
    /// From when on nobody gets it, in milliseconds of Unix time; `Some(None)` for no end, `None` for the one that it has.
    pub expires_ms: Option<Option<i64>>,
}

impl Store {
    /// Keeps a secret under a name that nothing has. Of two who do so at one time, one is refused.
    ///
    /// # Errors
    /// As [`Store::set`], and [`StoreError::NameTaken`] if there is one of this name, be it revoked.
    pub async fn add(&self, new: NewSecret, secret: &Secret) -> Result<Entry, StoreError> {
        check_length(secret.expose().as_bytes())?;
        let mut write = Write::begin(&self.shared).await?;
        if !write.versions(&new.name).await?.is_empty() {
            return Err(StoreError::NameTaken(new.name));
        }
        self.put(write, new, 0, secret).await
    }

    /// Keeps a new version, which is the current one from now on, with what is different of it. All else is read and checked in
    /// the transaction that writes: nobody who can write the database gets another origin into the new version.
    ///
    /// # Errors
    /// As [`Store::renew`]; [`StoreError::Revoked`] if there is no value left that could stay; [`StoreError::Label`] for a
    /// label that cannot be kept.
    pub async fn amend(&self, name: &Name, amendment: Amendment<'_>) -> Result<Entry, StoreError> {
        if let Some(secret) = amendment.secret {
            check_length(secret.expose().as_bytes())?;
        }
        let mut write = Write::begin(&self.shared).await?;
        let kept = match amendment.secret {
            Some(_) => None,
            None => Some(write.current_value(name).await?),
        };
        let (latest, model) = write.supersede(name).await?;
        let model = model.ok_or_else(|| StoreError::NoSecret(name.clone()))?;
        let mut labels = model.labels;
        for (key, value) in amendment.labels {
            match value {
                Some(value) => labels.insert(&key, &value)?,
                None => labels.remove(&key),
            }
        }
        let new = NewSecret {
            name: model.name,
            service: model.service,
            origin: model.origin,
            labels,
            expires_ms: amendment.expires_ms.unwrap_or(model.expires_ms),
        };
        match (amendment.secret, &kept) {
            (Some(secret), _) | (None, Some(secret)) => self.put(write, new, latest, secret).await,
            (None, None) => Err(StoreError::Revoked { name: name.clone() }),
        }
    }
}

impl Write<'_> {
    /// The value that a name stands for, to be written again.
    async fn current_value(&mut self, name: &Name) -> Result<Secret, StoreError> {
        let versions = self.versions(name).await?;
        let current = versions
            .iter()
            .find(|stored| stored.entry.state == State::Current);
        let Some(current) = current else {
            return Err(if versions.is_empty() {
                StoreError::NoSecret(name.clone())
            } else {
                StoreError::Revoked { name: name.clone() }
            });
        };
        text(self.open(current)?, &current.entry)
    }
}
