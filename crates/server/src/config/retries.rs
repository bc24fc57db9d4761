//! `[retries]`: how often the same target is asked again.

use std::collections::BTreeMap;

use orchestra_gateway::{Retries, RetryRules};
use orchestra_providers::Registry;
use orchestra_types::ProviderId;
use serde::Deserialize;

use super::{BuildError, Config, Seconds};

/// `[retries]`; the defaults are those of [`Retries`].
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetriesConfig {
    /// Times before the next target is asked.
    pub before_others: Option<u8>,
    /// Times in all when no other target is left.
    pub as_last: Option<u8>,
    /// The longest wait before the first retry.
    pub first_wait_seconds: Option<Seconds>,
    /// The longest wait before any.
    pub max_wait_seconds: Option<Seconds>,
    /// The longest `Retry-After` that is waited for.
    pub longest_pause_seconds: Option<Seconds>,
    /// `[retries.providers.NAME]`: what is different for a provider.
    pub providers: BTreeMap<String, RetryConfig>,
    /// `[retries.models.NAME]`: what is different for a model, by the name that clients use, aliases above all. Comes before
    /// the provider's.
    pub models: BTreeMap<String, RetryConfig>,
}

/// What is different for a provider or a model. What is not said is as `[retries]` says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetryConfig {
    /// Times before the next target is asked.
    pub before_others: Option<u8>,
    /// Times in all when no other target is left.
    pub as_last: Option<u8>,
    /// The longest wait before the first retry.
    pub first_wait_seconds: Option<Seconds>,
    /// The longest wait before any.
    pub max_wait_seconds: Option<Seconds>,
    /// The longest `Retry-After` that is waited for.
    pub longest_pause_seconds: Option<Seconds>,
}

impl Config {
    /// When the same target is asked again. Providers and models must be there.
    pub(super) fn retry_rules(&self, registry: &Registry) -> Result<RetryRules, BuildError> {
        let usual = self.retries.usual();
        let mut rules = RetryRules::all(usual);
        for (name, own) in &self.retries.providers {
            let id = ProviderId::new(name)?;
            if registry.provider(name).is_none() {
                return Err(BuildError::RetriesOfNobody(id));
            }
            rules.providers.insert(id, own.over(usual));
        }
        for (name, own) in &self.retries.models {
            let found = self.check_model(name, registry);
            found.map_err(BuildError::RetriesOfModel)?;
            rules.models.insert(name.clone(), own.over(usual));
        }
        Ok(rules)
    }
}

impl RetriesConfig {
    fn usual(&self) -> Retries {
        let said = RetryConfig {
            before_others: self.before_others,
            as_last: self.as_last,
            first_wait_seconds: self.first_wait_seconds,
            max_wait_seconds: self.max_wait_seconds,
            longest_pause_seconds: self.longest_pause_seconds,
        };
        said.over(Retries::default())
    }
}

impl RetryConfig {
    /// What is said here, laid over what holds otherwise.
    fn over(&self, usual: Retries) -> Retries {
        let number = |own: Option<u8>, usual| own.map_or(usual, u32::from);
        let time = |own: Option<Seconds>, usual| own.map_or(usual, Seconds::duration);
        Retries {
            before_others: number(self.before_others, usual.before_others),
            as_last: number(self.as_last, usual.as_last),
            first_wait: time(self.first_wait_seconds, usual.first_wait),
            max_wait: time(self.max_wait_seconds, usual.max_wait),
            longest_pause: time(self.longest_pause_seconds, usual.longest_pause),
        }
    }
}
