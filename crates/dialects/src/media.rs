//! Bytes within JSON: base64 and data URLs.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use crate::json::Invalid;

/// Padding may be missing: some clients leave it out, and every provider seen takes both.
pub(crate) const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Refuses what is no base64 (RFC 4648, section 4), so that the mistake is named here and not by a
/// provider that sees only a translation.
pub(crate) fn check_base64(data: &str) -> Result<(), Invalid> {
    // The check needs no room for the whole: a picture is decoded piece by piece.
    const PIECE: usize = 4096;
    let mut room = [0; PIECE];
    let bytes = data.as_bytes();
    let pieces = bytes.chunks(PIECE);
    let count = pieces.len();
    for (at, piece) in pieces.enumerate() {
        let inner = at + 1 < count;
        let sound =
            !(inner && piece.contains(&b'=')) && LENIENT.decode_slice(piece, &mut room).is_ok();
        if !sound {
            return Err(Invalid::here(
                "is not valid base64; encode the bytes with the standard alphabet and no line breaks",
            ));
        }
    }
    Ok(())
}

/// The bytes; `None` if it is no base64.
pub(crate) fn decode_base64(data: &str) -> Option<Vec<u8>> {
    LENIENT.decode(data).ok()
}

/// The media type and the base64 of a `data:` URL (RFC 2397); `None` if it is another kind of URL.
///
/// # Errors
/// [`Invalid`] if it is one but not in base64.
pub(crate) fn parse_data_url(url: &str) -> Result<Option<(Option<&str>, &str)>, Invalid> {
    let Some(rest) = strip_prefix_ignoring_case(url, "data:") else {
        return Ok(None);
    };
    let broken =
        || Invalid::here("is a data URL without `;base64,`; write it as data:image/png;base64,...");
    let (head, data) = rest.split_once(',').ok_or_else(broken)?;
    let kind = head.strip_suffix(";base64").ok_or_else(broken)?;
    check_base64(data)?;
    // Parameters such as a character set say nothing of a picture.
    let kind = kind.split(';').next().filter(|kind| !kind.is_empty());
    Ok(Some((kind, data)))
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let start = text.get(..prefix.len())?;
    start
        .eq_ignore_ascii_case(prefix)
        .then(|| text.get(prefix.len()..))?
}

/// A `data:` URL of base64 that was checked before.
pub(crate) fn data_url(media_type: Option<&str>, data: &str) -> String {
    format!("data:{};base64,{data}", url_media_type(media_type))
}

/// The media type that stands in a `data:` URL.
pub(crate) fn url_media_type(media_type: Option<&str>) -> &str {
    media_type
        .and_then(bare_media_type)
        .unwrap_or("application/octet-stream")
}

/// A media type without its parameters, if it is one (RFC 6838, section 4.2): a comma in it would end the head of a
/// URL too early.
fn bare_media_type(text: &str) -> Option<&str> {
    let bare = text.split(';').next()?.trim_ascii();
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+/".contains(&byte);
    (bare.contains('/') && bare.bytes().all(named)).then_some(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_url_comes_apart_and_together() {
        let url = "data:image/png;base64,iVBORw0KGgo=";
        assert_eq!(
            parse_data_url(url).expect("sound"),
            Some((Some("image/png"), "iVBORw0KGgo="))
        );
        assert_eq!(data_url(Some("image/png"), "iVBORw0KGgo="), url);
        assert_eq!(
            data_url(Some("text/plain; charset=utf-8"), "aGk"),
            "data:text/plain;base64,aGk"
        );
        for odd in ["", "png", "data:image/png;base64,x", "a/b,c", "a /b"] {
            let expected = "data:application/octet-stream;base64,aGk";
            assert_eq!(data_url(Some(odd), "aGk"), expected, "{odd}");
        }
        assert_eq!(
            parse_data_url("https://a.example/x.png").expect("sound"),
            None
        );
        assert_eq!(
            parse_data_url("DATA:text/plain;charset=utf-8;base64,aGk").expect("sound"),
            Some((Some("text/plain"), "aGk"))
        );
        for url in [
            "data:image/png,abc",
            "data:image/png;base64",
            "data:;base64,a!",
        ] {
            assert!(parse_data_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn base64_is_checked_to_its_end() {
        let long = "QUJD".repeat(5000);
        assert!(check_base64(&long).is_ok());
        assert!(check_base64(&format!("{long}QQ==")).is_ok());
        for broken in [
            format!("{long}Q"),
            format!("QQ=={long}"),
            format!("{long}\n"),
        ] {
            assert!(check_base64(&broken).is_err());
        }
    }
}
