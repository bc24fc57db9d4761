//! Setting, handing out, revoking and removing secrets.

use zeroize::Zeroizing;

use crate::audit::{Action, Happened};
use crate::entropy::Entropy;
use crate::format::Record;
use crate::store::rows::Stored;
use crate::store::write::Write;
use crate::store::{Store, StoreError};
use crate::{Entry, EntryId, Labels, Name, Origin, Secret, State};

/// What is said about a secret when it is set.
#[derive(Clone, Debug)]
pub struct NewSecret {
    /// What it is called. A name that is there already gets a new version.
    pub name: Name,
    /// What it is for.
    pub service: Option<String>,
    /// The only place that it may be sent to; `None` for any.
    pub origin: Option<Origin>,
    /// The operator's own words.
    pub labels: Labels,
    /// Unix time in milliseconds from which nobody gets it.
    pub expires_ms: Option<i64>,
}

impl NewSecret {
    /// A secret of which nothing more is said.
    #[must_use]
    pub fn new(name: Name) -> Self {
        Self {
            name,
            service: None,
            origin: None,
            labels: Labels::default(),
            expires_ms: None,
        }
    }
}

/// Which secret is asked for, and what for.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What it is called.
    pub name: Name,
    /// Which version; `None` for the current one.
    pub version: Option<u32>,
    /// Where it will be sent. A secret that is bound to another place is not handed out.
    pub origin: Option<Origin>,
}

impl Ask {
    /// The current version, to be sent wherever it may.
    #[must_use]
    pub const fn current(name: Name) -> Self {
        Self {
            name,
            version: None,
            origin: None,
        }
    }
}

/// A secret that was handed out.
#[expect(
    missing_debug_implementations,
    reason = "a secret must not be printable"
)]
pub struct Fetched {
    /// Which one it is.
    pub entry: Entry,
    /// Its value.
    pub secret: Secret,
}

impl Store {
    /// Keeps a new version of a secret, which is the current one from now on.
    ///
    /// # Errors
    /// [`StoreError::Empty`] or [`StoreError::TooLong`] for what cannot be a secret; then nothing was changed.
    pub async fn set(&self, new: NewSecret, secret: &Secret) -> Result<Entry, StoreError> {
        check_length(secret.expose().as_bytes())?;
        let mut write = Write::begin(&self.shared).await?;
        let (latest, _) = write.supersede(&new.name).await?;
        self.put(write, new, latest, secret).await
    }

    /// Keeps a new value for the same use, which is the current one from now on. What is said about it is what was said
    /// about the current version, or about the latest where none is current; only its end is its own.
    ///
    /// That is read and checked in the transaction that writes: nobody who can write the database gets another origin into
    /// the new version.
    ///
    /// # Errors
    /// As [`Store::set`], and [`StoreError::NoSecret`] if there is none.
    pub async fn renew(
        &self,
        name: &Name,
        secret: &Secret,
        expires_ms: Option<i64>,
    ) -> Result<Entry, StoreError> {
        check_length(secret.expose().as_bytes())?;
        let mut write = Write::begin(&self.shared).await?;
        let (latest, model) = write.supersede(name).await?;
        let model = model.ok_or_else(|| StoreError::NoSecret(name.clone()))?;
        let new = NewSecret {
            name: model.name,
            service: model.service,
            origin: model.origin,
            labels: model.labels,
            expires_ms,
        };
        self.put(write, new, latest, secret).await
    }

    /// Adds the version behind `latest`.
    pub(super) async fn put(
        &self,
        mut write: Write<'_>,
        new: NewSecret,
        latest: u32,
        secret: &Secret,
    ) -> Result<Entry, StoreError> {
        let mut id = [0; 16];
        self.shared.entropy.fill(&mut id)?;
        let entry = Entry {
            id: EntryId(id),
            name: new.name,
            version: latest.saturating_add(1),
            state: State::Current,
            service: new.service,
            origin: new.origin,
            labels: new.labels,
            created_ms: write.now,
            expires_ms: new.expires_ms,
            key_version: 0,
            last_used_ms: None,
            row_version: 1,
        };
        let entry = write.insert(entry, secret.expose().as_bytes()).await?;
        write.happened(Happened::new(Action::SecretSet).to(&entry));
        write.commit().await?;
        Ok(entry)
    }

    /// Hands out a secret. The audit log has it before the caller does.
    ///
    /// # Errors
    /// Why not: there is none, it is revoked or expired, it may not be sent there, it was tampered with, or the audit entry
    /// cannot be written.
    pub async fn fetch(&self, ask: &Ask) -> Result<Fetched, StoreError> {
        let mut write = Write::begin(&self.shared).await?;
        let stored = write.choose(ask).await?;
        let value = write.open(&stored)?;
        // Only now is what the row says of itself known to be true.
        check_use(&stored.entry, ask, write.now)?;
        let secret = text(value, &stored.entry)?;
        write.happened(Happened::new(Action::SecretRead).to(&stored.entry));
        write.commit().await?;
        Ok(Fetched {
            entry: stored.entry,
            secret,
        })
    }

