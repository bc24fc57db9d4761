//! What a member has to be called with, and what is told of it.

use std::sync::Arc;
use std::time::Duration;

use orchestra_providers::Provider;
use orchestra_types::ProviderId;

use super::pool::{Pool, PoolKey};
use super::{KeyName, Keys, QuotaReport, UnusableKey};
use crate::refusal::Refusal;

/// A provider's keys at one time. Exchanged as a whole.
#[derive(Debug)]
pub(crate) enum KeyState {
    NotNeeded,
    Sealed,
    Missing { reason: Arc<str> },
    Ready(Pool),
}

/// Whether a provider can be called, as far as its keys are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyStanding {
    /// It needs no key.
    NotNeeded,
    /// Not before the secret store is unsealed.
    Sealed,
    /// Not without a key.
    Missing {
        /// Why there is none.
        reason: Arc<str>,
    },
    /// It has keys; [`Member::key_reports`](crate::Member::key_reports) tells how they fare.
    Ready,
}

/// The key that an attempt was made with.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UsedKey {
    /// What it is called.
    pub name: KeyName,
    /// Which version of it, where there are versions.
    pub version: Option<u32>,
}

/// How one key fares, for dashboards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyReport {
    /// Whose key it is.
    pub provider: ProviderId,
    /// What it is called.
    pub name: KeyName,
    /// Which version of it, where there are versions.
    pub version: Option<u32>,
    /// How much longer it is benched; `None` if it is not.
    pub benched_for: Option<Duration>,
    /// How often the provider refused it since it was handed in.
    pub refusals: u64,
    /// What is left of its rate limits, as far as the provider says: of each thing that is counted, the limit of which the
    /// least is left.
    pub quota: Vec<QuotaReport>,
}

impl KeyState {
    /// What the keys amount to. Those that are in the state `before`, too, keep their bench.
    pub(crate) fn build(
        keys: Keys,
        provider: &Provider,
        before: Option<&Self>,
    ) -> Result<Self, UnusableKey> {
        Ok(match keys {
            Keys::NotNeeded => Self::NotNeeded,
            Keys::Sealed => Self::Sealed,
            Keys::Missing { reason } => Self::Missing {
                reason: reason.into(),
            },
            Keys::Ready(offered) => {
                let pool = Pool::build(&offered, provider, before.and_then(Self::pool))?;
                pool.map_or_else(Self::empty, Self::Ready)
            }
        })
    }

    fn empty() -> Self {
        Self::Missing {
            reason: "none is configured".into(),
        }
    }

    pub(super) const fn pool(&self) -> Option<&Pool> {
        match self {
            Self::Ready(pool) => Some(pool),
            Self::NotNeeded | Self::Sealed | Self::Missing { .. } => None,
        }
    }

    /// All keys.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Arc<PoolKey>> {
        self.pool().into_iter().flat_map(Pool::keys)
    }

    /// Hands every key to whoever makes a digest of them, to tell callers by their own keys.
    pub(crate) fn each_secret(&self, mut digest: impl FnMut(&[u8])) {
        self.keys().for_each(|key| key.tell_apart(&mut digest));
    }

    /// Whether one of the keys stands in `said`.
    pub(super) fn has_key_in(&self, said: &[u8]) -> bool {
        self.pool().is_some_and(|pool| pool.has_key_in(said))
    }

    /// What a client is told if the provider cannot be called at all.
    pub(crate) fn refusal(&self, provider: &ProviderId) -> Option<Refusal> {
        match self {
            Self::NotNeeded | Self::Ready(_) => None,
            Self::Sealed => Some(Refusal::sealed(provider)),
            Self::Missing { reason } => Some(Refusal::key_missing(provider, reason)),
        }
    }

    /// Whether a call has a key that is not benched and that is `well`, or needs none and is well without.
    pub(crate) fn is_ready_with(
        &self,
        now: Duration,
        well: impl Fn(Option<UsedKey>) -> bool,
    ) -> bool {
        match self {
            Self::NotNeeded => well(None),
            Self::Sealed | Self::Missing { .. } => false,
            Self::Ready(pool) => pool.ready(now).any(|key| well(Some(key.label()))),
        }
    }

    /// Whether something goes along with each of the keys.
    pub(crate) fn have_companions(&self) -> bool {
        self.pool().is_some() && self.keys().all(|key| key.has_companions())
    }

    /// The keys that are not benched, or `None` for a provider that needs none.
    pub(crate) fn usable(&self, now: Duration) -> Vec<Option<UsedKey>> {
        match self {
            Self::NotNeeded => vec![None],
            Self::Sealed | Self::Missing { .. } => Vec::new(),
            Self::Ready(pool) => pool.ready(now).map(|key| Some(key.label())).collect(),
        }
    }

    pub(crate) fn standing(&self) -> KeyStanding {
        match self {
            Self::NotNeeded => KeyStanding::NotNeeded,
            Self::Sealed => KeyStanding::Sealed,
            Self::Missing { reason } => KeyStanding::Missing {
                reason: Arc::clone(reason),
            },
            Self::Ready(_) => KeyStanding::Ready,
        }
    }

    pub(crate) fn reports(&self, provider: &ProviderId, now: Duration) -> Vec<KeyReport> {
        let report = |key: &Arc<PoolKey>| KeyReport {
            provider: provider.clone(),
            name: key.name.clone(),
            version: key.version,
            benched_for: key.bench.left(now),
            refusals: key.bench.refusals(),
            quota: key.quota.reports(now),
        };
        self.keys().map(report).collect()
    }
}
