//! What is known without asking anybody.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use orchestra_routing::{Node, NodeKind, Settings};
use orchestra_types::{ModelId, ProviderId};

use crate::gateway::Gateway;
use crate::routes::{Finder, model_of};

/// Names of models, by the provider that serves them.
pub type KnownModels = BTreeMap<ProviderId, BTreeSet<ModelId>>;

impl Gateway {
    /// The time on the monotonic clock by which reports tell when something happened.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.parts.clock.monotonic()
    }

    /// The models that the operator, the catalogue or the providers themselves have named, as far as they have been
    /// asked: what a client invents is not among them. Every provider is there, if only with an empty set.
    #[must_use]
    pub fn known_models(&self) -> KnownModels {
        let mut known = KnownModels::new();
        let providers = self.providers();
        for member in providers.members() {
            let names = known.entry(member.provider.id().clone()).or_default();
            let catalogued = member.provider.known_models().iter();
            names.extend(catalogued.map(|name| ModelId::new(name)));
            let listed = member.list.seen();
            names.extend(listed.iter().map(|(name, _)| ModelId::new(name)));
        }
        for (_, targets) in providers.registry().aliases() {
            for target in targets {
                let names = known.entry(target.provider.clone()).or_default();
                names.insert(target.model.clone());
            }
        }
        let finder = self.finder(&providers);
        let routes = self.routes();
        for tree in routes.models.values().chain(routes.configs.values()) {
            name_targets(finder, tree, &Settings::default(), &mut known);
        }
        known
    }
}

/// Adds the models that the targets of an operator's tree name.
fn name_targets(finder: Finder<'_>, node: &Node, above: &Settings, known: &mut KnownModels) {
    let settings = node.settings.within(above);
    match &node.kind {
        NodeKind::Strategy { children, .. } => {
            for child in children {
                name_targets(finder, child, &settings, known);
            }
        }
        NodeKind::Target(target) => {
            let Some(model) = model_of(target, &settings) else {
                return;
            };
            // A tree is checked when it is configured; what leads nowhere all the same names nothing.
            let places = finder.places(target, &model, None);
            for (member, model) in places.unwrap_or_default() {
                let id = member.provider.id().clone();
                known.entry(id).or_default().insert(model);
            }
        }
    }
}
