//! Schemas as Anthropic enforces them.
//!
//! Structured outputs and strict tools take a part of JSON Schema. What lies outside is brought in as Anthropic's
//! own SDK does it (`transform_schema` of anthropic-python): objects are closed, `oneOf` becomes `anyOf`, and
//! limits that cannot be enforced are told to the model in the description.

use std::borrow::Cow;

use crate::JsonKind;
use crate::json::{ListWriter, ObjectWriter, Raw, Writer};

use super::super::strictness::is_object;

/// A schema that Anthropic enforces.
pub(super) struct Closed<'a> {
    pub(super) text: Cow<'a, str>,
    /// Whether it says something else than the client's.
    pub(super) changed: bool,
}

/// What the client said of the whole schema beside it.
#[derive(Clone, Copy, Default)]
pub(super) struct Words<'a> {
    pub(super) title: Option<&'a str>,
    pub(super) description: Option<&'a str>,
}

/// What is written of one schema, where it is not written at once.
#[derive(Default)]
struct Rest<'a> {
    title: Option<Cow<'a, str>>,
    description: Option<Cow<'a, str>>,
    /// Members that cannot be enforced.
    unenforced: Vec<(Cow<'a, str>, Raw<'a>)>,
    closed: bool,
}

impl<'a> Closed<'a> {
    pub(super) fn of(schema: Raw<'a>, words: Words<'_>) -> Self {
        let mut changed = false;
        let text = Writer::object(|object| write(object, schema, words, &mut changed));
        let adds = words.title.is_some() || words.description.is_some();
        let text = if changed || adds {
            Cow::Owned(text)
        } else {
            Cow::Borrowed(schema.json())
        };
        Self { text, changed }
    }
}

fn write(object: &mut ObjectWriter<'_>, schema: Raw<'_>, words: Words<'_>, changed: &mut bool) {
    let [kind, properties] = schema.pick(["type", "properties"]);
    let is_object = kind.is_some_and(is_object) || properties.is_some();
    let mut rest = Rest::default();
    for (name, value) in schema.members() {
        match &*name {
            "type" | "enum" | "const" | "$ref" | "required" => object.raw(&name, value.json()),
            "properties" | "$defs" | "definitions" => write_map(object, &name, value, changed),
            "items" if value.kind() == Some(JsonKind::Object) => {
                object.object(&name, |inner| {
                    write(inner, value, Words::default(), changed)
                });
            }
            "anyOf" | "allOf" => write_list(object, &name, value, changed),
            "oneOf" => {
                *changed = true;
                write_list(object, "anyOf", value, changed);
            }
            "title" => rest.title = value.text(),
            "description" => rest.description = value.text(),
            "additionalProperties" if is_object => rest.closed = value.flag() == Some(false),
            "format" if is_enforced_format(value) => object.raw(&name, value.json()),
            "minItems" if matches!(value.count(), Some(0 | 1)) => object.raw(&name, value.json()),
            // These say nothing to the model.
            "$schema" | "$id" | "$comment" => *changed = true,
            _ => rest.unenforced.push((name, value)),
        }
    }
    if is_object {
        *changed |= !rest.closed;
        object.flag("additionalProperties", false);
    }
    *changed |= !rest.unenforced.is_empty();
    rest.write(object, words);
}

impl Rest<'_> {
    fn write(self, object: &mut ObjectWriter<'_>, words: Words<'_>) {
        object.text_if("title", self.title.as_deref().or(words.title));
        let description = self.description.as_deref();
        let beside = words.description.filter(|more| Some(*more) != description);
        let unenforced = (!self.unenforced.is_empty()).then(|| self.in_words());
        let paragraphs: Vec<&str> = [description, beside, unenforced.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        if !paragraphs.is_empty() {
            object.text("description", &paragraphs.join("\n\n"));
        }
    }

    /// `{minimum: 1, maximum: 10}`, as Anthropic's SDK words it.
    fn in_words(&self) -> String {
        let members = self.unenforced.iter();
        let members: Vec<String> = members
            .map(|(name, value)| format!("{name}: {}", value.json()))
            .collect();
        format!("{{{}}}", members.join(", "))
    }
}

