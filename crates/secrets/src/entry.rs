//! A secret as everybody may see it: all but its value.

use std::collections::BTreeMap;
use std::fmt;

use crate::{Name, Origin};

/// What tells one version of a secret from everything else in the store, for good.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId(pub(crate) [u8; 16]);

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a version of a secret is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is what the name stands for. A name has at most one.
    Current,
    /// A later version took its place; whoever asks for its number still gets it.
    Previous,
    /// Nobody gets it any more. Its value is erased.
    Revoked,
}

impl State {
    /// The word in the database and in lists.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Previous => "previous",
            Self::Revoked => "revoked",
        }
    }

    pub(crate) fn of_word(word: &str) -> Option<Self> {
        [Self::Current, Self::Previous, Self::Revoked]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

/// Words of the operator's own about a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(BTreeMap<String, String>);

/// A label that cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a label is KEY=VALUE, the key without `=`, neither with line breaks, and all of them at most 4096 bytes"
)]
pub struct InvalidLabel;

impl Labels {
    const MAX_BYTES: usize = 4096;

    /// Adds a label, or changes it.
    ///
    /// # Errors
    /// [`InvalidLabel`] if it cannot be written on one line.
    pub fn insert(&mut self, key: &str, value: &str) -> Result<(), InvalidLabel> {
        let broken = |text: &str| text.contains(|c: char| c.is_control());
        if key.is_empty() || key.contains('=') || broken(key) || broken(value) {
            return Err(InvalidLabel);
        }
        if self.encode().len() + key.len() + value.len() + 2 > Self::MAX_BYTES {
            return Err(InvalidLabel);
        }
        self.0.insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    /// Takes a label away, if it is there.
    pub fn remove(&mut self, key: &str) {
        self.0.remove(key);
    }

    /// What a label says.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// All of them, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// One line each, by key: the same labels are always the same text.
    pub(crate) fn encode(&self) -> String {
        self.0
            .iter()
            .map(|(key, value)| format!("{key}={value}\n"))
            .collect()
    }

    /// Reads what [`Labels::encode`] writes, and nothing else that means the same.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        let pairs = text.lines().map(|line| {
            let (key, value) = line.split_once('=')?;
            Some((key.to_owned(), value.to_owned()))
        });
        let labels = Self(pairs.collect::<Option<_>>()?);
        (labels.encode() == text).then_some(labels)
    }
}

/// One version of a secret, without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its identity.
    pub id: EntryId,
    /// What it is called.
    pub name: Name,
    /// Counts from 1 for every name.
    pub version: u32,
    /// What it is good for.
    pub state: State,
    /// What it is for.
    pub service: Option<String>,
    /// The only place that it may be sent to; `None` for any.
    pub origin: Option<Origin>,
    /// The operator's own words.
    pub labels: Labels,
    /// Unix time in milliseconds.
    pub created_ms: i64,
    /// Unix time in milliseconds from which nobody gets it.
    pub expires_ms: Option<i64>,
    /// The key version that it is encrypted under.
    pub key_version: u32,
    /// When it was last used, as far as was told: this alone is not authenticated.
    pub last_used_ms: Option<i64>,
    pub(crate) row_version: u64,
}

impl Entry {
    /// Whether its time is over.
    #[must_use]
    pub fn is_expired(&self, now_ms: i64) -> bool {
        self.expires_ms.is_some_and(|end| end <= now_ms)
    }
}
