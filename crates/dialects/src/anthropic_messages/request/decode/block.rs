//! Content blocks of requests (`ContentBlockParam` of the SDK).

use crate::canonical::{
    CacheMark, Extras, Part, PartBody, Place, Reasoning, ReasoningForm, ToolInput, ToolResult,
    ToolUse,
};
use crate::json::{Invalid, JsonKind, Locate, Raw};
use crate::{Dialect, envelope};

use super::super::super::{citation, ids};
use super::{content, keep, media};

/// `system`: a text, or blocks of text.
pub(super) fn system(value: Raw<'_>) -> Result<Vec<Part>, Invalid> {
    if value.kind() == Some(JsonKind::Text) {
        let text = value.want_string()?;
        return Ok(vec![Part::text(text).at(Place::member("system"))]);
    }
    let items = value.want_items()?;
    items
        .map(|(index, item)| read(item, Place::item("system", index)).at_index(index))
        .collect()
}

/// A block of any kind. One that is unknown here, or that runs at the provider, is opaque.
pub(super) fn read(block: Raw<'_>, at: Place) -> Result<Part, Invalid> {
    let kind = block.want_type()?;
    let part = match &*kind {
        "text" => text(block)?,
        "image" => media::image(block)?,
        "document" => media::document(block)?,
        "tool_use" => tool_use(block)?,
        "tool_result" => tool_result(block)?,
        "thinking" => thinking(block)?,
        "redacted_thinking" => redacted_thinking(block)?,
        _ => opaque(block, &kind),
    };
    Ok(part.at(at))
}

/// A block that is carried along as it is.
pub(super) fn opaque(block: Raw<'_>, kind: &str) -> Part {
    PartBody::Opaque {
        origin: Dialect::AnthropicMessages,
        kind: kind.to_owned(),
        raw: block.into(),
    }
    .into()
}

/// The part of this body, with the members of the block that are not among the `known` ones.
pub(super) fn part(body: PartBody, block: Raw<'_>, known: &[&str]) -> Part {
    let mut part: Part = body.into();
    for (name, value) in block.members() {
        match &*name {
            "type" => {}
            "cache_control" => part.cache = cache_mark(&mut part.extras, value),
            known_name if known.contains(&known_name) => {}
            _ => keep(&mut part.extras, name, value),
        }
    }
    part
}

/// Reads `cache_control`. One that says more than the canonical form knows is an extra.
pub(super) fn cache_mark(extras: &mut Extras, value: Raw<'_>) -> Option<CacheMark> {
    let [kind, ttl] = value.pick(["type", "ttl"]);
    let ephemeral = kind.and_then(Raw::text).as_deref() == Some("ephemeral");
    let plain = value.members().all(|(name, value)| match &*name {
        "type" => true,
        "ttl" => value.text().is_some(),
        _ => false,
    });
    if ephemeral && plain {
        let ttl = ttl.and_then(Raw::text).map(Into::into);
        return Some(CacheMark { ttl });
    }
    extras.push(("cache_control".to_owned(), value.into()));
    None
}

fn text(block: Raw<'_>) -> Result<Part, Invalid> {
    let text = block.want_member("text")?.want_string().at("text")?;
    let citations = block.member("citations");
    let citations = citations
        .map(|list| list.want_items().at("citations"))
        .transpose()?;
    let citations = citations.into_iter().flatten();
    let body = PartBody::Text {
        text,
        citations: citations.map(|(_, item)| citation::read(item)).collect(),
    };
    Ok(part(body, block, &["text", "citations"]))
}

fn tool_use(block: Raw<'_>) -> Result<Part, Invalid> {
    let id = block.want_member("id")?.want_text().at("id")?;
    let name = block.want_member("name")?.want_string().at("name")?;
    // Some clients leave it out where a tool takes no arguments.
    let input = block.member("input").map_or(Ok("{}"), |input| {
        input.want_object().map(Raw::json).at("input")
    })?;
    let body = PartBody::ToolUse(ToolUse {
        id: ids::original(id),
        name,
        input: ToolInput::Json(input.to_owned()),
        item_id: None,
    });
    Ok(part(body, block, &["id", "name", "input"]))
}

fn tool_result(block: Raw<'_>) -> Result<Part, Invalid> {
    let id = block.want_member("tool_use_id")?;
    let id = id.want_text().at("tool_use_id")?;
    let is_error = block.member("is_error");
    let is_error = is_error.map_or(Ok(false), |flag| flag.want_flag().at("is_error"))?;
    let parts = block.member("content").map(content).transpose();
    let body = PartBody::ToolResult(ToolResult {
        id: ids::original(id),
        parts: parts.at("content")?.unwrap_or_default(),
        is_error,
        custom: false,
        object: None,
    });
    Ok(part(body, block, &["tool_use_id", "content", "is_error"]))
}

/// Thoughts with their signature, or those of another provider in an envelope.
fn thinking(block: Raw<'_>) -> Result<Part, Invalid> {
    let text = block
        .want_member("thinking")?
        .want_string()
        .at("thinking")?;
    let signature = block.member("signature");
    let signature = signature
        .map(|signature| signature.want_string().at("signature"))
        .transpose()?
        .filter(|signature| !signature.is_empty());
    let mut reasoning = signature.map(opened).unwrap_or_default();
    if !text.is_empty() {
        reasoning.texts.push(text);
    }
    let body = PartBody::Reasoning(reasoning);
    Ok(part(body, block, &["thinking", "signature"]))
}

fn opened(signature: String) -> Reasoning {
    match envelope::open(&signature) {
        Some(reasoning) => foreign(reasoning),
        None => Reasoning {
            signature: Some(signature),
            origin: Some(Dialect::AnthropicMessages),
            ..Reasoning::default()
        },
    }
}

/// OpenAI shows nothing of its encrypted thoughts but summaries.
fn foreign(reasoning: Reasoning) -> Reasoning {
    let form = match reasoning.origin {
        Some(Dialect::OpenAiResponses) => ReasoningForm::Summary,
        _ => ReasoningForm::Full,
    };
    Reasoning { form, ..reasoning }
}

fn redacted_thinking(block: Raw<'_>) -> Result<Part, Invalid> {
    let data = block.want_member("data")?.want_string().at("data")?;
    let reasoning = match envelope::open(&data) {
        Some(reasoning) => foreign(reasoning),
        None => Reasoning {
            encrypted: Some(data),
            origin: Some(Dialect::AnthropicMessages),
            ..Reasoning::default()
        },
    };
    Ok(part(PartBody::Reasoning(reasoning), block, &["data"]))
}
