//! The form of the answer.

use super::To;
use super::options::dotted;
use crate::canonical::{Field, OutputFormat};
use crate::json::{ObjectWriter, Raw};
use crate::structured_output::{JSON_OBJECT, schema_instructions};
use crate::{Dialect, Losses, RawJson};

pub(super) fn write(object: &mut ObjectWriter<'_>, to: &To<'_>, losses: &mut Losses) {
    let verbosity = to.request.verbosity;
    let rest = dotted(to, "text.");
    let plain = to.request.output == OutputFormat::Text
        && rest.iter().all(|(name, _)| !name.starts_with("format."));
    if plain && verbosity.is_none() && rest.is_empty() {
        return;
    }
    object.object("text", |object| {
        if !plain {
            object.object("format", |object| format(object, to, losses));
        }
        object.text_if("verbosity", verbosity.map(|verbosity| verbosity.as_str()));
        for (name, value) in rest {
            if !name.starts_with("format.") {
                object.raw(name, value.as_str());
            }
        }
    });
}

fn format(object: &mut ObjectWriter<'_>, to: &To<'_>, losses: &mut Losses) {
    match &to.request.output {
        OutputFormat::Text => object.text("type", "text"),
        // No object: only words can ask for it.
        OutputFormat::JsonSchema { schema, .. } if !is_object(schema) && !takes(schema, to) => {
            object.text("type", "text");
        }
        OutputFormat::JsonSchema {
            name,
            description,
            schema,
            strict,
        } if takes(schema, to) => {
            object.text("type", "json_schema");
            if name.is_none() {
                losses.defaulted("text.format.name");
            }
            object.text("name", name.as_deref().unwrap_or("answer"));
            object.text_if("description", description.as_deref());
            object.raw("schema", schema.as_str());
            object.flag_if("strict", *strict);
        }
        OutputFormat::JsonObject | OutputFormat::JsonSchema { .. } => {
            object.text("type", "json_object");
        }
    }
    for (name, value) in dotted(to, "text.format.") {
        object.raw(name, value.as_str());
    }
}

/// What the model must be told in words about the form of its answer: the schema, where the target cannot be
/// held to one, and that it be JSON at all, which OpenAI wants some message to say and Gemini does not.
pub(super) fn in_words(to: &To<'_>, losses: &mut Losses) -> Option<String> {
    let words = match &to.request.output {
        OutputFormat::JsonSchema {
            schema,
            description,
            ..
        } if !takes(schema, to) => schema_instructions(schema, description.as_deref()),
        OutputFormat::JsonObject if to.request.origin == Dialect::Gemini => JSON_OBJECT.to_owned(),
        _ => return None,
    };
    to.approximated(Field::OutputFormat, losses);
    Some(words)
}

/// Whether the answer can be held to this schema: OpenAI takes objects only.
fn takes(schema: &RawJson, to: &To<'_>) -> bool {
    to.profile.json_schema && (to.own || is_object(schema))
}

/// Whether what follows this schema is an object, as far as it says.
fn is_object(schema: &RawJson) -> bool {
    let kind = schema.raw().member("type").and_then(Raw::text);
    kind.is_none_or(|kind| kind == "object")
}
