//! Which wire format a call speaks.

use std::fmt;

/// An operation that the gateway understands, as it is addressed by a client or at a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Endpoint {
    /// `POST /v1/chat/completions`
    ChatCompletions,
    /// `POST /v1/completions`, the older text completion
    Completions,
    /// `POST /v1/responses`
    Responses,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `POST /v1/messages`
    Messages,
    /// `POST /v1/messages/count_tokens`
    CountTokens,
    /// Gemini's `POST /v1beta/models/{model}:generateContent`, and `:streamGenerateContent` for a stream. The gateway
    /// calls it and does not serve it.
    GenerateContent,
}

impl Endpoint {
    /// Every endpoint, in the order of their declaration.
    pub const ALL: [Self; 7] = [
        Self::ChatCompletions,
        Self::Completions,
        Self::Responses,
        Self::Embeddings,
        Self::Messages,
        Self::CountTokens,
        Self::GenerateContent,
    ];

    /// Those that clients of the gateway may call. The others are met at providers only.
    pub const SERVED: [Self; 6] = [
        Self::ChatCompletions,
        Self::Completions,
        Self::Responses,
        Self::Embeddings,
        Self::Messages,
        Self::CountTokens,
    ];

    /// The format of its bodies and streams.
    #[must_use]
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::ChatCompletions => Dialect::OpenAiChat,
            Self::Completions => Dialect::OpenAiCompletions,
            Self::Responses => Dialect::OpenAiResponses,
            Self::Embeddings => Dialect::OpenAiEmbeddings,
            Self::Messages | Self::CountTokens => Dialect::AnthropicMessages,
            Self::GenerateContent => Dialect::Gemini,
        }
    }

    /// The path under which the vendor that invented it serves it; `{model}` stands for the model's name.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::ChatCompletions => "/v1/chat/completions",
            Self::Completions => "/v1/completions",
            Self::Responses => "/v1/responses",
            Self::Embeddings => "/v1/embeddings",
            Self::Messages => "/v1/messages",
            Self::CountTokens => "/v1/messages/count_tokens",
            Self::GenerateContent => "/v1beta/models/{model}:generateContent",
        }
    }

    /// Its name in configuration, logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat_completions",
            Self::Completions => "completions",
            Self::Responses => "responses",
            Self::Embeddings => "embeddings",
            Self::Messages => "messages",
            Self::CountTokens => "count_tokens",
            Self::GenerateContent => "generate_content",
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A wire format of requests, answers and streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI Chat Completions
    OpenAiChat,
    /// OpenAI's older text completions
    OpenAiCompletions,
    /// OpenAI Responses
    OpenAiResponses,
    /// OpenAI Embeddings
    OpenAiEmbeddings,
    /// Anthropic Messages
    AnthropicMessages,
    /// Gemini's `generateContent`
    Gemini,
}

impl Dialect {
    /// Every dialect, in the order of their declaration.
    pub const ALL: [Self; 6] = [
        Self::OpenAiChat,
        Self::OpenAiCompletions,
        Self::OpenAiResponses,
        Self::OpenAiEmbeddings,
        Self::AnthropicMessages,
        Self::Gemini,
    ];

    /// Its name in configuration, logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAiChat => "openai_chat",
            Self::OpenAiCompletions => "openai_completions",
            Self::OpenAiResponses => "openai_responses",
            Self::OpenAiEmbeddings => "openai_embeddings",
            Self::AnthropicMessages => "anthropic_messages",
            Self::Gemini => "gemini",
        }
    }

    /// Whose error bodies it uses.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Self::OpenAiChat
            | Self::OpenAiCompletions
            | Self::OpenAiResponses
            | Self::OpenAiEmbeddings => Family::OpenAi,
            Self::AnthropicMessages => Family::Anthropic,
            Self::Gemini => Family::Google,
        }
    }
}

/// A vendor whose conventions (error bodies, key headers, model lists) several dialects share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// OpenAI and everything compatible with it
    OpenAi,
    /// Anthropic
    Anthropic,
    /// Google, in its native API
    Google,
}
