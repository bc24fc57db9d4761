//! What Portkey's own REST interface works with.

use std::collections::BTreeMap;
use std::path::PathBuf;

use orchestra_store::NoteBounds;
use orchestra_types::KeyId;
use serde_json::{Map, Value};

use super::seconds::Seconds;
use super::{BuildError, Config};
use crate::secrets::ClientWants;

/// The longest time that feedback and logs may be kept: ten years.
pub(super) const LONGEST_KEPT: u64 = 10 * 365 * 24 * 60 * 60;

/// Who may use the REST interface for what, and where its things are kept.
#[derive(Clone, Debug, Default)]
pub struct RestSettings {
    /// The clients that may save configs and see providers.
    pub admins: Vec<KeyId>,
    /// The database's file; without one nothing can be kept.
    pub path: Option<PathBuf>,
    /// How much feedback and how many logs are kept.
    pub bounds: NoteBounds,
    /// The configs that stand in the configuration, without the keys in them.
    pub written: BTreeMap<String, Value>,
}

impl Config {
    pub(super) fn rest(&self, clients: &[ClientWants]) -> Result<RestSettings, BuildError> {
        let portkey = &self.portkey;
        let usual = NoteBounds::default();
        let bound = |name, own: Option<u64>, usual| match own {
            Some(0) => Err(BuildError::ZeroLimit(name)),
            own => Ok(own.unwrap_or(usual)),
        };
        let bytes = bound(
            "portkey.max_kept_bytes",
            portkey.max_kept_bytes,
            usual.bytes,
        )?;
        let client_bytes = bound(
            "portkey.max_kept_bytes_per_client",
            portkey.max_kept_bytes_per_client,
            usual.client_bytes,
        )?;
        let path = portkey.path.as_ref().or(self.responses.path.as_ref());
        Ok(RestSettings {
            admins: self.admins(clients)?,
            path: path.cloned(),
            bounds: NoteBounds {
                ttl: portkey.keep_seconds.map_or(usual.ttl, Seconds::duration),
                bytes,
                client_bytes,
            },
            written: self.configs.iter().map(shown).collect(),
        })
    }

    fn admins(&self, clients: &[ClientWants]) -> Result<Vec<KeyId>, BuildError> {
        let known = |name: &String| {
            let mut ids = clients.iter().map(|client| &client.id);
            let found = ids.find(|id| id.as_str() == name).cloned();
            found.ok_or_else(|| BuildError::UnknownAdmin(name.clone()))
        };
        self.portkey.admin_keys.iter().map(known).collect()
    }
}

fn shown((name, config): (&String, &Map<String, Value>)) -> (String, Value) {
    let mut config = Value::Object(config.clone());
    mask(&mut config);
    (name.clone(), config)
}

/// Replaces every key that stands in a config.
fn mask(config: &mut Value) {
    match config {
        Value::Object(members) => {
            for (name, value) in members {
                if name == "api_key" {
                    *value = Value::from("********");
                } else {
                    mask(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_in_configs_are_not_shown() {
        let mut config = json!({
            "api_key": "a-secret",
            "targets": [{ "provider": "openai", "api_key": "another" }],
        });
        mask(&mut config);
        let hidden = "********";
        let shown = json!({
            "api_key": hidden,
            "targets": [{ "provider": "openai", "api_key": hidden }],
        });
        assert_eq!(config, shown);
    }
}
