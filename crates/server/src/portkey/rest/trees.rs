//! Saved configs, ready for the calls that name them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use orchestra_gateway::Node;
use orchestra_store::SavedConfig;
use serde_json::Value;

/// A saved config, for a call that names it.
#[derive(Clone, Debug)]
pub(crate) enum SavedTree {
    /// It is followed.
    Ready(Arc<Node>),
    /// Somebody put it away.
    Archived,
    /// It was written when it could be read, and cannot now.
    Broken(String),
}

/// All of them, by their slugs. Calls read it without waiting for those who change it.
#[derive(Debug, Default)]
pub(crate) struct SavedTrees(ArcSwap<BTreeMap<String, SavedTree>>);

impl SavedTrees {
    /// The config with this slug.
    pub(crate) fn get(&self, slug: &str) -> Option<SavedTree> {
        self.0.load().get(slug).cloned()
    }

    /// Some of the slugs, for whoever looked in vain.
    pub(crate) fn some_slugs(&self, most: usize) -> Vec<String> {
        self.0.load().keys().take(most).cloned().collect()
    }

    pub(super) fn fill(&self, saved: &[SavedConfig]) {
        let trees = saved.iter().map(|saved| (saved.slug.clone(), tree(saved)));
        self.0.store(Arc::new(trees.collect()));
    }

    /// Whoever calls this keeps others from doing so meanwhile.
    pub(super) fn put(&self, slug: &str, tree: SavedTree) {
        let mut trees = BTreeMap::clone(&self.0.load());
        trees.insert(slug.to_owned(), tree);
        self.0.store(Arc::new(trees));
    }

    /// Whoever calls this keeps others from doing so meanwhile.
    pub(super) fn remove(&self, slug: &str) {
        let mut trees = BTreeMap::clone(&self.0.load());
        trees.remove(slug);
        self.0.store(Arc::new(trees));
    }

    pub(super) fn len(&self) -> usize {
        self.0.load().len()
    }
}

fn tree(saved: &SavedConfig) -> SavedTree {
    let parsed = serde_json::from_str::<Value>(&saved.latest.body)
        .map_err(|error| error.to_string())
        .and_then(|body| Node::parse(&body).map_err(|error| error.to_string()));
    match parsed {
        Ok(_) if !saved.latest.active => SavedTree::Archived,
        Ok(node) => SavedTree::Ready(Arc::new(node)),
        Err(error) => {
            tracing::error!(
                config = saved.slug,
                "a saved config cannot be read: {error}"
            );
            SavedTree::Broken(error)
        }
    }
}
