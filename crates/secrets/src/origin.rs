//! Where a secret may be sent.

use std::fmt;
use std::str::FromStr;

/// `scheme://host[:port]`: all that may see a secret which is bound to it.
///
/// Written in one way only: lower case, the port left out where it is the scheme's own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin(String);

/// A text that is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an origin is written as https://host or https://host:port, without a path")]
pub struct InvalidOrigin;

impl Origin {
    /// The one way of writing it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The origin of an address with a path.
    ///
    /// # Errors
    /// [`InvalidOrigin`] if the address has no scheme or no host.
    pub fn of_url(url: &str) -> Result<Self, InvalidOrigin> {
        let (scheme, rest) = url.split_once("://").ok_or(InvalidOrigin)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        format!("{scheme}://{}", &rest[..end]).parse()
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let text = text.to_ascii_lowercase();
        let (scheme, authority) = text.split_once("://").ok_or(InvalidOrigin)?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let usual = match scheme {
            "https" => ":443",
            "http" => ":80",
            _ if is_name(scheme) => "",
            _ => return Err(InvalidOrigin),
        };
        let authority = match authority.strip_suffix(usual) {
            Some(host) if !usual.is_empty() => host,
            _ => authority,
        };
        let (host, port) = split_port(authority)?;
        let numeric = |port: &str| port.parse::<u16>().is_ok_and(|number| number != 0);
        if !is_host(host) || port.is_some_and(|port| !numeric(port)) {
            return Err(InvalidOrigin);
        }
        Ok(Self(format!("{scheme}://{authority}")))
    }
}

/// The colons of an IPv6 address stand in brackets.
fn split_port(authority: &str) -> Result<(&str, Option<&str>), InvalidOrigin> {
    if authority.starts_with('[') {
        let (host, rest) = authority.split_once(']').ok_or(InvalidOrigin)?;
        return match rest.strip_prefix(':') {
            None if rest.is_empty() => Ok((host, None)),
            None => Err(InvalidOrigin),
            port => Ok((host, port)),
        };
    }
    Ok(match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    })
}

fn is_name(scheme: &str) -> bool {
    scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'-')
}

fn is_host(host: &str) -> bool {
    let allowed =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[');
    !host.trim_start_matches('[').is_empty() && host.bytes().all(allowed)
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_in_one_way() {
        for (text, canonical) in [
            ("https://API.example.com", "https://api.example.com"),
            ("https://api.example.com:443/", "https://api.example.com"),
            (
                "https://api.example.com:8443",
                "https://api.example.com:8443",
            ),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("http://[::1]:8000", "http://[::1]:8000"),
            ("postgres://db:5432", "postgres://db:5432"),
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().as_str(), canonical);
        }
        let url = Origin::of_url("https://api.example.com/v1?x=1").unwrap();
        assert_eq!(url.as_str(), "https://api.example.com");
    }

    #[test]
    fn what_could_mean_two_places_is_refused() {
        for text in [
            "",
            "api.example.com",
            "https://",
            "https://:443",
            "https://a@b",
            "https://a b",
            "https://a/b",
            "https://a:0",
            "https://a:x",
            "https://a:1:2",
            "https://[::1",
            "https://[::1]x",
            "://a",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
