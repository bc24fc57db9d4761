//! Configs that hold no keys.

use orchestra_gateway::{ConfigError, Node, NodeKind};

/// For a config that is saved.
pub(super) const NOT_SAVED: &str = "a key is not saved in a config, which is not encrypted: put it into the secret store with \
     `orchestra secrets set`, configure a provider that goes with it, and name that one as `@name`";

/// For a config that comes with a call.
pub(super) const NOT_TAKEN: &str = "this gateway takes no keys of callers' (`caller_keys = false` in [portkey]): take it out, and \
     the operator's is used";

/// Refuses a tree in which a key stands, with these words.
///
/// # Errors
/// [`ConfigError`] names the place of the first one.
pub(super) fn keyless(node: &Node, why: &str) -> Result<(), ConfigError> {
    match &node.kind {
        NodeKind::Target(target) if target.key.is_some() => Err(ConfigError {
            path: match node.path.as_str() {
                "" => "api_key".to_owned(),
                path => format!("{path}.api_key"),
            },
            message: why.to_owned(),
        }),
        NodeKind::Target(_) => Ok(()),
        NodeKind::Strategy { children, .. } => {
            children.iter().try_for_each(|child| keyless(child, why))
        }
    }
}
