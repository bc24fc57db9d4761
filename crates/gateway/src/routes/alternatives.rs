//! Whether the alternatives that trees name are there, and lead to an end.

use std::collections::BTreeMap;
use std::sync::Arc;

use orchestra_providers::nearest;
use orchestra_routing::{ConfigError, Node, NodeKind, Settings};

use super::find::inside;
use super::{Finder, RouteError};
use crate::alternatives::Trouble;

impl Finder<'_> {
    /// Checks that what a node names is a model.
    ///
    /// # Errors
    /// The member at fault, and what is wrong.
    pub(super) fn check_alternatives(
        &self,
        settings: &Settings,
    ) -> Result<(), (&'static str, String)> {
        for (trouble, name) in Trouble::named_in(settings) {
            if self.routes.models.contains_key(name) {
                continue;
            }
            if let Err(refusal) = self.resolve(name) {
                let trees = nearest(name, self.routes.models.keys().cloned());
                let message = match trees.first() {
                    Some(tree) => format!("no model is named `{name}`: did you mean {tree:?}?"),
                    None => refusal.message,
                };
                return Err((trouble.rule(), message));
            }
        }
        Ok(())
    }
}

/// Where trees of `[models]` name each other in a circle, if they do.
///
/// # Errors
/// [`RouteError`] with the member that closes the circle.
pub(super) fn check_circles(models: &BTreeMap<String, Arc<Node>>) -> Result<(), RouteError> {
    let mut done = Vec::new();
    for name in models.keys() {
        follow(models, name, &mut Vec::new(), &mut done)?;
    }
    Ok(())
}

fn follow<'m>(
    models: &'m BTreeMap<String, Arc<Node>>,
    name: &'m str,
    way: &mut Vec<&'m str>,
    done: &mut Vec<&'m str>,
) -> Result<(), RouteError> {
    let Some(tree) = models.get(name) else {
        return Ok(());
    };
    if done.contains(&name) {
        return Ok(());
    }
    way.push(name);
    let mut named = Vec::new();
    collect(tree, &mut named);
    for (path, next) in named {
        if let Some(begin) = way.iter().position(|passed| *passed == next) {
            let circle = [&way[begin..], &[next]].concat().join("`, `");
            return Err(RouteError {
                table: "models",
                name: name.to_owned(),
                error: ConfigError {
                    path,
                    message: format!("it leads in a circle: `{circle}`"),
                },
            });
        }
        follow(models, next, way, done)?;
    }
    way.pop();
    done.push(name);
    Ok(())
}

/// The alternatives that a tree names, with their places.
fn collect<'n>(node: &'n Node, named: &mut Vec<(String, &'n str)>) {
    let places = Trouble::named_in(&node.settings);
    named.extend(places.map(|(trouble, name)| (inside(&node.path, trouble.rule()), name.as_str())));
    if let NodeKind::Strategy { children, .. } = &node.kind {
        for child in children {
            collect(child, named);
        }
    }
}
