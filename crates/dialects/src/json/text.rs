//! Strings: reading escapes, writing them.

use std::borrow::Cow;

use super::skim::next_special;

/// What a backslash and its followers stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escape {
    /// This character.
    Char(char),
    /// Half a character, written `\uD800` to `\uDFFF` without its other half.
    LoneSurrogate,
    /// Nothing that JSON knows.
    Unknown,
}

/// Reads the escape whose backslash is at `at`, with its length in bytes.
pub(crate) fn escape_at(text: &[u8], at: usize) -> (Escape, usize) {
    let plain = match text.get(at + 1) {
        Some(b'n') => '\n',
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b't') => '\t',
        Some(b'r') => '\r',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'u') => return unicode_escape_at(text, at),
        _ => return (Escape::Unknown, 1),
    };
    (Escape::Char(plain), 2)
}

fn unicode_escape_at(text: &[u8], at: usize) -> (Escape, usize) {
    let Some(first) = hex_at(text, at) else {
        return (Escape::Unknown, 1);
    };
    if let Some(char) = char::from_u32(first) {
        return (Escape::Char(char), 6);
    }
    match (first, hex_at(text, at + 6)) {
        (0xD800..=0xDBFF, Some(second @ 0xDC00..=0xDFFF)) => {
            let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
            let char = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
            (Escape::Char(char), 12)
        }
        _ => (Escape::LoneSurrogate, 6),
    }
}

/// The number in `\uXXXX`, if that is what stands at `at`.
fn hex_at(text: &[u8], at: usize) -> Option<u32> {
    let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |number, &digit| {
        Some(number << 4 | char::from(digit).to_digit(16)?)
    })
}

/// The text that a JSON string stands for; `quoted` is a validated string with its quotes.
/// Half a surrogate pair becomes U+FFFD.
pub(crate) fn decode(quoted: &str) -> Cow<'_, str> {
    let inner = quoted
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or_default();
    match memchr::memchr(b'\\', inner.as_bytes()) {
        None => Cow::Borrowed(inner),
        Some(first) => Cow::Owned(unescape(inner, first)),
    }
}

fn unescape(inner: &str, first: usize) -> String {
    let mut text = String::with_capacity(inner.len());
    let (mut from, mut next) = (0, Some(first));
    while let Some(at) = next {
        text.push_str(inner.get(from..at).unwrap_or_default());
        let (escape, length) = escape_at(inner.as_bytes(), at);
        text.push(match escape {
            Escape::Char(char) => char,
            Escape::LoneSurrogate | Escape::Unknown => char::REPLACEMENT_CHARACTER,
        });
        from = at + length;
        let rest = inner.as_bytes().get(from..).unwrap_or_default();
        next = memchr::memchr(b'\\', rest).map(|offset| from + offset);
    }
    text.push_str(inner.get(from..).unwrap_or_default());
    text
}

/// Writes `text` as a JSON string, quotes included, for [`Splice`](crate::Splice).
///
/// ```
/// assert_eq!(orchestra_dialects::json_string("a \"b\"\n"), r#""a \"b\"\n""#);
/// ```
#[must_use]
pub fn json_string(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    push_json_string(&mut quoted, text);
    quoted
}

/// Adds `text` as a JSON string behind `json`.
pub(crate) fn push_json_string(json: &mut String, text: &str) {
    json.push('"');
    push_escaped(json, text);
    json.push('"');
}

/// Adds `text` as the inside of a JSON string behind `json`.
pub(crate) fn push_escaped(json: &mut String, text: &str) {
    let bytes = text.as_bytes();
    let mut from = 0;
    loop {
        let at = next_special(bytes, from);
        json.push_str(text.get(from..at).unwrap_or_default());
        let Some(&byte) = bytes.get(at) else { return };
        push_escape(json, byte);
        from = at + 1;
    }
}

fn push_escape(json: &mut String, byte: u8) {
    match byte {
        b'"' => json.push_str("\\\""),
        b'\\' => json.push_str("\\\\"),
        b'\n' => json.push_str("\\n"),
        b'\r' => json.push_str("\\r"),
        b'\t' => json.push_str("\\t"),
        _ => {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            json.push_str("\\u00");
            json.push(char::from(DIGITS[usize::from(byte >> 4)]));
            json.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_escapes() {
        for (json, expected) in [
            (r#""""#, ""),
            (r#""plain""#, "plain"),
            (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r#""\u00e9t\u00E9""#, "été"),
            (r#""\ud83d\ude00!""#, "😀!"),
            (r#""a\ud83d""#, "a\u{fffd}"),
            (r#""\ud83d\u0041""#, "\u{fffd}A"),
            (r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(decode(json), expected, "{json}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        let all: String = (0..0x300)
            .filter_map(char::from_u32)
            .chain(['😀'])
            .collect();
        assert_eq!(decode(&json_string(&all)), all);
    }
}
