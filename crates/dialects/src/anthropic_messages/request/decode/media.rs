//! Pictures and documents.

use crate::canonical::{Media, MediaSource, Part, PartBody};
use crate::json::{Invalid, Locate, Raw};
use crate::media::check_base64;

use super::super::super::{nested, text_of};
use super::block::{opaque, part};

pub(super) fn image(block: Raw<'_>) -> Result<Part, Invalid> {
    read(block, "image", &["source"], PartBody::Image)
}

/// A document. One that consists of blocks is opaque: no other dialect has such.
pub(super) fn document(block: Raw<'_>) -> Result<Part, Invalid> {
    read(block, "document", &["source", "title"], |media| {
        PartBody::Document(Media {
            name: text_of(block, "title"),
            ..media
        })
    })
}

fn read(
    block: Raw<'_>,
    kind: &str,
    known: &[&str],
    body: impl FnOnce(Media) -> PartBody,
) -> Result<Part, Invalid> {
    let source = block.want_member("source")?;
    let Some(media) = media(source).at("source")? else {
        return Ok(opaque(block, kind));
    };
    let mut part = part(body(media), block, known);
    let known = ["type", "media_type", "data", "url", "file_id"];
    nested::keep(&mut part.extras, "source", source, &known);
    Ok(part)
}

/// Reads a source; `None` if it is of a kind that the canonical form does not know.
fn media(source: Raw<'_>) -> Result<Option<Media>, Invalid> {
    let kind = source.want_type()?;
    let text = |name| source.want_member(name)?.want_string().at(name);
    let found = match &*kind {
        "base64" => {
            let data = text("data")?;
            check_base64(&data).at("data")?;
            MediaSource::Base64(data)
        }
        "text" => MediaSource::Text(text("data")?),
        "url" => MediaSource::Url(text("url")?),
        "file" => MediaSource::File(text("file_id")?),
        _ => return Ok(None),
    };
    let typed = matches!(found, MediaSource::Base64(_) | MediaSource::Text(_));
    let media_type = typed.then(|| text("media_type")).transpose()?;
    Ok(Some(Media {
        source: found,
        media_type,
        name: None,
        detail: None,
    }))
}
