//! The store, its secrets and the providers' keys, without any value.

use orchestra_gateway::{KeyReport, KeyStanding, Member};
use orchestra_secrets::{Entry, Status};
use serde_json::{Map, Value, json};

/// One version of a secret.
pub(super) fn entry(entry: &Entry) -> Value {
    let labels = entry.labels.iter();
    let labels: Map<String, Value> = labels
        .map(|(key, value)| (key.to_owned(), Value::from(value)))
        .collect();
    json!({
        "name": entry.name.to_string(),
        "version": entry.version,
        "state": entry.state.as_str(),
        "id": entry.id.to_string(),
        "service": entry.service,
        "origin": entry.origin.as_ref().map(|origin| origin.as_str()),
        "labels": labels,
        "created_ms": entry.created_ms,
        "expires_ms": entry.expires_ms,
        "last_used_ms": entry.last_used_ms,
    })
}

/// The store at a glance.
pub(super) fn store(status: &Status) -> Value {
    let slots = status.slots.iter();
    let slots = slots.map(|slot| json!({ "id": slot.id, "kind": slot.kind.as_str() }));
    let keys = status.keys.iter().map(
        |key| json!({ "version": key.version, "state": key.state, "created_ms": key.created_ms }),
    );
    json!({
        "id": status.store,
        "epoch": status.epoch,
        "root_version": status.root_version,
        "slots": slots.collect::<Vec<_>>(),
        "keys": keys.collect::<Vec<_>>(),
        "entries": status.entries,
        "anchored": status.anchored,
        "anchor_failure": status.anchor_failure,
    })
}

/// A provider and how its keys fare.
pub(super) fn member(member: &Member, reports: &[KeyReport]) -> Value {
    let (state, reason) = match member.key_standing() {
        KeyStanding::NotNeeded => ("not_needed", None),
        KeyStanding::Sealed => ("sealed", None),
        KeyStanding::Missing { reason } => ("missing", Some(reason.to_string())),
        KeyStanding::Ready => ("ready", None),
    };
    let provider = member.provider.id();
    let keys = reports.iter().filter(|key| key.provider == *provider);
    let keys = keys.map(|key| {
        json!({
            "name": key.name.as_str(),
            "version": key.version,
            "benched_seconds": key.benched_for.map(|left| left.as_secs()),
            "refusals": key.refusals,
        })
    });
    json!({
        "name": provider.as_str(),
        "state": state,
        "reason": reason,
        "keys": keys.collect::<Vec<_>>(),
    })
}
