//! A call for tests.

use std::time::Duration;

use orchestra_routing::{Compat, Facts, Node, Plan, PlanError, Planner, Target, View};
use orchestra_types::Money;
use serde_json::Value;

/// `metadata`, `params` and `headers` are members of one value.
pub(crate) struct Call {
    pub(crate) value: Value,
    pub(crate) unix: u64,
    pub(crate) caller: &'static str,
}

impl Call {
    pub(crate) fn new(value: Value) -> Self {
        Self {
            value,
            unix: 0,
            caller: "app",
        }
    }
}

impl Facts for Call {
    fn metadata(&self, name: &str) -> Option<&str> {
        self.value["metadata"].get(name)?.as_str()
    }

    fn param(&self, name: &str) -> Option<&Value> {
        self.value["params"].get(name)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.value["headers"].get(name)?.as_str()
    }

    fn path(&self) -> &'static str {
        "/v1/chat/completions"
    }

    fn unix(&self) -> Duration {
        Duration::from_secs(self.unix)
    }

    fn caller(&self) -> &str {
        self.caller
    }

    fn beginning(&self) -> Option<&str> {
        self.value["beginning"].as_str()
    }
}

/// What is known of targets, by their providers' names.
#[derive(Default)]
pub(crate) struct Known(pub(crate) Vec<(&'static str, f64, f64, Option<i128>)>);

impl Known {
    fn of(&self, target: &Target) -> (f64, f64, Option<i128>) {
        let name = target.provider.as_deref();
        let row = self.0.iter().find(|row| Some(row.0) == name);
        row.map_or((1.0, 0.0, None), |row| (row.1, row.2, row.3))
    }
}

impl View for Known {
    fn share(&self, target: &Target) -> f64 {
        self.of(target).0
    }

    fn latency(&self, target: &Target) -> f64 {
        self.of(target).1
    }

    fn output(&self, _: &Target) -> Option<u64> {
        None
    }

    fn price(&self, target: &Target, _: Option<u64>) -> Option<Money> {
        self.of(target).2.map(Money::from_pico)
    }
}

pub(crate) struct Setting {
    pub(crate) compat: Compat,
    pub(crate) known: Known,
    seed: u64,
}

impl Setting {
    pub(crate) fn new(compat: Compat) -> Self {
        Self {
            compat,
            known: Known::default(),
            seed: 1,
        }
    }

    pub(crate) fn plan(&mut self, tree: &Value, call: &Call) -> Result<Plan, PlanError> {
        let tree = Node::parse(tree).unwrap();
        let seed = &mut self.seed;
        let mut draw = || {
            *seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            f64::from(u32::try_from(*seed >> 33).unwrap()) / f64::from(1_u32 << 31)
        };
        Planner {
            facts: call,
            view: &self.known,
            compat: self.compat,
            draw: &mut draw,
        }
        .plan(&tree)
    }
}

/// The providers of a plan's steps.
pub(crate) fn providers(plan: &Plan) -> Vec<&str> {
    plan.steps
        .iter()
        .map(|step| step.target.provider.as_deref().unwrap_or("?"))
        .collect()
}
