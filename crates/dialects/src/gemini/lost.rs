//! What the fields that Gemini has no place for are called where the client wrote them.

use crate::Dialect;
use crate::canonical::Place;

/// A field of a request that another dialect has.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lost {
    /// A mark for the prompt cache.
    CacheMark,
    /// The name of a picture or document.
    MediaName,
    /// How closely to look at a picture.
    Detail,
    /// What a text of the model rests on.
    Citations,
    /// Whether the arguments of a function must follow its schema.
    Strict,
    /// The grammar of a custom tool.
    Grammar,
    /// The description of the answer's schema.
    FormatDescription,
    Parallel,
    Verbosity,
    User,
    Effort,
    Thinking,
    Display,
}

impl Lost {
    /// Its place within the object that holds it.
    pub(super) const fn at(self, origin: Dialect) -> Place {
        let [chat, responses, messages] = self.names();
        Place::member(match origin {
            Dialect::OpenAiResponses => responses,
            Dialect::AnthropicMessages => messages,
            _ => chat,
        })
    }

    /// In Chat Completions, Responses and Messages.
    const fn names(self) -> [&'static str; 3] {
        match self {
            Self::CacheMark => [
                "prompt_cache_breakpoint",
                "prompt_cache_breakpoint",
                "cache_control",
            ],
            Self::MediaName => ["file.filename", "filename", "title"],
            Self::Detail => ["image_url.detail", "detail", "detail"],
            Self::Citations => ["annotations", "annotations", "citations"],
            Self::Strict => ["function.strict", "strict", "strict"],
            Self::Grammar => ["custom.format", "format", "format"],
            Self::FormatDescription => [
                "response_format.json_schema.description",
                "text.format.description",
                "output_config.format.description",
            ],
            Self::Parallel => [
                "parallel_tool_calls",
                "parallel_tool_calls",
                "tool_choice.disable_parallel_tool_use",
            ],
            Self::Verbosity => ["verbosity", "text.verbosity", "verbosity"],
            Self::User => ["user", "user", "metadata.user_id"],
            Self::Effort => [
                "reasoning_effort",
                "reasoning.effort",
                "output_config.effort",
            ],
            Self::Thinking => ["thinking", "reasoning", "thinking"],
            Self::Display => ["thinking.display", "reasoning.summary", "thinking.display"],
        }
    }
}
