//! The form of the answer.

use std::borrow::Cow;

use crate::canonical::{Field, OutputFormat, Place};
use crate::json::Raw;
use crate::structured_output::{JSON_OBJECT, schema_instructions};
use crate::{Dialect, RawJson};

use super::context::Context;
use super::schema::{Closed, Words};

/// The form in Anthropic's terms.
pub(super) enum Format<'a> {
    /// As the model likes.
    Free,
    /// Held to a schema by `output_config.format`.
    Schema(Cow<'a, str>),
    /// The input of a tool that must be called, with this schema.
    Tool(&'a RawJson),
    /// Asked for in words.
    Instructions(String),
}

impl<'a> Format<'a> {
    pub(super) fn plan(context: &mut Context<'a, '_>) -> Self {
        let request = context.request;
        let (name, description, schema, strict) = match &request.output {
            OutputFormat::Text => return Self::Free,
            OutputFormat::JsonObject => {
                context.approximated(Field::OutputFormat);
                return Self::Instructions(JSON_OBJECT.to_owned());
            }
            OutputFormat::JsonSchema {
                name,
                description,
                schema,
                strict,
            } => (name.as_deref(), description.as_deref(), schema, *strict),
        };
        if !context.profile.json_schema {
            return Self::emulated(context, schema, description);
        }
        if context.own() {
            return Self::Schema(schema.as_str().into());
        }
        let words = Words {
            title: name,
            description,
        };
        let closed = Closed::of(schema.raw(), words);
        let [schema_path, strict_path] = paths(request.origin);
        if closed.changed {
            context.losses.approximated(&[schema_path]);
        }
        // Anthropic holds every answer to its schema, whether that was asked for or not.
        if strict == Some(false) {
            context.losses.approximated(&[strict_path]);
        }
        Self::Schema(closed.text)
    }

    /// Without structured outputs: a tool that must be called where its input can be the answer, words otherwise.
    fn emulated(
        context: &mut Context<'a, '_>,
        schema: &'a RawJson,
        description: Option<&str>,
    ) -> Self {
        context.approximated(Field::OutputFormat);
        let kind = schema.raw().member("type").and_then(Raw::text);
        if kind.as_deref() == Some("object") {
            return Self::Tool(schema);
        }
        Self::Instructions(schema_instructions(schema, description))
    }

    /// The schema that Anthropic is told.
    pub(super) fn schema(&self) -> Option<&str> {
        match self {
            Self::Schema(schema) => Some(schema),
            Self::Free | Self::Tool(_) | Self::Instructions(_) => None,
        }
    }

    /// What is asked for in words.
    pub(super) fn instructions(&self) -> Option<&str> {
        match self {
            Self::Instructions(words) => Some(words),
            Self::Free | Self::Tool(_) | Self::Schema(_) => None,
        }
    }
}

/// Where the schema stands in the client's request, and where `strict`.
const fn paths(origin: Dialect) -> [Place; 2] {
    let [schema, strict] = match origin {
        Dialect::OpenAiResponses => ["text.format.schema", "text.format.strict"],
        Dialect::Gemini => ["generationConfig.responseJsonSchema", ""],
        _ => [
            "response_format.json_schema.schema",
            "response_format.json_schema.strict",
        ],
    };
    [Place::member(schema), Place::member(strict)]
}
