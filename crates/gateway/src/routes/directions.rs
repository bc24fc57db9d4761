//! What a caller says of where its call goes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use orchestra_routing::{Node, Settings};
use orchestra_secrets::Secret;

use crate::cache::CacheWish;

/// Where a call is to go, as far as its model's name does not say.
#[derive(Clone, Debug, Default)]
pub struct Directions {
    /// A tree to follow; without one, the model's name decides.
    pub tree: Option<Arc<Node>>,
    /// Whether the caller wrote that tree; else the operator did.
    pub callers_tree: bool,
    /// What holds at every target, whatever the tree says.
    pub settings: Settings,
    /// A key of the caller's own, for targets that have no provider of their own.
    pub key: Option<CallersKey>,
    /// What the caller says of the call, for conditions and records.
    pub metadata: BTreeMap<String, String>,
    /// What it says of kept answers, if anything.
    pub cache: Option<Box<CacheWish>>,
    /// The path that was called; empty for the endpoint's usual one.
    pub path: String,
    /// Whether the caller is one of Portkey's. To it an error within a stream of Chat Completions is an event with the name
    /// `error` (OpenAI's have none, and some clients take one for a part of the error's text, so only who needs it gets it),
    /// and a target that takes longer than `request_timeout` says is a 408.
    pub from_portkey: bool,
}

/// A provider's key that a caller brought along. It is used for this one call and not kept.
#[derive(Clone)]
pub struct CallersKey(pub(crate) Arc<Secret>);

impl CallersKey {
    /// The key.
    #[must_use]
    pub fn new(key: String) -> Self {
        Self(Arc::new(Secret::new(key)))
    }
}

impl fmt::Debug for CallersKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallersKey(..)")
    }
}
