//! The providers that a gateway works with.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use orchestra_dialects::{Endpoint, Family};
use orchestra_health::{Out, OutReason, Policy, Report, Standing, Target, Targets};
use orchestra_providers::{Provider, Registry, RegistryError};
use orchestra_types::{ModelId, ProviderId};

use crate::keys::{KeyReport, KeyStanding, KeyState, Keys, UnusableKey, UsedKey};
use crate::models::ModelList;

/// What is judged by itself: one model, asked for with one key. A raw call asks for the model without a name.
pub(crate) type TargetKey = (ModelId, Option<UsedKey>);

/// Clients choose models' names, which may be as long as a request. What is longer than this, in bytes, is judged by
/// its beginning; the longest names of the catalogue have some 60.
const LONGEST_NAME: usize = 256;

/// So much of a model's name as something may be kept under.
pub(crate) fn bounded(name: &str) -> &str {
    &name[..name.floor_char_boundary(LONGEST_NAME)]
}

/// What is known of a model that is asked for with this key is kept under this.
pub(crate) fn target_key(model: &ModelId, key: Option<UsedKey>) -> TargetKey {
    let name = model.as_str();
    if name.len() <= LONGEST_NAME {
        return (model.clone(), key);
    }
    (ModelId::new(bounded(name)), key)
}

/// How one model of a provider fares, asked for with one key.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetReport {
    /// The model; without a name for raw calls.
    pub model: ModelId,
    /// The key; `None` where none is needed.
    pub key: Option<UsedKey>,
    /// What is known.
    pub report: Report,
}

/// A provider, the keys it is called with, and what is known of its health.
pub struct Member {
    /// What it speaks and where.
    pub provider: Provider,
    /// Whether it is there for one call alone, with a key of the caller's own.
    pub(crate) guest: bool,
    targets: Targets<TargetKey>,
    keys: ArcSwap<KeyState>,
    /// The models that it listed when it was last asked.
    pub(crate) list: ModelList,
}

impl Member {
    /// A provider of which nothing bad is known.
    ///
    /// # Errors
    /// [`UnusableKey`] if a key cannot stand in a header.
    pub fn new(provider: Provider, keys: Keys) -> Result<Self, UnusableKey> {
        Self::judged_by(Policy::default(), provider, keys)
    }

    fn judged_by(policy: Policy, provider: Provider, keys: Keys) -> Result<Self, UnusableKey> {
        Ok(Self {
            keys: ArcSwap::from_pointee(KeyState::build(keys, &provider, None)?),
            guest: false,
            targets: Targets::new(policy),
            list: ModelList::default(),
            provider,
        })
    }

    /// A provider for one call alone, with a key of the caller's own.
    pub(crate) fn guest(provider: Provider, keys: Keys) -> Result<Self, UnusableKey> {
        Ok(Self {
            guest: true,
            ..Self::new(provider, keys)?
        })
    }

    /// Exchanges the provider's keys at once. Calls that are under way go on with those that they began with; a key
    /// that stays the same (name, version and value) stays benched if it is.
    ///
    /// # Errors
    /// [`UnusableKey`] if a key cannot stand in a header. Nothing is exchanged then.
    pub fn set_keys(&self, keys: Keys) -> Result<(), UnusableKey> {
        let before = self.keys();
        let state = KeyState::build(keys, &self.provider, Some(&before))?;
        self.keys.store(Arc::new(state));
        Ok(())
    }

    /// Whether it can be called, as far as its keys are concerned.
    #[must_use]
    pub fn key_standing(&self) -> KeyStanding {
        self.keys().standing()
    }

    /// How each of its keys fares at the time `now` of the gateway's monotonic clock; see
    /// [`Gateway::key_reports`](crate::Gateway::key_reports).
    #[must_use]
    pub fn key_reports(&self, now: Duration) -> Vec<KeyReport> {
        self.keys().reports(self.provider.id(), now)
    }

