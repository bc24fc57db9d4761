//! The keys of one provider, and which of them a call gets.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use http::header::InvalidHeaderValue;
use http::{HeaderMap, HeaderName, HeaderValue};
use orchestra_dialects::Endpoint;
use orchestra_providers::{AuthScheme, Provider};
use orchestra_secrets::Secret;
use orchestra_types::ModelId;

use super::bench::Bench;
use super::guard::Guard;
use super::quota::Quota;
use super::source::Inquiry;
use super::{KeyName, ProviderKey, UnusableKey, UsedKey};

/// One key and how it fares. It outlives an exchange of the pool if it is in the next one, too.
pub(super) struct PoolKey {
    pub(super) name: KeyName,
    pub(super) version: Option<u32>,
    secret: Arc<Secret>,
    companions: Vec<(HeaderName, Arc<Secret>)>,
    guard: Option<Guard>,
    pub(super) bench: Bench,
    pub(super) quota: Quota,
    /// The question after a newer version of it, while it is asked.
    pub(super) inquiry: Inquiry,
}

impl PoolKey {
    /// Tries the key with every way in which the provider wants it presented.
    fn new(offered: &ProviderKey, provider: &Provider) -> Result<Self, InvalidHeaderValue> {
        let key = offered.secret.expose();
        for endpoint in Endpoint::ALL.map(Some).into_iter().chain([None]) {
            let mut headers = HeaderMap::new();
            provider.auth_for(endpoint).authorize(&mut headers, key)?;
        }
        for (_, value) in &offered.companions {
            companion(value)?;
        }
        Ok(Self {
            name: offered.name.clone(),
            version: offered.version,
            secret: Arc::clone(&offered.secret),
            companions: offered.companions.clone(),
            guard: Guard::new(key),
            bench: Bench::default(),
            quota: Quota::default(),
            inquiry: Inquiry::default(),
        })
    }

    /// Adds the key to a request.
    pub(super) fn sign(&self, auth: &AuthScheme, headers: &mut HeaderMap) {
        if auth.authorize(headers, self.secret.expose()).is_err() {
            // Not to be reached, since `new` has tried it. Without its key the request is refused over there.
            tracing::error!(key = %self.name, "a key cannot stand in a header");
        }
        for (name, value) in &self.companions {
            if let Ok(value) = companion(value) {
                headers.insert(name.clone(), value);
            }
        }
    }

    /// How many bytes a search for it must see at once; zero if it is too short to be looked for.
    pub(super) fn guarded_bytes(&self) -> usize {
        self.guard.as_ref().map_or(0, Guard::key_bytes)
    }

    /// Whether the key stands in `said`.
    pub(super) fn stands_in(&self, said: &[u8]) -> bool {
        let key = || self.secret.expose().as_bytes();
        self.guard
            .as_ref()
            .is_some_and(|guard| guard.finds(key, said))
    }

    /// Hands the key to whoever makes a digest of it, to tell callers by their own keys.
    pub(super) fn tell_apart(&self, digest: &mut impl FnMut(&[u8])) {
        digest(self.secret.expose().as_bytes());
        for (name, value) in &self.companions {
            digest(name.as_str().as_bytes());
            digest(value.expose().as_bytes());
        }
    }

    /// Whether something goes along with it.
    pub(super) fn has_companions(&self) -> bool {
        !self.companions.is_empty()
    }

    pub(super) fn label(&self) -> UsedKey {
        UsedKey {
            name: self.name.clone(),
            version: self.version,
        }
    }

    /// Whether this is the key that is offered: a variable without versions may have got another value.
    fn is(&self, offered: &ProviderKey) -> bool {
        self.name == offered.name
            && self.version == offered.version
            && self.secret.expose() == offered.secret.expose()
            && self.companions.len() == offered.companions.len()
            && self.companions.iter().zip(&offered.companions).all(
                |((name, value), (other, offered))| {
                    name == other && value.expose() == offered.expose()
                },
            )
    }
}

