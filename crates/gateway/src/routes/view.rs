//! What a tree may ask of its targets.

use std::sync::Arc;
use std::time::Duration;

use orchestra_health::Standing;
use orchestra_routing::{Target, View};
use orchestra_types::{ModelId, Money};

use super::{CallCost, Finder};
use crate::providers::Member;

/// The targets as they are at one moment, for a call that asks for `model`.
#[derive(Debug)]
pub(crate) struct TargetView<'v> {
    pub(crate) finder: Finder<'v>,
    pub(crate) model: &'v str,
    pub(crate) pinned: Option<&'v Arc<Member>>,
    pub(crate) now: Duration,
    pub(crate) cost: CallCost<'v>,
}

impl TargetView<'_> {
    /// Where a target of the tree leads; nowhere is nothing that could be weighed.
    fn places(&self, target: &Target) -> Vec<(Arc<Member>, ModelId)> {
        let model = target.model.as_deref().unwrap_or(self.model);
        self.finder
            .places(target, model, self.pinned)
            .unwrap_or_default()
    }
}

impl View for TargetView<'_> {
    fn share(&self, target: &Target) -> f64 {
        let share =
            |(member, model): &(Arc<Member>, ModelId)| match member.standing(model, self.now) {
                Standing::Ready { share } => share,
                // One call may look, so the target must not go unseen.
                Standing::Probe => 0.05,
                Standing::Out(_) => 0.0,
            };
        self.places(target).iter().map(share).fold(0.0, f64::max)
    }

    fn latency(&self, target: &Target) -> f64 {
        let cost = |(member, model): &(Arc<Member>, ModelId)| member.cost(model, self.now);
        self.places(target)
            .iter()
            .map(cost)
            .fold(f64::MAX, f64::min)
    }

    /// Of several places, that of the first of which it is known.
    fn output(&self, target: &Target) -> Option<u64> {
        self.places(target)
            .iter()
            .find_map(|(member, model)| member.usual_output(model, self.now))
    }

    /// Of several places, the cheapest.
    fn price(&self, target: &Target, output: Option<u64>) -> Option<Money> {
        let cost = |(member, model): &(Arc<Member>, ModelId)| {
            self.cost.at(&self.finder.price(member, model)?, output)
        };
        self.places(target).iter().filter_map(cost).min()
    }
}
