//! From a tree and a call to an order of targets.
//!
//! A plan is a list of steps, each with its ways out: after a failure of this kind, go to that step. So whoever runs it needs
//! to know nothing of the tree.

use crate::facts::{Compat, Facts, View};
use crate::node::{Failures, Node, NodeKind, Settings, Strategy, Target};
use crate::order::{label, model_set};

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
