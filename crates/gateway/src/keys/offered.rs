//! Keys as they are handed in.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use http::HeaderName;
use orchestra_secrets::Secret;
use orchestra_types::ProviderId;

use super::KeyName;

/// One key of a provider.
#[derive(Clone)]
pub struct ProviderKey {
    /// What it is called.
    pub name: KeyName,
    /// Which version of the secret it is, where there are versions.
    pub version: Option<u32>,
    /// Its share of the calls, measured against the weights of the provider's other keys.
    pub weight: NonZeroU32,
    /// The key itself.
    pub secret: Arc<Secret>,
    /// Headers that go along with it, with values that are kept as the key is.
    pub companions: Vec<(HeaderName, Arc<Secret>)>,
}

impl ProviderKey {
    /// A key without versions, as heavy as any other.
    #[must_use]
    pub fn new(name: KeyName, secret: Secret) -> Self {
        Self::shared(name, Arc::new(secret))
    }

    /// The same of a secret that others hold, too.
    pub(crate) const fn shared(name: KeyName, secret: Arc<Secret>) -> Self {
        Self {
            name,
            version: None,
            weight: NonZeroU32::MIN,
            secret,
            companions: Vec::new(),
        }
    }
}

impl fmt::Debug for ProviderKey {
    /// All but the key itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderKey")
            .field("name", &self.name)
            .field("version", &self.version)
            .field("weight", &self.weight)
            .finish_non_exhaustive()
    }
}

/// What there is to call a provider with.
#[derive(Clone, Debug)]
pub enum Keys {
    /// It needs none.
    NotNeeded,
    /// The secret store is locked: an operator must unseal it.
    Sealed,
    /// There is none that may be used: not in the store, bound to another origin, expired, revoked.
    Missing {
        /// Why, for clients and logs. Never any part of a key.
        reason: String,
    },
    /// These, in any order. An empty list counts as missing.
    Ready(Vec<ProviderKey>),
}

/// A key that no HTTP header can carry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key {key:?} of provider {provider:?} holds characters that no HTTP header can carry")]
pub struct UnusableKey {
    /// Whose key it is.
    pub provider: ProviderId,
    /// Which one.
    pub key: KeyName,
}
