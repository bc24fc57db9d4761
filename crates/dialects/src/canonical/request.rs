//! A call.

use std::collections::HashMap;

use super::{
    CacheHints, OutputFormat, Part, Place, ReasoningOptions, Sampling, State, Tool, ToolChoice,
    Verbosity,
};
use crate::{Dialect, RawJson};

/// Members of an object that the canonical form has no field for, in their order.
///
/// A name that begins with [`NOTE_MARK`] is no member but a note of the codec that read the object.
pub type Extras = Vec<(String, RawJson)>;

/// How the name of a note begins: how a codec's own dialect wrote something that the canonical form
/// holds in other words, such as a schema or an id that was not there. Nothing is lost with a note.
pub const NOTE_MARK: char = '#';

/// What a client asks a model for.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The dialect it was written in. Extras and opaque parts are in this dialect's words.
    pub origin: Dialect,
    /// The model as the client names it. Targets may know it by another name, see
    /// [`Target`](crate::Target).
    pub model: String,
    /// Instructions that stand outside of the conversation: `system`, `instructions`,
    /// `systemInstruction`. Text parts, in their order.
    pub system: Vec<Part>,
    /// The conversation.
    pub turns: Vec<Turn>,
    /// What the model may call.
    pub tools: Vec<Tool>,
    /// Whether and what it must call.
    pub tool_choice: Option<ToolChoice>,
    /// Whether it may call several tools at once.
    pub parallel_tool_calls: Option<bool>,
    /// How tokens are drawn, how many, and when to stop.
    pub sampling: Sampling,
    /// How much the model should think, and what of it is shown.
    pub reasoning: ReasoningOptions,
    /// The form of the answer.
    pub output: OutputFormat,
    /// How long-winded the answer should be.
    pub verbosity: Option<Verbosity>,
    /// Hints for the provider's prompt cache beside the marks on parts.
    pub cache: CacheHints,
    /// What the provider keeps between calls.
    pub state: State,
    /// The processing tier, in the origin's word.
    pub service_tier: Option<String>,
    /// The end user: `safety_identifier`, `user` or `metadata.user_id`.
    pub user: Option<String>,
    /// The client's own labels: an object of strings.
    pub metadata: Option<RawJson>,
    /// Whether a stream is asked for.
    pub stream: bool,
    /// Whether a Chat client wants usage in its stream. Other dialects always report it.
    pub include_usage: bool,
    /// All other top-level members.
    pub extras: Extras,
}

/// Something said by one side.
///
/// Two turns of the same role may follow each other; dialects that cannot write that join them.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// By whom.
    pub role: Role,
    /// What. Tool calls and reasoning stand in assistant turns, tool results in user turns.
    pub parts: Vec<Part>,
    /// The participant's name, in dialects that have it.
    pub name: Option<String>,
    /// Other members of the message.
    pub extras: Extras,
    /// Where it stood.
    pub at: Place,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The application, in the middle of the conversation; at its start in dialects that have no
    /// other place for it.
    System,
    /// The same in the word that OpenAI's newer models use.
    Developer,
    /// The user, and the tools that ran on the client's side.
    User,
    /// The model.
    Assistant,
}

impl Request {
    /// A request that says nothing yet.
    #[must_use]
    pub fn new(origin: Dialect, model: impl Into<String>) -> Self {
        Self {
            origin,
            model: model.into(),
            system: Vec::new(),
            turns: Vec::new(),
            tools: Vec::new(),
            tool_choice: None,
            parallel_tool_calls: None,
            sampling: Sampling::default(),
            reasoning: ReasoningOptions::default(),
            output: OutputFormat::default(),
            verbosity: None,
            cache: CacheHints::default(),
            state: State::default(),
            service_tier: None,
            user: None,
            metadata: None,
            stream: false,
            include_usage: false,
            extras: Extras::new(),
        }
    }

    /// The names of the tools by the ids of their calls: some dialects name results by tool. All of them at
    /// once, because a conversation may hold as many calls as it has room for.
    #[must_use]
    pub fn tool_names(&self) -> HashMap<&str, &str> {
        let parts = self.turns.iter().flat_map(|turn| &turn.parts);
        let mut names = HashMap::new();
        for call in parts.filter_map(Part::as_tool_use) {
            names.entry(&*call.id).or_insert(&*call.name);
        }
        names
    }
}

impl Turn {
    /// A turn of these parts.
    #[must_use]
    pub const fn new(role: Role, parts: Vec<Part>) -> Self {
        Self {
            role,
            parts,
            name: None,
            extras: Extras::new(),
            at: Place {
                member: "",
                index: None,
            },
        }
    }

    /// The same, with the place where it stood.
    #[must_use]
    pub const fn at(mut self, at: Place) -> Self {
        self.at = at;
        self
    }
}
