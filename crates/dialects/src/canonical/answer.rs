//! An answer in one piece.

use orchestra_types::Usage;

use super::{Extras, Part};
use crate::RawJson;

/// What a provider answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The provider's id for it; empty if it gave none.
    pub id: String,
    /// The model that the provider says it ran; empty if it does not say.
    pub model: String,
    /// When, in seconds since 1970.
    pub created: Option<u64>,
    /// The answers, one unless more were asked for.
    pub choices: Vec<Choice>,
    /// The tokens it took; `None` if the provider does not say.
    pub usage: Option<Usage>,
    /// The processing tier, in the vendor's word.
    pub service_tier: Option<String>,
    /// Other members, in the words of the provider's dialect.
    pub extras: Extras,
}

/// One of the answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// What the model said, in its order.
    pub parts: Vec<Part>,
    /// Why it stopped; `None` if the provider does not say.
    pub finish: Option<Finish>,
    /// The probabilities of its tokens: a list of objects in OpenAI's words.
    pub logprobs: Option<RawJson>,
    /// Other members.
    pub extras: Extras,
}

/// Why a model stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// It had said all it wanted.
    Stop,
    /// It wrote one of the stop texts; which one, where the provider tells.
    StopSequence(Option<String>),
    /// It reached the limit of tokens.
    Length,
    /// It filled the model's context.
    ContextWindow,
    /// It waits for the results of tools.
    ToolUse,
    /// The provider held the rest back.
    ContentFilter,
    /// It declined.
    Refusal,
    /// A long turn at the provider was paused; the client may let it go on.
    Pause,
    /// Something else, in the vendor's word.
    Other(String),
}

impl Finish {
    /// One word for records; the vendor's own where there is no other.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::StopSequence(_) => "stop_sequence",
            Self::Length => "length",
            Self::ContextWindow => "context_window",
            Self::ToolUse => "tool_use",
            Self::ContentFilter => "content_filter",
            Self::Refusal => "refusal",
            Self::Pause => "pause",
            Self::Other(word) => word,
        }
    }
}
