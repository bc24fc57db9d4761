//! The input items of a Responses request, and what must go together.

use crate::agent::asked::{Asked, Called, Round};
use crate::agent::said::{THOUGHT, is_seal};
use crate::agent::spot::{Refusal, Spot};

/// Reads all items. A run of calls makes a round.
pub(super) fn input(root: &Spot<'_>, asked: &mut Asked) -> Result<(), Refusal> {
    let input = root.want("input")?;
    if input.value.is_string() {
        return Ok(());
    }
    let items = input.items()?;
    input.must(!items.is_empty(), "must not be empty")?;
    let mut calling = false;
    for (index, item) in items.iter().enumerate() {
        let kind = item.get_text("type")?.unwrap_or("message");
        match kind {
            "message" => message(item, asked)?,
            "function_call" => {
                let call = function_call(item)?;
                match asked.rounds.last_mut().filter(|_| calling) {
                    Some(round) => round.push(call),
                    None => asked.rounds.push(Round::of(call)),
                }
                calling = true;
                continue;
            }
            "function_call_output" => output(item, asked)?,
            "reasoning" => {
                reasoning(item)?;
                let next = items.get(index + 1);
                let kept = next.is_some_and(|next| is_the_models(next));
                item.must(kept, "is without the item that it belongs to")?;
            }
            _ => return Err(item.wrong(format_args!("unknown type {kind}"))),
        }
        // Results may come between the calls of one answer.
        calling = calling && kind == "function_call_output" && !asked.answered();
    }
    let at = items.last().unwrap_or(&input);
    asked.rounds.iter().try_for_each(|round| round.complete(at))
}

fn is_the_models(item: &Spot<'_>) -> bool {
    item.value["role"] == "assistant"
        || ["function_call", "reasoning"].contains(&item.value["type"].as_str().unwrap_or_default())
}

fn message(item: &Spot<'_>, asked: &mut Asked) -> Result<(), Refusal> {
    item.only(&["type", "id", "role", "status", "content", "phase"])?;
    identity(item, "msg_")?;
    let role = item.one_of("role", &["user", "system", "developer", "assistant"])?;
    let content = item.want("content")?;
    if content.value.is_string() {
        return Ok(());
    }
    let parts = content.items()?;
    content.must(!parts.is_empty(), "must not be empty")?;
    for part in parts {
        if let Some(medium) = read_part(&part, role == "assistant")? {
            asked.media.push(medium);
        }
    }
    Ok(())
}

fn read_part(part: &Spot<'_>, of_the_model: bool) -> Result<Option<String>, Refusal> {
    let kinds: &[&str] = if of_the_model {
        &["output_text", "refusal"]
    } else {
        &["input_text", "input_image", "input_file"]
    };
    match part.one_of("type", kinds)? {
        "output_text" => {
            part.only(&["type", "text", "annotations", "logprobs"])?;
            part.want_text("text").map(|_| None)
        }
        "refusal" => part.want_text("refusal").map(|_| None),
        "input_text" => {
            part.only(&["type", "text", "prompt_cache_breakpoint"])?;
            part.want_text("text").map(|_| None)
        }
        "input_image" => {
            part.only(&["type", "image_url", "file_id", "detail"])?;
            part.if_one_of("detail", &["auto", "low", "high", "original"])?;
            medium(part, "image_url").map(Some)
        }
        _ => {
            part.only(&["type", "file_data", "file_id", "file_url", "filename"])?;
            medium(part, "file_data").map(Some)
        }
    }
}

fn medium(part: &Spot<'_>, name: &str) -> Result<String, Refusal> {
    let Some(address) = part.get(name) else {
        let elsewhere = part.get("file_id").or_else(|| part.get("file_url"));
        part.must(elsewhere.is_some(), format_args!("has no {name}"))?;
        return Ok("file".to_owned());
    };
    let text = address.text()?;
    if text.starts_with("http") {
        return Ok("url".to_owned());
    }
    let data = text.strip_prefix("data:");
    let (kind, payload) = data
        .and_then(|data| data.split_once(";base64,"))
        .ok_or_else(|| address.wrong("is neither a URL nor data:TYPE;base64,DATA"))?;
    address.must(!payload.is_empty(), "has no data")?;
    Ok(kind.to_owned())
}

fn function_call(item: &Spot<'_>) -> Result<Called, Refusal> {
    item.only(&[
        "type",
        "id",
        "call_id",
        "name",
        "arguments",
        "status",
        "namespace",
    ])?;
    identity(item, "fc_")?;
    let id = item.want("call_id")?;
    let text = id.text()?;
    id.must(
        !text.is_empty() && text.len() <= 64,
        "must have 1 to 64 characters",
    )?;
    let name = item.identifier("name", 128)?;
    Called::from_text(item, text, name, &item.want("arguments")?)
}

fn output(item: &Spot<'_>, asked: &mut Asked) -> Result<(), Refusal> {
    item.only(&["type", "id", "call_id", "output", "status"])?;
    let id = item.want_text("call_id")?;
    let output = item.want("output")?;
    let text = if output.value.is_string() {
        output.text()?.to_owned()
    } else {
        parts(&output)?
    };
    let known = |round: &&mut Round| {
        let mut calls = round.calls.iter();
        calls.any(|call| call.id.as_deref() == Some(id))
    };
    match asked.rounds.iter_mut().rev().find(known) {
        Some(round) => round.result(item, id, text),
        None => Err(item.wrong(format_args!("no call {id} precedes its output"))),
    }
}

fn parts(output: &Spot<'_>) -> Result<String, Refusal> {
    let mut text = String::new();
    for part in output.items()? {
        match read_part(&part, false)? {
            Some(medium) => text.push_str(&medium),
            None => text.push_str(part.want_text("text")?),
        }
    }
    Ok(text)
}

fn reasoning(item: &Spot<'_>) -> Result<(), Refusal> {
    item.only(&[
        "type",
        "id",
        "summary",
        "content",
        "encrypted_content",
        "status",
    ])?;
    identity(item, "rs_")?;
    for part in item.want("summary")?.items()? {
        part.only(&["type", "text"])?;
        part.one_of("type", &["summary_text"])?;
        part.must(
            part.want_text("text")? == THOUGHT,
            "is not what the model thought",
        )?;
    }
    let sealed = item.want("encrypted_content")?;
    sealed.must(is_seal(sealed.text()?), "could not be verified")
}

/// An identity must begin like those that OpenAI gives to such items.
fn identity(item: &Spot<'_>, prefix: &str) -> Result<(), Refusal> {
    let Some(id) = item.get("id") else {
        return Ok(());
    };
    let text = id.text()?;
    let rule = format_args!("{text:?} must begin with {prefix:?} and have at most 64 characters");
    id.must(text.starts_with(prefix) && text.len() <= 64, rule)
}
