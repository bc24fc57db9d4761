//! How good calls were, as those say who got the answers.

use orchestra_gateway::Refusal;
use orchestra_store::{Asked, Note, NoteError, NoteKind};
use serde_json::{Map, Value, json};

use super::answer::{list as listed, time};
use super::ask::{Ask, inside, members, not_found, text, wrong};
use super::{Rest, unavailable};

const LONGEST_TRACE: usize = 256;
/// Portkey's scale.
const VALUES: std::ops::RangeInclusive<i64> = -10..=10;

pub(super) async fn create(rest: &Rest, ask: &Ask<'_>) -> Result<Value, Refusal> {
    let kept = rest.kept()?;
    let objects = ask.objects()?;
    let single = objects.len() == 1;
    let place = |index: usize| {
        if single {
            String::new()
        } else {
            format!("[{index}]")
        }
    };
    let notes = objects.into_iter().enumerate();
    let notes = notes.map(|(index, object)| note(rest, ask, object, &place(index)));
    let notes = notes.collect::<Result<Vec<Note>, Refusal>>()?;
    kept.notes
        .add(NoteKind::Feedback, &notes)
        .await
        .map_err(refused)?;
    let ids = notes.iter().map(|note| note.id.as_str());
    Ok(saved("saved", ids))
}

fn note(rest: &Rest, ask: &Ask<'_>, object: Value, place: &str) -> Result<Note, Refusal> {
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
    Ok(Note {
        id: rest.identity(),
        client: ask.who().to_owned(),
        trace,
        body: body.to_string(),
        made: rest.now(),
    })
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

/// Part of a list of notes, the latest first.
pub(super) async fn page(rest: &Rest, ask: &Ask<'_>, kind: NoteKind) -> Result<Value, Refusal> {
    let kept = rest.kept()?;
    let (skip, limit) = ask.page()?;
    let trace = ask.asked("trace_id");
    let asked = Asked {
        kind,
        client: ask.sees(),
        trace: trace.as_deref(),
    };
    let page = kept.notes.page(asked, skip, limit).await;
    let page = page.map_err(unavailable)?;
    Ok(listed(page.total, page.notes.iter().map(shown).collect()))
}

/// One note.
pub(super) async fn one(
    rest: &Rest,
    ask: &Ask<'_>,
    kind: NoteKind,
    what: &str,
) -> Result<Value, Refusal> {
    let kept = rest.kept()?;
    let found = kept.notes.get(kind, ask.sees(), ask.name).await;
    let note = found.map_err(unavailable)?;
    let note = note.ok_or_else(|| not_found(what, ask.name))?;
    Ok(json!({ "success": true, "data": shown(&note) }))
}

/// Why notes are not kept.
pub(super) fn refused(error: NoteError) -> Refusal {
    match error {
        NoteError::Failed(error) => unavailable(error),
        error => {
            let mending = "send less at once, or have the operator raise `max_kept_bytes_per_client` in [portkey]";
            wrong("", &format!("{error}; {mending}"))
        }
    }
}

fn shown(note: &Note) -> Value {
    let mut shown: Value = serde_json::from_str(&note.body).unwrap_or_else(|_| json!({}));
    shown["id"] = note.id.as_str().into();
    shown["trace_id"] = note.trace.as_str().into();
    shown["client"] = note.client.as_str().into();
    shown["created_at"] = time(note.made).into();
    shown
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
