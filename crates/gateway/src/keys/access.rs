//! A provider as one attempt reaches it.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use orchestra_dialects::Endpoint;
use orchestra_types::Rng;

use super::pool::PoolKey;
use super::source::{KeySource, Refreshed};
use super::{KeyState, UsedKey};
use crate::providers::Member;
use crate::refusal::Refusal;

/// A member, the key that an attempt uses with it, and all keys that its answer must not repeat. An exchange of the
/// member's keys changes nothing for an attempt that has begun.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) member: Arc<Member>,
    /// The member's keys when this one was drawn.
    keys: Arc<KeyState>,
    /// `None` for a provider that needs none.
    key: Option<Arc<PoolKey>>,
    /// When it was drawn.
    began: Duration,
    /// The keys that the same call was refused with before.
    tried: Vec<Arc<PoolKey>>,
    /// What the member's keys were then, if they were exchanged since.
    earlier: Vec<Arc<KeyState>>,
}

impl Access {
    /// Draws a key; with all of them benched, the one that is back first.
    ///
    /// # Errors
    /// What the client is told if there is none.
    pub(crate) fn open(
        member: &Arc<Member>,
        rng: &dyn Rng,
        now: Duration,
    ) -> Result<Self, Refusal> {
        let keys = member.keys();
        if let Some(refusal) = keys.refusal(member.provider.id()) {
            return Err(refusal);
        }
        let drawn = keys.pool().and_then(|pool| {
            pool.draw(&[], now, || rng.next_u64())
                .or_else(|| pool.soonest())
        });
        Ok(Self {
            member: Arc::clone(member),
            key: drawn.cloned(),
            keys,
            began: now,
            tried: Vec::new(),
            earlier: Vec::new(),
        })
    }

    /// Draws another key for the same call, from what the member has now. `None` if none is left that is not benched.
    pub(crate) fn another(&self, rng: &dyn Rng, now: Duration) -> Option<Self> {
        let keys = self.member.keys();
        let tried: Vec<_> = self.tried.iter().chain(&self.key).cloned().collect();
        let drawn = keys.pool()?.draw(&tried, now, || rng.next_u64())?;
        let mut earlier = self.earlier.clone();
        if !Arc::ptr_eq(&keys, &self.keys) {
            earlier.push(Arc::clone(&self.keys));
        }
        Some(Self {
            member: Arc::clone(&self.member),
            key: Some(Arc::clone(drawn)),
            keys,
            began: now,
            tried,
            earlier,
        })
    }

    /// Adds the key to a request for the endpoint; `None` is a raw call. The value is made here and wiped with the
    /// request.
    pub(crate) fn sign(&self, endpoint: Option<Endpoint>, headers: &mut HeaderMap) {
        if let Some(key) = &self.key {
            key.sign(self.member.provider.auth_for(endpoint), headers);
        }
    }

    /// How many other keys the call was refused with at this member.
    pub(crate) const fn keys_tried(&self) -> usize {
        self.tried.len()
    }

    /// What the key is called.
    pub(crate) fn used(&self) -> Option<UsedKey> {
        self.key.as_deref().map(PoolKey::label)
    }

    /// What the key is called, for the log.
    pub(crate) fn name(&self) -> Option<&str> {
        self.key.as_ref().map(|key| key.name.as_str())
    }

    /// The provider took the key.
    pub(crate) fn accepted(&self) {
        if let Some(key) = &self.key {
            key.bench.accept(self.began);
        }
    }

    /// The provider refused the key: it is benched.
    pub(crate) fn refused(&self, now: Duration) {
        let Some(key) = &self.key else {
            return;
        };
        if let Some(rest) = key.bench.refuse(self.began, now) {
            tracing::warn!(
                provider = %self.member.provider.id(), key = %key.name, version = key.version,
                benched_seconds = rest.as_secs(), refusals = key.bench.refusals(),
                "a key was refused and is benched"
            );
        }
    }

    /// Whether a call that begins now would get a key that is not benched.
    pub(crate) fn has_others(&self, now: Duration) -> bool {
        let keys = self.member.keys();
        keys.pool().is_some_and(|pool| pool.has_ready(now))
    }

    /// Asks for a newer version of the key that was refused, unless it is out of use already.
    pub(crate) async fn renew(&self, source: &Arc<dyn KeySource>) {
        let Some(key) = &self.key else {
            return;
        };
        let in_use = self.member.keys().keys().any(|used| Arc::ptr_eq(used, key));
        if !in_use {
            return;
        }
        let provider = self.member.provider.id();
        if key.inquiry.ask(key, source, provider).await == Refreshed::Renewed {
            tracing::info!(%provider, key = %key.name, "the keys were renewed after a refusal");
        }
    }

    /// Whether the provider repeats one of the gateway's keys here. Nothing that does may reach a client: a careless
    /// error page, or an address that echoes its caller, would give the key away.
    ///
    /// All that the member had at any attempt of this call are looked for.
    pub(crate) fn gives_key_away(&self, said: &[u8]) -> bool {
        self.keys.has_key_in(said) || self.earlier.iter().any(|keys| keys.has_key_in(said))
    }

    /// How many bytes a search must see at once to find any of them; zero if none is looked for.
    pub(super) fn longest_guarded(&self) -> usize {
        let earlier = self.earlier.iter().flat_map(|keys| keys.keys());
        let lengths = self
            .keys
            .keys()
            .chain(earlier)
            .map(|key| key.guarded_bytes());
        lengths.max().unwrap_or(0)
    }
}
