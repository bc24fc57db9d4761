//! Schemas: the rules that vendors have for them, and where they are when they are told in words.

use serde_json::{Value, json};

use super::spot::{Refusal, Spot};

/// A schema of which OpenAI and Anthropic guarantee the fit: each object in it names all its
/// properties and allows no others.
pub(crate) fn closed(at: &Spot<'_>) -> Result<(), Refusal> {
    at.object()?;
    let is_object = at.value["type"] == "object";
    if is_object {
        at.must(
            at.value["additionalProperties"] == false,
            "additionalProperties must be false",
        )?;
    }
    if let Some(properties) = at.get("properties") {
        for name in properties.object()?.keys() {
            closed(&properties.want(name)?)?;
        }
    }
    match at.get("items") {
        Some(items) => closed(&items),
        None => Ok(()),
    }
}

/// The schema of a tool's arguments: an object's.
pub(crate) fn arguments(at: &Spot<'_>) -> Result<(), Refusal> {
    at.object()?;
    at.must(at.value["type"] == "object", "type must be \"object\"")
}

/// The schema that a prompt describes in words, as a model would find it: the first object with
/// properties in the last text that has one. Any object will do if there is none.
pub(crate) fn in_words(prompt: &Value) -> Value {
    let found = texts(prompt).into_iter().rev().find_map(first_schema);
    found.unwrap_or_else(|| json!({"type": "object"}))
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(members) => members.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

fn first_schema(text: &str) -> Option<Value> {
    let mut objects = text.match_indices('{').filter_map(|(at, _)| {
        let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Value>();
        values.next()?.ok()
    });
    objects.find(|object| object["properties"].is_object())
}
