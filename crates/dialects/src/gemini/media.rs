//! Writes pictures, recordings and documents.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::canonical::{Media, MediaSource, PartBody};
use crate::json::ObjectWriter;

/// Media as a part holds them.
pub(super) struct Wire<'a> {
    bytes: Bytes<'a>,
    media_type: Option<&'a str>,
    name: Option<&'a str>,
    /// The media type is needed, was not given, and is a guess.
    pub(super) guessed: bool,
}

enum Bytes<'a> {
    Inline(String),
    InlineAsGiven(&'a str),
    At(&'a str),
}

/// Puts media into their wire form; `None` if they lie in a store that Gemini cannot reach.
pub(super) fn wire<'a>(body: &PartBody, media: &'a Media) -> Option<Wire<'a>> {
    let bytes = match &media.source {
        MediaSource::Base64(data) => Bytes::InlineAsGiven(data),
        MediaSource::Text(text) => Bytes::Inline(STANDARD.encode(text)),
        MediaSource::Url(url) => Bytes::At(url),
        MediaSource::File(_) => return None,
    };
    let by_source = || match &media.source {
        MediaSource::Url(url) => by_ending(url),
        MediaSource::Text(_) => Some("text/plain"),
        MediaSource::Base64(_) | MediaSource::File(_) => None,
    };
    let told = media.media_type.as_deref().or_else(by_source);
    Some(Wire {
        bytes,
        media_type: told.or_else(|| Some(usual(body))),
        name: media.name.as_deref(),
        guessed: told.is_none(),
    })
}

impl Wire<'_> {
    /// The same without what the client did not say itself, for the way back to Gemini.
    pub(super) fn given_by(mut self, media: &Media) -> Self {
        if media.media_type.is_none() {
            self.media_type = None;
        }
        self
    }

    /// The same without a name: the API has no use for it (google-genai, `types.Blob`).
    pub(super) const fn nameless(mut self) -> Self {
        self.name = None;
        self
    }

    /// Writes `inlineData` or `fileData`, and `extras` into it.
    pub(super) fn write(
        &self,
        part: &mut ObjectWriter<'_>,
        extras: impl FnOnce(&mut ObjectWriter<'_>, &str),
    ) {
        let (member, data, value): (_, _, &str) = match &self.bytes {
            Bytes::Inline(data) => ("inlineData", "data", data),
            Bytes::InlineAsGiven(data) => ("inlineData", "data", data),
            Bytes::At(uri) => ("fileData", "fileUri", uri),
        };
        part.object(member, |object| {
            object.text_if("mimeType", self.media_type);
            object.text(data, value);
            object.text_if("displayName", self.name);
            extras(object, member);
        });
    }
}

/// What clients mostly send where they do not say what it is.
const fn usual(body: &PartBody) -> &'static str {
    match body {
        PartBody::Image(_) => "image/jpeg",
        PartBody::Audio(_) => "audio/wav",
        _ => "application/pdf",
    }
}

/// The media type that the ending of a path tells, query and fragment left out.
fn by_ending(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next()?;
    let (_, ending) = path.rsplit_once('/')?.1.rsplit_once('.')?;
    Some(match &*ending.to_ascii_lowercase() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "csv" => "text/csv",
        "html" | "htm" => "text/html",
        "json" => "application/json",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "ogg" => "audio/ogg",
        "flac" => "audio/flac",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        _ => return None,
    })
}

/// Why an address cannot be fetched by Gemini, with what to do about it.
///
/// It fetches `gs:` and, since January 2026, `https:` addresses (ai.google.dev/gemini-api/docs/file-input-methods);
/// models before 2.5 only those of Google's own.
pub(super) fn unreachable(url: &str, model: &str) -> Option<&'static str> {
    const GOOGLES: [&str; 4] = [
        "gs://",
        "https://generativelanguage.googleapis.com/",
        "https://www.youtube.com/",
        "https://youtu.be/",
    ];
    let old = ["gemini-2.0", "gemini-1."]
        .iter()
        .any(|family| model.contains(family));
    if GOOGLES.iter().any(|googles| url.starts_with(googles)) {
        None
    } else if !url.starts_with("https://") {
        Some("is an address that Gemini does not fetch; use https, or send the bytes in base64")
    } else if old {
        Some("is an address, and this model fetches none; send the bytes in base64")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_tell_what_they_lead_to() {
        for (url, expected) in [
            ("https://a.example/b/c.PNG?x=y.pdf", Some("image/png")),
            (
                "https://a.example/report.pdf#page=2",
                Some("application/pdf"),
            ),
            ("https://a.example/b", None),
            ("https://a.example", None),
            ("gs://bucket/film.mp4", Some("video/mp4")),
        ] {
            assert_eq!(by_ending(url), expected, "{url}");
        }
    }

    #[test]
    fn only_what_google_can_reach_is_sent() {
        let new = "gemini-3-flash-preview";
        assert!(unreachable("http://a.example/x.png", new).is_some());
        assert!(unreachable("file:///x.png", new).is_some());
        assert!(unreachable("https://a.example/x.png", new).is_none());
        assert!(unreachable("https://a.example/x.png", "gemini-2.0-flash").is_some());
        assert!(unreachable("gs://bucket/x.png", "gemini-2.0-flash").is_none());
    }
}
