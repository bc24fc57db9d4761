//! `[hedging]`: when a second target is asked while the first one is slow.

use std::collections::BTreeMap;

use orchestra_gateway::{HedgeAfter, HedgeRules, Hedging, Share};
use orchestra_providers::Registry;
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::{BuildError, Config, Seconds};

/// `[hedging]`; the defaults are those of [`Hedging`].
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HedgingConfig {
    /// A percentile of the first target's times, such as `p95`, or `never`.
    #[serde(deserialize_with = "after")]
    pub after: Option<HedgeAfter>,
    /// A time instead.
    pub after_seconds: Option<Seconds>,
    /// For how large a part of the calls at most.
    #[serde(deserialize_with = "share")]
    pub most_extra: Option<Share>,
    /// `[hedging.models.NAME]`: what is different for a model, by the name that clients use, aliases above all.
    pub models: BTreeMap<String, ModelHedgingConfig>,
}

/// What is different for a model. What is not said is as `[hedging]` says; who says anything wants it after `p95` at least.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelHedgingConfig {
    /// A percentile of the first target's times, such as `p95`, or `never`.
    #[serde(deserialize_with = "after")]
    pub after: Option<HedgeAfter>,
    /// A time instead.
    pub after_seconds: Option<Seconds>,
    /// For how large a part of the calls at most.
    #[serde(deserialize_with = "share")]
    pub most_extra: Option<Share>,
}

impl Config {
    /// When second targets are asked. Models must be there.
    pub(super) fn hedge_rules(&self, registry: &Registry) -> Result<HedgeRules, BuildError> {
        let own = &self.hedging;
        let mut usual = Hedging::default();
        usual.most_extra = own.most_extra.unwrap_or(usual.most_extra);
        if let Some(after) = when(own.after, own.after_seconds, "[hedging]")? {
            usual.after = after;
        }
        let mut models = BTreeMap::new();
        for (name, own) in &self.hedging.models {
            let found = self.check_model(name, registry);
            found.map_err(BuildError::HedgingOfModel)?;
            let place = format!("[hedging.models.{name:?}]");
            let after = when(own.after, own.after_seconds, &place)?;
            let otherwise = match usual.after {
                HedgeAfter::Never => HedgeAfter::Percentile(95),
                after => after,
            };
            let hedging = Hedging {
                after: after.unwrap_or(otherwise),
                most_extra: own.most_extra.unwrap_or(usual.most_extra),
            };
            models.insert(name.clone(), hedging);
        }
        Ok(HedgeRules { usual, models })
    }
}

/// The one of the two that is said.
fn when(
    after: Option<HedgeAfter>,
    seconds: Option<Seconds>,
    place: &str,
) -> Result<Option<HedgeAfter>, BuildError> {
    match (after, seconds) {
        (Some(_), Some(_)) => Err(BuildError::HedgingTwice(place.to_owned())),
        (after, None) => Ok(after),
        (None, Some(seconds)) => Ok(Some(HedgeAfter::Time(seconds.duration()))),
    }
}

fn after<'de, D: Deserializer<'de>>(from: D) -> Result<Option<HedgeAfter>, D::Error> {
    let text = String::deserialize(from)?;
    let unknown = || {
        D::Error::custom(format!(
            "`{text}` is no time for a hedge: write a percentile such as \"p95\" (p50 to p99) or \"never\", or use `after_seconds`"
        ))
    };
    HedgeAfter::parse(&text).map(Some).ok_or_else(unknown)
}

fn share<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Share>, D::Error> {
    let part = f64::deserialize(from)?;
    let wrong = || D::Error::custom("a part of the calls must be above 0 and at most 1");
    Share::of(part).map(Some).ok_or_else(wrong)
}
