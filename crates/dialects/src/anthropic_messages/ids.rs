//! Ids of calls. Anthropic takes ASCII letters, digits, `_` and `-`; other servers make ids such as
//! `functions.search:0`.

use std::borrow::Cow;
use std::fmt::Write;

/// How ids begin that were written in other characters.
const MARK: &str = "orc_";

/// The id as Anthropic takes it. Different ids stay different, and [`original`] is the way back.
pub(super) fn portable(id: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !id.is_empty() && id.bytes().all(is_plain) && !id.starts_with(MARK) {
        return Cow::Borrowed(id);
    }
    let mut portable = MARK.to_owned();
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            portable.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(portable, "_{byte:02x}");
        }
    }
    Cow::Owned(portable)
}

/// The id that [`portable`] was given.
pub(super) fn original(id: Cow<'_, str>) -> String {
    let decoded = id.strip_prefix(MARK).and_then(decode);
    // Somebody else's ids may begin alike.
    let ours = decoded.filter(|decoded| portable(decoded) == id);
    ours.unwrap_or_else(|| id.into_owned())
}

fn decode(text: &str) -> Option<String> {
    let mut pieces = text.split('_');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_ids_stay_and_odd_ones_come_back() {
        for id in ["toolu_01A", "call_9-x", "a"] {
            assert_eq!(portable(id), id);
            assert_eq!(original(id.into()), id);
        }
        let odd = ["functions.search:0", "", "é_|x", "orc_2e", "a b_c"];
        let mut seen = Vec::new();
        for id in odd {
            let portable = portable(id).into_owned();
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
            assert!(
                !portable.is_empty() && portable.bytes().all(allowed),
                "{portable}"
            );
            assert!(!seen.contains(&portable));
            assert_eq!(original((&*portable).into()), id);
            seen.push(portable);
        }
        for broken in ["orc_zz", "orc__", "orc__f", "orc__2E"] {
            assert_eq!(original(broken.into()), broken);
        }
    }
}
