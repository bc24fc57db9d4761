//! What a model may call.

use super::{CacheMark, Extras, Place};
use crate::{Dialect, RawJson};

/// A tool on offer.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// What it is.
    pub body: ToolBody,
    /// A mark for the provider's prompt cache behind this tool.
    pub cache: Option<CacheMark>,
    /// Other members of its object.
    pub extras: Extras,
    /// Where it stood.
    pub at: Place,
}

/// The kinds of tools.
#[derive(Clone, Debug, PartialEq)]
pub enum ToolBody {
    /// Called with JSON, runs on the client's side.
    Function {
        /// Its name.
        name: String,
        /// What it does.
        description: Option<String>,
        /// The JSON Schema of its arguments: an object; absent if it takes none.
        schema: Option<RawJson>,
        /// Whether the arguments must follow the schema to the letter.
        strict: Option<bool>,
    },
    /// Called with free text, runs on the client's side.
    Custom {
        /// Its name.
        name: String,
        /// What it does.
        description: Option<String>,
        /// The form of the text (a grammar), in OpenAI's words of the Responses API.
        format: Option<RawJson>,
    },
    /// Runs at the provider, or is known to one dialect alone.
    Opaque {
        /// The dialect it is written in.
        origin: Dialect,
        /// The vendor's word for its kind, such as `web_search`.
        kind: String,
        /// The whole object.
        raw: RawJson,
    },
}

/// Whether and what the model must call.
#[derive(Clone, Debug, PartialEq)]
pub enum ToolChoice {
    /// As it likes.
    Auto,
    /// Nothing.
    None,
    /// At least one.
    Required,
    /// This function.
    Function(String),
    /// This custom tool.
    Custom(String),
    /// Only functions and custom tools of these names.
    Allowed {
        /// As it likes among them, or at least one.
        mode: AllowedMode,
        /// Their names.
        names: Vec<String>,
    },
    /// Something that only its own dialect knows.
    Opaque {
        /// The dialect it is written in.
        origin: Dialect,
        /// The whole value.
        raw: RawJson,
    },
}

/// How binding a choice among allowed tools is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllowedMode {
    /// The model may also call none.
    Auto,
    /// It must call one.
    Required,
}

impl Tool {
    /// A tool without anything beside.
    #[must_use]
    pub const fn new(body: ToolBody, at: Place) -> Self {
        Self {
            body,
            cache: None,
            extras: Extras::new(),
            at,
        }
    }

    /// The name that the model calls it by, if it runs on the client's side.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &self.body {
            ToolBody::Function { name, .. } | ToolBody::Custom { name, .. } => Some(name),
            ToolBody::Opaque { .. } => None,
        }
    }
}
