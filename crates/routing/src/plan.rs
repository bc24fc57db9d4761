//! From a tree and a call to an order of targets.
//!
//! A plan is a list of steps, each with its ways out: after a failure of this kind, go to that step. So whoever runs it needs
//! to know nothing of the tree.

use std::borrow::Cow;

use crate::cost::cheapest;
use crate::facts::{Compat, Facts, View};
use crate::node::{Failures, Node, NodeKind, Settings, Sticky, Strategy, Target};
use crate::pick::{lasting_draw, lasting_text, two_choices, weighted_order};

/// What is tried, in which order, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The steps; the first is tried first.
    pub steps: Vec<Step>,
    /// Every choice that was made, from the root down.
    pub choices: Vec<Choice>,
}

/// One target in a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Where it stands in the configuration.
    pub path: String,
    /// What it is called there.
    pub name: Option<String>,
    /// The target.
    pub target: Target,
    /// All that holds for it, with what the nodes above say.
    pub settings: Settings,
    /// Where to go on after a failure: the first that the failure fits. None, and the failure is the answer.
    pub exits: Vec<Exit>,
}

/// A way out of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// For which failures.
    pub on: Failures,
    /// To which step, by its place in the plan.
    pub to: usize,
}

/// A choice that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Where the strategy stands in the configuration.
    pub path: String,
    /// Its mode.
    pub mode: &'static str,
    /// The children in the order in which they are tried, by name or place.
    pub order: Vec<String>,
    /// The rule that decided.
    pub reason: String,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// No condition holds, and there is no default.
    #[error("{}: no condition holds for this call, and there is no default", if path.is_empty() { "strategy" } else { path })]
    NoCondition {
        /// Where the strategy stands.
        path: String,
    },
}

/// What a plan is made from.
pub struct Planner<'p> {
    /// The call.
    pub facts: &'p dyn Facts,
    /// What is known of targets.
    pub view: &'p dyn View,
    /// Whether Portkey's oddities are wanted.
    pub compat: Compat,
    /// Chance, 0 to 1.
    pub draw: &'p mut dyn FnMut() -> f64,
}

impl std::fmt::Debug for Planner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Planner")
            .field("compat", &self.compat)
            .finish_non_exhaustive()
    }
}

