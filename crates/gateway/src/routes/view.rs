//! What a tree may ask of its targets.

use std::sync::Arc;
use std::time::Duration;

use orchestra_health::Standing;
use orchestra_routing::{Target, View};
use orchestra_types::ModelId;

use super::Finder;
use crate::providers::Member;

/// The targets as they are at one moment, for a call that asks for `model`.
#[derive(Debug)]
pub(crate) struct TargetView<'v> {
    pub(crate) finder: Finder<'v>,
    pub(crate) model: &'v str,
    pub(crate) pinned: Option<&'v Arc<Member>>,
    pub(crate) now: Duration,
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

    /// Prices are not known here yet: targets are as dear as each other, and keep the order in which they are written.
    fn price(&self, _: &Target) -> Option<f64> {
        None
    }
}
