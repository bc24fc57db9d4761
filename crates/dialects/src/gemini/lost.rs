//! What the fields of parts, tools and formats that Gemini has no place for are called where the client wrote
//! them. For those of the request itself see [`Field`].

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

/// Where a mark for the prompt cache stood that is held by the part at `places`. A client of Chat may have used
/// Anthropic's name for it, on the part or on the whole message, which its codec notes.
pub(super) fn mark_of_part(places: &[Place], origin: Dialect, extras: &Extras) -> Vec<Place> {
    let anthropics = Field::CacheMark.path(Dialect::AnthropicMessages);
    let is_noted = |name: &str| {
        let mut notes = extras
            .iter()
            .filter_map(|(name, _)| name.strip_prefix(NOTE_MARK));
        notes.any(|note| note == name)
    };
    let (places, name) = match places {
        [turn, ..] if is_noted("message.cache_control") => (std::slice::from_ref(turn), anthropics),
        _ if is_noted(anthropics) => (places, anthropics),
        _ => (places, Field::CacheMark.path(origin)),
    };
    [places, &[Place::member(name)]].concat()
}

/// The same of a tool: Chat's own tools have no marks, so that those of its clients are in Anthropic's words.
pub(super) fn mark_of_tool(at: Place, origin: Dialect) -> [Place; 2] {
    let wrote = match origin {
        Dialect::OpenAiChat => Dialect::AnthropicMessages,
        _ => origin,
    };
    [at, Place::member(Field::CacheMark.path(wrote))]
}