fn companion(value: &Secret) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(value.expose())?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Debug for PoolKey {
    /// All but the key itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolKey")
            .field("name", &self.name)
            .field("version", &self.version)
            .field("bench", &self.bench)
            .field("quota", &self.quota)
            .finish_non_exhaustive()
    }
}

/// Keys and their weights. Only [`Pool::build`] makes one, and never an empty one.
#[derive(Debug)]
pub(crate) struct Pool(Box<[Place]>);

/// A key's place in a pool.
#[derive(Debug)]
struct Place {
    key: Arc<PoolKey>,
    weight: NonZeroU32,
}

impl Pool {
    /// A pool of these keys. Those that are in the pool `before`, too, keep their bench. `None` if there are no keys.
    pub(super) fn build(
        offered: &[ProviderKey],
        provider: &Provider,
        before: Option<&Self>,
    ) -> Result<Option<Self>, UnusableKey> {
        let place = |offered: &ProviderKey| {
            let known = before.and_then(|before| before.keys().find(|key| key.is(offered)));
            let key = match known {
                Some(known) => Arc::clone(known),
                None => Arc::new(PoolKey::new(offered, provider).map_err(|_| UnusableKey {
                    provider: provider.id().clone(),
                    key: offered.name.clone(),
                })?),
            };
            Ok(Place {
                key,
                weight: offered.weight,
            })
        };
        let places: Box<[Place]> = offered.iter().map(place).collect::<Result<_, _>>()?;
        Ok((!places.is_empty()).then_some(Self(places)))
    }

    /// All keys, the benched ones, too.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Arc<PoolKey>> {
        self.0.iter().map(|place| &place.key)
    }

    /// A key that is not benched and not among those that were `tried`, by weight, and by what is left of its quota for the
    /// model. Nothing is drawn where there is no choice. `None` if there is no such key.
    pub(super) fn draw(
        &self,
        model: &ModelId,
        tried: &[Arc<PoolKey>],
        now: Duration,
        draw: impl FnOnce() -> u64,
    ) -> Option<&Arc<PoolKey>> {
        let fit = |place: &&Place| {
            !place.key.bench.holds(now) && !tried.iter().any(|tried| Arc::ptr_eq(tried, &place.key))
        };
        if let [only] = &*self.0 {
            return Some(only).filter(fit).map(|only| &only.key);
        }
        let fitting = || self.0.iter().filter(fit);
        let weight = |place: &Place| {
            u64::from(place.weight.get()).saturating_mul(place.key.quota.share(model, now))
        };
        let weights = fitting().map(weight).fold(0, u64::saturating_add);
        let mut mark = scaled(draw(), weights);
        let mut last = None;
        for place in fitting() {
            let weight = weight(place);
            if mark < weight {
                return Some(&place.key);
            }
            mark -= weight;
            last = Some(&place.key);
        }
        // A key that was benched, or of which less is left, since the weights were added up leaves the mark beyond the end.
        last
    }

    /// The key whose bench ends first: with all of them benched, one must still be tried.
    pub(super) fn soonest(&self) -> Option<&Arc<PoolKey>> {
        self.keys().min_by_key(|key| key.bench.until_ms())
    }

    /// Whether one of the keys stands in `said`.
    pub(super) fn has_key_in(&self, said: &[u8]) -> bool {
        self.0.iter().any(|place| place.key.stands_in(said))
    }

    /// The keys that are not benched.
    pub(super) fn ready(&self, now: Duration) -> impl Iterator<Item = &Arc<PoolKey>> {
        self.keys().filter(move |key| !key.bench.holds(now))
    }

    /// Whether some key is not benched.
    pub(super) fn has_ready(&self, now: Duration) -> bool {
        self.ready(now).next().is_some()
    }
}

/// A draw from 0 up to `limit`, which stays out, each value as likely as any other but for one part in 2^64 / `limit`.
fn scaled(draw: u64, limit: u64) -> u64 {
    let product = u128::from(draw) * u128::from(limit);
    u64::try_from(product >> 64).expect("64 of its 128 bits were shifted out")
}

#[cfg(test)]
mod tests;
