//! Pictures and documents.

use std::borrow::Cow;

use crate::canonical::{Field, Media, MediaSource, Place, path};
use crate::codec::Inexpressible;
use crate::media::decode_base64;

use super::context::Context;
use super::write::{Body, Source};

/// A picture; `None` if the target takes none.
pub(super) fn image<'a>(
    context: &mut Context<'a, '_>,
    media: &'a Media,
    places: &[Place],
) -> Result<Option<Body<'a>>, Inexpressible> {
    if !context.profile.media && !context.own() {
        context.losses.dropped(places);
        return Ok(None);
    }
    let source = match &media.source {
        MediaSource::Base64(data) => Source::Base64 {
            media_type: picture_type(media.media_type.as_deref(), data),
            data,
        },
        MediaSource::Url(url) => Source::Url(web_address(url, places)?),
        MediaSource::File(id) => Source::File(own_file(context, id, places)?),
        MediaSource::Text(_) => {
            context.losses.dropped(places);
            return Ok(None);
        }
    };
    // A closer look than usual cannot be asked for.
    if media
        .detail
        .as_deref()
        .is_some_and(|detail| detail != "auto")
    {
        context.dropped_in(places, Field::Detail.path(context.request.origin));
    }
    if media.name.is_some() {
        context.dropped_in(places, "name");
    }
    Ok(Some(Body::Image(source)))
}

/// A document; `None` if it is of a kind that the target does not take.
pub(super) fn document<'a>(
    context: &mut Context<'a, '_>,
    media: &'a Media,
    places: &[Place],
) -> Result<Option<Body<'a>>, Inexpressible> {
    let own = context.own();
    let source = match &media.source {
        _ if !context.profile.media && !own => None,
        MediaSource::Base64(data) => base64_document(media.media_type.as_deref(), data),
        MediaSource::Text(text) => Some(Source::Text(text.into())),
        MediaSource::Url(url) => Some(Source::Url(web_address(url, places)?)),
        MediaSource::File(id) => Some(Source::File(own_file(context, id, places)?)),
    };
    match &source {
        None => context.losses.dropped(places),
        Some(Source::Base64 { media_type, .. }) if !own => {
            if media
                .media_type
                .as_deref()
                .is_some_and(|told| told != media_type)
            {
                context.losses.approximated(places);
            }
        }
        Some(_) => {}
    }
    Ok(source.map(|source| Body::Document {
        source,
        title: media.name.as_deref(),
    }))
}

/// PDF as it is, text as text. Anthropic takes no other kind.
fn base64_document<'a>(media_type: Option<&'a str>, data: &'a str) -> Option<Source<'a>> {
    const PDF: &str = "application/pdf";
    // How base64 of a PDF begins.
    const PDF_BEGINS: &str = "JVBERi";
    let media_type = media_type.unwrap_or_default();
    if media_type == PDF || data.starts_with(PDF_BEGINS) {
        return Some(Source::Base64 {
            media_type: PDF.into(),
            data,
        });
    }
    let is_text = media_type.starts_with("text/") || media_type == "application/json";
    let text = is_text.then(|| decode_base64(data)).flatten()?;
    Some(Source::Text(String::from_utf8(text).ok()?.into()))
}

/// The type of a picture, told by its first bytes if the client does not say or uses a common misnomer.
fn picture_type<'a>(media_type: Option<&'a str>, data: &str) -> Cow<'a, str> {
    const BEGINNINGS: [(&str, &str); 4] = [
        ("iVBORw", "image/png"),
        ("/9j/", "image/jpeg"),
        ("R0lGOD", "image/gif"),
        ("UklGR", "image/webp"),
    ];
    match media_type {
        Some("image/jpg") => "image/jpeg".into(),
        Some(known) if known.starts_with("image/") => known.into(),
        _ => {
            let mut beginnings = BEGINNINGS.into_iter();
            let found = beginnings.find(|(begins, _)| data.starts_with(begins));
            found.map_or_else(
                || media_type.unwrap_or("image/png").into(),
                |(_, kind)| kind.into(),
            )
        }
    }
}

/// Anthropic fetches from the web alone.
fn web_address<'a>(url: &'a str, places: &[Place]) -> Result<&'a str, Inexpressible> {
    let begins = |scheme: &str| {
        url.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    if begins("https:") || begins("http:") {
        return Ok(url);
    }
    Err(Inexpressible::new(
        path(places),
        "is at an address that this model's provider cannot fetch; send the bytes in base64 or an https address",
    ))
}

/// Files lie at the vendor that they were sent to.
fn own_file<'a>(
    context: &Context<'a, '_>,
    id: &'a str,
    places: &[Place],
) -> Result<&'a str, Inexpressible> {
    if context.own() {
        return Ok(id);
    }
    Err(Inexpressible::new(
        path(places),
        format!(
            "is the file `{id}`, which lies at another provider than this model's; send its bytes in base64"
        ),
    ))
}
