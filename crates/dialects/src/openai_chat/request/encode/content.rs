//! What stands in `content`, part by part.

use std::borrow::Cow;

use super::super::super::inner;
use super::marks::{self, Mark};
use super::{Scope, below};
use crate::canonical::{
    Citation, Extras, Field, Media, MediaSource, NOTE_MARK, Part, PartBody, Place,
};
use crate::json::{ListWriter, ObjectWriter};
use crate::media::data_url;
use crate::{Dialect, Losses, RawJson};

/// A part in the form in which a message holds it.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    item: Item<'a>,
    mark: Option<Mark<'a>>,
    /// Of this dialect.
    extras: Option<&'a Extras>,
    /// Whether it stood in `content` without a list around it.
    bare: bool,
}

#[derive(Debug)]
enum Item<'a> {
    Text(Cow<'a, str>),
    Refusal(&'a str),
    Image {
        url: Cow<'a, str>,
        detail: Option<&'a str>,
    },
    Audio {
        data: &'a str,
        format: &'a str,
    },
    FileData {
        data: Cow<'a, str>,
        name: Option<&'a str>,
    },
    FileId {
        id: &'a str,
        name: Option<&'a str>,
    },
    Raw(&'a RawJson),
}

/// What the message takes, by its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// Text alone: what the application, a tool or the model said.
    Text,
    /// Media too: what the user said.
    Media,
}

impl<'a> Entry<'a> {
    /// A text of our own.
    pub(super) fn note(text: impl Into<Cow<'a, str>>) -> Self {
        Self {
            item: Item::Text(text.into()),
            mark: None,
            extras: None,
            bare: true,
        }
    }

    /// The text, if it is text.
    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.item {
            Item::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Puts a mark behind it, unless it has one.
    pub(super) fn mark(&mut self, mark: Option<Mark<'a>>) {
        self.mark = self.mark.or(mark);
    }
}

/// The entry for a part at `path`; `None`, and a loss, if the message cannot hold it.
pub(super) fn entry<'a>(
    scope: &Scope<'a>,
    path: &[Place],
    part: &'a Part,
    takes: Takes,
    losses: &mut Losses,
) -> Option<Entry<'a>> {
    let Some(item) = item(scope, path, &part.body, takes, losses) else {
        // A part that is gone takes with it what hangs on it.
        losses.dropped(path);
        return None;
    };
    if !scope.own {
        losses.dropped_extras(path, &part.extras);
    }
    Some(Entry {
        item,
        mark: marks::of(scope, path, part, losses),
        extras: scope.own.then_some(&part.extras),
        bare: part.at.index.is_none(),
    })
}

fn item<'a>(
    scope: &Scope<'a>,
    path: &[Place],
    body: &'a PartBody,
    takes: Takes,
    losses: &mut Losses,
) -> Option<Item<'a>> {
    let sees = takes == Takes::Media && scope.profile.media;
    match body {
        PartBody::Text { text, citations } => {
            drop_citations(scope, path, citations, losses);
            Some(Item::Text(text.into()))
        }
        PartBody::Refusal { text } if scope.profile.openai_fields => Some(Item::Refusal(text)),
        PartBody::Refusal { text } => {
            losses.approximated(path);
            Some(Item::Text(text.into()))
        }
        PartBody::Document(media) => document(scope, path, media, sees, losses),
        PartBody::Image(media) if sees => image(media),
        PartBody::Audio(media) if sees => audio(media),
        PartBody::Opaque { origin, raw, .. } if *origin == Dialect::OpenAiChat && scope.own => {
            Some(Item::Raw(raw))
        }
        _ => None,
    }
}

fn drop_citations(scope: &Scope<'_>, path: &[Place], list: &[Citation], losses: &mut Losses) {
    if !list.is_empty() {
        losses.dropped(&below(path, Field::Citations.path(scope.request.origin)));
    }
}

/// `image_url`. OpenAI fetches http and https only, and has no pictures by file id.
fn image(media: &Media) -> Option<Item<'_>> {
    let url = match &media.source {
        MediaSource::Base64(data) => data_url(media.media_type.as_deref(), data).into(),
        MediaSource::Url(url) if is_web(url) => Cow::Borrowed(&**url),
        MediaSource::Url(_) | MediaSource::File(_) | MediaSource::Text(_) => return None,
    };
    let detail = media.detail.as_deref();
    Some(Item::Image { url, detail })
}