impl Planner<'_> {
    /// Works out what is tried.
    ///
    /// # Errors
    /// [`PlanError::NoCondition`] if the tree has no place for the call.
    pub fn plan(&mut self, tree: &Node) -> Result<Plan, PlanError> {
        let mut plan = Plan {
            steps: Vec::new(),
            choices: Vec::new(),
        };
        self.add(tree, &Settings::default(), &mut plan)?;
        Ok(plan)
    }

    /// Adds a node's steps. Their ways out within the node are set; those out of the node are the caller's to add.
    fn add(&mut self, node: &Node, above: &Settings, plan: &mut Plan) -> Result<(), PlanError> {
        let settings = node.settings.within(above);
        match &node.kind {
            NodeKind::Target(target) => {
                plan.steps.push(Step {
                    path: node.path.clone(),
                    name: node.name.clone(),
                    target: target.clone(),
                    settings,
                    exits: Vec::new(),
                });
                Ok(())
            }
            NodeKind::Strategy { strategy, children } => {
                let (order, reason) = self.order(node, strategy, children, model_set(&settings))?;
                plan.choices.push(Choice {
                    path: node.path.clone(),
                    mode: strategy.mode(),
                    order: order
                        .iter()
                        .map(|place| label(&children[*place], *place))
                        .collect(),
                    reason,
                });
                self.add_all(
                    &order,
                    children,
                    &settings,
                    leads_on(strategy, self.compat),
                    plan,
                )
            }
        }
    }

    /// Adds children one after the other. A failure within one that `on` names leads to the next.
    fn add_all(
        &mut self,
        order: &[usize],
        children: &[Node],
        settings: &Settings,
        on: Option<Failures>,
        plan: &mut Plan,
    ) -> Result<(), PlanError> {
        let mut previous = plan.steps.len()..plan.steps.len();
        for place in order {
            let begin = plan.steps.len();
            if let Some(on) = &on {
                for step in &mut plan.steps[previous] {
                    step.exits.push(Exit {
                        on: on.clone(),
                        to: begin,
                    });
                }
            }
            self.add(&children[*place], settings, plan)?;
            previous = begin..plan.steps.len();
        }
        Ok(())
    }

    /// The children that are tried, in their order.
    fn order(
        &mut self,
        node: &Node,
        strategy: &Strategy,
        children: &[Node],
        model: Option<&str>,
    ) -> Result<(Vec<usize>, String), PlanError> {
        let all = || (0..children.len()).collect();
        Ok(match strategy {
            Strategy::Single => (vec![0], "the first".to_owned()),
            Strategy::Fallback { .. } => (all(), "in the order written".to_owned()),
            Strategy::LoadBalance { sticky } => {
                self.balanced(node, sticky.as_ref(), children, model)
            }
            Strategy::Experiment { name, sticky } => self.assigned(name, sticky, children),
            Strategy::Conditional {
                conditions,
                default,
            } => {
                return self.conditional(node, conditions, *default);
            }
            Strategy::LeastLatency => {
                let costs = self.costs(children, model, |view, target| view.latency(target));
                let order = two_choices(&costs, |_| (self.draw)());
                (
                    order,
                    "the less busy and faster of two drawn by chance".to_owned(),
                )
            }
            Strategy::LeastCost => cheapest(self.view, children, model),
        })
    }

    /// By weights, less for a target that is unwell. In Portkey's manner one is drawn and health is no matter.
    fn balanced(
        &mut self,
        node: &Node,
        sticky: Option<&Sticky>,
        children: &[Node],
        model: Option<&str>,
    ) -> (Vec<usize>, String) {
        if self.compat == Compat::Portkey {
            let weights: Vec<f64> = children.iter().map(|child| child.weight).collect();
            let mut order = weighted_order(&weights, |_| (self.draw)());
            order.truncate(1);
            return (order, "drawn by weight".to_owned());
        }
        let (order, reason) = match sticky {
            Some(sticky) => {
                // Weights alone decide where somebody belongs: a target that is unwell for a while is passed by, not moved from.
                let weights: Vec<f64> = children.iter().map(|child| child.weight).collect();
                let caller = self.caller(&node.path, sticky);
                let draw = |place: usize| lasting_draw(&caller, &label(&children[place], place));
                (
                    weighted_order(&weights, draw),
                    "by weight, the same for the same caller",
                )
            }
            None => {
                let weights = self.weights(children, model);
                (
                    weighted_order(&weights, |_| (self.draw)()),
                    "drawn by weight and health",
                )
            }
        };
        let on = |place: &usize| children[*place].weight > 0.0;
        (order.into_iter().filter(on).collect(), reason.to_owned())
    }

    /// Always the same variant, and no other if it fails: its results would be the other's.
    fn assigned(&self, name: &str, sticky: &Sticky, children: &[Node]) -> (Vec<usize>, String) {
        let weights: Vec<f64> = children.iter().map(|child| child.weight).collect();
        let caller = self.caller(name, sticky);
        let draw = |place: usize| lasting_draw(&caller, &label(&children[place], place));
        let mut order = weighted_order(&weights, draw);
        order.truncate(1);
        (
            order,
            format!("the caller's variant in experiment `{name}`"),
        )
    }

    fn conditional(
        &self,
        node: &Node,
        conditions: &[(crate::Query, usize)],
        default: Option<usize>,
    ) -> Result<(Vec<usize>, String), PlanError> {
        let holding = conditions
            .iter()
            .position(|(query, _)| query.holds(self.facts, self.compat));
        match (holding, default) {
            (Some(place), _) => Ok((
                vec![conditions[place].1],
                format!("condition {place} holds"),
            )),
            (None, Some(default)) => Ok((vec![default], "no condition holds".to_owned())),
            (None, None) => Err(PlanError::NoCondition {
                path: node.path.clone(),
            }),
        }
    }

    fn weights(&self, children: &[Node], model: Option<&str>) -> Vec<f64> {
        let weight = |child: &Node| {
            let share = |target: &Target| self.view.share(target);
            let share = best(child, model, &share, f64::max).unwrap_or(0.0);
            // One that is out keeps a trace of its weight, so that it comes behind the others and before nobody.
            child.weight * share.max(1e-6)
        };
        children.iter().map(weight).collect()
    }

    fn costs(
        &self,
        children: &[Node],
        model: Option<&str>,
        of: impl Fn(&dyn View, &Target) -> f64,
    ) -> Vec<f64> {
        let cost = |child: &Node| {
            let share = |target: &Target| self.view.share(target);
            let out = best(child, model, &share, f64::max).unwrap_or(0.0) <= 0.0;
            let cost = |target: &Target| of(self.view, target);
            let cost = best(child, model, &cost, f64::min).unwrap_or(f64::MAX);
            if out { f64::MAX } else { cost }
        };
        children.iter().map(cost).collect()
    }

    /// What tells this caller from others, for one choice.
    fn caller(&self, choice: &str, sticky: &Sticky) -> String {
        let mut text = format!("{choice}\0{}", self.facts.caller());
        for field in &sticky.fields {
            text.push('\0');
            let value = match field.split_once('.') {
                Some(("metadata", name)) => self.facts.metadata(name).map(Cow::Borrowed),
                Some(("headers", name)) => {
                    let name = name.to_ascii_lowercase();
                    self.facts.header(&name).map(Cow::Borrowed)
                }
                Some(("params", name)) => {
                    let value = self.facts.param(name);
                    value.map(|value| Cow::Owned(value.to_string()))
                }
                None if field == Sticky::CONVERSATION => self.facts.beginning().map(Cow::Borrowed),
                _ => None,
            };
            text.push_str(&value.unwrap_or_default());
        }
        lasting_text(text)
    }
}

