//! Where a provider lives, and the paths below it.
//!
//! A key must never leave the origin that the operator wrote, nor a raw call the path below which
//! it was mounted. So the base is taken apart once, strictly, and what is joined to it later comes
//! under rules that no two URL parsers read differently.

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use url::{Position, Url};

/// Longest path and query of a raw call, in bytes. Servers commonly stop at 8 KiB for the request line.
const PATH_LIMIT_BYTES: usize = 8 * 1024;

/// Why a path may not be joined to a provider's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// It is empty or a whole URL.
    #[error("the path does not begin with '/'")]
    NotRooted,
    /// Path and query are too long together.
    #[error("the path is longer than {PATH_LIMIT_BYTES} bytes")]
    TooLong,
    /// A byte that URLs do not hold as it is: a space, a backslash, a `#`, a control character, non-ASCII.
    #[error("the path holds a character that must be percent-encoded")]
    IllegalCharacter,
    /// A `%` without two hexadecimal digits, or an escape that hides another escape.
    #[error("the path holds a broken or doubled percent escape")]
    BadEscape,
    /// `.` or `..`, plain or encoded.
    #[error("the path holds a '.' or '..' segment")]
    DotSegment,
    /// `//`, which some servers take for the beginning of a host name.
    #[error("the path holds an empty segment")]
    EmptySegment,
    /// An encoded `/`, `\` or control character, which some servers decode too early.
    #[error("the path holds an encoded separator or control character")]
    HiddenSeparator,
}

/// An http(s) URL without credentials, query and fragment, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    scheme: Scheme,
    authority: Authority,
    /// Empty, or beginning with `/` and not ending with one.
    path: String,
    origin: String,
}

impl Address {
    /// Reads a URL as an operator writes it; on failure says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        // The URL standard drops tabs and line ends and turns backslashes round. What an operator
        // reads and what is called should be the same, so these are refused instead.
        if !text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\') {
            return Err("holds a character that URLs do not have");
        }
        let url = Url::parse(text).map_err(|_| "is not an absolute URL")?;
        let scheme = match url.scheme() {
            "https" => Scheme::HTTPS,
            "http" => Scheme::HTTP,
            _ => return Err("is neither http nor https"),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err("holds credentials, which belong into a secret");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("holds a query or fragment");
        }
        let path = url.path().trim_end_matches('/').to_owned();
        if !path.is_empty() && check_path(&path).is_err() {
            return Err("has a path with dots, empty segments or odd escapes");
        }
        let authority = Authority::try_from(&url[Position::BeforeHost..Position::AfterPort])
            .map_err(|_| "has no usable host")?;
        let origin = url.origin().ascii_serialization();
        Ok(Self {
            scheme,
            authority,
            path,
            origin,
        })
    }

    /// `scheme://host[:port]`, without a default port.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// The path of this address, empty or beginning with `/`.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The same address without a last segment `v1`.
    pub(crate) fn without_version(&self) -> Self {
        let path = self
            .path
            .strip_suffix("/v1")
            .unwrap_or(&self.path)
            .to_owned();
        Self {
            path,
            ..self.clone()
        }
    }

    /// The URI of `path_and_query` below this address.
    pub(crate) fn join(&self, path_and_query: &str) -> Result<Uri, PathError> {
        check_path(path_and_query)?;
        let joined = format!("{}{path_and_query}", self.path);
        let path_and_query =
            PathAndQuery::try_from(joined).map_err(|_| PathError::IllegalCharacter)?;
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path_and_query);
        Uri::from_parts(parts).map_err(|_| PathError::IllegalCharacter)
    }
}

/// The URI of `path_and_query` below `base`, a URI that [`Address::join`] made without a query.
pub(crate) fn below(base: &Uri, path_and_query: &str) -> Result<Uri, PathError> {
    check_path(path_and_query)?;
    let joined = format!("{}{path_and_query}", base.path());
    let mut parts = base.clone().into_parts();
    parts.path_and_query =
        Some(PathAndQuery::try_from(joined).map_err(|_| PathError::IllegalCharacter)?);
    Uri::from_parts(parts).map_err(|_| PathError::IllegalCharacter)
}

/// Whether a path with an optional query means the same to every server that may read it.
fn check_path(path_and_query: &str) -> Result<(), PathError> {
    if path_and_query.len() > PATH_LIMIT_BYTES {
        return Err(PathError::TooLong);
    }
    let legal = |b: u8| b.is_ascii_graphic() && !matches!(b, b'\\' | b'#' | b'"' | b'<' | b'>');
    if !path_and_query.bytes().all(legal) {
        return Err(PathError::IllegalCharacter);
    }
    let path = path_and_query.split('?').next().unwrap_or_default();
    let segments = path.strip_prefix('/').ok_or(PathError::NotRooted)?;
    let mut segments = segments.split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        check_segment(segment, is_last)?;
    }
    Ok(())
}

