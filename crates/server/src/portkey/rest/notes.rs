//! What clients tell of calls, kept and listed.

use orchestra_gateway::Refusal;
use orchestra_store::{Asked, Note, NoteError, NoteKind};
use serde_json::{Value, json};

use super::answer::{list, time};
use super::ask::{Ask, not_found, wrong};
use super::{Rest, unavailable};

/// The longest name of a trace, in bytes.
pub(super) const LONGEST_TRACE: usize = 256;

/// What one note says.
pub(super) struct Said {
    /// Of which trace; empty if it says none.
    pub(super) trace: String,
    pub(super) body: Value,
}

/// Reads one note out of a body, which stands at this place in it.
type Read = fn(&Ask<'_>, Value, &str) -> Result<Said, Refusal>;

/// Keeps the one note of a body, or all of its list; or none of them. Says what they are called.
pub(super) async fn keep(
    rest: &Rest,
    ask: &Ask<'_>,
    kind: NoteKind,
    read: Read,
) -> Result<Vec<String>, Refusal> {
    let kept = rest.kept()?;
    let objects = ask.objects()?;
    let single = objects.len() == 1;
    let note = |(index, object)| {
        let place = if single {
            String::new()
        } else {
            format!("[{index}]")
        };
        let said = read(ask, object, &place)?;
        Ok(Note {
            id: rest.identity(),
            client: ask.who().to_owned(),
            trace: said.trace,
            body: said.body.to_string(),
            made: rest.now(),
        })
    };
    let notes = objects.into_iter().enumerate().map(note);
    let notes = notes.collect::<Result<Vec<Note>, Refusal>>()?;
    kept.notes.add(kind, &notes).await.map_err(refused)?;
    Ok(notes.into_iter().map(|note| note.id).collect())
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
    Ok(list(page.total, page.notes.iter().map(shown).collect()))
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
