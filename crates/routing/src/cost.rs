//! Choosing what costs least.

use orchestra_types::Money;

use crate::facts::View;
use crate::node::Node;
use crate::order::{each_target, label};

/// All places, the cheapest first, and why. What rests comes last, and before it what nobody knows a price of; among equals
/// the order stands in which they are written.
pub(crate) fn cheapest(
    view: &dyn View,
    children: &[Node],
    model: Option<&str>,
) -> (Vec<usize>, String) {
    let usual = usual_output(view, children, model);
    let cost = |child| cost(view, child, model, usual);
    let costs: Vec<Cost> = children.iter().map(cost).collect();
    let mut order: Vec<usize> = (0..children.len()).collect();
    order.sort_by_key(|place| costs[*place].rank());
    let named = |place: &usize| {
        format!(
            "{} {}",
            label(&children[*place], *place),
            costs[*place].word()
        )
    };
    let reason = if costs.iter().all(|cost| cost.least.is_none()) {
        "no price is known: in the order written".to_owned()
    } else {
        let costs: Vec<String> = order.iter().map(named).collect();
        format!(
            "by estimated cost, the cheapest first: {}",
            costs.join(", ")
        )
    };
    (order, reason)
}

/// What a call would cost at a node.
#[derive(Clone, Copy, Default)]
struct Cost {
    /// At the cheapest of its targets; `None` if no price is known.
    least: Option<Money>,
    /// Whether one of them may be asked.
    ready: bool,
}

impl Cost {
    fn rank(&self) -> (bool, bool, Option<Money>) {
        (!self.ready, self.least.is_none(), self.least)
    }

    fn word(&self) -> String {
        let cost = self
            .least
            .map_or_else(|| "unknown".to_owned(), |least| format!("${least}"));
        let rests = if self.ready { "" } else { " (left alone)" };
        cost + rests
    }

    fn or(self, other: Self) -> Self {
        let least = match (self.least, other.least) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Self {
            least,
            ready: self.ready || other.ready,
        }
    }
}

/// How long an answer is on average over the targets of which it is known. Of the others the same is thought: whoever has not been
/// asked yet would else be taken for cheap, or for dear, for as long as nobody asks.
fn usual_output(view: &dyn View, children: &[Node], model: Option<&str>) -> Option<u64> {
    let (mut sum, mut count) = (0_u64, 0_u64);
    for child in children {
        each_target(child, model, &mut |target| {
            if let Some(output) = view.output(target) {
                sum = sum.saturating_add(output);
                count += 1;
            }
        });
    }
    sum.checked_div(count)
}

/// Where a node has targets that are ready, those that are left alone are no bargain.
fn cost(view: &dyn View, node: &Node, model: Option<&str>, usual: Option<u64>) -> Cost {
    let mut costs = Vec::new();
    each_target(node, model, &mut |target| {
        costs.push(Cost {
            least: view.price(target, view.output(target).or(usual)),
            ready: view.share(target) > 0.0,
        });
    });
    let ready = costs.iter().any(|cost| cost.ready);
    costs.retain(|cost| cost.ready == ready);
    costs.into_iter().reduce(Cost::or).unwrap_or_default()
}
