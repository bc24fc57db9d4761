//! The providers that a gateway works with.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use http::header::InvalidHeaderValue;
use memchr::memmem::Finder;
use orchestra_dialects::{Endpoint, Family};
use orchestra_health::{Policy, TargetHealth};
use orchestra_providers::{Provider, Registry};
use orchestra_secrets::Secret;
use orchestra_types::ProviderId;

/// A provider, the credential it is called with, and what is known of its health.
pub struct Member {
    /// What it speaks and where.
    pub provider: Provider,
    /// Whether it may be asked now.
    pub health: TargetHealth,
    credential: HeaderMap,
    /// Finds the key in what the provider says; `None` for no key, or one too short to tell
    /// from a word.
    key: Option<Finder<'static>>,
}

/// Shorter keys stand in answers by chance.
const MIN_GUARDED_KEY: usize = 12;

impl Member {
    /// A provider of which nothing bad is known.
    fn new(provider: Provider, key: Option<&Secret>) -> Result<Self, InvalidHeaderValue> {
        let mut credential = HeaderMap::new();
        if let Some(key) = key {
            provider.auth().authorize(&mut credential, key.expose())?;
        }
        Ok(Self {
            provider,
            health: TargetHealth::new(Policy::default()),
            credential,
            key: key
                .map(|key| key.expose().as_bytes())
                .filter(|key| key.len() >= MIN_GUARDED_KEY)
                .map(|key| Finder::new(key).into_owned()),
        })
    }

    /// Whose error bodies and lists a caller of the provider's own paths expects.
    #[must_use]
    pub fn family(&self) -> Family {
        let speaks = |endpoint| self.provider.endpoint(endpoint).is_some();
        if speaks(Endpoint::Messages) && !speaks(Endpoint::ChatCompletions) {
            Family::Anthropic
        } else {
            Family::OpenAi
        }
    }

    /// Whether the provider repeats the gateway's key here. Nothing that does may reach a client:
    /// a careless error page, or an address that echoes its caller, would give the key away.
    pub(crate) fn gives_key_away(&self, said: &[u8]) -> bool {
        self.key
            .as_ref()
            .is_some_and(|key| key.find(said).is_some())
    }

    /// Adds the credential to a request. The values are marked sensitive.
    pub(crate) fn sign(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.credential {
            headers.insert(name.clone(), value.clone());
        }
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("provider", self.provider.id())
            .field("health", &self.health)
            .finish()
    }
}

/// All providers of a gateway and the rules that find a model's.
#[derive(Debug)]
pub struct Providers {
    members: BTreeMap<ProviderId, Arc<Member>>,
    registry: Registry,
}

impl Providers {
    /// Gives every provider of the registry its credential: `key` finds a provider's key,
    /// and `None` is for one that needs none.
    ///
    /// # Errors
    /// [`UnusableKey`] if a key cannot stand in a header.
    pub fn new(
        registry: Registry,
        mut key: impl FnMut(&ProviderId) -> Option<Secret>,
    ) -> Result<Self, UnusableKey> {
        let join = |provider: &Provider| {
            let id = provider.id().clone();
            let member = Member::new(provider.clone(), key(&id).as_ref());
            Ok((
                id.clone(),
                Arc::new(member.map_err(|_| UnusableKey { provider: id })?),
            ))
        };
        let members = registry
            .providers()
            .iter()
            .map(join)
            .collect::<Result<_, UnusableKey>>()?;
        Ok(Self { members, registry })
    }

    /// A provider by its name.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Arc<Member>> {
        self.members.get(name)
    }

    /// All of them, by name.
    pub fn members(&self) -> impl Iterator<Item = &Arc<Member>> {
        self.members.values()
    }

    /// The rules that find a model's provider.
    #[must_use]
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }
}

/// A key that no HTTP header can carry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key of provider {provider:?} holds characters that no HTTP header can carry")]
pub struct UnusableKey {
    /// Whose key it is.
    pub provider: ProviderId,
}
