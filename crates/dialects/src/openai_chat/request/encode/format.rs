//! The form of the answer.

use super::super::super::inner;
use super::Scope;
use super::options::Options;
use crate::canonical::{Field, OutputFormat};
use crate::json::Raw;
use crate::{Dialect, Losses, RawJson, structured_output};

impl Options<'_, '_, '_> {
    /// Writes `response_format`.
    pub(super) fn format(&mut self) {
        let Scope { request, own, .. } = self.scope;
        match &request.output {
            OutputFormat::Text => {
                self.body
                    .raw_if("response_format", self.scope.noted("response_format"));
            }
            OutputFormat::JsonSchema {
                name,
                description,
                schema,
                strict,
            } if takes_schema(&self.scope, schema) => {
                if name.is_none() {
                    self.losses.defaulted("response_format.json_schema.name");
                }
                self.body.object("response_format", |format| {
                    format.text("type", "json_schema");
                    format.object("json_schema", |inner| {
                        inner.text("name", name.as_deref().unwrap_or("answer"));
                        inner.text_if("description", description.as_deref());
                        inner.raw("schema", schema.as_str());
                        inner.flag_if("strict", *strict);
                        if own {
                            inner::write(inner, &request.extras, "response_format.json_schema");
                        }
                    });
                });
            }
            // No object: only words can ask for it.
            OutputFormat::JsonSchema { schema, .. } if !is_object(schema) => {}
            OutputFormat::JsonObject | OutputFormat::JsonSchema { .. } => {
                self.body.object("response_format", |format| {
                    format.text("type", "json_object");
                    if own && request.output == OutputFormat::JsonObject {
                        inner::write(format, &request.extras, "response_format");
                    }
                });
            }
        }
    }
}

/// What the model must be told in words about the form of its answer: the schema, where the target cannot be
/// held to one. OpenAI refuses `json_object` if no message speaks of JSON, which other dialects do
/// not ask for.
pub(super) fn instructions(scope: &Scope<'_>, losses: &mut Losses) -> Option<String> {
    let instructions = match &scope.request.output {
        OutputFormat::JsonSchema {
            description,
            schema,
            ..
        } if !takes_schema(scope, schema) => {
            structured_output::schema_instructions(schema, description.as_deref())
        }
        OutputFormat::JsonObject if scope.request.origin == Dialect::Gemini => {
            structured_output::JSON_OBJECT.to_owned()
        }
        _ => return None,
    };
    losses.approximated(&[scope.request.place(Field::OutputFormat)]);
    Some(instructions)
}

/// Whether the answer can be held to this schema: OpenAI takes objects only, other dialects any JSON.
fn takes_schema(scope: &Scope<'_>, schema: &RawJson) -> bool {
    scope.profile.json_schema && (scope.own || is_object(schema))
}

/// Whether what follows this schema is an object, as far as it says.
fn is_object(schema: &RawJson) -> bool {
    let kind = schema.raw().member("type").and_then(Raw::text);
    kind.is_none_or(|kind| kind == "object")
}
