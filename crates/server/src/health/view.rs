//! What is told of providers, as JSON. No key, no address, nothing that a provider or another client has said.

use std::collections::BTreeMap;
use std::time::Duration;

use orchestra_gateway::{KeyReport, KeyStanding, KnownModels, ProviderCheck, TargetReport};
use serde_json::{Map, Value, json};

use super::standing::{Standing, Status};
use super::tally::{Tally, seconds_ago};

/// Names that are told are those that are known; the others are summed up under this one.
const OTHER: &str = "other";

/// For everybody: one word, and how many.
pub(crate) fn summary(standings: &[Standing]) -> Value {
    let count = |status| standings.iter().filter(|s| s.status == status).count();
    json!({
        "status": status_of(standings).as_str(),
        "providers": {
            "total": standings.len(),
            "healthy": count(Status::Healthy),
            "degraded": count(Status::Degraded),
            "unhealthy": count(Status::Unhealthy),
        },
    })
}

pub(crate) fn status_of(standings: &[Standing]) -> Status {
    Status::of_all(standings.iter().map(|standing| standing.status))
}

/// The summary, and each provider without its models.
pub(crate) fn providers(standings: &[Standing], now: Duration) -> Value {
    let list: Vec<Value> = standings.iter().map(|s| provider(s, now)).collect();
    json!({ "status": status_of(standings).as_str(), "providers": list })
}

/// Portkey's part in it, in the fields that its integration is checked by.
pub(crate) fn portkey(standings: &[Standing], now: Duration) -> Value {
    let available = standings.iter().filter(|s| s.status != Status::Unhealthy);
    let available: Vec<&str> = available.map(|s| s.provider.as_str()).collect();
    let portkeys: Vec<&Standing> = standings.iter().filter(|s| s.is_portkey).collect();
    let shown: Vec<Value> = portkeys.iter().map(|s| provider(s, now)).collect();
    json!({
        "service": "portkey_integration",
        "status": status_of(standings).as_str(),
        "available_providers": available,
        "connection_test": portkeys.iter().any(|standing| standing.answers()),
        "portkey": { "configured": !portkeys.is_empty(), "providers": shown },
    })
}

/// One provider with its models, and what is left of the limits of its keys.
pub(crate) fn detail(standing: &Standing, known: &KnownModels, now: Duration) -> Value {
    let mut shown = provider(standing, now);
    shown["models"] = models(standing, known, now);
    let quotas = standing.key_reports.iter().flat_map(quotas);
    shown["keys"]["quota"] = quotas.collect();
    shown
}

fn provider(standing: &Standing, now: Duration) -> Value {
    json!({
        "provider": standing.provider.as_str(),
        "label": standing.label,
        "status": standing.status.as_str(),
        "reasons": standing.reasons,
        "keys": {
            "state": match standing.key_standing {
                KeyStanding::NotNeeded => "not_needed",
                KeyStanding::Sealed => "sealed",
                KeyStanding::Missing { .. } => "missing",
                KeyStanding::Ready => "ready",
            },
            "count": standing.keys.count,
            "benched": standing.keys.benched,
        },
        "probe": standing.probe.as_ref().map(|probe| {
            let (working, models, reason) = match &probe.check {
                ProviderCheck::Working { models } => (Some(true), Some(models), None),
                ProviderCheck::Unlisted { reason } => (None, None, Some(reason)),
                ProviderCheck::Failing { reason } => (Some(false), None, Some(reason)),
            };
            json!({ "working": working, "models": models, "reason": reason, "seconds_ago": seconds_ago(probe.at, now) })
        }),
        "traffic": traffic(&standing.total, now),
    })
}

fn quotas(key: &KeyReport) -> impl Iterator<Item = Value> {
    key.quota.iter().map(|quota| {
        json!({
            "key": key.name.as_str(),
            "version": key.version,
            "counted": quota.counted.as_str(),
            "limit": quota.limit,
            "remaining": quota.remaining,
            "reset_seconds": quota.resets_in.as_secs_f64(),
        })
    })
}

fn models(standing: &Standing, known: &KnownModels, now: Duration) -> Value {
    let known = known.get(&standing.provider);
    let mut by_model: BTreeMap<&str, Vec<&TargetReport>> = BTreeMap::new();
    for target in &standing.targets {
        let is_known = known.is_some_and(|names| names.contains(&target.model));
        let name = if is_known {
            target.model.as_str()
        } else {
            OTHER
        };
        by_model.entry(name).or_default().push(target);
    }
    let shown = by_model.into_iter().map(|(name, targets)| {
        let tally = Tally::of(targets, now);
        (name.to_owned(), traffic(&tally, now))
    });
    Value::Object(shown.collect::<Map<_, _>>())
}

fn traffic(tally: &Tally, now: Duration) -> Value {
    let ago = |then: Option<Duration>| then.map(|then| seconds_ago(then, now));
    json!({
        "in_flight": tally.in_flight,
        "waiting": tally.waiting,
        "successes": tally.successes,
        "failures": tally.failures,
        "last_success_seconds_ago": ago(tally.last_success),
        "last_failure_seconds_ago": ago(tally.last_failure),
        "first_token_ms": tally.latency.map(|latency| latency.as_millis()),
        "breakers": {
            "closed": tally.breakers.closed,
            "open": tally.breakers.open,
            "half_open": tally.breakers.half_open,
        },
        "out": tally.reason.map(|reason| reason.as_str()),
        "back_in_seconds": tally.back_at.map(|at| seconds_ago(now, at)),
    })
}
