//! The contents of a Gemini request: calls are known by their names and places, or by identities that
//! the client gave them.

use serde_json::Value;

use crate::agent::asked::{Asked, Called, Round};
use crate::agent::said::{THOUGHT, is_seal};
use crate::agent::spot::{Refusal, Spot};

/// What Google's documentation gives for calls that another model made, in place of a signature.
const NO_SIGNATURE: [&str; 2] = [
    "skip_thought_signature_validator",
    "context_engineering_is_the_way_to_go",
];

/// Calls that wait for their results, and the identities that the client gave them.
#[derive(Default)]
struct Open {
    round: Round,
    ids: Vec<Option<String>>,
}

/// Reads the system's instruction: texts.
pub(super) fn system(at: &Spot<'_>) -> Result<(), Refusal> {
    at.only(&["role", "parts"])?;
    for part in at.want("parts")?.items()? {
        part.only(&["text"])?;
        part.want_text("text")?;
    }
    Ok(())
}

/// Reads all turns. They alternate, and a turn with calls is answered by one with as many
/// results.
pub(super) fn conversation(root: &Spot<'_>, asked: &mut Asked) -> Result<(), Refusal> {
    let contents = root.want("contents")?;
    let each = contents.items()?;
    contents.must(!each.is_empty(), "must not be empty")?;
    let mut open: Option<Open> = None;
    let mut roles = ["user", "model"].into_iter().cycle();
    let current = each.iter().rposition(starts_a_turn).unwrap_or(0);
    for (index, content) in each.iter().enumerate() {
        content.only(&["role", "parts"])?;
        let role = content.one_of("role", &["user", "model"])?;
        content.must(
            Some(role) == roles.next(),
            "roles must alternate, user first",
        )?;
        let parts = content.want("parts")?;
        let parts_list = parts.items()?;
        parts.must(!parts_list.is_empty(), "must not be empty")?;
        if role == "model" {
            open = model(&parts_list, index > current)?;
        } else {
            user(content, &parts_list, open.take(), asked)?;
        }
    }
    let last = each.last().unwrap_or(&contents);
    last.must(open.is_none(), "calls must be answered in the next turn")
}

/// A user's own words begin what Google calls the current turn; results continue it.
fn starts_a_turn(content: &Spot<'_>) -> bool {
    let parts = content.value["parts"].as_array();
    let mut parts = parts.into_iter().flatten();
    content.value["role"] == "user" && !parts.any(|part| part.get("functionResponse").is_some())
}

/// The calls of a turn. In the current turn the first of them bears a signature.
fn model(parts: &[Spot<'_>], current: bool) -> Result<Option<Open>, Refusal> {
    let Open { mut round, mut ids } = Open::default();
    for part in parts {
        part.only(&[
            "text",
            "thought",
            "thoughtSignature",
            "functionCall",
            "inlineData",
        ])?;
        let signature = signature(part)?;
        if let Some(call) = part.get("functionCall") {
            let needed = current && round.calls.is_empty();
            part.must(
                signature || !needed,
                "a function call is missing its thoughtSignature",
            )?;
            round.push(function_call(&call)?);
            ids.push(call.get_text("id")?.map(str::to_owned));
        } else {
            let text = part.want("text")?;
            let thought = part.flag("thought")? == Some(true);
            let same = !thought || text.text()? == THOUGHT;
            text.must(same, "is not what the model thought")?;
        }
    }
    Ok((!round.calls.is_empty()).then_some(Open { round, ids }))
}

fn signature(part: &Spot<'_>) -> Result<bool, Refusal> {
    let Some(signature) = part.get("thoughtSignature") else {
        return Ok(false);
    };
    let text = signature.text()?;
    let valid = is_seal(text) || NO_SIGNATURE.contains(&text);
    signature.must(valid, "is not valid")?;
    Ok(true)
}

fn function_call(call: &Spot<'_>) -> Result<Called, Refusal> {
    call.only(&["id", "name", "args"])?;
    let name = call.identifier("name", 64)?;
    let arguments = match call.get("args") {
        Some(arguments) => {
            arguments.object()?;
            arguments.value.clone()
        }
        None => Value::Object(serde_json::Map::new()),
    };
    Ok(Called::new(call, None, name, arguments))
}

fn user(
    content: &Spot<'_>,
    parts: &[Spot<'_>],
    open: Option<Open>,
    asked: &mut Asked,
) -> Result<(), Refusal> {
    let Open { mut round, ids } = open.unwrap_or_default();
    for part in parts {
        part.only(&["text", "inlineData", "fileData", "functionResponse"])?;
        if let Some(response) = part.get("functionResponse") {
            result(&response, &mut round, &ids)?;
        } else if let Some(medium) = medium(part)? {
            asked.media.push(medium);
        }
    }
    round.complete(content)?;
    if !round.calls.is_empty() {
        asked.rounds.push(round);
    }
    Ok(())
}

/// A result goes to the first call of its name that has none, or to the one of its identity.
fn result(response: &Spot<'_>, round: &mut Round, ids: &[Option<String>]) -> Result<(), Refusal> {
    response.only(&["id", "name", "response", "parts"])?;
    let name = response.want_text("name")?;
    let id = response.get_text("id")?;
    let value = response.want("response")?;
    value.object()?;
    for part in response.list("parts")? {
        part.only(&["inlineData"])?;
        medium(&part)?;
    }
    let open = |index: &usize| {
        let named = round.calls[*index].name == name && round.results[*index].is_none();
        named && (id.is_none() || ids[*index].as_deref() == id)
    };
    let found = (0..round.calls.len()).find(open);
    let Some(index) = found else {
        return Err(response.wrong(format_args!("no call of {name} waits for a result")));
    };
    round.results[index] = Some(told(value.value));
    Ok(())
}

/// What a result says, in whichever member it is wrapped.
fn told(response: &Value) -> String {
    let wrapped = ["output", "result", "content", "error"];
    let inner = wrapped.iter().find_map(|name| response.get(name));
    match inner.unwrap_or(response) {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn medium(part: &Spot<'_>) -> Result<Option<String>, Refusal> {
    if let Some(data) = part.get("inlineData") {
        data.only(&["mimeType", "data", "displayName"])?;
        let empty = data.want_text("data")?.is_empty();
        data.must(!empty, "has no data")?;
        return data.want_text("mimeType").map(|kind| Some(kind.to_owned()));
    }
    if let Some(file) = part.get("fileData") {
        file.only(&["mimeType", "fileUri", "displayName"])?;
        return file.want_text("fileUri").map(|_| Some("url".to_owned()));
    }
    part.want_text("text").map(|_| None)
}
