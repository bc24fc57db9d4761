//! Reading a tree from configuration.
//!
//! The language is Portkey's config JSON (the superset of what its documents and its code take, both spellings where
//! they differ), with four more strategies. Nothing is ignored: a member that means nothing is an error with its
//! place.

mod breaker;
mod place;
mod settings;
mod strategy;
mod target;

pub(crate) use place::Place;

use serde_json::{Map, Value};

use crate::node::{Node, NodeKind, Target};

/// The deepest nesting of nodes.
const MAX_DEPTH: usize = 16;
/// The most patterns in one tree.
const MAX_PATTERNS: usize = 32;
/// The most fields in one tree by which callers are told apart.
const MAX_FIELDS: usize = 32;
/// The most nodes in one tree.
const MAX_NODES: usize = 512;

/// What is wrong with a configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", if path.is_empty() { String::new() } else { format!("{path}: ") })]
pub struct ConfigError {
    /// Such as `targets[1].strategy.mode`; empty for the whole.
    pub path: String,
    /// What is wrong, and what to write.
    pub message: String,
}

impl Node {
    /// Reads a tree.
    ///
    /// # Errors
    /// [`ConfigError`] names the first place that is wrong.
    pub fn parse(config: &Value) -> Result<Self, ConfigError> {
        for (member, most, what) in [
            ("$regex", MAX_PATTERNS, "patterns"),
            (
                "hash_fields",
                MAX_FIELDS,
                "fields that callers are told apart by",
            ),
        ] {
            if count(config, member) > most {
                let message = format!("a tree has at most {most} {what} (`{member}`)");
                return Err(Place::ROOT.error(message));
            }
        }
        let mut reader = Reader {
            nodes: 0,
            host: None,
        };
        reader.node(config, &Place::ROOT, 0)
    }
}

/// How many of something are in a configuration, by the name of the member that holds one or a list of them. Patterns that are
/// compiled and values that are hashed take what little of a caller's tree is dear.
fn count(config: &Value, member: &str) -> usize {
    match config {
        Value::Object(members) => {
            let here = members.get(member).map_or(0, |value| match value {
                Value::Array(items) => items.len(),
                _ => 1,
            });
            let below = members.values().map(|value| count(value, member));
            here + below.sum::<usize>()
        }
        Value::Array(items) => items.iter().map(|item| count(item, member)).sum(),
        _ => 0,
    }
}

struct Reader {
    nodes: usize,
    /// What the nodes above say of the address.
    host: Option<String>,
}

impl Reader {
    fn node(
        &mut self,
        value: &Value,
        place: &Place<'_>,
        depth: usize,
    ) -> Result<Node, ConfigError> {
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            return Err(place.error(format!(
                "a tree has at most {MAX_DEPTH} levels and {MAX_NODES} nodes"
            )));
        }
        let members = place.object(value)?;
        for (name, value) in members {
            known(name, value, &place.member(name))?;
        }
        breaker::check(members, place)?;
        let settings = settings::read(members, place)?;
        let above = self.host.clone();
        self.host = settings.custom_host.clone().or_else(|| above.clone());
        let kind = self.kind(members, place, depth)?;
        self.host = above;
        Ok(Node {
            path: place.to_string(),
            name: place.optional_text(members, "name")?,
            weight: weight(members, place)?,
            settings,
            kind,
        })
    }

    fn kind(
        &mut self,
        members: &Map<String, Value>,
        place: &Place<'_>,
        depth: usize,
    ) -> Result<NodeKind, ConfigError> {
        let children = match present(members, "targets") {
            Some(targets) => self.children(targets, &place.member("targets"), depth)?,
            None => Vec::new(),
        };
        match present(members, "strategy") {
            Some(strategy) if !children.is_empty() => {
                let strategy =
                    strategy::read(strategy, &place.member("strategy"), members, &children)?;
                Ok(NodeKind::Strategy { strategy, children })
            }
            Some(_) => Err(place
                .member("targets")
                .error("a strategy needs `targets` to choose among")),
            None if !children.is_empty() => Err(place
                .member("strategy")
                .error("`targets` need a `strategy`, such as {\"mode\": \"fallback\"}")),
            None => Ok(NodeKind::Target(Target {
                host: self.host.clone(),
                ..target::read(members, place)?
            })),
        }
    }

    fn children(
        &mut self,
        targets: &Value,
        place: &Place<'_>,
        depth: usize,
    ) -> Result<Vec<Node>, ConfigError> {
        let items = place.array(targets)?;
        if items.is_empty() {
            return Err(place.error("there must be at least one target"));
        }
        let nodes = items
            .iter()
            .enumerate()
            .map(|(index, item)| self.node(item, &place.item(index), depth + 1));
        nodes.collect()
    }
}

/// A member that is there. `null` is as good as absent: Portkey's SDKs write it.
pub(crate) fn present<'v>(members: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    members.get(name).filter(|value| !value.is_null())
}

fn weight(members: &Map<String, Value>, place: &Place<'_>) -> Result<f64, ConfigError> {
    let Some(value) = present(members, "weight") else {
        return Ok(1.0);
    };
    let weight = value.as_f64().filter(|weight| (0.0..=1e9).contains(weight));
    weight.ok_or_else(|| {
        place
            .member("weight")
            .error("a weight is a number from 0, which is off, to 1000000000")
    })
}

/// Every member of a node that means something.
const KNOWN: &[&str] = &[
    "name",
    "weight",
    "strategy",
    "targets",
    "cb_config",
    "provider",
    "api_key",
    "virtual_key",
    "model",
    "passthrough",
    "override_params",
    "default_params",
    "drop_params",
    "retry",
    "hedge",
    "request_timeout",
    "custom_host",
    "forward_headers",
    "strict_open_ai_compliance",
    "cache",
    "on_context_length",
    "on_content_policy",
    "recover",
    "hold_back",
];

/// Members of Portkey's that this gateway has no counterpart of.
const NOT_HERE: &[&str] = &[
    "prompt_id",
    "before_request_hooks",
    "after_request_hooks",
    "input_guardrails",
    "output_guardrails",
    "input_mutators",
    "output_mutators",
    "default_input_guardrails",
    "default_output_guardrails",
    "options",
];

fn known(name: &str, value: &Value, place: &Place<'_>) -> Result<(), ConfigError> {
    if KNOWN.contains(&name) || target::is_provider_field(name) || value.is_null() {
        return Ok(());
    }
    if NOT_HERE.contains(&name) {
        return Err(place.error("it has no counterpart here, and is not ignored: take it out"));
    }
    Err(place.error("there is no such member"))
}
