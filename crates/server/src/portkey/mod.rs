//! Clients of Portkey's: their headers, and the ones they look for in an answer.
//!
//! What the headers mean is from Portkey's documents and its open gateway (1.x), as `docs/portkey.md` has it.

mod answer;
mod cache;
mod headers;
mod keyless;
mod metadata;
pub(crate) mod rest;

use std::sync::Arc;

use http::HeaderMap;
use orchestra_gateway::{CallersKey, Directions, Node, Refusal, Routes};
use orchestra_providers::Provider;
use orchestra_types::ProviderId;
use serde_json::Value;

pub(crate) use answer::Marks;
use headers::{Headers, provider_key};
use keyless::{NOT_TAKEN, keyless};
use rest::{SavedTree, SavedTrees};

/// Whether a provider is Portkey's cloud, or a gateway of Portkey's elsewhere: by its kind, or by the header in which
/// it takes its key.
#[must_use]
pub fn is_portkey(provider: &Provider) -> bool {
    let header = provider.auth().header();
    provider.is_called("portkey") || header.is_some_and(|name| name == "x-portkey-api-key")
}

/// What a call says in Portkey's words.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// The provider that it names.
    pub(crate) provider: Option<ProviderId>,
    /// Where it goes besides.
    pub(crate) directions: Directions,
}

/// What reading a call's headers takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Desk<'d> {
    /// The operator's trees.
    pub(crate) routes: &'d Routes,
    /// What was saved while the gateway runs.
    pub(crate) saved: &'d SavedTrees,
    /// Whether a call may bring a provider's key of its own.
    pub(crate) caller_keys: bool,
    /// Whether clients present keys of the gateway's.
    pub(crate) keys_required: bool,
}

impl Desk<'_> {
    /// Reads Portkey's headers, and puts those that are a vendor's own under the vendor's names. `None` if there are
    /// none.
    ///
    /// # Errors
    /// [`Refusal`] names the header that cannot be meant.
    pub(crate) fn read(&self, headers: &mut HeaderMap) -> Result<Option<Asked>, Refusal> {
        if !is_portkeys(headers) {
            return Ok(None);
        }
        let read = Headers(headers);
        read.refuse_unserved()?;
        let named = read.provider()?;
        let config = read.text("x-portkey-config")?;
        let tree = config.map(|config| self.tree(config)).transpose()?;
        let key = match &named {
            // A key of the operator's is meant by a slug, a key of the caller's by a plain name.
            Some(named) if named.is_slug || !self.caller_keys => None,
            Some(_) => provider_key(headers, self.keys_required),
            None => None,
        };
        let asked = Asked {
            directions: Directions {
                tree,
                callers_tree: config.is_some_and(is_tree),
                settings: read.settings()?,
                key: key.map(CallersKey::new),
                metadata: metadata::read(headers)?,
                cache: read.cache(self.routes.compat)?,
                path: String::new(),
                from_portkey: true,
            },
            provider: named.map(|named| named.id),
        };
        rename_vendors(headers);
        Ok(Some(asked))
    }

    /// The tree that a config is or names.
    fn tree(&self, config: &str) -> Result<Arc<Node>, Refusal> {
        if is_tree(config) {
            let value: Value = serde_json::from_str(config)
                .map_err(|error| invalid("x-portkey-config", &format!("it is no JSON: {error}")))?;
            let node = Node::parse(&value).and_then(|node| {
                if !self.caller_keys {
                    keyless(&node, NOT_TAKEN)?;
                }
                Ok(node)
            });
            let node = node.map_err(|error| Refusal::invalid_config(&error))?;
            return Ok(Arc::new(node.of_caller()));
        }
        let found = self.routes.configs.get(config);
        if let Some(found) = found.or_else(|| self.routes.models.get(config)) {
            return Ok(Arc::clone(found));
        }
        match self.saved.get(config) {
            Some(SavedTree::Ready(tree)) => Ok(tree),
            Some(SavedTree::Archived) => {
                let message = format!(
                    "the saved config {config:?} is archived: make it active, or name another"
                );
                Err(invalid("x-portkey-config", &message))
            }
            Some(SavedTree::Broken(error)) => {
                let message = format!("the saved config {config:?} can no longer be read: {error}");
                Err(invalid("x-portkey-config", &message))
            }
            None => Err(self.no_config(config)),
        }
    }

    fn no_config(&self, name: &str) -> Refusal {
        let written = self.routes.configs.keys().cloned();
        let mut names: Vec<String> = written.take(SHOWN).collect();
        names.extend(self.saved.some_slugs(SHOWN - names.len()));
        let known = if names.is_empty() {
            "there are none".to_owned()
        } else {
            format!("there are {}", names.join(", "))
        };
        let message = format!(
            "no config has the name {name:?}: {known}; name one in [configs], save it at /v1/configs, or send its JSON"
        );
        invalid("x-portkey-config", &message)
    }
}

/// Whether a config is a tree itself, and not the name of one.
fn is_tree(config: &str) -> bool {
    config.starts_with('{')
}

/// How many names of configs an error shows.
const SHOWN: usize = 20;

/// Refuses an address of the call's own on a path that leads to a provider's.
pub(crate) fn refuse_custom_host(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get(headers::CUSTOM_HOST) {
        Some(_) => Err(invalid(
            headers::CUSTOM_HOST,
            "this path leads to the provider that it names, at its own address",
        )),
        None => Ok(()),
    }
}

fn is_portkeys(headers: &HeaderMap) -> bool {
    let mut names = headers.keys();
    names.any(|name| name.as_str().starts_with("x-portkey-"))
}

/// Vendors' own headers, which Portkey's clients put behind its prefix.
const VENDORS: [&str; 5] = [
    "openai-organization",
    "openai-project",
    "openai-beta",
    "anthropic-beta",
    "anthropic-version",
];

fn rename_vendors(headers: &mut HeaderMap) {
    for name in VENDORS {
        if let Some(value) = headers.remove(format!("x-portkey-{name}")) {
            headers.insert(name, value);
        }
    }
}

/// A header that cannot be meant.
pub(crate) fn invalid(header: &str, problem: &str) -> Refusal {
    Refusal::invalid("invalid_header", format!("the header {header}: {problem}"))
        .at(header)
        .for_good()
}

#[cfg(test)]
mod tests;