fn is_web(url: &str) -> bool {
    !url.starts_with("gs://")
}

/// `input_audio`, whose format is the end of the media type.
fn audio(media: &Media) -> Option<Item<'_>> {
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
fn document<'a>(
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
        MediaSource::Base64(data) if sees => {
            let data = match &media.media_type {
                None if scope.own => Cow::Borrowed(&**data),
                media_type => {
                    let guessed = media_type.as_deref().or(Some("application/pdf"));
                    data_url(guessed, data).into()
                }
            };
            Some(Item::FileData { data, name })
        }
        MediaSource::File(id) if sees && is_openai(scope.request.origin) => {
            Some(Item::FileId { id, name })
        }
        MediaSource::Base64(_) | MediaSource::File(_) | MediaSource::Url(_) => None,
    }
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

/// How several texts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As parts of a list.
    Parts,
    /// Joined into one, for servers that take nothing but a string.
    OneText,
}

/// Writes `content`.
pub(super) fn write(message: &mut ObjectWriter<'_>, entries: &[Entry<'_>], form: Form) {
    match entries {
        [only] if only.is_plain() && (only.bare || only.extras.is_none()) => {
            message.text("content", only.as_text().unwrap_or_default());
        }
        [_, _, ..] if form == Form::OneText && entries.iter().all(Entry::is_plain) => {
            message.text("content", &joined(entries));
        }
        [only] if form == Form::OneText && only.is_plain() => {
            message.text("content", only.as_text().unwrap_or_default());
        }
        _ => message.list("content", |list| {
            entries.iter().for_each(|entry| entry.write(list));
        }),
    }
}

fn joined(entries: &[Entry<'_>]) -> String {
    let texts: Vec<&str> = entries.iter().filter_map(Entry::as_text).collect();
    texts.join("\n\n")
}

impl Entry<'_> {
    /// Whether it is text and nothing else.
    fn is_plain(&self) -> bool {
        let is_member = |(name, _): &(String, RawJson)| !name.starts_with(NOTE_MARK);
        let extras = self
            .extras
            .is_some_and(|extras| extras.iter().any(is_member));
        matches!(self.item, Item::Text(_)) && self.mark.is_none() && !extras
    }

    /// Whether the client wrote a bare URL.
    fn is_bare_image(&self) -> bool {
        self.extras
            .is_some_and(|extras| inner::noted(extras, "image_url").is_some())
    }

    fn write(&self, list: &mut ListWriter<'_>) {
        if let Item::Raw(raw) = self.item {
            list.raw(raw.as_str());
            return;
        }
        list.object(|part| {
            self.write_item(part);
            if let Some(mark) = self.mark {
                mark.write(part);
            }
            if let Some(extras) = self.extras {
                inner::write_outer(part, extras, &["image_url", "input_audio", "file"]);
            }
        });
    }

    fn write_item(&self, part: &mut ObjectWriter<'_>) {
        match &self.item {
            Item::Text(text) => {
                part.text("type", "text");
                part.text("text", text);
            }
            Item::Refusal(text) => {
                part.text("type", "refusal");
                part.text("refusal", text);
            }
            Item::Image { url, .. } if self.is_bare_image() => {
                part.text("type", "image_url");
                part.text("image_url", url);
            }
            Item::Image { url, detail } => self.write_framed(part, "image_url", |image| {
                image.text("url", url);
                image.text_if("detail", *detail);
            }),
            Item::Audio { data, format } => self.write_framed(part, "input_audio", |audio| {
                audio.text("data", data);
                audio.text("format", format);
            }),
            Item::FileData { data, name } => self.write_framed(part, "file", |file| {
                file.text("file_data", data);
                file.text_if("filename", *name);
            }),
            Item::FileId { id, name } => self.write_framed(part, "file", |file| {
                file.text("file_id", id);
                file.text_if("filename", *name);
            }),
            Item::Raw(_) => {}
        }
    }

    fn write_framed(
        &self,
        part: &mut ObjectWriter<'_>,
        kind: &str,
        fill: impl FnOnce(&mut ObjectWriter<'_>),
    ) {
        part.text("type", kind);
        part.object(kind, |object| {
            fill(object);
            if let Some(extras) = self.extras {
                inner::write(object, extras, kind);
            }
        });
    }
}
