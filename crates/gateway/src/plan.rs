//! From a call to an ordered list of targets.
//!
//! A pure function of the call, the configuration, the targets' health and chance.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use orchestra_dialects::{Endpoint, ErrorKind};
use orchestra_providers::{Provider, ResolveError};
use orchestra_routing::{Choice, Compat, Exit, Node, PlanError, Planner, Retry, Settings, Step};
use orchestra_types::{KeyId, ModelId, ProviderId, Rng};

use crate::alternatives::Alternatives;
use crate::call::Call;
use crate::providers::Member;
use crate::refusal::Refusal;
use crate::routes::{CallCost, CallFacts, Finder, RelayMode, Routes, TargetView, model_for};
use crate::settings::Settings as GatewaySettings;
use crate::stage::{Candidate, Exchange, Stage, usual};

/// The most places that one call may be brought to, however large its tree is.
const MOST_STAGES: usize = 16;

/// The most sends that a tree can ask for.
const MOST_ATTEMPTS: usize = 32;

/// What is tried for a call.
#[derive(Debug)]
pub(crate) struct Plan {
    /// In their order; the first is tried first. Never empty.
    pub(crate) stages: Vec<Stage>,
    /// The choices that a tree made, from its root down.
    pub(crate) choices: Vec<Choice>,
    /// Whether somebody wrote down where to go on: then as many targets are tried as stand there.
    pub(crate) written: bool,
}

impl Plan {
    /// How often the call may be sent. Who wrote several targets and retries down has each of them made, if need be.
    pub(crate) fn most_attempts(&self, settings: &GatewaySettings) -> usize {
        let retries = |stage: &Stage| {
            stage
                .settings
                .retry
                .as_ref()
                .map_or(0, |retry| retry.attempts)
        };
        let sends = |stage: &Stage| 1 + usize::try_from(retries(stage)).unwrap_or(MOST_ATTEMPTS);
        let written = self.stages.iter().map(sends).fold(0, usize::saturating_add);
        let written = if self.written {
            written.min(MOST_ATTEMPTS)
        } else {
            0
        };
        settings.max_attempts.max(written)
    }
}

/// What a plan is made from.
pub(crate) struct Planning<'p> {
    pub(crate) finder: Finder<'p>,
    pub(crate) routes: &'p Routes,
    pub(crate) call: &'p Call,
    pub(crate) client: Option<&'p KeyId>,
    /// Monotonic.
    pub(crate) now: Duration,
    /// Since 1970.
    pub(crate) unix: Duration,
    pub(crate) rng: &'p dyn Rng,
    /// Whether a failure leads to another target.
    pub(crate) fallback: bool,
}

impl Planning<'_> {
    /// Finds the targets of the call, the first to be asked first.
    pub(crate) fn plan(&self) -> Result<Plan, Refusal> {
        let mut plan = match self.tree() {
            Some(tree) => self.along(tree)?,
            None => self.by_name()?,
        };
        if !self.fallback {
            plan.stages.truncate(1);
            plan.stages.iter_mut().for_each(|stage| stage.exits.clear());
        }
        Ok(plan)
    }

    /// The tree that the call follows: the one that it brings or names, or the one that its model stands for. A provider that is
    /// named by path knows its own models.
    fn tree(&self) -> Option<&Node> {
        let brought = self.call.directions.tree.as_deref();
        let named = || {
            let model = self.call.head.model();
            let tree = self.routes.models.get(model)?;
            self.call.pinned.is_none().then_some(&**tree)
        };
        brought.or_else(named)
    }

    /// One after the other of those that the model's name leads to. The name of a model that is asked of a pinned provider
    /// goes through as it is, but for the provider's own slug.
    fn by_name(&self) -> Result<Plan, Refusal> {
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
            compat: Compat::Correct,
            exits: (at < last).then(|| usual(at + 1)).into_iter().collect(),
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

    /// As a tree says.
    fn along(&self, tree: &Node) -> Result<Plan, Refusal> {
        let plan = self.planned(tree)?;
        let mut choices = plan.choices;
        Ok(Plan {
            stages: self.with_alternatives(self.stages(plan.steps), &mut choices),
            choices,
            written: true,
        })
    }

    /// What a tree makes of the call.
    pub(crate) fn planned(&self, tree: &Node) -> Result<orchestra_routing::Plan, Refusal> {
        let facts = CallFacts::new(self.call, self.client, self.unix);
        let view = TargetView {
            finder: self.finder,
            model: self.call.head.model(),
            pinned: self.call.pinned.as_ref(),
            now: self.now,
            cost: CallCost::of(self.call),
        };
        let mut planner = Planner {
            facts: &facts,
            view: &view,
            compat: self.routes.compat,
            draw: &mut || unit(self.rng.next_u64()),
        };
        planner.plan(tree).map_err(|error| no_plan(&error))
    }

    /// The places that the steps lead to: several where a step names a model that has several. Those come one after the other,
    /// and each has the step's ways out besides.
    pub(crate) fn stages(&self, steps: Vec<Step>) -> Vec<Stage> {
        let mut begins = Vec::with_capacity(steps.len());
        let mut stages = Vec::with_capacity(steps.len().min(MOST_STAGES));
        for step in steps {
            // A caller may bring a tree of hundreds of targets along.
            if stages.len() >= MOST_STAGES {
                break;
            }
            begins.push(stages.len());
            let settings = self.settings(&step);
            let targets = self.targets(&step, &settings);
            let last = targets.len().saturating_sub(1);
            for (number, target) in targets.into_iter().enumerate() {
                let next = (number < last).then(|| usual(stages.len() + 1));
                stages.push((
                    next,
                    target,
                    settings.clone(),
                    step.path.clone(),
                    step.exits.clone(),
                ));
            }
        }
        stages.truncate(MOST_STAGES);
        let most = stages.len();
        let translate = |exit: Exit| {
            let to = *begins.get(exit.to)?;
            Some(Exit { to, ..exit })
        };
        let stage =
            |(next, target, settings, path, exits): (Option<Exit>, _, _, _, Vec<Exit>)| Stage {
                target,
                path,
                settings,
                compat: self.routes.compat,
                exits: next
                    .into_iter()
                    .chain(exits.into_iter().filter_map(translate))
                    .filter(|exit| exit.to < most)
                    .collect(),
                alternatives: Alternatives::default(),
                only_after: None,
            };
        stages.into_iter().map(stage).collect()
    }

    /// What holds at a step. In Portkey's manner nobody is asked again unless the tree says so.
    fn settings(&self, step: &Step) -> Settings {
        let mut settings = self.call.directions.settings.within(&step.settings);
        if self.routes.compat == Compat::Portkey {
            settings.retry.get_or_insert(Retry::NONE);
        }
        settings
    }

    /// Where a step leads; at least to the reason why nowhere.
    fn targets(&self, step: &Step, settings: &Settings) -> Vec<Result<Candidate, Refusal>> {
        let model = &model_for(&step.target, settings, self.call.head.model());
        let pinned = self.call.pinned.as_ref();
        let found = match self.finder.places(&step.target, model, pinned) {
            Ok(found) => found,
            Err(refusal) => return vec![Err(refusal)],
        };
        let callable = |(member, model): &(Arc<Member>, ModelId)| {
            let candidate = self.candidate(member, model)?;
            let refusal = member.keys().refusal(member.provider.id());
            Some(refusal.map_or(Ok(candidate), Err))
        };
        let targets: Vec<_> = found.iter().filter_map(callable).collect();
        if targets.is_empty() {
            return vec![Err(speaks_otherwise(self.call.endpoint, model, &found))];
        }
        targets
    }

    pub(crate) fn candidate(&self, member: &Arc<Member>, model: &ModelId) -> Option<Candidate> {
        Some(Candidate {
            exchange: exchange(&member.provider, self.call.endpoint)?,
            member: Arc::clone(member),
            model: model.clone(),
        })
    }
}

