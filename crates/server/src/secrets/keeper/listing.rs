//! What the store has, by name.

use std::collections::HashMap;
use std::sync::Arc;

use crate::secrets::added::{Definition, Definitions};
use orchestra_secrets::{Entry, EntryId, Name, Reference, State};

/// The names of the store, without values. Not authenticated: it tells what to fetch, and fetching checks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing {
    names: HashMap<Name, Listed>,
    /// The providers that were made while servers ran.
    pub(super) providers: Arc<Definitions>,
}

/// What is known of a reference before anything is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    /// The store has no such name.
    Nothing,
    /// The name is there, without a current version.
    Revoked,
    /// The current version.
    Current(EntryId),
    /// It is not in the store, so it is read once.
    Elsewhere,
}

impl Listing {
    pub(crate) fn of(entries: Vec<Entry>) -> Self {
        let providers = Arc::new(Definition::all(&entries));
        let mut names = HashMap::new();
        for entry in entries {
            if entry.state == State::Current {
                names.insert(entry.name, Listed::Current(entry.id));
            } else {
                names.entry(entry.name).or_insert(Listed::Revoked);
            }
        }
        Self { names, providers }
    }

    pub(crate) fn has(&self, name: &Name) -> bool {
        self.names.contains_key(name)
    }
}

impl Listed {
    pub(super) fn of(reference: &Reference, listing: &Listing) -> Self {
        match reference {
            Reference::Stored(name) => listing.names.get(name).copied().unwrap_or(Self::Nothing),
            Reference::Variable(_) | Reference::File(_) => Self::Elsewhere,
        }
    }

    pub(super) const fn entry(self) -> Option<EntryId> {
        match self {
            Self::Current(entry) => Some(entry),
            Self::Nothing | Self::Revoked | Self::Elsewhere => None,
        }
    }

    /// Whether something that was made of this entry of the store still is what there is.
    pub(super) fn is_same_as(self, entry: Option<EntryId>) -> bool {
        self.entry() == entry
    }
}
