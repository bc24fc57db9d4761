//! The path of a call whose model stands in it: Gemini's `models/{model}:generateContent`.

use std::fmt::Write as _;

use http::Uri;

use crate::PathError;
use crate::address::below;

/// Where `model`, below `models`, is asked for an answer in one piece or for a stream.
///
/// Google's lists write names as `models/gemini-3`; both forms are taken.
pub(crate) fn uri(models: &Uri, model: &str, streamed: bool) -> Result<Uri, PathError> {
    let name = model.strip_prefix("models/").unwrap_or(model);
    match name {
        "" => return Err(PathError::EmptySegment),
        "." | ".." => return Err(PathError::DotSegment),
        _ => {}
    }
    let method = if streamed {
        ":streamGenerateContent?alt=sse"
    } else {
        ":generateContent"
    };
    below(models, &format!("/{}{method}", encoded(name)))
}

/// Everything but RFC 3986's unreserved characters as `%XX`. What [`below`] then takes for an attempt to lead
/// elsewhere (a slash, a control character, a percent sign) is no model's name.
fn encoded(name: &str) -> String {
    let mut path = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path
}
