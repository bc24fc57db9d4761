//! Pictures, recordings and files.

use std::borrow::Cow;

use super::content::Item;
use super::{Scope, below};
use crate::canonical::{Media, MediaSource, Place};
use crate::json::ObjectWriter;
use crate::media::{decode_base64, url_media_type};
use crate::{Dialect, Losses};

/// Bytes, or where they are, as they stand in one string.
#[derive(Debug)]
pub(super) enum Bytes<'a> {
    /// As it is.
    Text(&'a str),
    /// A `data:` URL of a media type and base64.
    Url(&'a str, &'a str),
}

impl<'a> Bytes<'a> {
    fn in_url(media_type: Option<&'a str>, data: &'a str) -> Self {
        Self::Url(url_media_type(media_type), data)
    }

    /// Writes the string. Pictures are large, so that no URL is put together first.
    pub(super) fn write(&self, object: &mut ObjectWriter<'_>, name: &str) {
        match self {
            Self::Text(text) => object.text(name, text),
            Self::Url(kind, data) => object.text_of(name, &["data:", kind, ";base64,", data]),
        }
    }
}

/// `image_url`. OpenAI fetches http and https only, and has no pictures by file id.
pub(super) fn image(media: &Media, own: bool) -> Option<Item<'_>> {
    let url = match &media.source {
        MediaSource::Base64(data) => Bytes::in_url(media.media_type.as_deref(), data),
        MediaSource::Url(url) if own || is_web(url) => Bytes::Text(url),
        MediaSource::Url(_) | MediaSource::File(_) | MediaSource::Text(_) => return None,
    };
    let detail = media.detail.as_deref();
    Some(Item::Image { url, detail })
}

/// Whether everybody can fetch it: not Google's buckets, nor its file store.
fn is_web(url: &str) -> bool {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let web = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
    web && !rest.starts_with("generativelanguage.googleapis.com/")
}

/// `input_audio`, whose format is the end of the media type.
pub(super) fn audio(media: &Media) -> Option<Item<'_>> {
    let MediaSource::Base64(data) = &media.source else {
        return None;
    };
    let media_type = media.media_type.as_deref()?;
    let format = match media_type.strip_prefix("audio/").unwrap_or(media_type) {
        "mpeg" => "mp3",
        "x-wav" | "wave" | "vnd.wave" => "wav",
        format => format,
    };
    Some(Item::Audio { data, format })
}

/// `file`, or its text where that is all there is to a document.
pub(super) fn document<'a>(
    scope: &Scope<'a>,
    path: &[Place],
    media: &'a Media,
    sees: bool,
    losses: &mut Losses,
) -> Option<Item<'a>> {
    let name = media.name.as_deref();
    if media.detail.is_some() {
        losses.dropped(&below(path, "detail"));
    }
    match &media.source {
        MediaSource::Text(text) => {
            losses.approximated(path);
            Some(Item::Text(document_text(name, text).into()))
        }
        MediaSource::Base64(data) if sees => Some(file(scope, media, data, losses)),
        MediaSource::Base64(data) => {
            let text = plain_text(media, data)?;
            losses.approximated(path);
            Some(Item::Text(document_text(name, &text).into()))
        }
        MediaSource::File(id) if sees && is_openai(scope.request.origin) => {
            Some(Item::FileId { id, name })
        }
        MediaSource::File(_) | MediaSource::Url(_) => None,
    }
}

/// Bytes need a name, by whose ending OpenAI tells their kind.
fn file<'a>(scope: &Scope<'_>, media: &'a Media, data: &'a str, losses: &mut Losses) -> Item<'a> {
    let name = match &media.name {
        Some(name) if scope.own || name.contains('.') => Some(Cow::Borrowed(&**name)),
        Some(title) => Some(format!("{title}.{}", ending(media)).into()),
        None if scope.own => None,
        None => {
            losses.defaulted("file.filename");
            Some(format!("document.{}", ending(media)).into())
        }
    };
    let data = match media.media_type.as_deref() {
        None if scope.own => Bytes::Text(data),
        media_type => Bytes::in_url(media_type.or(Some("application/pdf")), data),
    };
    Item::FileData { data, name }
}

fn ending(media: &Media) -> &str {
    let kind = media.media_type.as_deref().unwrap_or_default();
    match kind.rsplit(['/', '+', '.']).next().unwrap_or_default() {
        "plain" => "txt",
        "" => "pdf",
        kind => kind,
    }
}

/// The text of a file that is nothing else.
fn plain_text(media: &Media, data: &str) -> Option<String> {
    let media_type = media.media_type.as_deref()?;
    let is_text = media_type.starts_with("text/") || media_type == "application/json";
    is_text.then(|| String::from_utf8(decode_base64(data)?).ok())?
}

/// Whether file ids of this origin name files in OpenAI's store.
const fn is_openai(origin: Dialect) -> bool {
    matches!(origin, Dialect::OpenAiChat | Dialect::OpenAiResponses)
}

fn document_text(name: Option<&str>, text: &str) -> String {
    let name = name.map(|name| format!(" name={}", crate::json_string(name)));
    format!(
        "<document{}>\n{text}\n</document>",
        name.unwrap_or_default()
    )
}
