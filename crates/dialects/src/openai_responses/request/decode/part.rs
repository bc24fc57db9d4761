//! The parts of messages and of tool results, one function for each kind.

use crate::Dialect;
use crate::canonical::{CacheMark, Citation, Media, MediaSource, Part, PartBody, Place};
use crate::json::{Invalid, JsonKind, Locate, Raw};
use crate::media::{check_base64, parse_data_url};
use crate::openai_responses::members::{maybe, need, others};

/// Reads a text or a list of parts, which is the member `member` of its object.
pub(super) fn content(value: Raw<'_>, member: &'static str) -> Result<Vec<Part>, Invalid> {
    match value.kind() {
        Some(JsonKind::Text) => {
            let text = Part::text(value.want_text()?);
            Ok(vec![text.at(Place::member(member))])
        }
        Some(JsonKind::List) => value
            .want_items()?
            .map(|(index, part)| {
                let part = read(part).at_index(index)?;
                Ok(part.at(Place::item(member, index)))
            })
            .collect(),
        found => {
            let found = found.unwrap_or(JsonKind::Null);
            let problem = format!("is {found}; make it a string or a list of parts");
            Err(Invalid::here(problem))
        }
    }
}

fn read(part: Raw<'_>) -> Result<Part, Invalid> {
    match &*part.want_type()? {
        // `text` is Chat's word, which clients that switch over leave in.
        "input_text" | "output_text" | "text" => text(part),
        "input_image" => image(part),
        "input_file" => file(part),
        "input_audio" => audio(part),
        "refusal" => refusal(part),
        kind => Ok(opaque(kind, part)),
    }
}

/// The part with its mark for the cache, and the members that are not `known`.
fn finished(body: PartBody, part: Raw<'_>, known: &[&str]) -> Part {
    let mut extras = others(part, known);
    let breakpoint = part.member("prompt_cache_breakpoint");
    let cache = breakpoint.and_then(cache_mark);
    if cache.is_some() {
        extras.retain(|(name, _)| name != "prompt_cache_breakpoint");
    }
    Part {
        cache,
        extras,
        ..body.into()
    }
}

/// `None` if it is another kind of mark than the one known.
fn cache_mark(value: Raw<'_>) -> Option<CacheMark> {
    let [mode, ttl] = value.pick(["mode", "ttl"]);
    let known =
        mode?.text()? == "explicit" && value.members().count() == 1 + usize::from(ttl.is_some());
    let ttl = match ttl {
        None => None,
        Some(ttl) => Some(ttl.text()?.into_owned()),
    };
    known.then_some(CacheMark { ttl })
}

fn text(part: Raw<'_>) -> Result<Part, Invalid> {
    const KNOWN: [&str; 3] = ["type", "text", "annotations"];
    let [text, annotations] = part.pick(["text", "annotations"]);
    let body = PartBody::Text {
        text: need(text, "text")?,
        citations: match annotations {
            None => Vec::new(),
            Some(list) => list
                .want_items()
                .at("annotations")?
                .map(|(_, annotation)| citation(annotation))
                .collect(),
        },
    };
    let mut part = finished(body, part, &KNOWN);
    // An answer's text has this list even where nobody asked for it.
    part.extras
        .retain(|(name, value)| name != "logprobs" || value.raw().says_something());
    Ok(part)
}

/// An annotation, which can always be kept as it stands.
pub(in crate::openai_responses) fn citation(annotation: Raw<'_>) -> Citation {
    let [url, title, filename, start, end] =
        annotation.pick(["url", "title", "filename", "start_index", "end_index"]);
    let text = |value: Option<Raw<'_>>| Some(value?.text()?.into_owned());
    Citation {
        url: text(url),
        title: text(title).or_else(|| text(filename)),
        cited_text: None,
        span: start.and_then(Raw::count).zip(end.and_then(Raw::count)),
        raw: Some(annotation.into()),
    }
}