/// Which failures lead from one child to the next.
fn leads_on(strategy: &Strategy, compat: Compat) -> Option<Failures> {
    match (strategy, compat) {
        (
            Strategy::Fallback {
                on: Failures::Usual,
            },
            Compat::Portkey,
        ) => Some(Failures::Any),
        (Strategy::Fallback { on }, _) => Some(on.clone()),
        (Strategy::LoadBalance { .. }, Compat::Correct)
        | (Strategy::LeastLatency | Strategy::LeastCost, _) => Some(Failures::Usual),
        (Strategy::LoadBalance { .. }, Compat::Portkey)
        | (Strategy::Single | Strategy::Conditional { .. } | Strategy::Experiment { .. }, _) => {
            None
        }
    }
}

/// The best of all targets below a node; `model` is the one that the nodes above ask for.
fn best(
    node: &Node,
    model: Option<&str>,
    of: &dyn Fn(&Target) -> f64,
    better: fn(f64, f64) -> f64,
) -> Option<f64> {
    let mut found = None;
    each_target(node, model, &mut |target| {
        let one = of(target);
        found = Some(found.map_or(one, |found| better(found, one)));
    });
    found
}

/// The model that a node asks for, whatever the call does.
fn model_set(settings: &Settings) -> Option<&str> {
    settings.override_params.get("model")?.as_str()
}

/// All targets below a node, each with the model that it will be asked for if the tree says which: its own, or else the one
/// that is set closest to it.
pub(crate) fn each_target(node: &Node, model: Option<&str>, take: &mut dyn FnMut(&Target)) {
    let model = model_set(&node.settings).or(model);
    match (&node.kind, model) {
        (NodeKind::Target(target), Some(model)) if target.model.is_none() => take(&Target {
            model: Some(model.to_owned()),
            ..target.clone()
        }),
        (NodeKind::Target(target), _) => take(target),
        (NodeKind::Strategy { children, .. }, _) => {
            for child in children {
                each_target(child, model, take);
            }
        }
    }
}

pub(crate) fn label(node: &Node, place: usize) -> String {
    node.name.clone().unwrap_or_else(|| place.to_string())
}

impl Failures {
    /// Whether a failure with this status fits. `usual` says whether another target might not have it; `status` is
    /// `None` for a failure without an answer, which always leads on.
    #[must_use]
    pub fn fit(&self, status: Option<u16>, usual: bool) -> bool {
        match (self, status) {
            (Self::Usual, _) => usual,
            (Self::Any, _) | (Self::Statuses(_), None) => true,
            (Self::Statuses(statuses), Some(status)) => statuses.contains(&status),
        }
    }
}
