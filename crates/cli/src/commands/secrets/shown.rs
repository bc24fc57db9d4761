//! Secrets as lists show them: everything but the value.

use orchestra_secrets::{Entry, Labels};
use serde_json::{Map, Value, json};

use crate::output::table;
use crate::when;

/// What a version is good for, now.
pub(super) fn state(entry: &Entry, now_ms: i64) -> &'static str {
    use orchestra_secrets::State;
    match entry.state {
        State::Current | State::Previous if entry.is_expired(now_ms) => "expired",
        state => state.as_str(),
    }
}

/// An entry for programs.
pub(super) fn json(entry: &Entry, now_ms: i64) -> Value {
    json!({
        "name": entry.name.to_string(),
        "version": entry.version,
        "state": state(entry, now_ms),
        "service": entry.service,
        "origin": entry.origin.as_ref().map(ToString::to_string),
        "labels": labels(&entry.labels),
        "created": when::second(entry.created_ms),
        "expires": entry.expires_ms.map(when::second),
        "last_used": entry.last_used_ms.map(when::second),
        "key_version": entry.key_version,
    })
}

fn labels(labels: &Labels) -> Map<String, Value> {
    let pair = |(key, value): (&str, &str)| (key.to_owned(), value.into());
    labels.iter().map(pair).collect()
}

/// Entries for people.
pub(super) fn list(entries: &[Entry], now_ms: i64) -> String {
    const HEAD: [&str; 9] = [
        "NAME",
        "VERSION",
        "STATE",
        "SERVICE",
        "MAY BE SENT TO",
        "CREATED (UTC)",
        "EXPIRES",
        "LAST USED",
        "KEY",
    ];
    let rows: Vec<Vec<String>> = entries.iter().map(|entry| row(entry, now_ms)).collect();
    table(&HEAD, &rows)
}

fn row(entry: &Entry, now_ms: i64) -> Vec<String> {
    let time = |ms: Option<i64>| ms.map_or_else(|| "-".to_owned(), when::minute);
    vec![
        entry.name.to_string(),
        entry.version.to_string(),
        state(entry, now_ms).to_owned(),
        entry.service.clone().unwrap_or_else(|| "-".to_owned()),
        place(entry).to_owned(),
        time(Some(entry.created_ms)),
        time(entry.expires_ms),
        time(entry.last_used_ms),
        entry.key_version.to_string(),
    ]
}

/// Where it may be sent.
pub(super) fn place(entry: &Entry) -> &str {
    entry
        .origin
        .as_ref()
        .map_or("anywhere", orchestra_secrets::Origin::as_str)
}
