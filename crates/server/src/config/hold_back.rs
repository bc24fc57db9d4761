//! `[hold_back]`: how long streams that have begun to answer are held back, while another target could still take over.

use std::collections::BTreeMap;

use orchestra_gateway::{HoldBack, HoldBackRules};
use orchestra_providers::Registry;
use serde::Deserialize;

use super::{BuildError, Config, Seconds};

/// `[hold_back]`; by default streams are not held back beyond their first content.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HoldBackConfig {
    /// Until so many tokens have come.
    pub tokens: Option<u32>,
    /// Until so much time has passed since the first of them; a second where only tokens are said.
    pub seconds: Option<Seconds>,
    /// `[hold_back.models.NAME]`: instead of that, for calls of a model, by the name that clients use, aliases above all.
    pub models: BTreeMap<String, ModelHoldBackConfig>,
}

/// What holds for a model instead.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelHoldBackConfig {
    /// Until so many tokens have come.
    pub tokens: Option<u32>,
    /// Until so much time has passed since the first of them; a second where only tokens are said.
    pub seconds: Option<Seconds>,
}

impl Config {
    /// The rules. Models must be there.
    pub(super) fn hold_back_rules(&self, registry: &Registry) -> Result<HoldBackRules, BuildError> {
        let own = &self.hold_back;
        let usual = rule(own.tokens, own.seconds, "hold_back.tokens")?;
        let mut models = BTreeMap::new();
        for (name, own) in &own.models {
            let found = self.check_model(name, registry);
            found.map_err(BuildError::HoldBackOfModel)?;
            let rule = rule(own.tokens, own.seconds, "hold_back.models: tokens")?;
            models.insert(name.clone(), rule.unwrap_or(HoldBack::NONE));
        }
        Ok(HoldBackRules {
            usual: usual.unwrap_or(HoldBack::NONE),
            models,
        })
    }
}

fn rule(
    tokens: Option<u32>,
    seconds: Option<Seconds>,
    place: &'static str,
) -> Result<Option<HoldBack>, BuildError> {
    if tokens == Some(0) {
        return Err(BuildError::ZeroLimit(place));
    }
    Ok(HoldBack::of(tokens, seconds.map(Seconds::duration)))
}
