//! Calls that follow a tree of strategies.

mod again;
mod cost;
mod edits;
mod errors;
mod explain;
mod keys;
mod large;
mod names;
mod onward;
mod order;
mod refused;
mod relay;

use std::collections::BTreeMap;
use std::sync::Arc;

use orchestra_dialects::Endpoint;
use orchestra_gateway::{Compat, Directions, Node, Parts, Routes};
use orchestra_providers::Row;
use orchestra_testkit::{Behaviour, Script, Upstream};
use serde_json::Value;

use crate::harness::{Ask, Got, MODEL, Stage, row};

const CHAT: Endpoint = Endpoint::ChatCompletions;

fn tree(config: &Value) -> Arc<Node> {
    Arc::new(Node::parse(config).unwrap())
}

/// A call for the usual model that brings a tree along.
fn ask(config: &Value) -> Ask {
    asking(Ask::new(CHAT, MODEL, false), config)
}

fn asking(ask: Ask, config: &Value) -> Ask {
    Ask {
        directions: Directions {
            tree: Some(tree(config)),
            ..ask.directions
        },
        ..ask
    }
}

/// One provider for each script, and the ways of an operator.
fn stage(scripts: impl IntoIterator<Item = Script>, routes: Routes) -> Stage {
    let upstreams: Vec<Upstream> = scripts
        .into_iter()
        .map(|script| Upstream::start(script).unwrap())
        .collect();
    let rows: Vec<Row> = upstreams.iter().map(|up| row(&up.base_url())).collect();
    Stage::arranged(&rows, upstreams, |parts| {
        routes.check(&parts.providers.now()).unwrap();
        Parts {
            routes: Arc::new(routes),
            ..parts
        }
    })
}

fn behaving<const N: usize>(behaviours: [Behaviour; N]) -> Stage {
    stage(
        behaviours.map(|behaviour| Script::new().otherwise(behaviour)),
        Routes::default(),
    )
}

fn faithful(behaviours: [Behaviour; 3]) -> Stage {
    let routes = Routes {
        compat: Compat::Portkey,
        ..Routes::default()
    };
    stage(
        behaviours.map(|behaviour| Script::new().otherwise(behaviour)),
        routes,
    )
}

/// Where each attempt went, by its place in the tree.
fn paths(got: &Got) -> Vec<&str> {
    let attempts = got.record.attempts.iter();
    attempts.map(|attempt| attempt.path.as_str()).collect()
}

fn metadata(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}
