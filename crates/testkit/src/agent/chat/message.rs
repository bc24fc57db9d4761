//! The messages of a Chat Completions request, and their order.

use crate::agent::asked::{Asked, Called, Round};
use crate::agent::said::THOUGHT;
use crate::agent::spot::{Refusal, Spot};

/// Reads all messages: results follow their calls at once, and each call has one.
pub(super) fn conversation(
    root: &Spot<'_>,
    reasoning_content: bool,
    asked: &mut Asked,
) -> Result<(), Refusal> {
    let messages = root.want("messages")?;
    let each = messages.items()?;
    messages.must(!each.is_empty(), "must not be empty")?;
    let mut round: Option<Round> = None;
    for message in &each {
        if message.want_text("role")? == "tool" {
            let open = round.as_mut();
            let open = open.ok_or_else(|| message.wrong("a result must follow its call"))?;
            tool(message, open)?;
            continue;
        }
        close(message, round.take(), asked)?;
        round = other(message, reasoning_content, asked)?;
    }
    let last = each.last().unwrap_or(&messages);
    close(last, round, asked)
}

/// Everything before this message must have been answered.
fn close(at: &Spot<'_>, round: Option<Round>, asked: &mut Asked) -> Result<(), Refusal> {
    if let Some(round) = round {
        round.complete(at)?;
        asked.rounds.push(round);
    }
    Ok(())
}

fn tool(message: &Spot<'_>, round: &mut Round) -> Result<(), Refusal> {
    message.only(&["role", "content", "tool_call_id"])?;
    let text = texts(&message.want("content")?, &["text"])?;
    round.result(message, message.want_text("tool_call_id")?, text)
}

fn other(
    message: &Spot<'_>,
    reasoning_content: bool,
    asked: &mut Asked,
) -> Result<Option<Round>, Refusal> {
    let roles: &[&str] = if reasoning_content {
        &["system", "user", "assistant"]
    } else {
        &["system", "developer", "user", "assistant"]
    };
    match message.one_of("role", roles)? {
        "assistant" => assistant(message, reasoning_content),
        "user" => {
            message.only(&["role", "content", "name"])?;
            user(&message.want("content")?, asked)?;
            Ok(None)
        }
        _ => {
            message.only(&["role", "content", "name"])?;
            texts(&message.want("content")?, &["text"])?;
            Ok(None)
        }
    }
}

fn assistant(message: &Spot<'_>, reasoning_content: bool) -> Result<Option<Round>, Refusal> {
    // Members of answers are taken back: clients return messages as they came.
    let mut fields = vec![
        "role",
        "content",
        "name",
        "refusal",
        "tool_calls",
        "audio",
        "annotations",
        "function_call",
    ];
    if reasoning_content {
        fields.push("reasoning_content");
    }
    message.only(&fields)?;
    let old = message.get("function_call").is_some();
    message.must(!old, "function_call has given way to tool_calls")?;
    let content = message.get("content");
    if let Some(content) = &content {
        texts(content, &["text", "refusal"])?;
    }
    let Some(calls) = message.get("tool_calls") else {
        message.must(
            content.is_some() || message.get("refusal").is_some(),
            "has neither content nor tool_calls",
        )?;
        return Ok(None);
    };
    let each = calls.items()?;
    calls.must(!each.is_empty(), "must not be empty")?;
    let mut round = Round::default();
    for call in each {
        round.push(read_call(&call)?);
    }
    if reasoning_content {
        thought(message)?;
    }
    Ok(Some(round))
}

/// DeepSeek wants the thoughts before a call back, as they were; none at all are taken, too, as
/// long as the field is there.
fn thought(message: &Spot<'_>) -> Result<(), Refusal> {
    let told = message.want("reasoning_content")?;
    let same = ["", THOUGHT].contains(&told.text()?);
    told.must(same, "is not what the model thought")
}

fn read_call(call: &Spot<'_>) -> Result<Called, Refusal> {
    call.only(&["id", "type", "function"])?;
    call.one_of("type", &["function"])?;
    let function = call.want("function")?;
    function.only(&["name", "arguments"])?;
    let name = function.identifier("name", 64)?;
    Called::from_text(
        call,
        call.want_text("id")?,
        name,
        &function.want("arguments")?,
    )
}

/// The text of a string or of parts of these kinds.
fn texts(content: &Spot<'_>, kinds: &[&str]) -> Result<String, Refusal> {
    if content.value.is_string() {
        return content.text().map(str::to_owned);
    }
    let parts = content.items()?;
    content.must(!parts.is_empty(), "must not be empty")?;
    let text = |part: &Spot<'_>| {
        let kind = part.one_of("type", kinds)?;
        part.only(&["type", kind])?;
        part.want_text(kind).map(str::to_owned)
    };
    let texts: Result<Vec<String>, Refusal> = parts.iter().map(text).collect();
    Ok(texts?.concat())
}

fn user(content: &Spot<'_>, asked: &mut Asked) -> Result<(), Refusal> {
    if content.value.is_string() {
        return Ok(());
    }
    let parts = content.items()?;
    content.must(!parts.is_empty(), "must not be empty")?;
    for part in parts {
        match part.one_of("type", &["text", "image_url", "input_audio", "file"])? {
            "text" => {
                part.only(&["type", "text", "prompt_cache_breakpoint"])?;
                part.want_text("text")?;
            }
            kind => {
                part.only(&["type", kind])?;
                asked.media.push(medium(kind, &part.want(kind)?)?);
            }
        }
    }
    Ok(())
}

fn medium(kind: &str, part: &Spot<'_>) -> Result<String, Refusal> {
    match kind {
        "image_url" => {
            part.only(&["url", "detail"])?;
            part.if_one_of("detail", &["auto", "low", "high"])?;
            media_type(&part.want("url")?)
        }
        "file" => {
            part.only(&["file_data", "file_id", "filename"])?;
            part.get_text("filename")?;
            match part.get("file_data") {
                Some(data) => media_type(&data),
                None => part.want_text("file_id").map(|_| "file".to_owned()),
            }
        }
        _ => {
            part.only(&["data", "format"])?;
            part.want_text("data")?;
            Ok(format!("audio/{}", part.one_of("format", &["wav", "mp3"])?))
        }
    }
}

/// The media type of a `data:` address; `url` for one that must be fetched.
fn media_type(address: &Spot<'_>) -> Result<String, Refusal> {
    let text = address.text()?;
    if text.starts_with("https://") || text.starts_with("http://") {
        return Ok("url".to_owned());
    }
    let data = text.strip_prefix("data:");
    let (kind, payload) = data
        .and_then(|data| data.split_once(";base64,"))
        .ok_or_else(|| address.wrong("is neither a URL nor data:TYPE;base64,DATA"))?;
    address.must(!payload.is_empty(), "has no data")?;
    Ok(kind.to_owned())
}
