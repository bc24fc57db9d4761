//! Whether a schema is one that OpenAI would enforce.
//!
//! Anthropic enforces every schema that it accepts; OpenAI only with `strict`, and refuses `strict` for schemas with
//! optional members. So `strict` is said of a schema from Anthropic exactly if OpenAI would take it
//! (platform.openai.com/docs/guides/structured-outputs, "Supported schemas").

use crate::JsonKind;
use crate::json::Raw;

/// Keywords that OpenAI refuses.
const REFUSED: [&str; 10] = [
    "allOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "propertyNames",
];

/// Whether the whole schema, an object at its root, can be enforced.
pub(super) fn is_strict(schema: Raw<'_>) -> bool {
    schema.member("type").and_then(Raw::text).as_deref() == Some("object") && fits(schema)
}

fn fits(schema: Raw<'_>) -> bool {
    let typed = ["type", "$ref", "anyOf", "enum", "const"]
        .into_iter()
        .any(|name| schema.member(name).is_some());
    let mut members = schema.members();
    typed
        && closed(schema)
        && members.all(|(name, value)| match &*name {
            "properties" | "$defs" | "definitions" => value.members().all(|(_, inner)| fits(inner)),
            "anyOf" => value.items().all(fits),
            "items" => fits(value),
            name => !REFUSED.contains(&name),
        })
}

/// Whether an object takes exactly its properties, all of them.
fn closed(schema: Raw<'_>) -> bool {
    let [kind, properties, required, additional] =
        schema.pick(["type", "properties", "required", "additionalProperties"]);
    if !kind.is_some_and(is_object) && properties.is_none() {
        return true;
    }
    let required = |name: &str| {
        let mut required = required.into_iter().flat_map(Raw::items);
        required.any(|item| item.text().as_deref() == Some(name))
    };
    let mut properties = properties.into_iter().flat_map(Raw::members);
    additional.and_then(Raw::flag) == Some(false) && properties.all(|(name, _)| required(&name))
}

/// Whether `type` allows objects; it may be a list.
pub(super) fn is_object(kind: Raw<'_>) -> bool {
    let is = |kind: Raw<'_>| kind.text().as_deref() == Some("object");
    match kind.kind() {
        Some(JsonKind::List) => kind.items().any(is),
        _ => is(kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(schema: &str, expected: bool) {
        let schema = crate::RawJson::parse(schema).expect("sound");
        assert_eq!(is_strict(schema.raw()), expected, "{schema}");
    }

    #[test]
    fn only_what_openai_would_enforce_is_strict() {
        check(
            r#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}"#,
            true,
        );
        check(
            r#"{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}"#,
            false,
        );
        check(r#"{"type":"object","properties":{}}"#, false);
        check(r#"{"type":"array","items":{"type":"string"}}"#, false);
        check(
            r#"{"type":"object","properties":{"a":{}},"required":["a"],"additionalProperties":false}"#,
            false,
        );
        check(
            r##"{"type":"object","properties":{"a":{"anyOf":[{"$ref":"#/$defs/x"},{"type":"null"}]}},"required":["a"],"additionalProperties":false,"$defs":{"x":{"type":["object","null"],"properties":{}}}}"##,
            false,
        );
        check(
            r#"{"type":"object","properties":{"a":{"allOf":[{"type":"string"}],"type":"string"}},"required":["a"],"additionalProperties":false}"#,
            false,
        );
    }
}
