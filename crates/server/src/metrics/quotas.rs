//! What is left of the limits of keys.

use std::collections::BTreeMap;

use orchestra_gateway::QuotaReport;

use super::text::{Kind, Text};
use crate::health::Standing;

/// A provider, what a key of it is called, and what is counted: an operator's words and ours.
type Whose<'s> = (&'s str, &'s str, &'static str);

/// The limits of which something is known now.
pub(super) fn write(text: &mut Text, standings: &[Standing]) {
    let quotas = known(standings);
    let mut family = |name, help, value: &dyn Fn(&QuotaReport) -> Option<String>| {
        text.family(name, Kind::Gauge, help);
        for ((provider, key, counted), quota) in &quotas {
            let labels = [("provider", *provider), ("key", key), ("counted", counted)];
            if let Some(value) = value(quota) {
                text.sample(name, &labels, value);
            }
        }
    };
    family(
        "orchestra_key_quota_limit",
        "How much a key's rate limit holds.",
        &|quota| quota.limit.map(|limit| limit.to_string()),
    );
    family(
        "orchestra_key_quota_remaining",
        "How much was left of a key's rate limit with the last answer.",
        &|quota| Some(quota.remaining.to_string()),
    );
    family(
        "orchestra_key_quota_reset_seconds",
        "Until a key's rate limit is whole again.",
        &|quota| Some(quota.resets_in.as_secs_f64().to_string()),
    );
}

/// By whose they are. A name that a provider has twice, as two versions, is told once.
fn known(standings: &[Standing]) -> BTreeMap<Whose<'_>, &QuotaReport> {
    let mut known = BTreeMap::new();
    for standing in standings {
        for key in &standing.key_reports {
            for quota in &key.quota {
                let counted = quota.counted.as_str();
                let whose = (standing.provider.as_str(), key.name.as_str(), counted);
                known.entry(whose).or_insert(quota);
            }
        }
    }
    known
}
