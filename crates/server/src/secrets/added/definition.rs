//! What is said about a provider beside its key, in the labels of its secret.

use std::collections::BTreeMap;

use orchestra_secrets::{Entry, InvalidName, Name, Reference, State};
use orchestra_types::ProviderId;

/// Whose secrets are providers.
pub(crate) const TENANT: &str = "providers";

/// The labels, by what they say.
pub(crate) mod labels {
    /// The row of the catalogue.
    pub(crate) const KIND: &str = "kind";
    /// An address in place of the catalogue's.
    pub(crate) const BASE_URL: &str = "base_url";
    /// What people call it.
    pub(crate) const NAME: &str = "name";
    /// What people say of it, as a text of JSON.
    pub(crate) const NOTE: &str = "note";
    /// The client key of who made it.
    pub(crate) const MADE_BY: &str = "made_by";
    /// The client key of who changed it last.
    pub(crate) const CHANGED_BY: &str = "changed_by";
}

/// All of them, by their slugs.
pub(crate) type Definitions = BTreeMap<ProviderId, Definition>;

/// A provider, as the store's list has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) kind: String,
    pub(crate) base_url: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) note: Option<String>,
    pub(crate) made_by: String,
    pub(crate) changed_by: String,
    /// Unix time in milliseconds, as all of them.
    pub(crate) made_ms: i64,
    pub(crate) changed_ms: i64,
    pub(crate) expires_ms: Option<i64>,
}

impl Definition {
    /// Those that are among these versions of secrets. What is of another form is somebody else's, and no provider.
    pub(crate) fn all(entries: &[Entry]) -> Definitions {
        let mut all: BTreeMap<ProviderId, (Self, bool)> = BTreeMap::new();
        for entry in entries {
            let Some((slug, mut definition)) = Self::of(entry) else {
                continue;
            };
            let current = entry.state == State::Current;
            let known = all.get(&slug);
            definition.made_ms = known.map_or(definition.made_ms, |(first, _)| {
                first.made_ms.min(definition.made_ms)
            });
            let counts = known.is_none_or(|(latest, is_current)| {
                current || (!is_current && latest.changed_ms <= definition.changed_ms)
            });
            if counts {
                all.insert(slug, (definition, current));
            }
        }
        let bare = |(slug, (definition, _))| (slug, definition);
        all.into_iter().map(bare).collect()
    }

    fn of(entry: &Entry) -> Option<(ProviderId, Self)> {
        if entry.name.tenant() != TENANT {
            return None;
        }
        let said = |label: &str| entry.labels.get(label).map(str::to_owned);
        let definition = Self {
            kind: said(labels::KIND)?,
            base_url: said(labels::BASE_URL),
            name: said(labels::NAME),
            note: said(labels::NOTE).and_then(|note| serde_json::from_str(&note).ok()),
            made_by: said(labels::MADE_BY).unwrap_or_default(),
            changed_by: said(labels::CHANGED_BY).unwrap_or_default(),
            made_ms: entry.created_ms,
            changed_ms: entry.created_ms,
            expires_ms: entry.expires_ms,
        };
        Some((ProviderId::new(entry.name.name()).ok()?, definition))
    }

    /// Whether another is called in the same way, but for the key.
    pub(crate) fn is_called_as(&self, other: &Self) -> bool {
        (&self.kind, &self.base_url) == (&other.kind, &other.base_url)
    }

    /// The secret that holds a provider.
    ///
    /// # Errors
    /// [`InvalidName`] never: the names of providers are names of secrets.
    pub(crate) fn secret(slug: &ProviderId) -> Result<Name, InvalidName> {
        Name::within(TENANT, slug.as_str())
    }

    /// The same, as configurations refer to it.
    pub(super) fn reference(slug: &ProviderId) -> Result<Reference, InvalidName> {
        Self::secret(slug).map(Reference::Stored)
    }
}

/// A text of several lines on one line.
pub(crate) fn escaped(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
