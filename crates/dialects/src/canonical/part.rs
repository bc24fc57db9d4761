//! What a turn consists of.

use super::{Extras, Place};
use crate::{Dialect, RawJson};

/// A piece of a turn, or of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What it is.
    pub body: PartBody,
    /// A mark for the provider's prompt cache behind this part.
    pub cache: Option<CacheMark>,
    /// Other members of its object.
    pub extras: Extras,
    /// Where it stood within its turn.
    pub at: Place,
}

/// The kinds of parts.
#[derive(Clone, Debug, PartialEq)]
pub enum PartBody {
    /// Text.
    Text {
        /// The text.
        text: String,
        /// What it rests on; only in what a model said.
        citations: Vec<Citation>,
    },
    /// A picture.
    Image(Media),
    /// A recording.
    Audio(Media),
    /// A document: PDF, plain text or another file.
    Document(Media),
    /// The model calls a tool that runs on the client's side.
    ToolUse(ToolUse),
    /// What a tool on the client's side returned.
    ToolResult(ToolResult),
    /// What the model thought before it spoke.
    Reasoning(Reasoning),
    /// The model declines, in its own words.
    Refusal {
        /// Its words.
        text: String,
    },
    /// Something that only its own dialect knows, such as a tool that ran at the provider.
    Opaque {
        /// The dialect it is written in.
        origin: Dialect,
        /// The vendor's word for its kind.
        kind: String,
        /// The whole object.
        raw: RawJson,
    },
}

/// A mark for the provider's prompt cache: what stands up to here is worth keeping.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheMark {
    /// How long to keep it, in the vendor's word (`5m`, `1h`, `30m`); the vendor's default if absent.
    pub ttl: Option<String>,
}

/// The source of a statement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Citation {
    /// Its address, if it is on the web.
    pub url: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// The words that are cited.
    pub cited_text: Option<String>,
    /// The characters of the answer that rest on it: first, and one behind the last.
    pub span: Option<(u64, u64)>,
    /// The citation as its own dialect writes it.
    pub raw: Option<RawJson>,
}

/// Bytes that are no text, or a hint where to get them.
#[derive(Clone, Debug, PartialEq)]
pub struct Media {
    /// The bytes or where they are.
    pub source: MediaSource,
    /// Such as `image/png`; absent where only the source knows.
    pub media_type: Option<String>,
    /// A file name or title.
    pub name: Option<String>,
    /// How closely to look at a picture: `low`, `high`, `auto`, in OpenAI's words.
    pub detail: Option<String>,
}

/// Where the bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaSource {
    /// Here, in base64 (RFC 4648, section 4) as it came; checked to be valid.
    Base64(String),
    /// At this address (http, https, gs), to be fetched by the provider.
    Url(String),
    /// In the provider's file store, under this id.
    File(String),
    /// Here, as plain text: a document.
    Text(String),
}

/// A call of a tool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolUse {
    /// Ties the result to the call. Made by the provider, or by the codec where its dialect has none.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// What it is called with.
    pub input: ToolInput,
    /// The vendor's id of the item that holds the call, where that is another one (Responses).
    pub item_id: Option<String>,
}

/// What a tool is called with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolInput {
    /// The arguments of a function: JSON text exactly as the model wrote it. It may be no valid
    /// JSON at all, which is the model's doing and the client's to judge.
    Json(String),
    /// The free text of a custom tool.
    Text(String),
}

/// What a tool returned.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolResult {
    /// The id of the call.
    pub id: String,
    /// Text, images and documents.
    pub parts: Vec<Part>,
    /// Whether the tool failed.
    pub is_error: bool,
    /// Whether the call was one of a custom tool, where the dialect tells.
    pub custom: bool,
    /// The object that a structured result is, for dialects whose results are objects.
    pub object: Option<RawJson>,
}

/// What the model thought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reasoning {
    /// The thoughts that are shown, as one or more sections. Empty if they are hidden.
    pub texts: Vec<String>,
    /// What the texts are.
    pub form: ReasoningForm,
    /// Proof of the thoughts, to be returned with them (Anthropic's and Gemini's signatures).
    pub signature: Option<String>,
    /// The thoughts themselves, readable only by the provider (`encrypted_content`, redacted thinking).
    pub encrypted: Option<String>,
    /// The vendor's id of the item (Responses).
    pub id: Option<String>,
    /// Whose signature or encryption it is. `None` if there is neither, or nobody told.
    pub origin: Option<Dialect>,
}

/// What the shown thoughts are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReasoningForm {
    /// The thoughts, or what the vendor presents as such.
    #[default]
    Full,
    /// A summary of them.
    Summary,
}

impl Default for ToolInput {
    fn default() -> Self {
        Self::Json(String::new())
    }
}

impl ToolInput {
    /// The text, whatever it is.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Json(text) | Self::Text(text) => text,
        }
    }

    /// The text, to be added to.
    pub fn text_mut(&mut self) -> &mut String {
        match self {
            Self::Json(text) | Self::Text(text) => text,
        }
    }
}

impl From<PartBody> for Part {
    fn from(body: PartBody) -> Self {
        Self {
            body,
            cache: None,
            extras: Extras::new(),
            at: Place::default(),
        }
    }
}

impl Part {
    /// A part of text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        let (text, citations) = (text.into(), Vec::new());
        PartBody::Text { text, citations }.into()
    }

    /// The same part, with the place where it stood.
    #[must_use]
    pub const fn at(mut self, at: Place) -> Self {
        self.at = at;
        self
    }

    /// The text, if it is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.body {
            PartBody::Text { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The call, if it is one.
    #[must_use]
    pub const fn as_tool_use(&self) -> Option<&ToolUse> {
        match &self.body {
            PartBody::ToolUse(call) => Some(call),
            _ => None,
        }
    }

    /// The thoughts, if it is thoughts.
    #[must_use]
    pub const fn as_reasoning(&self) -> Option<&Reasoning> {
        match &self.body {
            PartBody::Reasoning(reasoning) => Some(reasoning),
            _ => None,
        }
    }
}
