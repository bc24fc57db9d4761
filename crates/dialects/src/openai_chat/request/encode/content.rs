//! What stands in `content`, part by part.

use std::borrow::Cow;

use super::super::super::inner;
use super::marks::{self, Mark};
use super::media::Bytes;
use super::{Scope, below, media};
use crate::canonical::{Citation, Extras, Field, NOTE_MARK, Part, PartBody, Place};
use crate::json::{ListWriter, ObjectWriter};
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

/// The forms.
#[derive(Debug)]
pub(super) enum Item<'a> {
    Text(Cow<'a, str>),
    Refusal(&'a str),
    Image {
        url: Bytes<'a>,
        detail: Option<&'a str>,
    },
    Audio {
        data: &'a str,
        format: &'a str,
    },
    FileData {
        data: Bytes<'a>,
        name: Option<Cow<'a, str>>,
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
        PartBody::Document(file) => media::document(scope, path, file, sees, losses),
        PartBody::Image(picture) if sees => media::image(picture, scope.own),
        PartBody::Audio(sound) if sees => media::audio(sound),
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
                url.write(part, "image_url");
            }
            Item::Image { url, detail } => self.write_framed(part, "image_url", |image| {
                url.write(image, "url");
                image.text_if("detail", *detail);
            }),
            Item::Audio { data, format } => self.write_framed(part, "input_audio", |audio| {
                audio.text("data", data);
                audio.text("format", format);
            }),
            Item::FileData { data, name } => self.write_framed(part, "file", |file| {
                data.write(file, "file_data");
                file.text_if("filename", name.as_deref());
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
