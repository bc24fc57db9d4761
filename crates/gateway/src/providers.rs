//! The providers that a gateway works with.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use http::header::InvalidHeaderValue;
use memchr::memmem::Finder;
use orchestra_dialects::{Endpoint, Family};
use orchestra_health::{Policy, TargetHealth};
use orchestra_providers::{AuthScheme, Provider, Registry};
use orchestra_secrets::Secret;
use orchestra_types::ProviderId;

/// A provider, the credential it is called with, and what is known of its health.
pub struct Member {
    /// What it speaks and where.
    pub provider: Provider,
    /// Whether it may be asked now.
    pub health: TargetHealth,
    credential: HeaderMap,
    /// For endpoints where the key is presented in another way.
    credentials: HashMap<Endpoint, HeaderMap>,
    /// Finds the key in what the provider says; `None` for no key, or one too short to tell
    /// from a word.
    key: Option<Finder<'static>>,
}

/// Shorter keys stand in answers by chance.
const MIN_GUARDED_KEY: usize = 12;

impl Member {
    /// A provider of which nothing bad is known.
    fn new(provider: Provider, key: Option<&Secret>) -> Result<Self, InvalidHeaderValue> {
        let credential = |auth: &AuthScheme| {
            let mut headers = HeaderMap::new();
            if let Some(key) = key {
                auth.authorize(&mut headers, key.expose())?;
            }
            Ok(headers)
        };
        let special = Endpoint::ALL.into_iter().filter_map(|endpoint| {
            let auth = provider.auth_for(Some(endpoint));
            (auth != provider.auth()).then(|| Ok((endpoint, credential(auth)?)))
        });
        Ok(Self {
            credential: credential(provider.auth())?,
            credentials: special.collect::<Result<_, InvalidHeaderValue>>()?,
            health: TargetHealth::new(Policy::default()),
            provider,
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
        if speaks(Endpoint::ChatCompletions) {
            Family::OpenAi
        } else if speaks(Endpoint::Messages) {
            Family::Anthropic
        } else if speaks(Endpoint::GenerateContent) {
            Family::Google
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

    /// Adds the credential to a request for the endpoint; `None` is a raw call. The values are marked sensitive.
    pub(crate) fn sign(&self, endpoint: Option<Endpoint>, headers: &mut HeaderMap) {
        let special = endpoint.and_then(|endpoint| self.credentials.get(&endpoint));
        for (name, value) in special.unwrap_or(&self.credential) {
            headers.insert(name.clone(), value.clone());
        }
    }
}

/// Looks for the gateway's key in what a provider says piece by piece, wherever the pieces are cut.
#[derive(Debug)]
pub(crate) struct KeyWatch {
    member: Arc<Member>,
    /// The end of what came before, one byte shorter than the key.
    tail: Vec<u8>,
}

impl KeyWatch {
    pub(crate) const fn new(member: Arc<Member>) -> Self {
        Self {
            member,
            tail: Vec::new(),
        }
    }

    /// Whether the key ends within this piece.
    pub(crate) fn sees_key(&mut self, piece: &[u8]) -> bool {
        let Some(key) = &self.member.key else {
            return false;
        };
        let overlap = key.needle().len() - 1;
        let start = &piece[..piece.len().min(overlap)];
        self.tail.extend_from_slice(start);
        let found = key.find(&self.tail).is_some() || key.find(piece).is_some();
        if piece.len() > start.len() {
            self.tail.clear();
            self.tail.extend_from_slice(&piece[piece.len() - overlap..]);
        }
        self.tail.drain(..self.tail.len().saturating_sub(overlap));
        found
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

#[cfg(test)]
pub(crate) mod tests {
    use orchestra_providers::Row;

    use super::*;

    /// A provider with this key.
    pub(crate) fn member(key: &str) -> Arc<Member> {
        let row = Row {
            base_url: Some("https://api.example.com/v1".to_owned()),
            endpoints: Some(vec!["messages".to_owned()]),
            ..Row::default()
        };
        let provider = Provider::build(ProviderId::new("p").unwrap(), &row).unwrap();
        Arc::new(Member::new(provider, Some(&Secret::new(key.to_owned()))).unwrap())
    }

    #[test]
    fn a_key_is_seen_wherever_it_is_cut() {
        let key = "a-key-of-some-length";
        let member = member(key);
        let said = format!("before {key} behind");
        let harmless = said.replace("some", "none");
        let seen = |text: &str, size| {
            let mut watch = KeyWatch::new(Arc::clone(&member));
            text.as_bytes()
                .chunks(size)
                .any(|piece| watch.sees_key(piece))
        };
        for size in 1..=said.len() {
            assert!(seen(&said, size), "in pieces of {size}");
            assert!(!seen(&harmless, size), "in pieces of {size}");
        }
    }
}
