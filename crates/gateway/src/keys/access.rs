//! A provider as one attempt reaches it.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use orchestra_dialects::Endpoint;
use orchestra_health::{Form, Out, Outcome, Standing, Target, Ticket};
use orchestra_types::{ModelId, Rng, Usage};

use super::pool::{Pool, PoolKey};
use super::source::{KeySource, Refreshed};
use super::{KeyState, UsedKey};
use crate::providers::{Member, target_key};
use crate::quota::Left;
use crate::refusal::Refusal;

/// A member, the key that an attempt uses with it, its place at the target, and all keys that its answer must not repeat.
/// An exchange of the member's keys changes nothing for an attempt that has begun.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) member: Arc<Member>,
    model: ModelId,
    /// The member's keys when this one was drawn.
    keys: Arc<KeyState>,
    /// `None` for a provider that needs none.
    key: Option<Arc<PoolKey>>,
    /// The place is given back when the last clone goes.
    ticket: Arc<Ticket>,
    /// Chance for the target's judgement, 0 to 1.
    chance: f64,
    /// When it was drawn.
    began: Duration,
    /// The keys that the same call was refused with before.
    tried: Vec<Arc<PoolKey>>,
    /// What the member's keys were then, if they were exchanged since.
    earlier: Vec<Arc<KeyState>>,
}

/// Why a member cannot be asked now.
#[derive(Debug)]
pub(crate) enum Closed {
    /// It cannot be called at all; what the client is told.
    Refused(Refusal),
    /// The model is left alone with every key; the one with which it may be asked first.
    Resting(Out),
}

/// A target that is waited for, and what it will be asked with.
#[derive(Clone, Debug)]
pub(crate) struct DoorTo {
    member: Arc<Member>,
    model: ModelId,
    keys: Arc<KeyState>,
    key: Option<Arc<PoolKey>>,
    pub(crate) target: Arc<Target>,
}

impl DoorTo {
    /// The place there, once it was handed over.
    pub(crate) fn enter(self, ticket: Ticket, rng: &dyn Rng, now: Duration) -> Access {
        let drawn = Drawn {
            key: self.key,
            ticket,
        };
        Access::of(&self.member, &self.model, self.keys, drawn, rng, now)
    }
}

impl From<Refusal> for Closed {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A key and a place at the target that it leads to.
struct Drawn {
    key: Option<Arc<PoolKey>>,
    ticket: Ticket,
}

impl Access {
    /// Draws a key with which the model is well; with all keys benched, the one that is back first.
    ///
    /// # Errors
    /// [`Closed`] if there is no key, or the model is to be left alone with every one.
    pub(crate) fn open(
        member: &Arc<Member>,
        model: &ModelId,
        rng: &dyn Rng,
        now: Duration,
    ) -> Result<Self, Closed> {
        let keys = member.keys();
        if let Some(refusal) = keys.refusal(member.provider.id()) {
            return Err(Closed::Refused(refusal));
        }
        let drawn = match keys.pool() {
            None => admit(member, model, None, now),
            Some(pool) => match draw(member, model, pool, &[], rng, now) {
                // All keys are benched.
                Err(None) => admit(member, model, pool.soonest().cloned(), now),
                Err(Some(out)) => Err(out),
                Ok(drawn) => Ok(drawn),
            },
        };
        let drawn = drawn.map_err(Closed::Resting)?;
        Ok(Self::of(member, model, keys, drawn, rng, now))
    }

    /// Asks all the same, with the key whose target is back first: somebody must still be tried.
    ///
    /// # Errors
    /// What the client is told if there is no key.
    pub(crate) fn force(
        member: &Arc<Member>,
        model: &ModelId,
        rng: &dyn Rng,
        now: Duration,
    ) -> Result<Self, Refusal> {
        let keys = member.keys();
        if let Some(refusal) = keys.refusal(member.provider.id()) {
            return Err(refusal);
        }
        let target = |key: Option<&Arc<PoolKey>>| target(member, model, key, now);
        let back = |key: &&Arc<PoolKey>| match target(Some(*key)).standing(now) {
            Standing::Out(out) => out.until,
            Standing::Ready { .. } | Standing::Probe => now,
        };
        let pool = keys.pool();
        let key = pool.and_then(|pool| {
            let first = pool.ready(now).min_by_key(back);
            first.or_else(|| pool.soonest()).cloned()
        });
        let ticket = target(key.as_ref()).force(now);
        let drawn = Drawn { key, ticket };
        Ok(Self::of(member, model, keys, drawn, rng, now))
    }

    /// The targets at which the model can be had, one for each key that is not benched: for who waits for a place at one.
    ///
    /// # Errors
    /// What the client is told if there is no key.
    pub(crate) fn doors(
        member: &Arc<Member>,
        model: &ModelId,
        now: Duration,
    ) -> Result<Vec<DoorTo>, Refusal> {
        let keys = member.keys();
        if let Some(refusal) = keys.refusal(member.provider.id()) {
            return Err(refusal);
        }
        let door = |key: Option<&Arc<PoolKey>>| DoorTo {
            member: Arc::clone(member),
            model: model.clone(),
            target: target(member, model, key, now),
            key: key.cloned(),
            keys: Arc::clone(&keys),
        };
        let Some(pool) = keys.pool() else {
            return Ok(vec![door(None)]);
        };
        let ready: Vec<DoorTo> = pool.ready(now).map(|key| door(Some(key))).collect();
        Ok(if ready.is_empty() {
            pool.soonest()
                .map(|key| door(Some(key)))
                .into_iter()
                .collect()
        } else {
            ready
        })
    }