/// 64 random bits as a number from 0 to 1.
fn unit(bits: u64) -> f64 {
    let upper = u32::try_from(bits >> 32).unwrap_or(u32::MAX);
    f64::from(upper) / f64::from(u32::MAX)
}

fn no_plan(error: &PlanError) -> Refusal {
    Refusal::invalid("no_condition_holds", error.to_string()).for_good()
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

/// The client's own dialect wherever the provider speaks it; `None` if there is no way.
fn exchange(provider: &Provider, endpoint: Endpoint) -> Option<Exchange> {
    if provider.endpoint(endpoint).is_some() {
        Some(Exchange::Direct)
    } else if provider.translates_to().is_empty() {
        None
    } else if endpoint == Endpoint::CountTokens {
        Some(Exchange::Estimated)
    } else {
        holds_conversations(endpoint).then_some(Exchange::Translated)
    }
}

/// Whether calls of the endpoint can be translated.
fn holds_conversations(endpoint: Endpoint) -> bool {
    endpoint != Endpoint::CountTokens && endpoint.dialect().codec().is_some()
}

pub(crate) fn unknown_model(error: &ResolveError) -> Refusal {
    let not_found = |code| {
        Refusal::new(
            StatusCode::NOT_FOUND,
            ErrorKind::NotFound,
            code,
            error.to_string(),
        )
    };
    match error {
        ResolveError::NotConfigured { .. } => no_key_for(error.to_string()),
        _ => not_found("model_not_found"),
    }
    .at("model")
    .for_good()
}

/// The gateway lacks a key; the client's own was fine. The status says so in the only word
/// that clients do not take for a passing trouble.
pub(crate) fn no_key_for(message: String) -> Refusal {
    Refusal::new(
        StatusCode::UNAUTHORIZED,
        ErrorKind::Authentication,
        "provider_key_missing",
        message,
    )
    .for_good()
}

pub(crate) fn speaks_otherwise(
    endpoint: Endpoint,
    model: &str,
    targets: &[(Arc<Member>, ModelId)],
) -> Refusal {
    let spoken = |provider: &Provider| {
        let paths: Vec<&str> = Endpoint::SERVED
            .into_iter()
            .filter(|e| provider.endpoint(*e).is_some())
            .map(Endpoint::path)
            .collect();
        paths.join(", ")
    };
    let mut names: Vec<&ProviderId> = Vec::new();
    let mut offers = String::new();
    for (member, _) in targets {
        let provider = &member.provider;
        if !names.contains(&provider.id()) {
            names.push(provider.id());
            offers.push_str(&format!(
                "; `{}` serves {}",
                provider.id(),
                spoken(provider)
            ));
        }
    }
    Refusal::invalid(
        "endpoint_not_supported",
        format!("model `{model}` cannot be reached through {}: no provider of it serves that endpoint{offers}", endpoint.path()),
    )
    .at("model")
}
