//! Providers that a server would have found by their keys, had these been in the store when it started.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use orchestra_secrets::Name;

use super::Listing;

/// The kinds that were not found, and the names of their keys. None where providers are configured.
#[derive(Default)]
pub(crate) struct Dormant {
    kinds: Vec<(String, Vec<String>)>,
    told: Mutex<HashSet<String>>,
}

impl Dormant {
    pub(crate) fn new(kinds: Vec<(String, Vec<String>)>) -> Self {
        Self {
            kinds,
            told: Mutex::default(),
        }
    }

    /// Says once of each kind that its key is there now: which models a server has is settled when it starts.
    pub(super) fn tell(&self, listing: &Listing) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for (kind, names) in &self.kinds {
            let there = |name: &&String| name.parse::<Name>().is_ok_and(|name| listing.has(&name));
            if let Some(name) = names.iter().find(there)
                && told.insert(kind.clone())
            {
                tracing::warn!(
                    "{name} is in the secret store now: restart the server to use provider {kind}"
                );
            }
        }
    }
}
