//! Which headers may pass, and in which direction.
//!
//! Both directions are allow-lists, and some names can be on neither: a client's credentials and
//! cookies never travel upstream, an upstream's cookies never travel down, and what belongs to one
//! connection stays on it.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};

/// Headers that belong to one connection or describe one message's framing
/// (RFC 9110, sections 7.6.1 and 8.6; RFC 9112, section 6).
const CONNECTION: [&str; 13] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// Headers in which clients present credentials to a gateway, or tell where they come from.
const CLIENT: [&str; 11] = [
    "authorization",
    "cookie",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "x-portkey-api-key",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
];

/// Response headers that mean something to the gateway alone.
const UPSTREAM: [&str; 3] = ["set-cookie", "set-cookie2", "www-authenticate"];

/// A direction of travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the client to the provider.
    Up,
    /// From the provider to the client.
    Down,
}

/// Whether a header stays here whatever a row says.
pub(crate) fn is_barred(direction: Direction, name: &str) -> bool {
    let side: &[&str] = match direction {
        Direction::Up => &CLIENT,
        Direction::Down => &UPSTREAM,
    };
    CONNECTION.contains(&name) || side.contains(&name)
}

/// Whether a client's header stays at the gateway whatever a row or a caller says: it holds a credential, tells where the
/// client is, or belongs to its connection. The name is in lower case.
#[must_use]
pub fn never_goes_up(name: &str) -> bool {
    is_barred(Direction::Up, name)
}

/// A header's name, or the beginning of many.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Allowed {
    Name(HeaderName),
    Beginning(String),
}

/// The headers that may travel in one direction.
#[derive(Clone, Debug)]
pub(crate) struct AllowList {
    direction: Direction,
    entries: Vec<Allowed>,
}

impl AllowList {
    /// Reads names (`request-id`) and beginnings (`x-ratelimit-*`); on failure returns the text at fault.
    pub(crate) fn parse<'a>(
        direction: Direction,
        written: impl IntoIterator<Item = &'a String>,
    ) -> Result<Self, String> {
        let entries = written
            .into_iter()
            .map(|text| allowed(direction, text).ok_or_else(|| text.clone()))
            .collect::<Result<_, _>>()?;
        Ok(Self { direction, entries })
    }

    /// Whether `name` may pass.
    pub(crate) fn allows(&self, name: &HeaderName) -> bool {
        let listed = self.entries.iter().any(|entry| match entry {
            Allowed::Name(listed) => listed == name,
            Allowed::Beginning(text) => name.as_str().starts_with(text.as_str()),
        });
        listed && !is_barred(self.direction, name.as_str())
    }
}

fn allowed(direction: Direction, text: &str) -> Option<Allowed> {
    let beginning = text.strip_suffix('*');
    // A `*` is a letter like any other in header names (RFC 9110, section 5.6.2), but never meant.
    let written = Some(beginning.unwrap_or(text)).filter(|text| !text.contains('*'))?;
    let name = HeaderName::try_from(written).ok()?;
    if beginning.is_some() {
        return Some(Allowed::Beginning(name.as_str().to_owned()));
    }
    (!is_barred(direction, name.as_str())).then_some(Allowed::Name(name))
}

/// Reads headers that a row sets; on failure returns the name at fault.
///
/// A row may not set a header that carries the key (`key_headers`): keys come from secrets.
pub(crate) fn parse_set(
    written: &BTreeMap<String, String>,
    key_headers: &[HeaderName],
) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    written
        .iter()
        .map(|(name, value)| {
            let header = HeaderName::try_from(name).ok();
            let header = header
                .filter(|header| !is_barred(Direction::Up, header.as_str()))
                .filter(|header| !key_headers.contains(header));
            let value = HeaderValue::from_str(value).ok();
            header.zip(value).ok_or_else(|| name.clone())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(direction: Direction, written: &[&str]) -> Result<AllowList, String> {
        let written: Vec<String> = written.iter().map(|&text| text.to_owned()).collect();
        AllowList::parse(direction, &written)
    }

    #[test]
    fn names_and_beginnings_pass_and_nothing_else() {
        let down = list(Direction::Down, &["Request-Id", "x-ratelimit-*"]).unwrap();
        for (name, expected) in [
            ("request-id", true),
            ("x-ratelimit-limit-tokens", true),
            ("x-ratelimit", false),
            ("x-request-id", false),
            ("set-cookie", false),
        ] {
            assert_eq!(
                down.allows(&HeaderName::from_static(name)),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn a_beginning_does_not_let_credentials_through() {
        let up = list(Direction::Up, &["x-*", "auth*", "c*"]).unwrap();
        assert!(up.allows(&HeaderName::from_static("x-title")));
        for name in [
            "x-api-key",
            "x-forwarded-for",
            "authorization",
            "cookie",
            "connection",
        ] {
            assert!(!up.allows(&HeaderName::from_static(name)), "{name}");
        }
        let down = list(Direction::Down, &["s*", "t*"]).unwrap();
        for name in ["set-cookie", "transfer-encoding"] {
            assert!(!down.allows(&HeaderName::from_static(name)), "{name}");
        }
    }

    #[test]
    fn a_row_cannot_list_what_must_not_pass() {
        for bad in [
            "authorization",
            "Cookie",
            "x-api-key",
            "host",
            "",
            "*",
            "a b",
            "x-*-y",
        ] {
            assert_eq!(list(Direction::Up, &[bad]).unwrap_err(), bad);
        }
        assert_eq!(
            list(Direction::Down, &["set-cookie"]).unwrap_err(),
            "set-cookie"
        );
    }

    #[test]
    fn a_row_cannot_set_credentials_or_split_headers() {
        let key_header = HeaderName::from_static("x-vendor-key");
        for (name, value) in [
            ("authorization", "Bearer abc"),
            ("x-vendor-key", "abc"),
            ("transfer-encoding", "chunked"),
            ("x-one", "1\r\nx-two: 2"),
            ("x one", "1"),
        ] {
            let written = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            assert_eq!(
                parse_set(&written, std::slice::from_ref(&key_header)).unwrap_err(),
                name
            );
        }
    }
}
