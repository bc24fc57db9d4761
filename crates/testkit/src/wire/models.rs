//! Model lists in both families' shapes.

use serde::Serialize;

use super::{CREATED, Family, json};

#[derive(Serialize)]
struct OpenAiList<'a> {
    object: &'a str,
    data: Vec<OpenAiModel<'a>>,
}

#[derive(Serialize)]
struct OpenAiModel<'a> {
    id: &'a str,
    object: &'a str,
    created: u64,
    owned_by: &'a str,
}

#[derive(Serialize)]
struct AnthropicList<'a> {
    data: Vec<AnthropicModel<'a>>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

#[derive(Serialize)]
struct AnthropicModel<'a> {
    r#type: &'a str,
    id: &'a str,
    display_name: &'a str,
    created_at: &'a str,
    lifecycle: &'a str,
    max_input_tokens: u64,
    max_tokens: u64,
    capabilities: Option<()>,
    deprecated_at: Option<()>,
    retires_at: Option<()>,
}

/// The list of models.
pub(crate) fn models(family: Family, ids: &[String]) -> Vec<u8> {
    match family {
        // Gemini's own list is not asked for: its OpenAI-compatible one tells the same.
        Family::OpenAi | Family::Google => {
            let data = ids.iter().map(|id| openai(id)).collect();
            json(&OpenAiList {
                object: "list",
                data,
            })
        }
        Family::Anthropic => json(&AnthropicList {
            data: ids.iter().map(|id| anthropic(id)).collect(),
            has_more: false,
            first_id: ids.first().map(String::as_str),
            last_id: ids.last().map(String::as_str),
        }),
    }
}

/// One model.
pub(crate) fn model(family: Family, id: &str) -> Vec<u8> {
    match family {
        Family::OpenAi | Family::Google => json(&openai(id)),
        Family::Anthropic => json(&anthropic(id)),
    }
}

fn openai(id: &str) -> OpenAiModel<'_> {
    OpenAiModel {
        id,
        object: "model",
        created: CREATED,
        owned_by: "orchestra-testkit",
    }
}

fn anthropic(id: &str) -> AnthropicModel<'_> {
    AnthropicModel {
        r#type: "model",
        id,
        display_name: id,
        created_at: "2026-09-21T14:13:20Z",
        lifecycle: "active",
        max_input_tokens: 200_000,
        max_tokens: 64_000,
        capabilities: None,
        deprecated_at: None,
        retires_at: None,
    }
}
