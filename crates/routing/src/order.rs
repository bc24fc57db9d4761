//! Which children of a node are tried, and in which order.

use std::borrow::Cow;

use crate::cost::cheapest;
use crate::facts::{Compat, View};
use crate::node::{Node, NodeKind, Settings, Sticky, Strategy, Target};
use crate::pick::{lasting_draw, lasting_text, two_choices, weighted_order};
use crate::plan::{PlanError, Planner};

impl Planner<'_> {
    /// The children that are tried, in their order.
    pub(crate) fn order(
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
pub(crate) fn model_set(settings: &Settings) -> Option<&str> {
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
