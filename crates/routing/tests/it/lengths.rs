//! Answers of which is known how long they are.

use orchestra_routing::{Compat, Node, Planner, Target, View};
use orchestra_types::Money;
use serde_json::json;

use crate::call::Call;

/// Targets by name: what an output token costs there, and how many an answer has. A call costs 1,000 besides.
struct Lengths([(&'static str, i128, Option<u64>); 3]);

impl Lengths {
    fn of(&self, target: &Target) -> (i128, Option<u64>) {
        let name = target.provider.as_deref();
        let row = self.0.iter().find(|row| Some(row.0) == name);
        row.map(|row| (row.1, row.2)).expect("each has a row")
    }

    fn order(&self) -> Vec<String> {
        let targets = self.0.map(|(name, ..)| json!({ "provider": name }));
        let tree = json!({ "strategy": { "mode": "least_cost" }, "targets": targets });
        let mut planner = Planner {
            facts: &Call::new(json!({})),
            view: self,
            compat: Compat::Correct,
            draw: &mut || 0.5,
        };
        let plan = planner.plan(&Node::parse(&tree).unwrap()).unwrap();
        let names = plan.steps.into_iter().map(|step| step.target.provider);
        names.map(Option::unwrap_or_default).collect()
    }
}

impl View for Lengths {
    fn share(&self, _: &Target) -> f64 {
        1.0
    }

    fn latency(&self, _: &Target) -> f64 {
        0.0
    }

    fn output(&self, target: &Target) -> Option<u64> {
        self.of(target).1
    }

    fn price(&self, target: &Target, output: Option<u64>) -> Option<Money> {
        let tokens = i128::from(output.unwrap_or(1_000));
        Some(Money::from_pico(1_000 + self.of(target).0 * tokens))
    }
}

#[test]
fn who_says_little_is_cheaper_than_who_says_much_for_less() {
    let order = Lengths([
        ("cheap", 2, Some(3_000)),
        ("terse", 5, Some(100)),
        ("dear", 20, Some(3_000)),
    ])
    .order();
    assert_eq!(order, ["terse", "cheap", "dear"]);
}

/// Else a target would stay the cheapest for no other reason than that it is known.
#[test]
fn of_whom_nothing_is_known_the_same_is_thought_as_of_the_others() {
    let order = Lengths([
        ("known", 5, Some(100)),
        ("cheaper", 4, None),
        ("dearer", 6, None),
    ])
    .order();
    assert_eq!(order, ["cheaper", "known", "dearer"]);
    let order = Lengths([
        ("known", 5, Some(100)),
        ("longer", 5, Some(300)),
        ("unknown", 5, None),
    ])
    .order();
    assert_eq!(order, ["known", "unknown", "longer"]);
    let order = Lengths([("a", 3, None), ("b", 1, None), ("c", 2, None)]).order();
    assert_eq!(order, ["b", "c", "a"]);
}