    /// Makes a version unusable and erases its value; without a version, all of them. Says which were not revoked
    /// before.
    ///
    /// A version that was edited in the database is revoked as well, unless another one is meant: then it is not known
    /// whether this is that one.
    ///
    /// # Errors
    /// [`StoreError::NoSecret`] or [`StoreError::NoVersion`] if there is none; [`StoreError::NameTampered`] if not all
    /// versions are there, and [`StoreError::EntryTampered`] for an edited one beside the one that is meant. Then nothing was
    /// revoked, and [`Store::remove`] takes them all away.
    pub async fn revoke(
        &self,
        name: &Name,
        version: Option<u32>,
    ) -> Result<Vec<Entry>, StoreError> {
        let mut write = Write::begin(&self.shared).await?;
        let versions = some(write.versions(name).await?, name)?;
        check_version(&versions, name, version)?;
        let mut revoked = Vec::new();
        for stored in versions {
            let meant = version.is_none_or(|version| stored.entry.version == version);
            match write.open(&stored) {
                Ok(_) if !meant || stored.entry.state == State::Revoked => continue,
                Err(error) if !meant => return Err(error),
                _ => {}
            }
            let entry = Entry {
                state: State::Revoked,
                ..stored.entry
            };
            let entry = write.replace(entry, b"").await?;
            write.happened(Happened::new(Action::SecretRevoked).to(&entry));
            revoked.push(entry);
        }
        if !revoked.is_empty() {
            write.commit().await?;
        }
        Ok(revoked)
    }

    /// Removes a secret with all its versions, whatever somebody else did to their rows, and says how many there were.
    /// The audit log keeps what was done with them.
    ///
    /// # Errors
    /// [`StoreError::NoSecret`] if there is none.
    pub async fn remove(&self, name: &Name) -> Result<usize, StoreError> {
        let mut write = Write::begin(&self.shared).await?;
        let removed = write.delete(name).await?;
        if removed == 0 {
            return Err(StoreError::NoSecret(name.clone()));
        }
        let happened = Happened::new(Action::SecretRemoved).named(name);
        write.happened(happened.number(removed.try_into().unwrap_or(u64::MAX)));
        write.commit().await?;
        Ok(removed)
    }
}

impl Write<'_> {
    /// Makes the current version of a name a previous one. Says the number of the latest, and the version that the next
    /// takes after: the current one, or the latest where none is current. Every version is checked: one that only pretends
    /// not to be current could come back beside the next.
    pub(super) async fn supersede(
        &mut self,
        name: &Name,
    ) -> Result<(u32, Option<Entry>), StoreError> {
        let versions = self.versions(name).await?;
        let mut model = versions.first().map(|stored| stored.entry.clone());
        let latest = model.as_ref().map_or(0, |entry| entry.version);
        for stored in versions {
            let value = self.open(&stored)?;
            if stored.entry.state == State::Current {
                model = Some(stored.entry.clone());
                let entry = Entry {
                    state: State::Previous,
                    ..stored.entry
                };
                self.replace(entry, &value).await?;
            }
        }
        Ok((latest, model))
    }

    /// The version that is asked for. Of the others nothing is required, unless it seems not to be there.
    async fn choose(&mut self, ask: &Ask) -> Result<Stored, StoreError> {
        let missing = match choose(self.readable(&ask.name).await?, ask) {
            Ok(stored) => return Ok(stored),
            Err(missing) => missing,
        };
        for stored in self.versions(&ask.name).await? {
            self.open(&stored)?;
        }
        Err(missing)
    }
}

pub(super) fn check_length(value: &[u8]) -> Result<(), StoreError> {
    match value.len() {
        0 => Err(StoreError::Empty),
        length if length > Record::MAX_PLAIN => Err(StoreError::TooLong {
            limit: Record::MAX_PLAIN,
        }),
        _ => Ok(()),
    }
}

fn some(versions: Vec<Stored>, name: &Name) -> Result<Vec<Stored>, StoreError> {
    if versions.is_empty() {
        return Err(StoreError::NoSecret(name.clone()));
    }
    Ok(versions)
}

fn check_version(versions: &[Stored], name: &Name, version: Option<u32>) -> Result<(), StoreError> {
    match version {
        Some(version)
            if versions
                .iter()
                .all(|stored| stored.entry.version != version) =>
        {
            Err(StoreError::NoVersion {
                name: name.clone(),
                version,
            })
        }
        _ => Ok(()),
    }
}

fn choose(versions: Vec<Stored>, ask: &Ask) -> Result<Stored, StoreError> {
    let name = &ask.name;
    let mut versions = some(versions, name)?.into_iter();
    match ask.version {
        Some(version) => versions
            .find(|stored| stored.entry.version == version)
            .ok_or_else(|| StoreError::NoVersion {
                name: name.clone(),
                version,
            }),
        None => versions
            .find(|stored| stored.entry.state == State::Current)
            .ok_or_else(|| StoreError::Revoked { name: name.clone() }),
    }
}

fn check_use(entry: &Entry, ask: &Ask, now: i64) -> Result<(), StoreError> {
    let name = || entry.name.clone();
    if entry.state == State::Revoked {
        return Err(StoreError::Revoked { name: name() });
    }
    if entry.is_expired(now) {
        return Err(StoreError::Expired { name: name() });
    }
    match (&entry.origin, &ask.origin) {
        (Some(bound), Some(asked)) if bound != asked => Err(StoreError::WrongOrigin {
            name: name(),
            bound: bound.clone(),
            asked: asked.clone(),
        }),
        _ => Ok(()),
    }
}

/// Everything that is set is text.
pub(super) fn text(value: Zeroizing<Vec<u8>>, entry: &Entry) -> Result<Secret, StoreError> {
    let text = std::str::from_utf8(&value).map_err(|_| StoreError::EntryTampered {
        name: entry.name.clone(),
        version: entry.version,
        source: crate::FormatError::Bounds("text"),
    })?;
    Ok(Secret::copy_of(text))
}
