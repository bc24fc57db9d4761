//! Logs of calls that went another way, as clients insert them.

use orchestra_gateway::Refusal;
use orchestra_store::NoteKind;
use serde_json::{Map, Value, json};

use super::Rest;
use super::ask::{Ask, inside, wrong};
use super::notes::{LONGEST_TRACE, Said, keep, one, page};

/// Headers in which keys stand, without regard to case.
const KEY_HEADERS: [&str; 9] = [
    "authorization",
    "proxy-authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "x-portkey-api-key",
    "cookie",
    "set-cookie",
    "x-amz-security-token",
];

pub(super) async fn insert(rest: &Rest, ask: &Ask<'_>) -> Result<Value, Refusal> {
    let ids = keep(rest, ask, NoteKind::Log, note).await?;
    Ok(json!({ "status": "success", "success": true, "ids": ids }))
}

pub(super) async fn list(rest: &Rest, ask: &Ask<'_>) -> Result<Value, Refusal> {
    page(rest, ask, NoteKind::Log).await
}

pub(super) async fn read(rest: &Rest, ask: &Ask<'_>) -> Result<Value, Refusal> {
    one(rest, ask, NoteKind::Log, "log").await
}

/// What is kept of an entry: all that it says, but for keys.
fn note(ask: &Ask<'_>, entry: Value, place: &str) -> Result<Said, Refusal> {
    let Value::Object(mut entry) = entry else {
        return Err(wrong(place, "a log must be an object"));
    };
    for name in ["request", "response"] {
        match entry.get_mut(name) {
            Some(Value::Object(side)) => hide_keys(side),
            Some(_) => return Err(wrong(&inside(place, name), "it must be an object")),
            None => return Err(wrong(&inside(place, name), "it is missing")),
        }
    }
    let trace = trace(&entry, place)?.or_else(|| ask.trace.clone());
    Ok(Said {
        trace: trace.unwrap_or_default(),
        body: Value::Object(entry),
    })
}

/// The trace in the metadata, whose name differs between Portkey's documents.
fn trace(entry: &Map<String, Value>, place: &str) -> Result<Option<String>, Refusal> {
    let metadata = match entry.get("metadata") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(metadata)) => metadata,
        Some(_) => return Err(wrong(&inside(place, "metadata"), "it must be an object")),
    };
    let names = ["trace_id", "traceId", "traceID"];
    let mut found = names
        .iter()
        .filter_map(|name| metadata.get(*name)?.as_str());
    let trace = found.next().filter(|trace| !trace.is_empty());
    match trace {
        Some(trace) if trace.len() > LONGEST_TRACE => {
            let message = format!("a trace has at most {LONGEST_TRACE} bytes");
            Err(wrong(&inside(place, "metadata"), &message))
        }
        trace => Ok(trace.map(str::to_owned)),
    }
}

fn hide_keys(side: &mut Map<String, Value>) {
    let Some(Value::Object(headers)) = side.get_mut("headers") else {
        return;
    };
    for (name, value) in headers {
        let is_key = |known: &str| name.eq_ignore_ascii_case(known);
        if KEY_HEADERS.iter().any(|known| is_key(known)) {
            *value = Value::from("********");
        }
    }
}