    /// Whether a model may be asked for at the time `now` of the gateway's monotonic clock, before others: the provider has
    /// a key that is not benched, and with one of those the model is well.
    #[must_use]
    pub fn is_ready(&self, model: &ModelId, now: Duration) -> bool {
        let well = |key: Option<UsedKey>| {
            let standing = self.targets.standing(&target_key(model, key), now);
            !matches!(standing, Standing::Out(_))
        };
        self.keys().is_ready_with(now, well)
    }

    /// Which share of its calls a model should get at the time `now`, with the key with which it stands best: 1 usually and
    /// for one that may show whether it is well again, 0 if it should be left alone.
    pub(crate) fn share(&self, model: &ModelId, now: Duration) -> f64 {
        let best = Cell::new(0.0_f64);
        self.keys().is_ready_with(now, |key| {
            let share = match self.targets.standing(&target_key(model, key), now) {
                Standing::Ready { share } => share,
                Standing::Probe => 1.0,
                Standing::Out(_) => 0.0,
            };
            best.set(best.get().max(share));
            share >= 1.0
        });
        best.get()
    }

    /// How a model stands at the time `now`, with the key with which it stands best.
    pub(crate) fn standing(&self, model: &ModelId, now: Duration) -> Standing {
        let stand = |key| self.targets.standing(&target_key(model, key), now);
        let better =
            |one: Standing, other: Standing| if rank(other) > rank(one) { other } else { one };
        let nowhere = Standing::Out(Out {
            until: now,
            reason: OutReason::Paused,
        });
        let keys = self.keys().usable(now).into_iter();
        keys.map(stand).reduce(better).unwrap_or(nowhere)
    }

    /// What one more call for a model would cost in waiting at the time `now`, with the key with which it costs least. Less is
    /// better.
    pub(crate) fn cost(&self, model: &ModelId, now: Duration) -> f64 {
        let cost = |key| self.targets.cost(&target_key(model, key), now);
        self.keys()
            .usable(now)
            .into_iter()
            .map(cost)
            .fold(f64::MAX, f64::min)
    }

    /// How many output tokens an answer of a model has on average, over the keys with which enough were seen; `None` if there is
    /// no such key.
    pub(crate) fn usual_output(&self, model: &ModelId, now: Duration) -> Option<u64> {
        let usual = |key| self.targets.known(&(model.clone(), key))?.usual_output();
        let means: Vec<u64> = self
            .keys()
            .usable(now)
            .into_iter()
            .filter_map(usual)
            .collect();
        let count = u64::try_from(means.len()).ok()?;
        means.iter().sum::<u64>().checked_div(count)
    }

    /// How each model fares that was asked for, at the time `now` of the gateway's monotonic clock.
    #[must_use]
    pub fn target_reports(&self, now: Duration) -> Vec<TargetReport> {
        let report = |((model, key), target): (TargetKey, Arc<Target>)| TargetReport {
            model,
            key,
            report: target.report(now),
        };
        self.targets.all().into_iter().map(report).collect()
    }

    pub(crate) fn target(&self, key: &TargetKey, now: Duration) -> Arc<Target> {
        self.targets.target(key, now)
    }

    /// Whether something goes along with its keys that says whom it asks.
    pub(crate) fn knows_who_answers(&self) -> bool {
        self.keys().have_companions()
    }

    /// Its keys as they are now.
    pub(crate) fn keys(&self) -> Arc<KeyState> {
        self.keys.load_full()
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
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("provider", self.provider.id())
            .field("targets", &self.targets)
            .field("keys", &self.keys())
            .finish()
    }
}

/// How good a standing is: the share of calls that a target should get.
fn rank(standing: Standing) -> f64 {
    match standing {
        Standing::Ready { share } => 1.0 + share,
        Standing::Probe => 1.0,
        Standing::Out(_) => 0.0,
    }
}