fn refusal(part: Raw<'_>) -> Result<Part, Invalid> {
    let [words] = part.pick(["refusal"]);
    let body = PartBody::Refusal {
        text: need(words, "refusal")?,
    };
    Ok(finished(body, part, &["type", "refusal"]))
}

fn image(part: Raw<'_>) -> Result<Part, Invalid> {
    let [url, file, detail] = part.pick(["image_url", "file_id", "detail"]);
    let mut media = match (url, file) {
        (Some(url), _) => image_url(url).at("image_url")?,
        (None, Some(file)) => of_source(MediaSource::File(file.want_string().at("file_id")?)),
        (None, None) => {
            return Err(Invalid::here(
                "has neither `image_url` nor `file_id`; add one of them",
            ));
        }
    };
    media.detail = maybe(detail, "detail")?;
    let source = if url.is_some() {
        "image_url"
    } else {
        "file_id"
    };
    Ok(finished(
        PartBody::Image(media),
        part,
        &["type", source, "detail"],
    ))
}

fn image_url(url: Raw<'_>) -> Result<Media, Invalid> {
    let url = url.want_text()?;
    Ok(match parse_data_url(&url)? {
        Some((media_type, data)) => of_data(media_type, data),
        None => of_source(MediaSource::Url(url.into_owned())),
    })
}

const fn of_source(source: MediaSource) -> Media {
    Media {
        source,
        media_type: None,
        name: None,
        detail: None,
    }
}

fn of_data(media_type: Option<&str>, data: &str) -> Media {
    Media {
        media_type: media_type.map(str::to_owned),
        ..of_source(MediaSource::Base64(data.to_owned()))
    }
}

fn file(part: Raw<'_>) -> Result<Part, Invalid> {
    let [data, url, file] = part.pick(["file_data", "file_url", "file_id"]);
    let [name, detail] = part.pick(["filename", "detail"]);
    let (media, source) = match (data, url, file) {
        (Some(data), ..) => (file_data(data).at("file_data")?, "file_data"),
        (_, Some(url), _) => {
            let url = url.want_string().at("file_url")?;
            (of_source(MediaSource::Url(url)), "file_url")
        }
        (_, _, Some(file)) => {
            let file = file.want_string().at("file_id")?;
            (of_source(MediaSource::File(file)), "file_id")
        }
        (None, None, None) => {
            return Err(Invalid::here(
                "has neither `file_data` nor `file_url` nor `file_id`; add one of them",
            ));
        }
    };
    let media = Media {
        name: maybe(name, "filename")?,
        detail: maybe(detail, "detail")?,
        ..media
    };
    let known = ["type", source, "filename", "detail"];
    Ok(finished(PartBody::Document(media), part, &known))
}

/// A data URL, or base64 without one.
fn file_data(data: Raw<'_>) -> Result<Media, Invalid> {
    let data = data.want_text()?;
    if let Some((media_type, data)) = parse_data_url(&data)? {
        return Ok(of_data(media_type, data));
    }
    check_base64(&data)?;
    Ok(of_data(None, &data))
}

fn audio(part: Raw<'_>) -> Result<Part, Invalid> {
    let audio = part.want_member("input_audio")?;
    let [data, format] = audio.pick(["data", "format"]);
    let data = need(data, "data").at("input_audio")?;
    check_base64(&data).at("data").at("input_audio")?;
    let format = need(format, "format").at("input_audio")?;
    if audio.members().count() != 2 {
        return Ok(opaque("input_audio", part));
    }
    let media = of_data(Some(audio_type(&format).as_ref()), &data);
    Ok(finished(
        PartBody::Audio(media),
        part,
        &["type", "input_audio"],
    ))
}

fn audio_type(format: &str) -> String {
    match format {
        "mp3" => "audio/mpeg".to_owned(),
        other => format!("audio/{other}"),
    }
}

fn opaque(kind: &str, part: Raw<'_>) -> Part {
    PartBody::Opaque {
        origin: Dialect::OpenAiResponses,
        kind: kind.to_owned(),
        raw: part.into(),
    }
    .into()
}
