//! From a call to an ordered list of targets.
//!
//! A pure function of the call, the configuration, the targets' health and chance.

use std::sync::Arc;
use std::time::Duration;

use orchestra_dialects::Endpoint;
use orchestra_providers::Provider;
use orchestra_routing::{Choice, Compat, Exit, Node, PlanError, Planner, Retry, Settings, Step};
use orchestra_types::{KeyId, ModelId, Rng};

use crate::alternatives::Alternatives;
use crate::call::Call;
use crate::providers::Member;
use crate::refusal::Refusal;
use crate::routes::{CallCost, CallFacts, Finder, Routes, TargetView, model_for};
use crate::settings::Settings as GatewaySettings;
use crate::stage::{Candidate, Exchange, Stage, usual};
use crate::unreachable::speaks_otherwise;

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
        let mut stages: Vec<(Stage, Vec<Exit>)> = Vec::with_capacity(steps.len().min(MOST_STAGES));
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
                let stage = Stage {
                    target,
                    path: step.path.clone(),
                    settings: settings.clone(),
                    exits: next.into_iter().collect(),
                    compat: self.routes.compat,
                    alternatives: Alternatives::default(),
                    only_after: None,
                };
                stages.push((stage, step.exits.clone()));
            }
        }
        stages.truncate(MOST_STAGES);
        lead_out(stages, &begins)
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

/// The stages with the ways out of their steps, which name steps by their places: each begins at one of `begins`, if it is
/// not too far behind.
fn lead_out(stages: Vec<(Stage, Vec<Exit>)>, begins: &[usize]) -> Vec<Stage> {
    let most = stages.len();
    let translate = |exit: Exit| {
        let to = *begins.get(exit.to)?;
        Some(Exit { to, ..exit })
    };
    let lead = |(mut stage, exits): (Stage, Vec<Exit>)| {
        stage.exits.extend(exits.into_iter().filter_map(translate));
        stage.exits.retain(|exit| exit.to < most);
        stage
    };
    stages.into_iter().map(lead).collect()
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

/// 64 random bits as a number from 0 to 1.
pub(crate) fn unit(bits: u64) -> f64 {
    let upper = u32::try_from(bits >> 32).unwrap_or(u32::MAX);
    f64::from(upper) / f64::from(u32::MAX)
}

fn no_plan(error: &PlanError) -> Refusal {
    Refusal::invalid("no_condition_holds", error.to_string()).for_good()
}
