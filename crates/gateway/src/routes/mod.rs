//! Trees of strategies: which of them a call follows, and where its targets are.

mod alternatives;
mod beginning;
mod cost;
mod custom_host;
mod directions;
mod facts;
mod find;
mod params;
mod relay;
mod vendor;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use orchestra_providers::Provider;
pub use orchestra_routing::{Compat, ConfigError, Node, NodeKind, Settings as RouteSettings};
use orchestra_secrets::Origin;

pub(crate) use cost::CallCost;
pub use directions::{CallersKey, Directions};
pub(crate) use facts::CallFacts;
pub(crate) use find::{Finder, MODEL_LEFT_OUT, model_for, model_of};
pub(crate) use params::edit;
pub use relay::{Relay, RelayMode};
pub(crate) use view::TargetView;

use crate::providers::Providers;

/// What an operator says of the ways that calls may take.
#[derive(Debug, Default)]
pub struct Routes {
    /// Trees by the name of a model that stands for them. Each target says which model it means.
    pub models: BTreeMap<String, Arc<Node>>,
    /// Trees that a call may name besides its model, which its targets may leave as it is.
    pub configs: BTreeMap<String, Arc<Node>>,
    /// Providers that are not configured but may be called with a key of the caller's own, by name.
    pub guests: BTreeMap<String, Provider>,
    /// Where a call or a tree may have a provider's language spoken instead of the provider's own address. Only a key that comes
    /// with the call or the tree goes there.
    pub custom_hosts: Vec<Origin>,
    /// Another gateway that calls go by, unless a tree says where they go.
    pub relay: Option<Relay>,
    /// Whether trees mean what they should, or what Portkey 1.x makes of them.
    pub compat: Compat,
}

/// A tree that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("[{table}] {name}: {error}")]
pub struct RouteError {
    /// `models` or `configs`.
    pub table: &'static str,
    /// The tree's name.
    pub name: String,
    /// What is wrong, and where.
    pub error: ConfigError,
}

impl Routes {
    /// Checks every tree: each of its targets is there, and says its model where it must.
    ///
    /// # Errors
    /// [`RouteError`] names the first place that is wrong.
    pub fn check(&self, providers: &Providers) -> Result<(), RouteError> {
        let finder = Finder::new(providers, self);
        let tables = [("models", &self.models), ("configs", &self.configs)];
        for (table, trees) in tables {
            for (name, tree) in trees {
                let named = |error| RouteError {
                    table,
                    name: name.clone(),
                    error,
                };
                finder.check(tree, table == "models").map_err(named)?;
            }
        }
        alternatives::check_circles(&self.models)
    }

    /// Checks one more tree, which a call may name besides its model.
    ///
    /// # Errors
    /// [`ConfigError`] names the first place that is wrong.
    pub fn check_config(&self, tree: &Node, providers: &Providers) -> Result<(), ConfigError> {
        Finder::new(providers, self).check(tree, false)
    }
}
