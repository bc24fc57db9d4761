//! Configs that hold no keys.

use orchestra_gateway::{ConfigError, Node, NodeKind};

/// Refuses a tree in which a key stands: what is saved is not encrypted.
///
/// # Errors
/// [`ConfigError`] names the place of the first one.
pub(super) fn keyless(node: &Node) -> Result<(), ConfigError> {
    match &node.kind {
        NodeKind::Target(target) if target.key.is_some() => Err(ConfigError {
            path: match node.path.as_str() {
                "" => "api_key".to_owned(),
                path => format!("{path}.api_key"),
            },
            message: "a key is not saved in a config, which is not encrypted: put it into the secret store with \
                      `orchestra secrets set`, configure a provider that goes with it, and name that one as `@name`"
                .to_owned(),
        }),
        NodeKind::Target(_) => Ok(()),
        NodeKind::Strategy { children, .. } => children.iter().try_for_each(keyless),
    }
}