    fn of(
        member: &Arc<Member>,
        model: &ModelId,
        keys: Arc<KeyState>,
        drawn: Drawn,
        rng: &dyn Rng,
        now: Duration,
    ) -> Self {
        Self {
            member: Arc::clone(member),
            model: model.clone(),
            keys,
            key: drawn.key,
            ticket: Arc::new(drawn.ticket),
            chance: chance(rng),
            began: now,
            tried: Vec::new(),
            earlier: Vec::new(),
        }
    }

    /// Draws another key for the same call, from what the member has now. `None` if none is left with which the model is
    /// well.
    pub(crate) fn another(&self, rng: &dyn Rng, now: Duration) -> Option<Self> {
        let keys = self.member.keys();
        let tried: Vec<_> = self.tried.iter().chain(&self.key).cloned().collect();
        let drawn = draw(&self.member, &self.model, keys.pool()?, &tried, rng, now).ok()?;
        let mut earlier = self.earlier.clone();
        if !Arc::ptr_eq(&keys, &self.keys) {
            earlier.push(Arc::clone(&self.keys));
        }
        Some(Self {
            tried,
            earlier,
            ..Self::of(&self.member, &self.model, keys, drawn, rng, now)
        })
    }

    /// What is known of its target.
    pub(crate) fn health(&self) -> &Arc<Target> {
        self.ticket.target()
    }

    /// A call was brought to its target, for the first time: retries are a share of these.
    pub(crate) fn offer(&self, now: Duration) {
        self.health().offer(now);
    }

    /// The target's first token, or its whole answer, came at the time `now`.
    pub(crate) fn first_token(&self, form: Form, now: Duration) {
        self.ticket.first_token(form, now);
    }

    /// Another target was faster, though it was asked later.
    pub(crate) fn outrun(&self, form: Form, now: Duration) {
        self.ticket.outrun(form, now);
    }

    /// Whether it sees if its target is well again.
    pub(crate) fn is_probe(&self) -> bool {
        self.ticket.is_probe()
    }

    /// What the attempt says of its target. Only the first outcome counts; without any the attempt says nothing.
    pub(crate) fn judge(&self, outcome: impl Into<Option<Outcome>>, now: Duration) {
        match outcome.into() {
            Some(outcome) => self.ticket.judge(outcome, now, self.chance),
            None => self.ticket.dismiss(now),
        }
    }

    /// The answer was whole, and took these tokens.
    pub(crate) fn answered(&self, usage: Option<&Usage>) {
        if let Some(usage) = usage {
            self.health().answered(usage.total_output());
        }
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

    /// Takes note of what the answer says is left of the key's limits.
    pub(crate) fn note_quota(&self, left: Vec<Left>, now: Duration) {
        if let Some(key) = &self.key {
            key.quota.note(&self.model, left, now);
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
        if !in_use || self.member.guest {
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

/// A number from 0 to 1.
pub(crate) fn chance(rng: &dyn Rng) -> f64 {
    let bits = u32::try_from(rng.next_u64() >> 32).unwrap_or(u32::MAX);
    f64::from(bits) / f64::from(u32::MAX)
}

fn target(
    member: &Member,
    model: &ModelId,
    key: Option<&Arc<PoolKey>>,
    now: Duration,
) -> Arc<Target> {
    member.target(&target_key(model, key.map(|key| key.label())), now)
}

/// A place at the target that the key leads to.
///
/// # Errors
/// Why there is none, and until when.
fn admit(
    member: &Member,
    model: &ModelId,
    key: Option<Arc<PoolKey>>,
    now: Duration,
) -> Result<Drawn, Out> {
    let ticket = target(member, model, key.as_ref(), now).admit(now)?;
    Ok(Drawn { key, ticket })
}

/// A key by weight, of those that were not `tried` and are not benched, and with which the model is well.
///
/// # Errors
/// The target that may be asked first, of those that are left alone; `None` if there is no such key at all.
fn draw(
    member: &Member,
    model: &ModelId,
    pool: &Pool,
    tried: &[Arc<PoolKey>],
    rng: &dyn Rng,
    now: Duration,
) -> Result<Drawn, Option<Out>> {
    let mut passed = tried.to_vec();
    let mut first: Option<Out> = None;
    while let Some(key) = pool.draw(model, &passed, now, || rng.next_u64()) {
        match admit(member, model, Some(Arc::clone(key)), now) {
            Ok(drawn) => return Ok(drawn),
            Err(out) => {
                first = Some(
                    first
                        .filter(|first| first.until <= out.until)
                        .unwrap_or(out),
                );
                passed.push(Arc::clone(key));
            }
        }
    }
    Err(first)
}
