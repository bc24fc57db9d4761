//! What the dialects call the fields of a request, so that a loss names what the client wrote.

use super::{Place, Request};
use crate::Dialect;

/// A field of a request that stands at its top level, or within one of its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    MaxOutputTokens,
    Temperature,
    TopP,
    TopK,
    Stop,
    Candidates,
    Seed,
    FrequencyPenalty,
    PresencePenalty,
    LogitBias,
    Logprobs,
    TopLogprobs,
    ReasoningMode,
    Effort,
    ThinkingBudget,
    ThoughtDisplay,
    OutputFormat,
    Verbosity,
    CacheKey,
    CacheRetention,
    /// A mark on a part or a tool; the name within it.
    CacheMark,
    Store,
    ServiceTier,
    User,
    Metadata,
    ToolChoice,
    ParallelToolCalls,
    /// Of a part; the name within it.
    Citations,
    /// Of a picture; the name within its part.
    Detail,
}

impl Field {
    /// Its path in the words of a dialect; OpenAI's where the dialect has no such field.
    pub(crate) const fn path(self, dialect: Dialect) -> &'static str {
        let [chat, responses, messages, gemini] = self.paths();
        match dialect {
            Dialect::OpenAiChat | Dialect::OpenAiCompletions | Dialect::OpenAiEmbeddings => chat,
            Dialect::OpenAiResponses => responses,
            Dialect::AnthropicMessages => messages,
            Dialect::Gemini => gemini,
        }
    }

    /// In the order Chat, Responses, Messages, Gemini.
    const fn paths(self) -> [&'static str; 4] {
        match self {
            Self::MaxOutputTokens => [
                "max_completion_tokens",
                "max_output_tokens",
                "max_tokens",
                "generationConfig.maxOutputTokens",
            ],
            Self::Temperature => everywhere("temperature", "generationConfig.temperature"),
            Self::TopP => everywhere("top_p", "generationConfig.topP"),
            Self::TopK => everywhere("top_k", "generationConfig.topK"),
            Self::Stop => [
                "stop",
                "stop",
                "stop_sequences",
                "generationConfig.stopSequences",
            ],
            Self::Candidates => everywhere("n", "generationConfig.candidateCount"),
            Self::Seed => everywhere("seed", "generationConfig.seed"),
            Self::FrequencyPenalty => {
                everywhere("frequency_penalty", "generationConfig.frequencyPenalty")
            }
            Self::PresencePenalty => {
                everywhere("presence_penalty", "generationConfig.presencePenalty")
            }
            Self::LogitBias => everywhere("logit_bias", "logit_bias"),
            Self::Logprobs => everywhere("logprobs", "generationConfig.responseLogprobs"),
            Self::TopLogprobs => everywhere("top_logprobs", "generationConfig.logprobs"),
            Self::ReasoningMode => [
                "thinking.type",
                "reasoning",
                "thinking.type",
                "generationConfig.thinkingConfig",
            ],
            Self::Effort => [
                "reasoning_effort",
                "reasoning.effort",
                "output_config.effort",
                "generationConfig.thinkingConfig.thinkingLevel",
            ],
            Self::ThinkingBudget => [
                "thinking.budget_tokens",
                "reasoning",
                "thinking.budget_tokens",
                "generationConfig.thinkingConfig.thinkingBudget",
            ],
            Self::ThoughtDisplay => [
                "thinking",
                "reasoning.summary",
                "thinking.display",
                "generationConfig.thinkingConfig.includeThoughts",
            ],
            Self::OutputFormat => [
                "response_format",
                "text.format",
                "output_config.format",
                "generationConfig.responseMimeType",
            ],
            Self::Verbosity => ["verbosity", "text.verbosity", "verbosity", "verbosity"],
            Self::CacheKey => everywhere("prompt_cache_key", "prompt_cache_key"),
            Self::CacheRetention => everywhere("prompt_cache_retention", "prompt_cache_retention"),
            Self::CacheMark => [
                "prompt_cache_breakpoint",
                "prompt_cache_breakpoint",
                "cache_control",
                "cache_control",
            ],
            Self::Store => everywhere("store", "store"),
            Self::ServiceTier => everywhere("service_tier", "serviceTier"),
            Self::User => [
                "safety_identifier",
                "safety_identifier",
                "metadata.user_id",
                "labels",
            ],
            Self::Metadata => everywhere("metadata", "labels"),
            Self::ToolChoice => everywhere("tool_choice", "toolConfig.functionCallingConfig"),
            Self::ParallelToolCalls => [
                "parallel_tool_calls",
                "parallel_tool_calls",
                "tool_choice.disable_parallel_tool_use",
                "parallel_tool_calls",
            ],
            Self::Detail => ["image_url.detail", "detail", "detail", "mediaResolution"],
            Self::Citations => [
                "annotations",
                "annotations",
                "citations",
                "citationMetadata",
            ],
        }
    }
}

/// One name at OpenAI and Anthropic, another at Gemini.
const fn everywhere(name: &'static str, gemini: &'static str) -> [&'static str; 4] {
    [name, name, name, gemini]
}

impl Request {
    /// The place of a field, in the client's terms.
    pub(crate) const fn place(&self, field: Field) -> Place {
        Place::member(field.path(self.origin))
    }
}
