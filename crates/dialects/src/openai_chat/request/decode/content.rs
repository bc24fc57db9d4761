//! What stands in `content`: a text, or parts.

use std::borrow::Cow;

use super::super::super::inner;
use super::tools::read_mark;
use crate::Dialect;
use crate::canonical::{Extras, Media, MediaSource, Part, PartBody, Place};
use crate::json::{Invalid, JsonKind, Locate as _, Raw};
use crate::media::{check_base64, parse_data_url};

/// Reads `content` into parts. The place of a text that stood there without a list has no index, by which
/// the encoder of this dialect knows it again.
pub(super) fn read(value: Raw<'_>, parts: &mut Vec<Part>) -> Result<(), Invalid> {
    match value.kind() {
        Some(JsonKind::Text) => {
            parts.push(Part::text(value.want_text()?).at(Place::member("content")));
        }
        Some(JsonKind::List) => {
            for (index, item) in value.want_items()? {
                let part = read_part(item).at_index(index)?;
                parts.push(part.at(Place::item("content", index)));
            }
        }
        _ => return Err(Invalid::here("is neither a string nor a list of parts")),
    }
    Ok(())
}

fn read_part(value: Raw<'_>) -> Result<Part, Invalid> {
    // One walk: there may be a whole picture in it.
    let members: Vec<_> = value.want_members()?.collect();
    let member = |name: &str| {
        let found = members.iter().find(|(found, _)| found == name);
        found
            .map(|(_, value)| *value)
            .ok_or_else(|| Invalid::here("is missing"))
            .at(name)
    };
    let kind = member("type")?.want_text().at("type")?;
    let mut extras = Extras::new();
    let body = match &*kind {
        "text" => read_text(member(&kind)?).at(&kind)?,
        "refusal" => read_refusal(member(&kind)?).at(&kind)?,
        "image_url" => read_image(member(&kind)?, &mut extras).at(&kind)?,
        "input_audio" => read_audio(member(&kind)?, &mut extras).at(&kind)?,
        "file" => read_file(member(&kind)?, &mut extras).at(&kind)?,
        _ => return Ok(opaque(&kind, value)),
    };
    let mut part = Part::from(body);
    part.extras = extras;
    for (name, value) in &members {
        match &**name {
            "type" => {}
            "prompt_cache_breakpoint" => part.cache = Some(read_mark(*value).at(name)?),
            "cache_control" => {
                part.cache = Some(read_mark(*value).at(name)?);
                inner::note(&mut part.extras, name, *value);
            }
            _ if *name == kind => {}
            _ => part.extras.push((name.to_string(), (*value).into())),
        }
    }
    Ok(part)
}

/// A part of a kind that only this dialect knows. Its cache mark stays within.
pub(super) fn opaque(kind: &str, value: Raw<'_>) -> Part {
    PartBody::Opaque {
        origin: Dialect::OpenAiChat,
        kind: kind.to_owned(),
        raw: value.into(),
    }
    .into()
}

fn read_text(value: Raw<'_>) -> Result<PartBody, Invalid> {
    Ok(PartBody::Text {
        text: value.want_string()?,
        citations: Vec::new(),
    })
}

fn read_refusal(value: Raw<'_>) -> Result<PartBody, Invalid> {
    let text = value.want_string()?;
    Ok(PartBody::Refusal { text })
}

/// `{url, detail}`, or the bare URL that some clients write.
fn read_image(value: Raw<'_>, extras: &mut Extras) -> Result<PartBody, Invalid> {
    let (mut url, mut detail) = (None, None);
    if value.kind() == Some(JsonKind::Text) {
        inner::note(extras, "image_url", value);
        url = Some(value.want_text()?);
    } else {
        for (name, value) in value.want_members()? {
            match &*name {
                "url" => url = Some(value.want_text().at(&name)?),
                "detail" => detail = Some(value.want_string().at(&name)?),
                _ => inner::keep(extras, "image_url", &name, value),
            }
        }
    }
    let url = url.ok_or_else(|| Invalid::here("is missing")).at("url")?;
    let (source, media_type) = read_url(url).at("url")?;
    Ok(PartBody::Image(Media {
        source,
        media_type,
        name: None,
        detail,
    }))
}

/// The bytes in a `data:` URL with their type, or the address that another URL is.
fn read_url(url: Cow<'_, str>) -> Result<(MediaSource, Option<String>), Invalid> {
    match parse_data_url(&url)? {
        Some((kind, data)) => Ok((
            MediaSource::Base64(data.to_owned()),
            kind.map(str::to_owned),
        )),
        None => Ok((MediaSource::Url(url.into_owned()), None)),
    }
}

fn read_audio(value: Raw<'_>, extras: &mut Extras) -> Result<PartBody, Invalid> {
    let (mut data, mut format) = (None, None);
    for (name, value) in value.want_members()? {
        match &*name {
            "data" => data = Some(value.want_string().at(&name)?),
            "format" => format = Some(value.want_text().at(&name)?),
            _ => inner::keep(extras, "input_audio", &name, value),
        }
    }
    let missing = || Invalid::here("is missing");
    let data = data.ok_or_else(missing).at("data")?;
    check_base64(&data).at("data")?;
    let format = format.ok_or_else(missing).at("format")?;
    Ok(PartBody::Audio(Media {
        source: MediaSource::Base64(data),
        media_type: Some(format!("audio/{format}")),
        name: None,
        detail: None,
    }))
}

fn read_file(value: Raw<'_>, extras: &mut Extras) -> Result<PartBody, Invalid> {
    let (mut source, mut media_type, mut name) = (None, None, None);
    for (member, value) in value.want_members()? {
        match &*member {
            "filename" => name = Some(value.want_string().at(&member)?),
            "file_data" => {
                let data = value.want_text().at(&member)?;
                let (bytes, kind) = read_file_data(data).at(&member)?;
                (source, media_type) = (Some(bytes), kind);
            }
            "file_id" if source.is_none() => {
                source = Some(MediaSource::File(value.want_string().at(&member)?));
            }
            _ => inner::keep(extras, "file", &member, value),
        }
    }
    let source = source.ok_or_else(|| {
        Invalid::here("holds no file; add `file_data` as a data URL, or `file_id`")
    })?;
    Ok(PartBody::Document(Media {
        source,
        media_type,
        name,
        detail: None,
    }))
}

/// A `data:` URL, as the vendor's examples have it, or bare base64, as its types say.
fn read_file_data(data: Cow<'_, str>) -> Result<(MediaSource, Option<String>), Invalid> {
    match parse_data_url(&data)? {
        Some((kind, data)) => Ok((
            MediaSource::Base64(data.to_owned()),
            kind.map(str::to_owned),
        )),
        None => {
            check_base64(&data)?;
            Ok((MediaSource::Base64(data.into_owned()), None))
        }
    }
}

/// Puts a mark that stood on the whole message on its last part. Tells whether there is one.
pub(super) fn mark_last(parts: &mut [Part], mark: Raw<'_>) -> Result<bool, Invalid> {
    let mark_read = read_mark(mark)?;
    let Some(part) = parts.last_mut() else {
        return Ok(false);
    };
    part.cache = Some(mark_read);
    inner::note(&mut part.extras, "message.cache_control", mark);
    Ok(true)
}
