//! Pictures, documents and recordings.

use std::borrow::Cow;

use super::{To, part};
use crate::Losses;
use crate::canonical::{Media, MediaSource, Part, PartBody, Place};
use crate::json::{ListWriter, ObjectWriter};
use crate::media::data_url;

pub(super) fn write(
    list: &mut ListWriter<'_>,
    places: &[Place],
    part: &Part,
    media: &Media,
    to: &To<'_>,
    losses: &mut Losses,
) {
    if let MediaSource::Text(text) = &media.source {
        return plain_document(list, places, (part, media, text), to, losses);
    }
    if matches!(part.body, PartBody::Audio(_)) && to.own {
        return audio(list, part, media);
    }
    let source = source(&part.body, media, to).filter(|_| to.profile.media);
    let Some((name, value)) = source else {
        losses.dropped(places);
        return;
    };
    list.object(|object| {
        let picture = matches!(part.body, PartBody::Image(_));
        object.text("type", if picture { "input_image" } else { "input_file" });
        object.text(name, &value);
        if picture {
            detail(object, media, to);
        } else {
            filename(object, name, media, to, losses);
            object.text_if("detail", media.detail.as_deref());
        }
        part::finish(object, places, part, to, losses);
    });
}

/// The member that holds the bytes, or where they are. `None` if OpenAI could not get at them: files at other vendors,
/// addresses of other protocols, recordings.
fn source<'m>(
    body: &PartBody,
    media: &'m Media,
    to: &To<'_>,
) -> Option<(&'static str, Cow<'m, str>)> {
    let (data_name, url_name) = match body {
        PartBody::Image(_) => ("image_url", "image_url"),
        PartBody::Document(_) => ("file_data", "file_url"),
        _ => return None,
    };
    let media_type = media.media_type.as_deref();
    match &media.source {
        // A file may come as base64 without a media type.
        MediaSource::Base64(data)
            if to.openai() && media_type.is_none() && data_name != url_name =>
        {
            Some((data_name, Cow::Borrowed(data)))
        }
        MediaSource::Base64(data) => Some((data_name, Cow::Owned(data_url(media_type, data)))),
        MediaSource::Url(url) if to.own || is_web(url) => Some((url_name, Cow::Borrowed(url))),
        MediaSource::File(id) if to.openai() => Some(("file_id", Cow::Borrowed(id))),
        MediaSource::Url(_) | MediaSource::File(_) | MediaSource::Text(_) => None,
    }
}

/// Whether everybody can fetch it: not Google's file store, nor its buckets.
fn is_web(url: &str) -> bool {
    const GOOGLE_FILES: &str = "generativelanguage.googleapis.com/";
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let web = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
    web && !rest.starts_with(GOOGLE_FILES)
}

/// The types require it of pictures.
fn detail(object: &mut ObjectWriter<'_>, media: &Media, to: &To<'_>) {
    let default = if to.own { None } else { Some("auto") };
    object.text_if("detail", media.detail.as_deref().or(default));
}

/// Bytes need a name, by whose ending OpenAI tells their kind.
fn filename(
    object: &mut ObjectWriter<'_>,
    source: &str,
    media: &Media,
    to: &To<'_>,
    losses: &mut Losses,
) {
    match &media.name {
        Some(name) if to.openai() || source != "file_data" || name.contains('.') => {
            object.text("filename", name);
        }
        Some(title) => object.text("filename", &format!("{title}.{}", ending(media))),
        None if to.own || source != "file_data" => {}
        None => {
            losses.defaulted("filename");
            object.text("filename", &format!("document.{}", ending(media)));
        }
    }
}

fn ending(media: &Media) -> &str {
    let kind = media.media_type.as_deref().unwrap_or_default();
    match kind.rsplit(['/', '+', '.']).next().unwrap_or_default() {
        "plain" => "txt",
        "" => "pdf",
        kind => kind,
    }
}

/// A document that is plain text is sent as such.
fn plain_document(
    list: &mut ListWriter<'_>,
    places: &[Place],
    (part, media, text): (&Part, &Media, &str),
    to: &To<'_>,
    losses: &mut Losses,
) {
    losses.approximated(places);
    list.object(|object| {
        object.text("type", "input_text");
        match &media.name {
            Some(name) => object.text("text", &format!("{name}\n\n{text}")),
            None => object.text("text", text),
        }
        part::finish(object, places, part, to, losses);
    });
}

/// Not in the published types of this API, but what clients of Chat leave in.
fn audio(list: &mut ListWriter<'_>, part: &Part, media: &Media) {
    list.object(|object| {
        object.text("type", "input_audio");
        object.object("input_audio", |audio| {
            if let MediaSource::Base64(data) = &media.source {
                audio.text("data", data);
            }
            let kind = media.media_type.as_deref().unwrap_or_default();
            let format = kind.rsplit('/').next().unwrap_or_default();
            audio.text("format", if format == "mpeg" { "mp3" } else { format });
        });
        object.extras(&part.extras);
    });
}
