//! The models that an operator names for calls that a model cannot serve as they are.
//!
//! A call that is too long for one model may fit another, and what one vendor's policy refuses another's may not. Both are
//! for the operator to say (`on_context_length`, `on_content_policy`); a plan has such alternatives behind its other stages,
//! where nothing but their own kind of failure leads.

use std::collections::BTreeMap;
use std::sync::Arc;

use orchestra_providers::ErrorClass;
use orchestra_routing::{Choice, Compat, Settings};
use orchestra_types::ModelId;

use crate::fault::{Fault, FaultKind, Reached};
use crate::plan::Planning;
use crate::providers::Member;
use crate::refusal::Refusal;
use crate::stage::{Candidate, Stage, usual};
use crate::unreachable::speaks_otherwise;

/// The most stages that alternatives add to a plan.
const MOST_STAGES: usize = 16;

/// A failure that is about the call and the model, not about the target's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trouble {
    /// The call is longer than the model can take.
    TooLong,
    /// A content policy of the provider's refused the call.
    Refused,
}

impl Trouble {
    const ALL: [Self; 2] = [Self::TooLong, Self::Refused];

    /// What a fault says of the call. Nothing once the client has seen content; nothing of policies of the operator's own,
    /// which are no content policy.
    pub(crate) fn of(fault: &Fault) -> Option<Self> {
        if fault.reached == Reached::Streaming {
            return None;
        }
        match fault.kind {
            FaultKind::Reported(ErrorClass::ContextLength) => Some(Self::TooLong),
            FaultKind::Reported(ErrorClass::ContentPolicy) => Some(Self::Refused),
            _ => None,
        }
    }

    /// The member of a node that names the alternative.
    pub(crate) const fn rule(self) -> &'static str {
        match self {
            Self::TooLong => "on_context_length",
            Self::Refused => "on_content_policy",
        }
    }

    /// The fault's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::TooLong => ErrorClass::ContextLength.name(),
            Self::Refused => ErrorClass::ContentPolicy.name(),
        }
    }

    /// The alternatives that settings name.
    pub(crate) fn named_in(settings: &Settings) -> impl Iterator<Item = (Self, &String)> {
        let named = |trouble: Self| Some((trouble, trouble.named(settings)?));
        Self::ALL.into_iter().filter_map(named)
    }

    /// The alternative that holds at a stage.
    const fn named(self, settings: &Settings) -> Option<&String> {
        match self {
            Self::TooLong => settings.on_context_length.as_ref(),
            Self::Refused => settings.on_content_policy.as_ref(),
        }
    }
}

/// Where the alternatives of a stage begin, by their places in the plan.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Alternatives {
    too_long: Option<usize>,
    refused: Option<usize>,
}

impl Alternatives {
    pub(crate) const fn after(self, trouble: Trouble) -> Option<usize> {
        match trouble {
            Trouble::TooLong => self.too_long,
            Trouble::Refused => self.refused,
        }
    }

    pub(crate) const fn are_there(self) -> bool {
        self.too_long.is_some() || self.refused.is_some()
    }

    const fn put(&mut self, trouble: Trouble, begin: usize) {
        match trouble {
            Trouble::TooLong => self.too_long = Some(begin),
            Trouble::Refused => self.refused = Some(begin),
        }
    }
}

impl Planning<'_> {
    /// The stages with all their alternatives behind them, and the alternatives of those. No circle leads on for ever: trees
    /// that name each other in one are refused when they are loaded.
    pub(crate) fn with_alternatives(
        &self,
        mut stages: Vec<Stage>,
        choices: &mut Vec<Choice>,
    ) -> Vec<Stage> {
        let most = stages.len() + MOST_STAGES;
        let mut begins = BTreeMap::new();
        let mut at = 0;
        while at < stages.len() {
            for trouble in Trouble::ALL {
                let Some(name) = trouble.named(&stages[at].settings).cloned() else {
                    continue;
                };
                let begin = *begins.entry((trouble, name.clone())).or_insert_with(|| {
                    let begin = stages.len();
                    let more = self.alternative(&name, choices);
                    stages.extend(more.into_iter().map(|stage| moved(stage, trouble, begin)));
                    begin
                });
                // What was cut off is known by its name, and is nowhere.
                if begin < most {
                    stages[at].alternatives.put(trouble, begin);
                }
            }
            at += 1;
            if stages.len() > most {
                cut(&mut stages, most);
            }
        }
        stages
    }

    /// What the name of an alternative leads to: a tree, or the targets that a call for it would be brought to.
    fn alternative(&self, name: &str, choices: &mut Vec<Choice>) -> Vec<Stage> {
        let mut stages = match self.routes.models.get(name) {
            Some(tree) => match self.planned(tree) {
                Ok(plan) => {
                    let within = |choice: Choice| Choice {
                        path: below(name, &choice.path),
                        ..choice
                    };
                    choices.extend(plan.choices.into_iter().map(within));
                    self.stages(plan.steps)
                }
                Err(refusal) => vec![self.stage(Err(refusal))],
            },
            None => self.by_the_name(name),
        };
        for stage in &mut stages {
            stage.path = below(name, &stage.path);
        }
        stages
    }

    fn by_the_name(&self, name: &str) -> Vec<Stage> {
        let found = match self.named(name) {
            Ok(found) => found,
            Err(refusal) => return vec![self.stage(Err(refusal))],
        };
        let callable = |(member, model): &(Arc<Member>, ModelId)| {
            let candidate = self.candidate(member, model)?;
            let refusal = member.keys().refusal(member.provider.id());
            Some(self.stage(refusal.map_or(Ok(candidate), Err)))
        };
        let mut stages: Vec<Stage> = found.iter().filter_map(callable).collect();
        if stages.is_empty() {
            let refusal = speaks_otherwise(self.call.endpoint, name, &found);
            return vec![self.stage(Err(refusal))];
        }
        let last = stages.len() - 1;
        for (at, stage) in stages.iter_mut().enumerate().take(last) {
            stage.exits.push(usual(at + 1));
        }
        stages
    }

    /// A stage of no tree.
    fn stage(&self, target: Result<Candidate, Refusal>) -> Stage {
        Stage {
            target,
            path: String::new(),
            settings: self.call.directions.settings.clone(),
            compat: Compat::Correct,
            exits: Vec::new(),
            alternatives: Alternatives::default(),
            only_after: None,
        }
    }
}

/// A stage of an alternative, which begins at `begin` in the plan.
fn moved(mut stage: Stage, trouble: Trouble, begin: usize) -> Stage {
    for exit in &mut stage.exits {
        exit.to += begin;
    }
    stage.only_after = Some(trouble);
    stage
}

/// Takes off what is too much, and the ways there.
fn cut(stages: &mut Vec<Stage>, most: usize) {
    stages.truncate(most);
    for stage in stages {
        stage.exits.retain(|exit| exit.to < most);
    }
}

/// Where a place within a tree of `[models]` is, for reports of another tree.
fn below(name: &str, path: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{name}.{path}")
    }
}
