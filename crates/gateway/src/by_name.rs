//! From the name of a model to those who serve it.

use std::sync::Arc;

use orchestra_routing::Compat;
use orchestra_types::ModelId;

use crate::alternatives::Alternatives;
use crate::plan::{Plan, Planning, unit};
use crate::providers::Member;
use crate::refusal::Refusal;
use crate::routes::RelayMode;
use crate::stage::{Candidate, Stage, usual};
use crate::unreachable::speaks_otherwise;

impl Planning<'_> {
    /// One after the other of those that the model's name leads to. The name of a model that is asked of a pinned provider
    /// goes through as it is, but for the provider's own slug.
    pub(crate) fn by_name(&self) -> Result<Plan, Refusal> {
        let model = self.call.head.model();
        let found = match &self.call.pinned {
            Some(member) => self.finder.pinned(Arc::clone(member), model)?,
            None => self.named(model)?,
        };
        let mut candidates: Vec<Candidate> = found
            .iter()
            .filter_map(|(member, model)| self.candidate(member, model))
            .collect();
        if candidates.is_empty() {
            return Err(speaks_otherwise(self.call.endpoint, model, &found));
        }
        keep_callable(&mut candidates)?;
        if self.fallback {
            self.put_in_order(&mut candidates);
        }
        let last = candidates.len() - 1;
        let stage = |(at, target)| Stage {
            target: Ok(target),
            path: String::new(),
            settings: self.call.directions.settings.clone(),
            exits: (at < last).then(|| usual(at + 1)).into_iter().collect(),
            compat: Compat::Correct,
            alternatives: Alternatives::default(),
            only_after: None,
        };
        Ok(Plan {
            stages: candidates.into_iter().enumerate().map(stage).collect(),
            choices: Vec::new(),
            written: false,
        })
    }

    /// Among the ready, and among the resting, the operator's order stands. One that has just come back is passed by, but for a
    /// share of the calls that grows.
    fn put_in_order(&self, candidates: &mut [Candidate]) {
        let share = |target: &Candidate| target.member.share(&target.model, self.now);
        if candidates.len() < 2 || candidates.iter().all(|target| share(target) >= 1.0) {
            return;
        }
        candidates.sort_by_cached_key(|target| match share(target) {
            0.0 => 2,
            share if share >= 1.0 || unit(self.rng.next_u64()) < share => 0,
            _ => 1,
        });
    }

    /// Who serves a model by its name, by way of another gateway where that is wanted.
    pub(crate) fn named(&self, model: &str) -> Result<Vec<(Arc<Member>, ModelId)>, Refusal> {
        let direct = self.finder.resolve(model);
        let Some((relay, member)) = self.finder.relay() else {
            return direct;
        };
        let places = match direct {
            Ok(places) => places,
            // Its own provider is not configured, but the relay may have it.
            Err(_) if member.knows_who_answers() => {
                return Ok(vec![(Arc::clone(member), ModelId::new(model))]);
            }
            Err(refusal) => return Err(refusal),
        };
        // Whoever names the relay gets it, and whoever names several targets wants them in this order.
        if places.iter().any(|(place, _)| Arc::ptr_eq(place, member)) {
            return Ok(places);
        }
        let relayed = |(direct, model): &(Arc<Member>, ModelId)| {
            let model = relay.model(member, direct.provider.id(), model)?;
            Some((Arc::clone(member), model))
        };
        let Some(relayed) = places.iter().find_map(relayed) else {
            return Ok(places);
        };
        Ok(match relay.mode {
            RelayMode::First => std::iter::once(relayed).chain(places).collect(),
            RelayMode::Fallback => places.into_iter().chain([relayed]).collect(),
            RelayMode::Only => vec![relayed],
            RelayMode::Off => places,
        })
    }
}

/// Leaves out targets whose keys cannot be had, as long as others are left.
fn keep_callable(candidates: &mut Vec<Candidate>) -> Result<(), Refusal> {
    let mut refused = Vec::new();
    candidates.retain(|target| {
        let member = &target.member;
        let refusal = member.keys().refusal(member.provider.id());
        let callable = refusal.is_none();
        refused.extend(refusal);
        callable
    });
    if !candidates.is_empty() {
        return Ok(());
    }
    // What an operator is about to mend comes before what is wrong for longer.
    refused.sort_by_key(|refusal| refusal.for_good);
    refused.into_iter().next().map_or(Ok(()), Err)
}