fn check_segment(segment: &str, is_last: bool) -> Result<(), PathError> {
    if segment.is_empty() {
        // A trailing slash is the one empty segment that means nothing special.
        return if is_last {
            Ok(())
        } else {
            Err(PathError::EmptySegment)
        };
    }
    let decoded = decode(segment).ok_or(PathError::BadEscape)?;
    if decoded
        .iter()
        .any(|&b| matches!(b, b'/' | b'\\') || b.is_ascii_control())
    {
        return Err(PathError::HiddenSeparator);
    }
    if decoded.contains(&b'%') {
        return Err(PathError::BadEscape);
    }
    // Java servers cut a segment at `;` before they look for dots; others may cut elsewhere.
    if decoded
        .split(|&b| b == b';')
        .any(|part| matches!(part, b"." | b".."))
    {
        return Err(PathError::DotSegment);
    }
    Ok(())
}

/// Replaces each `%XX` by its byte. None if a `%` is not followed by two hexadecimal digits.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    let hex = |b: Option<u8>| {
        char::from(b?)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex(bytes.next())? << 4 | hex(bytes.next())?,
            plain => plain,
        });
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        for (text, origin, path) in [
            ("https://api.openai.com/v1", "https://api.openai.com", "/v1"),
            (
                "https://api.openai.com/v1/",
                "https://api.openai.com",
                "/v1",
            ),
            ("https://api.openai.com:443", "https://api.openai.com", ""),
            ("http://127.0.0.1:11434/v1", "http://127.0.0.1:11434", "/v1"),
            ("http://[::1]:8000/a/b", "http://[::1]:8000", "/a/b"),
            (
                "HTTPS://API.Example.COM/V1",
                "https://api.example.com",
                "/V1",
            ),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.origin(), address.path()), (origin, path), "{text}");
        }
    }

    #[test]
    fn addresses_that_hide_something_are_refused() {
        for text in [
            "",
            "api.openai.com/v1",
            "/v1",
            "ftp://example.com",
            "file:///etc/passwd",
            "https://user@example.com",
            "https://user:pass@example.com",
            "https://:pass@example.com",
            "https://example.com/?key=1",
            "https://example.com/#top",
            "https://exa\tmple.com/",
            "https://example.com\\@evil.com",
            "https:\\\\example.com",
            "https://example.com/a b",
            "https://exämple.com/",
            "https://example.com/a//b",
            "https://example.com/%2fb",
            "https://",
        ] {
            assert!(Address::parse(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn only_a_last_v1_is_cut() {
        let cut = |text| {
            Address::parse(text)
                .unwrap()
                .without_version()
                .path()
                .to_owned()
        };
        assert_eq!(cut("https://a.example/v1"), "");
        assert_eq!(cut("https://a.example/openai/v1/"), "/openai");
        assert_eq!(cut("https://a.example/v1/x"), "/v1/x");
        assert_eq!(cut("https://a.example/xv1"), "/xv1");
    }

    #[test]
    fn plain_paths_are_joined_as_they_are() {
        let base = Address::parse("https://a.example/root").unwrap();
        for path in [
            "/",
            "/v1/files",
            "/v1/files/",
            "/v1/files?limit=1&after=%2e%2e",
            "/v1beta/models/gemini-3:generateContent?alt=sse",
            "/v1/models/ft%3agpt",
            "/v1/a.b/..c/...",
            "/v1/x;v=1",
        ] {
            let uri = base.join(path).unwrap();
            assert_eq!(uri.to_string(), format!("https://a.example/root{path}"));
        }
    }

    #[test]
    fn hostile_paths_are_refused() {
        use PathError::*;
        let base = Address::parse("https://a.example/root").unwrap();
        let long = "/".to_owned() + &"a".repeat(PATH_LIMIT_BYTES);
        for (path, expected) in [
            ("", NotRooted),
            ("v1", NotRooted),
            ("?a=1", NotRooted),
            ("https://evil.example/", NotRooted),
            ("@evil.example/", NotRooted),
            (".evil.example/", NotRooted),
            (":80/", NotRooted),
            ("//evil.example/", EmptySegment),
            ("/v1//x", EmptySegment),
            ("/..", DotSegment),
            ("/../x", DotSegment),
            ("/v1/../../x", DotSegment),
            ("/v1/./x", DotSegment),
            ("/v1/..", DotSegment),
            ("/%2e%2e/x", DotSegment),
            ("/%2E%2e/x", DotSegment),
            ("/.%2e/x", DotSegment),
            ("/%2e/x", DotSegment),
            ("/..;/x", DotSegment),
            ("/;../x", DotSegment),
            ("/..;a=1/x", DotSegment),
            ("/..%3b/x", DotSegment),
            ("/..%2fx", HiddenSeparator),
            ("/a%5c..%5cx", HiddenSeparator),
            ("/a%00", HiddenSeparator),
            ("/a%0d%0ax-evil:1", HiddenSeparator),
            ("/%252e%252e/x", BadEscape),
            ("/%25", BadEscape),
            ("/%", BadEscape),
            ("/%2", BadEscape),
            ("/%zz", BadEscape),
            ("/%+2", BadEscape),
            ("/\\evil.example", IllegalCharacter),
            ("/a\\..\\x", IllegalCharacter),
            ("/a b", IllegalCharacter),
            ("/a\r\nx", IllegalCharacter),
            ("/a\0", IllegalCharacter),
            ("/a#b", IllegalCharacter),
            ("/ä", IllegalCharacter),
            ("/\u{ff0e}\u{ff0e}/", IllegalCharacter),
            (&long, TooLong),
        ] {
            assert_eq!(base.join(path), Err(expected), "{path:?}");
        }
    }
}
