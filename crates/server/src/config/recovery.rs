//! `[recovery]`: text streams that die and are gone on with at another target.

use std::collections::BTreeMap;

use orchestra_gateway::RecoveryRules;
use serde::Deserialize;

use super::{BuildError, Config};

/// `[recovery]`; the defaults are those of [`RecoveryRules`].
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecoveryConfig {
    /// Whether streams are gone on with, false by default.
    pub enabled: bool,
    /// The longest text that is gone on with, in bytes.
    pub max_text_bytes: Option<usize>,
    /// What is different for calls of a model, by the name that clients use, aliases above all.
    pub models: BTreeMap<String, bool>,
}

impl Config {
    /// The rules. Models must be there: [`Config::registry`] has looked.
    pub(super) fn recovery(&self) -> Result<RecoveryRules, BuildError> {
        let said = &self.recovery;
        let usual = RecoveryRules::default();
        if said.max_text_bytes == Some(0) {
            return Err(BuildError::ZeroLimit("recovery.max_text_bytes"));
        }
        Ok(RecoveryRules {
            enabled: said.enabled,
            models: said.models.clone(),
            max_text_bytes: said.max_text_bytes.unwrap_or(usual.max_text_bytes),
        })
    }
}
