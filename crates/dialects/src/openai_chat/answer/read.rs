//! Pieces of answers that come alike in one piece and in a stream. What cannot be read counts as absent.

use crate::canonical::{Media, MediaSource, Part, PartBody};
use crate::json::Raw;
use crate::media::parse_data_url;
use crate::{Dialect, RawJson};

/// Ids for calls that a server gave none. Clients return them, so that they must differ between the turns of a
/// conversation: they are made from the answer's own id.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct MadeIds {
    start: String,
}

impl MadeIds {
    /// From the id of an answer, or when it was made.
    pub(in super::super) fn of(id: &str, created: Option<u64>) -> Self {
        // Other vendors refuse other characters in the id of a call.
        let sound = |char: &char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-');
        let mut start: String = id.chars().filter(sound).collect();
        if start.is_empty() {
            start = created.unwrap_or_default().to_string();
        }
        Self { start }
    }

    /// The id of a call of one of the choices.
    pub(in super::super) fn call(&self, choice: usize, call: usize) -> String {
        format!("call_{}_{choice}_{call}", self.start)
    }

    /// The id that the server gave, or one that is made.
    pub(in super::super) fn or(
        &self,
        given: Option<Raw<'_>>,
        choice: usize,
        call: usize,
    ) -> String {
        let given = given.and_then(Raw::text).filter(|id| !id.is_empty());
        given.map_or_else(|| self.call(choice, call), Into::into)
    }
}

/// A piece that no other dialect has.
pub(in super::super) fn opaque(kind: &str, value: Raw<'_>) -> Part {
    PartBody::Opaque {
        origin: Dialect::OpenAiChat,
        kind: kind.to_owned(),
        raw: RawJson::from(value),
    }
    .into()
}

/// Reads one of `images`, in which `OpenRouter` and `LiteLLM` tell pictures that a model made.
pub(in super::super) fn read_image(value: Raw<'_>) -> Option<Part> {
    let url = value.member("image_url")?.member("url")?.text()?;
    let (source, media_type) = match parse_data_url(&url).ok()? {
        Some((kind, data)) => (
            MediaSource::Base64(data.to_owned()),
            kind.map(str::to_owned),
        ),
        None => (MediaSource::Url(url.into_owned()), None),
    };
    let media = Media {
        source,
        media_type,
        name: None,
        detail: None,
    };
    Some(PartBody::Image(media).into())
}
