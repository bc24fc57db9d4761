//! What a target can do of its dialect.

use serde::Deserialize;

use crate::Dialect;

/// How a target differs from the full dialect. The default is the vendor's own API with its current models.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// The limit of output tokens to send where the dialect requires one (Messages) and
    /// the client set none. Default 32,000, which every Claude model since 4 takes.
    pub default_max_output_tokens: u64,
    /// Whether the role `developer` is known (Chat, Responses); otherwise `system` stands for it.
    pub developer_role: bool,
    /// What the limit of output tokens is called in Chat.
    pub max_tokens_name: MaxTokensName,
    /// Whether an answer can be held to a JSON Schema. Without it Chat asks for a JSON object with the schema in
    /// the instructions, and Messages forces a tool with the schema as its input.
    pub json_schema: bool,
    /// Whether images, audio and documents are taken.
    pub media: bool,
    /// How thinking is asked for.
    pub reasoning: ReasoningControl,
    /// Whether thoughts of earlier turns are returned as `reasoning_content` (Chat). Servers that know the field
    /// need it within a tool loop (DeepSeek); OpenAI refuses it.
    pub reasoning_content: bool,
    /// Whether `temperature`, `top_p` and `top_k` are taken (Messages: not by models since 4.7).
    pub sampling: bool,
    /// Whether `n`, `seed`, `logit_bias`, `logprobs` and the penalties are taken (Chat).
    pub sampling_extras: bool,
    /// Whether a stream may be asked for its usage with `stream_options` (Chat).
    pub stream_options: bool,
    /// Whether `prompt_cache_key`, `safety_identifier`, `verbosity`, `store`, `metadata` and other fields of
    /// OpenAI's own service are taken (Chat).
    pub openai_fields: bool,
    /// Whether custom tools (free text) are taken (Chat, Responses); otherwise a function with one
    /// string argument, `input`, stands for each.
    pub custom_tools: bool,
    /// Whether vectors may be asked for in base64 (Embeddings). Otherwise lists of numbers are asked for: some
    /// servers answer the other wish with an error, or with nothing.
    pub embedding_base64: bool,
    /// Whether token ids may stand for the text (Embeddings).
    pub embedding_token_ids: bool,
    /// How the target is asked to go on from the beginning of an answer (Messages, Chat).
    pub continues: Continues,
}

/// How a target is asked to go on from the beginning of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Continues {
    /// Not at all: it would refuse, or begin anew. OpenAI's models, and Claude since 4.6.
    #[default]
    Never,
    /// By a message of the assistant at the end: Claude until 4.5.
    Assistant,
    /// The same with the mark `prefix` (DeepSeek's Chat).
    Prefix,
    /// The same, and what it answers begins with a repetition (Mistral's Chat).
    PrefixRepeated,
    /// The same with `continue_final_message` and without `add_generation_prompt` (vLLM, llama.cpp).
    FinalMessage,
}

impl Continues {
    /// Whether it can be asked so in this dialect.
    #[must_use]
    pub const fn in_dialect(self, dialect: Dialect) -> bool {
        match self {
            Self::Never => false,
            Self::Assistant => {
                matches!(dialect, Dialect::AnthropicMessages | Dialect::OpenAiChat)
            }
            Self::Prefix | Self::PrefixRepeated | Self::FinalMessage => {
                matches!(dialect, Dialect::OpenAiChat)
            }
        }
    }

    /// Whether the answer repeats what it goes on from.
    #[must_use]
    pub const fn repeats(self) -> bool {
        matches!(self, Self::PrefixRepeated)
    }
}

/// What the limit of output tokens is called in Chat Completions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaxTokensName {
    /// OpenAI's newer name; its reasoning models refuse the older one.
    #[default]
    MaxCompletionTokens,
    /// The older name, which every compatible server knows.
    MaxTokens,
}

/// How thinking is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasoningControl {
    /// By effort: `reasoning_effort`, `reasoning.effort`; `output_config.effort` with adaptive thinking in
    /// Messages (Claude 4.6 and later); `thinkingLevel` at Gemini (3 and later).
    #[default]
    Effort,
    /// By a budget of tokens: `thinking.budget_tokens`, `thinkingBudget`: older Claude and Gemini models.
    Budget,
    /// DeepSeek's Chat: `thinking.type` and `reasoning_effort` of low, high or max.
    DeepSeek,
    /// Not at all.
    None,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            default_max_output_tokens: 32_000,
            developer_role: true,
            max_tokens_name: MaxTokensName::default(),
            json_schema: true,
            media: true,
            reasoning: ReasoningControl::default(),
            reasoning_content: false,
            sampling: true,
            sampling_extras: true,
            stream_options: true,
            openai_fields: true,
            custom_tools: true,
            embedding_base64: true,
            embedding_token_ids: true,
            continues: Continues::default(),
        }
    }
}

impl Profile {
    /// What a server that is compatible with OpenAI's Chat can be trusted to know.
    #[must_use]
    pub fn compatible() -> Self {
        Self {
            developer_role: false,
            max_tokens_name: MaxTokensName::MaxTokens,
            reasoning_content: true,
            openai_fields: false,
            custom_tools: false,
            embedding_base64: false,
            ..Self::default()
        }
    }

    /// DeepSeek's Chat (api-docs.deepseek.com as of November 2026).
    #[must_use]
    pub fn deepseek() -> Self {
        Self {
            json_schema: false,
            media: false,
            reasoning: ReasoningControl::DeepSeek,
            sampling_extras: false,
            continues: Continues::Prefix,
            ..Self::compatible()
        }
    }
}
