//! Where a secret may be sent.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Bytes of a name in the domain name system, with the dots (RFC 1035, section 2.3.4).
const LONGEST_HOST: usize = 253;

/// `scheme://host[:port]`: all that may see a secret which is bound to it.
///
/// Written in one way only: lower case, the port left out where it is the scheme's own, addresses as they are
/// usually printed. What other programs might read as another place is refused: user names, backslashes,
/// percent signs, and numbers for addresses.
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
        if !is_scheme(scheme) {
            return Err(InvalidOrigin);
        }
        let (host, port) = split_port(authority.strip_suffix('/').unwrap_or(authority))?;
        let host = canonical_host(host)?;
        let port = port.map(port_number).transpose()?;
        Ok(Self(match port.filter(|port| !is_usual(scheme, *port)) {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        }))
    }
}

/// The colons of an IPv6 address stand in brackets, which stay with the host.
fn split_port(authority: &str) -> Result<(&str, Option<&str>), InvalidOrigin> {
    let end_of_address = authority.find(']').map_or(0, |bracket| bracket + 1);
    let (address, rest) = authority.split_at(end_of_address);
    match rest.split_once(':') {
        Some((host, port)) if address.is_empty() => Ok((host, Some(port))),
        None if address.is_empty() => Ok((rest, None)),
        Some(("", port)) => Ok((address, Some(port))),
        None if rest.is_empty() => Ok((address, None)),
        Some(_) | None => Err(InvalidOrigin),
    }
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'-')
}

fn is_usual(scheme: &str, port: u16) -> bool {
    matches!((scheme, port), ("https", 443) | ("http", 80))
}

/// Digits only: `parse` alone would take a sign.
fn port_number(port: &str) -> Result<u16, InvalidOrigin> {
    let digits = port.bytes().all(|b| b.is_ascii_digit());
    match port.parse() {
        Ok(number) if digits && number != 0 => Ok(number),
        _ => Err(InvalidOrigin),
    }
}

/// Addresses in the one way in which they are printed, and names of letters that need no second look.
fn canonical_host(host: &str) -> Result<String, InvalidOrigin> {
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').ok_or(InvalidOrigin)?;
        let address: Ipv6Addr = address.parse().map_err(|_| InvalidOrigin)?;
        return Ok(format!("[{address}]"));
    }
    let labels = host.strip_suffix('.').unwrap_or(host).split('.');
    let last = labels.clone().next_back().unwrap_or_default();
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let is_name = host.len() <= LONGEST_HOST
        && labels
            .clone()
            .all(|label| !label.is_empty() && label.bytes().all(allowed));
    // What ends in a number is read as an address by some (URL standard, "ends in a number"): 127.1 or 0x7f.1.
    let is_number = last.starts_with(|first: char| first.is_ascii_digit());
    if is_name && (!is_number || host.parse::<Ipv4Addr>().is_ok()) {
        Ok(host.to_owned())
    } else {
        Err(InvalidOrigin)
    }
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
            ("https://api.example.com:0443", "https://api.example.com"),
            ("https://api.example.com:80", "https://api.example.com:80"),
            ("https://api.example.com.", "https://api.example.com."),
            ("http://[::1]:8000", "http://[::1]:8000"),
            ("http://[0:0::0:1]:80", "http://[::1]"),
            ("http://my_host-1", "http://my_host-1"),
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
            "https://[::1]x:1",
            "https://x[::1]",
            "https://[::1",
            "https://[::1%eth0]",
            "https://[a]",
            "https://::1",
            "https://a[b",
            "https://a]",
            "https://a:",
            "https://a:+443",
            "https://a:65536",
            "https://a..b",
            "https://.",
            "https://.a",
            "https://127.1",
            "https://2130706433",
            "https://0x7f.1",
            "https://1.2.3.4.5",
            "https://01.2.3.4",
            "https://a%2eb",
            "https://a\\b",
            "https://a\\@b",
            "https://a\tb",
            "https://ä.example",
            "ht.tp://a",
            "1http://a",
            "://a",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