/// All providers of a gateway and the rules that find a model's.
#[derive(Debug)]
pub struct Providers {
    members: BTreeMap<ProviderId, Arc<Member>>,
    registry: Registry,
}

impl Providers {
    /// Gives every provider of the registry the keys that `keys` finds for it.
    ///
    /// # Errors
    /// [`UnusableKey`] if a key cannot stand in a header.
    pub fn new(
        registry: Registry,
        keys: impl FnMut(&ProviderId) -> Keys,
    ) -> Result<Self, UnusableKey> {
        Self::judged_by(Policy::default(), registry, keys)
    }

    /// The same, with another judgement of which targets are well than the usual one.
    ///
    /// # Errors
    /// [`UnusableKey`] if a key cannot stand in a header.
    pub fn judged_by(
        policy: Policy,
        registry: Registry,
        mut keys: impl FnMut(&ProviderId) -> Keys,
    ) -> Result<Self, UnusableKey> {
        let join = |provider: &Provider| {
            let id = provider.id().clone();
            let member = Member::judged_by(policy, provider.clone(), keys(&id))?;
            Ok((id, Arc::new(member)))
        };
        let members = registry
            .providers()
            .iter()
            .map(join)
            .collect::<Result<_, UnusableKey>>()?;
        Ok(Self { members, registry })
    }

    /// The same providers as they are, and these besides, which are called by their own names alone. Those that were added
    /// before are left out unless they are among these.
    ///
    /// # Errors
    /// [`RegistryError`] if a name is taken.
    pub fn with_added(&self, added: Vec<Arc<Member>>) -> Result<Self, RegistryError> {
        let list = added.iter().map(|member| member.provider.clone());
        let registry = self.registry.with_added(list.collect())?;
        let original = self.members().filter(|member| !self.is_added(member));
        let all = original.cloned().chain(added);
        let members = all.map(|member| (member.provider.id().clone(), member));
        Ok(Self {
            members: members.collect(),
            registry,
        })
    }

    /// Whether a provider came to those that were there from the beginning.
    #[must_use]
    pub fn is_added(&self, member: &Member) -> bool {
        self.registry.is_added(member.provider.id().as_str())
    }

    /// A provider by its name, or by a name that it has elsewhere if no other has that too.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Arc<Member>> {
        self.members.get(name).or_else(|| {
            let called = |m: &&Arc<Member>| m.provider.is_called(name) && !self.is_added(m);
            let mut called = self.members().filter(called);
            called.next().filter(|_| called.next().is_none())
        })
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

#[cfg(test)]
mod tests {
    use orchestra_health::Outcome;

    use super::*;
    use crate::keys::tests::provider;

    #[test]
    fn to_be_weighed_takes_no_room_and_a_long_name_is_known_by_its_beginning() {
        let (provider, now) = (provider(), Duration::ZERO);
        let member = Member::new(provider, Keys::NotNeeded).unwrap();
        let model = ModelId::new(&"x".repeat(100_000));
        let usual = member.cost(&model, now);
        assert_eq!(member.targets.all().len(), 0);
        assert_eq!(member.standing(&model, now), Standing::Ready { share: 1.0 });

        let target = member.target(&target_key(&model, None), now);
        let _place = target.admit(now).unwrap();
        assert!(member.cost(&model, now) > usual);
        let rest = Duration::from_secs(9);
        target.record(Outcome::Paused { rest }, now, 0.5);
        assert!(matches!(member.standing(&model, now), Standing::Out(_)));
    }

    #[test]
    fn the_names_that_clients_make_up_take_no_more_room_than_others() {
        let key = |name: String| target_key(&ModelId::new(&name), None).0;
        let long = "é".repeat(100_000);
        assert_eq!(key(long.clone()).as_str().len(), LONGEST_NAME);
        assert_eq!(key(format!("a{long}")).as_str().len(), LONGEST_NAME - 1);
        let just = "x".repeat(LONGEST_NAME);
        assert_eq!(key(just.clone()).as_str(), just);
    }
}