/// Schemas by name. One that is no object (`true`) stays as it is.
fn write_map(object: &mut ObjectWriter<'_>, name: &str, map: Raw<'_>, changed: &mut bool) {
    object.object(name, |members| {
        for (name, schema) in map.members() {
            if schema.kind() == Some(JsonKind::Object) {
                members.object(&name, |inner| {
                    write(inner, schema, Words::default(), changed)
                });
            } else {
                members.raw(&name, schema.json());
            }
        }
    });
}

fn write_list(object: &mut ObjectWriter<'_>, name: &str, list: Raw<'_>, changed: &mut bool) {
    object.list(name, |items: &mut ListWriter<'_>| {
        for schema in list.items() {
            if schema.kind() == Some(JsonKind::Object) {
                items.object(|inner| write(inner, schema, Words::default(), changed));
            } else {
                items.raw(schema.json());
            }
        }
    });
}

/// The formats that Anthropic enforces (`SupportedStringFormats` of anthropic-python).
fn is_enforced_format(format: Raw<'_>) -> bool {
    const ENFORCED: [&str; 10] = [
        "date-time",
        "time",
        "date",
        "duration",
        "email",
        "hostname",
        "uri",
        "ipv4",
        "ipv6",
        "uuid",
    ];
    format
        .text()
        .is_some_and(|format| ENFORCED.contains(&&*format))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RawJson;

    fn check(schema: &str, expected: &str) {
        let schema = RawJson::parse(schema).expect("sound");
        let closed = Closed::of(schema.raw(), Words::default());
        assert_eq!(closed.text, expected);
        assert_eq!(closed.changed, expected != schema.as_str());
    }

    #[test]
    fn objects_are_closed_at_every_depth() {
        check(
            r##"{"type":"object","properties":{"a":{"type":["object","null"],"properties":{}},"b":{"type":"array","items":{"type":"object","additionalProperties":{"type":"string"}}}},"$defs":{"c":{"anyOf":[{"properties":{}},{"$ref":"#/$defs/c"}]}}}"##,
            r##"{"type":"object","properties":{"a":{"type":["object","null"],"properties":{},"additionalProperties":false},"b":{"type":"array","items":{"type":"object","additionalProperties":false}}},"$defs":{"c":{"anyOf":[{"properties":{},"additionalProperties":false},{"$ref":"#/$defs/c"}]}},"additionalProperties":false}"##,
        );
    }

    #[test]
    fn a_schema_that_fits_stays_as_it_was_written() {
        check(
            r#"{ "type": "object", "additionalProperties": false, "properties": {"a": {"type": "string", "format": "date"}}, "required": ["a"] }"#,
            r#"{ "type": "object", "additionalProperties": false, "properties": {"a": {"type": "string", "format": "date"}}, "required": ["a"] }"#,
        );
    }

    #[test]
    fn what_cannot_be_enforced_is_told_in_words() {
        check(
            r#"{"type":"integer","minimum":1,"maximum":10,"description":"Stars"}"#,
            r#"{"type":"integer","description":"Stars\n\n{minimum: 1, maximum: 10}"}"#,
        );
        check(
            r#"{"type":"array","minItems":2,"oneOf":[{"type":"null"},true]}"#,
            r#"{"type":"array","anyOf":[{"type":"null"},true],"description":"{minItems: 2}"}"#,
        );
    }

    #[test]
    fn the_name_of_the_form_is_its_title() {
        let schema = RawJson::parse(r#"{"type":"object","additionalProperties":false}"#).expect("");
        let words = Words {
            title: Some("answer"),
            description: Some("The answer"),
        };
        let closed = Closed::of(schema.raw(), words);
        assert!(!closed.changed);
        assert_eq!(
            closed.text,
            r#"{"type":"object","additionalProperties":false,"title":"answer","description":"The answer"}"#
        );
    }
}
