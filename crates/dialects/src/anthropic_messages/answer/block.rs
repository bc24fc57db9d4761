//! Content blocks of answers (`ContentBlock` of the SDK). A field of the wrong kind counts as absent.

use crate::canonical::{Part, PartBody, Reasoning, ToolInput, ToolUse};
use crate::json::{JsonKind, Raw};
use crate::{Dialect, structured_output};

use super::super::{citation, text_of};

/// Reads a block. What is none of the kinds that every dialect has is opaque.
pub(in super::super) fn read(block: Raw<'_>) -> Part {
    let kind = text_of(block, "type").unwrap_or_default();
    match &*kind {
        "text" => part(text(block), block, &["text", "citations"]),
        "thinking" => part(thinking(block), block, &["thinking", "signature"]),
        "redacted_thinking" => part(redacted_thinking(block), block, &["data"]),
        "tool_use" if text_of(block, "name").as_deref() == Some(structured_output::TOOL) => {
            Part::text(input(block))
        }
        "tool_use" => part(tool_use(block), block, &["id", "name", "input"]),
        _ => PartBody::Opaque {
            origin: Dialect::AnthropicMessages,
            kind,
            raw: block.into(),
        }
        .into(),
    }
}

fn part(body: PartBody, block: Raw<'_>, known: &[&str]) -> Part {
    let mut part: Part = body.into();
    let others = block
        .members()
        .filter(|(name, _)| name != "type" && !known.contains(&&**name));
    part.extras = others
        .map(|(name, value)| (name.into_owned(), value.into()))
        .collect();
    part
}

fn text(block: Raw<'_>) -> PartBody {
    let citations = block.member("citations");
    let citations = citations.into_iter().flat_map(Raw::items);
    PartBody::Text {
        text: text_of(block, "text").unwrap_or_default(),
        citations: citations.map(citation::read).collect(),
    }
}

fn thinking(block: Raw<'_>) -> PartBody {
    let some = |name| text_of(block, name).filter(|text| !text.is_empty());
    PartBody::Reasoning(Reasoning {
        texts: some("thinking").into_iter().collect(),
        signature: some("signature"),
        origin: Some(Dialect::AnthropicMessages),
        ..Reasoning::default()
    })
}

fn redacted_thinking(block: Raw<'_>) -> PartBody {
    PartBody::Reasoning(Reasoning {
        encrypted: text_of(block, "data"),
        origin: Some(Dialect::AnthropicMessages),
        ..Reasoning::default()
    })
}

fn tool_use(block: Raw<'_>) -> PartBody {
    PartBody::ToolUse(ToolUse {
        id: text_of(block, "id").unwrap_or_default(),
        name: text_of(block, "name").unwrap_or_default(),
        input: ToolInput::Json(input(block)),
        item_id: None,
    })
}

/// The input as it stands. Some servers write the object as a string.
fn input(block: Raw<'_>) -> String {
    match block.member("input") {
        Some(input) if input.kind() == Some(JsonKind::Text) => {
            input.text().unwrap_or_default().into_owned()
        }
        Some(input) => input.json().to_owned(),
        None => String::new(),
    }
}
