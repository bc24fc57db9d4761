//! How an answer is made: sampling, reasoning, form.

use crate::RawJson;

/// How tokens are drawn, how many, and when to stop. Absent means the provider's default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sampling {
    /// The most tokens the answer may take, thoughts included.
    pub max_output_tokens: Option<u64>,
    /// 0 to 2 at OpenAI and Gemini, 0 to 1 at Anthropic.
    pub temperature: Option<f64>,
    /// The share of probability that is drawn from, 0 to 1.
    pub top_p: Option<f64>,
    /// How many tokens are drawn from.
    pub top_k: Option<u64>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// How many answers; one if absent.
    pub n: Option<u64>,
    /// For answers that can be had again.
    pub seed: Option<i64>,
    /// -2 to 2.
    pub frequency_penalty: Option<f64>,
    /// -2 to 2.
    pub presence_penalty: Option<f64>,
    /// An object from token ids to numbers of -100 to 100.
    pub logit_bias: Option<RawJson>,
    /// Whether the probabilities of the answer's tokens are reported.
    pub logprobs: Option<bool>,
    /// For how many other tokens at each place, 0 to 20.
    pub top_logprobs: Option<u64>,
}

/// How much the model should think, and what of it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReasoningOptions {
    /// Whether it thinks at all; absent: the model's own default.
    pub mode: Option<ReasoningMode>,
    /// How hard.
    pub effort: Option<Effort>,
    /// With at most this many tokens.
    pub budget_tokens: Option<u64>,
    /// What the client gets to see of it.
    pub display: Option<ThoughtDisplay>,
    /// Whether the client asks for thoughts that it can return (OpenAI's
    /// `reasoning.encrypted_content`). Dialects that give them unasked need not look.
    pub encrypted: bool,
}

/// Whether a model thinks before it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasoningMode {
    /// It does not.
    Disabled,
    /// It does.
    Enabled,
    /// As it finds the question.
    Adaptive,
}

/// How hard a model thinks, from not at all to as hard as it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// `none`
    None,
    /// `minimal`
    Minimal,
    /// `low`
    Low,
    /// `medium`
    Medium,
    /// `high`
    High,
    /// `xhigh`
    XHigh,
    /// `max`
    Max,
}

impl Effort {
    /// All of them, in rising order.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Minimal,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::XHigh,
        Self::Max,
    ];

    /// The vendors' word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
        }
    }

    /// Reads the vendors' word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effort| effort.as_str() == word)
    }

    /// The tokens to think with, for models that want a budget instead: 1,024 for low, 8,192 for
    /// medium, 24,576 for high (`protocols`, section 6), 512 to 65,536 around them.
    #[must_use]
    pub const fn budget_tokens(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Minimal => 512,
            Self::Low => 1_024,
            Self::Medium => 8_192,
            Self::High => 24_576,
            Self::XHigh => 32_768,
            Self::Max => 65_536,
        }
    }

    /// The effort whose budget comes nearest from above; the way back of [`Effort::budget_tokens`].
    #[must_use]
    pub fn of_budget(tokens: u64) -> Self {
        Self::ALL
            .into_iter()
            .find(|effort| tokens <= effort.budget_tokens())
            .unwrap_or(Self::Max)
    }
}

/// What a client sees of the thoughts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThoughtDisplay {
    /// Nothing.
    Omitted,
    /// A summary, as the provider sees fit.
    Auto,
    /// A short summary.
    Concise,
    /// A long summary.
    Detailed,
}

/// The form of the answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum OutputFormat {
    /// Text.
    #[default]
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON that follows a schema.
    JsonSchema {
        /// What to call it; some dialects need a name.
        name: Option<String>,
        /// What it is for.
        description: Option<String>,
        /// The JSON Schema.
        schema: RawJson,
        /// Whether the answer must follow it to the letter.
        strict: Option<bool>,
    },
}

/// How long-winded the answer should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbosity {
    /// Terse.
    Low,
    /// In between.
    Medium,
    /// Detailed.
    High,
}

impl Verbosity {
    /// OpenAI's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// Reads OpenAI's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Low, Self::Medium, Self::High]
            .into_iter()
            .find(|verbosity| verbosity.as_str() == word)
    }
}

/// Hints for the provider's prompt cache beside the marks on parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheHints {
    /// Calls with the same key likely share a beginning (`prompt_cache_key`).
    pub key: Option<String>,
    /// How long to keep it, in OpenAI's word (`in_memory`, `24h`).
    pub retention: Option<String>,
    /// Mark the last part that can be marked (Anthropic's top-level `cache_control`).
    pub whole: Option<super::CacheMark>,
}

/// What the provider keeps between calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Whether the answer is kept.
    pub store: Option<bool>,
    /// The answer that this call goes on from (`previous_response_id`).
    pub previous: Option<String>,
    /// The conversation that this call belongs to, as it was written.
    pub conversation: Option<RawJson>,
}
