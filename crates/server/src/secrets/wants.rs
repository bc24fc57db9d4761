//! Which keys a configuration asks for, and where they may be.

use std::num::NonZeroU32;

use http::HeaderName;
use orchestra_gateway::KeyName;
use orchestra_secrets::{Name, Origin, Reference, Variables};
use orchestra_types::{KeyId, ProviderId};

use super::keeper::Listing;

/// The keys of a provider.
#[derive(Clone, Debug)]
pub(crate) struct ProviderWants {
    pub(crate) provider: ProviderId,
    /// The only place that its keys are sent to.
    pub(crate) origin: Origin,
    pub(crate) keys: Wants,
    /// What goes along with each key: a header, and where its value is.
    pub(crate) companions: Vec<(HeaderName, Wants)>,
}

/// Where a provider's keys are looked for.
#[derive(Clone, Debug)]
pub(crate) enum Wants {
    /// Where the configuration says.
    Written(Vec<WantedKey>),
    /// Under the names that the provider's kind uses: the first that the store has, else the first variable.
    Usual {
        names: Vec<String>,
        /// Whether the provider is of no use without a key.
        required: bool,
    },
}

/// One key.
#[derive(Clone, Debug)]
pub(crate) struct WantedKey {
    pub(crate) name: KeyName,
    pub(crate) reference: Reference,
    pub(crate) weight: NonZeroU32,
}

/// The key of an application.
#[derive(Clone, Debug)]
pub(crate) struct ClientWants {
    pub(crate) id: KeyId,
    pub(crate) reference: Reference,
}

impl ProviderWants {
    /// The values of headers that are to be fetched along with the keys.
    pub(crate) fn companions(
        &self,
        listing: &Listing,
        variables: &Variables,
    ) -> Vec<(HeaderName, WantedKey)> {
        let wanted = |(header, wants): &(HeaderName, Wants)| {
            let first = wants.keys(listing, variables).into_iter().next()?;
            Some((header.clone(), first))
        };
        self.companions.iter().filter_map(wanted).collect()
    }
}

impl Wants {
    /// The keys that are to be fetched, as far as the store's list of names tells.
    pub(crate) fn keys(&self, listing: &Listing, variables: &Variables) -> Vec<WantedKey> {
        match self {
            Self::Written(keys) => keys.clone(),
            Self::Usual { names, .. } => usual(names, listing, variables)
                .and_then(WantedKey::alone)
                .into_iter()
                .collect(),
        }
    }

    /// Whether there may be a key, as far as can be told without the store.
    pub(crate) fn may_have_keys(&self, listing: &Listing, variables: &Variables) -> bool {
        let needed = self.remedy().is_some();
        needed || !self.keys(listing, variables).is_empty()
    }

    /// What is to be done about a provider for which there is no key at all; `None` if it needs none.
    pub(crate) fn remedy(&self) -> Option<String> {
        match self {
            Self::Usual {
                names,
                required: true,
            } => {
                let name = names.first().map_or("its key", String::as_str);
                Some(format!(
                    "it has no key: keep {name} in the secret store, or set it in the environment"
                ))
            }
            Self::Usual { .. } | Self::Written(_) => None,
        }
    }
}

impl WantedKey {
    /// A provider's only key; `None` if its reference cannot be its name.
    pub(crate) fn alone(reference: Reference) -> Option<Self> {
        Some(Self {
            name: KeyName::new(&reference.to_string()).ok()?,
            reference,
            weight: NonZeroU32::MIN,
        })
    }
}

/// Where the key of a provider is that nobody wrote a reference for.
pub(crate) fn usual(
    names: &[String],
    listing: &Listing,
    variables: &Variables,
) -> Option<Reference> {
    // A name that is revoked is still the store's: what somebody took out of use must not come back from elsewhere.
    let stored = names.iter().find_map(|name| {
        let name: Name = name.parse().ok()?;
        listing.has(&name).then_some(Reference::Stored(name))
    });
    stored.or_else(|| {
        let set = names.iter().find(|name| variables.value(name).is_some());
        set.map(|name| Reference::Variable(name.clone()))
    })
}
