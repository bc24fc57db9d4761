//! How good calls were, as those say who got the answers.

use orchestra_gateway::Refusal;
use orchestra_store::NoteKind;
use serde_json::{Map, Value, json};

use super::Rest;
use super::ask::{Ask, inside, members, not_found, text, wrong};
use super::notes::{LONGEST_TRACE, Said, keep, one, page, refused};

/// Portkey's scale.
const VALUES: std::ops::RangeInclusive<i64> = -10..=10;

pub(super) async fn create(rest: &Rest, ask: &Ask<'_>) -> Result<Value, Refusal> {
    let ids = keep(rest, ask, NoteKind::Feedback, note).await?;
    Ok(saved("saved", ids.iter().map(String::as_str)))
}

fn note(_: &Ask<'_>, object: Value, place: &str) -> Result<Said, Refusal> {
    let known = ["trace_id", "traceID", "value", "weight", "metadata"];
    let members = members(object, place, &known)?;
    // Within a list, Portkey's client for Node leaves the names as they are in the program.
    let trace = match text(&members, "trace_id", place, LONGEST_TRACE)? {
        Some(trace) => Some(trace),
        None => text(&members, "traceID", place, LONGEST_TRACE)?,
    };
    let Some(trace) = trace else {
        let message = "it is missing: the answer to a call has its trace in x-portkey-trace-id";
        return Err(wrong(&inside(place, "trace_id"), message));
    };
    let Some(value) = value(&members, place)? else {
        return Err(wrong(&inside(place, "value"), "it is missing"));
    };
    let weight = weight(&members, place)?.unwrap_or(1.0);
    let metadata = metadata(&members, place)?.unwrap_or_else(|| json!({}));
    let body = json!({ "value": value, "weight": weight, "metadata": metadata });
    Ok(Said { trace, body })
}

pub(super) async fn update(rest: &Rest, ask: &Ask<'_>) -> Result<Value, Refusal> {
    let kept = rest.kept()?;
    let members = ask.members(&["feedback_id", "value", "weight", "metadata"])?;
    if let Some(id) = text(&members, "feedback_id", "", LONGEST_TRACE)?
        && id != ask.name
    {
        return Err(wrong("feedback_id", "it is another than the path's"));
    }
    let (value, weight) = (value(&members, "")?, weight(&members, "")?);
    let metadata = metadata(&members, "")?;
    let change = |body: &str| -> Result<String, std::convert::Infallible> {
        let mut body: Value = serde_json::from_str(body).unwrap_or_else(|_| json!({}));
        if let Some(value) = value {
            body["value"] = value.into();
        }
        if let Some(weight) = weight {
            body["weight"] = weight.into();
        }
        if let Some(metadata) = metadata {
            body["metadata"] = metadata;
        }
        Ok(body.to_string())
    };
    let changed = kept
        .notes
        .change(NoteKind::Feedback, ask.who(), ask.name, change);
    let Ok(found) = changed.await.map_err(refused)?;
    if !found {
        return Err(not_found("feedback", ask.name));
    }
    Ok(saved("changed", std::iter::once(ask.name)))
}

pub(super) async fn list(rest: &Rest, ask: &Ask<'_>) -> Result<Value, Refusal> {
    page(rest, ask, NoteKind::Feedback).await
}

pub(super) async fn read(rest: &Rest, ask: &Ask<'_>) -> Result<Value, Refusal> {
    one(rest, ask, NoteKind::Feedback, "feedback").await
}

/// The name of the ids differs between Portkey's documents and the types of its client for Node.
fn saved<'a>(what: &str, ids: impl Iterator<Item = &'a str>) -> Value {
    let ids: Vec<&str> = ids.collect();
    json!({
        "status": "success",
        "message": format!("the feedback was {what}"),
        "feedback_ids": ids,
        "feedback_id": ids,
    })
}

fn value(members: &Map<String, Value>, place: &str) -> Result<Option<i64>, Refusal> {
    let Some(value) = members.get("value").filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let value = value.as_i64().filter(|value| VALUES.contains(value));
    let value = value.ok_or_else(|| {
        let message = "it must be a whole number from -10 to 10";
        wrong(&inside(place, "value"), message)
    });
    value.map(Some)
}

fn weight(members: &Map<String, Value>, place: &str) -> Result<Option<f64>, Refusal> {
    let Some(weight) = members.get("weight").filter(|weight| !weight.is_null()) else {
        return Ok(None);
    };
    let weight = weight.as_f64().filter(|w| (0.0..=1.0).contains(w));
    let weight = weight.ok_or_else(|| {
        let message = "it must be a number from 0 to 1";
        wrong(&inside(place, "weight"), message)
    });
    weight.map(Some)
}

fn metadata(members: &Map<String, Value>, place: &str) -> Result<Option<Value>, Refusal> {
    match members.get("metadata") {
        None | Some(Value::Null) => Ok(None),
        Some(metadata @ Value::Object(_)) => Ok(Some(metadata.clone())),
        Some(_) => Err(wrong(&inside(place, "metadata"), "it must be an object")),
    }
}
