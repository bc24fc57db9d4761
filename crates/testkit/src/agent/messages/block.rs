//! The blocks of a Messages request.

use serde_json::Value;

use crate::agent::asked::Called;
use crate::agent::said::{THOUGHT, is_seal};
use crate::agent::spot::{Refusal, Spot};

/// What a block is to the conversation.
#[derive(Debug)]
pub(super) enum Block<'a> {
    Text,
    Thought,
    Call(Called),
    Result(Spot<'a>, String),
    Medium(String),
}

/// Reads a block of this role.
pub(super) fn read<'a>(block: &Spot<'a>, role: &str) -> Result<Block<'a>, Refusal> {
    let kinds: &[&str] = match role {
        "user" => &["text", "image", "document", "tool_result"],
        _ => &["text", "thinking", "redacted_thinking", "tool_use"],
    };
    match block.one_of("type", kinds)? {
        "text" => {
            block.only(&["type", "text", "cache_control", "citations"])?;
            text(&block.want("text")?)?;
            Ok(Block::Text)
        }
        "thinking" => thinking(block),
        "redacted_thinking" => {
            block.only(&["type", "data"])?;
            sealed(&block.want("data")?)
        }
        "tool_use" => tool_use(block),
        "tool_result" => tool_result(block),
        kind => medium(block, kind).map(Block::Medium),
    }
}

/// A text that says something.
pub(super) fn text(at: &Spot<'_>) -> Result<String, Refusal> {
    let text = at.text()?;
    at.must(!text.trim().is_empty(), "text must not be empty or blank")?;
    Ok(text.to_owned())
}

/// The system prompt: a text or text blocks.
pub(super) fn system(root: &Spot<'_>) -> Result<(), Refusal> {
    let Some(system) = root.get("system") else {
        return Ok(());
    };
    if system.value.is_string() {
        return Ok(());
    }
    for block in system.items()? {
        block.only(&["type", "text", "cache_control", "citations"])?;
        block.one_of("type", &["text"])?;
        text(&block.want("text")?)?;
    }
    Ok(())
}

fn thinking<'a>(block: &Spot<'a>) -> Result<Block<'a>, Refusal> {
    block.only(&["type", "thinking", "signature"])?;
    let told = block.want("thinking")?;
    let same = ["", THOUGHT].contains(&told.text()?);
    told.must(same, "is not what the model thought")?;
    sealed(&block.want("signature")?)
}

fn sealed<'a>(at: &Spot<'a>) -> Result<Block<'a>, Refusal> {
    at.must(is_seal(at.text()?), "is no signature of this model")?;
    Ok(Block::Thought)
}

fn tool_use<'a>(block: &Spot<'a>) -> Result<Block<'a>, Refusal> {
    block.only(&["type", "id", "name", "input", "cache_control"])?;
    let id = block.identifier("id", 256)?;
    let name = block.identifier("name", 200)?;
    let input = block.want("input")?;
    input.object()?;
    let call = Called::new(block, Some(id), name, input.value.clone());
    Ok(Block::Call(call))
}

fn tool_result<'a>(block: &Spot<'a>) -> Result<Block<'a>, Refusal> {
    block.only(&[
        "type",
        "tool_use_id",
        "content",
        "is_error",
        "cache_control",
    ])?;
    block.identifier("tool_use_id", 256)?;
    let failed = block.flag("is_error")? == Some(true);
    let mut said = match block.get("content") {
        None => String::new(),
        Some(content) if content.value.is_string() => content.text()?.to_owned(),
        Some(content) => parts(&content)?,
    };
    if failed {
        said.insert_str(0, "failed: ");
    }
    Ok(Block::Result(block.clone(), said))
}

fn parts(content: &Spot<'_>) -> Result<String, Refusal> {
    let mut said = String::new();
    for part in content.items()? {
        match part.one_of("type", &["text", "image", "document"])? {
            "text" => {
                part.only(&["type", "text", "cache_control"])?;
                said.push_str(&text(&part.want("text")?)?);
            }
            kind => said.push_str(&medium(&part, kind)?),
        }
    }
    Ok(said)
}

/// The media type of an image or a document; `url` or `file` for one that is elsewhere.
fn medium(block: &Spot<'_>, kind: &str) -> Result<String, Refusal> {
    let fields: &[&str] = match kind {
        "image" => &["type", "source", "cache_control"],
        _ => &[
            "type",
            "source",
            "cache_control",
            "title",
            "context",
            "citations",
        ],
    };
    block.only(fields)?;
    let source = block.want("source")?;
    match source.one_of("type", &["base64", "text", "url", "file"])? {
        "url" => {
            source.only(&["type", "url"])?;
            source.want_text("url").map(|_| "url".to_owned())
        }
        "file" => {
            source.only(&["type", "file_id"])?;
            source.want_text("file_id").map(|_| "file".to_owned())
        }
        _ => {
            source.only(&["type", "media_type", "data"])?;
            let data = source.want("data")?;
            data.must(data.value != &Value::from(""), "must not be empty")?;
            let types: &[&str] = match kind {
                "image" => &["image/jpeg", "image/png", "image/gif", "image/webp"],
                _ => &["application/pdf", "text/plain"],
            };
            source.one_of("media_type", types).map(str::to_owned)
        }
    }
}
