//! What the fields of parts, tools and formats that Gemini has no place for are called where the client wrote
//! them. For those of the request itself see [`Field`](crate::canonical::Field).

use crate::Dialect;
use crate::canonical::{Extras, Field, NOTE_MARK, Place};

/// A field that another dialect has.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lost {
    /// The name of a picture or document.
    MediaName,
    /// How closely to look at a picture.
    Detail,
    /// Whether the arguments of a function must follow its schema.
    Strict,
    /// The grammar of a custom tool.
    Grammar,
    /// The description of the answer's schema, from the top of the request.
    FormatDescription,
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
            Self::MediaName => ["file.filename", "filename", "title"],
            Self::Detail => ["image_url.detail", "detail", "detail"],
            Self::Strict => ["function.strict", "strict", "strict"],
            Self::Grammar => ["custom.format", "format", "format"],
            Self::FormatDescription => [
                "response_format.json_schema.description",
                "text.format.description",
                "output_config.format.description",
            ],
        }
    }
}

/// Where a mark for the prompt cache stands within its object. A client of Chat may have used Anthropic's name for
/// it, which its codec notes.
pub(super) fn mark_at(origin: Dialect, extras: &Extras) -> Place {
    let anthropics = Field::CacheMark.path(Dialect::AnthropicMessages);
    let noted = |(name, _): &(String, crate::RawJson)| {
        let note = name.strip_prefix(NOTE_MARK);
        note.is_some_and(|name| name.ends_with(anthropics))
    };
    if extras.iter().any(noted) {
        return Place::member(anthropics);
    }
    Place::member(Field::CacheMark.path(origin))
}
