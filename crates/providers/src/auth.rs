//! How a provider wants its key presented.

use bytes::Bytes;
use http::header::{AUTHORIZATION, InvalidHeaderValue};
use http::{HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

/// Where a provider's key goes in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthScheme {
    /// `Authorization: Bearer KEY` (RFC 6750, section 2.1)
    Bearer,
    /// The key alone, in this header.
    Header(HeaderName),
    /// No key is sent.
    None,
}

impl AuthScheme {
    /// Puts `key` into `headers`, replacing what is there, and marks it sensitive so that it is
    /// neither printed nor kept in an HTTP/2 compression table. Its memory is wiped when the last copy of the
    /// value is dropped. Does nothing under [`AuthScheme::None`].
    ///
    /// # Errors
    /// [`InvalidHeaderValue`] if the key holds bytes that no header may, such as a line end.
    pub fn authorize(&self, headers: &mut HeaderMap, key: &str) -> Result<(), InvalidHeaderValue> {
        let (name, value) = match self {
            Self::Bearer => (AUTHORIZATION, sensitive("Bearer ", key)?),
            Self::Header(name) => (name.clone(), sensitive("", key)?),
            Self::None => return Ok(()),
        };
        headers.insert(name, value);
        Ok(())
    }

    /// The header that carries the key, if one does.
    #[must_use]
    pub fn header(&self) -> Option<HeaderName> {
        match self {
            Self::Bearer => Some(AUTHORIZATION),
            Self::Header(name) => Some(name.clone()),
            Self::None => None,
        }
    }
}

/// A value that owns its only text and wipes it. Copies of the value share the text.
fn sensitive(scheme: &str, key: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    // With room for all of it from the start, nothing is left behind where it grew.
    let mut text = Zeroizing::new(Vec::with_capacity(scheme.len() + key.len()));
    text.extend_from_slice(scheme.as_bytes());
    text.extend_from_slice(key.as_bytes());
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(text))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(scheme: &AuthScheme, key: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(
            AUTHORIZATION,
            HeaderValue::from_static("Bearer the client's own"),
        );
        scheme.authorize(&mut headers, key).unwrap();
        headers
    }

    #[test]
    fn a_key_goes_where_the_scheme_says_and_is_sensitive() {
        let bearer = sent(&AuthScheme::Bearer, "abc");
        assert_eq!(bearer[AUTHORIZATION], "Bearer abc");
        assert!(bearer[AUTHORIZATION].is_sensitive());
        assert_eq!(bearer.len(), 1);

        let name = HeaderName::from_static("api-key");
        let header = sent(&AuthScheme::Header(name.clone()), "abc");
        assert_eq!(header[&name], "abc");
        assert!(header[&name].is_sensitive());

        assert_eq!(sent(&AuthScheme::None, "abc").len(), 1);
    }

    #[test]
    fn a_key_cannot_smuggle_a_header() {
        for scheme in [
            AuthScheme::Bearer,
            AuthScheme::Header(HeaderName::from_static("api-key")),
        ] {
            let mut headers = HeaderMap::new();
            assert!(scheme.authorize(&mut headers, "abc\r\nx-evil: 1").is_err());
            assert!(headers.is_empty());
        }
    }
}
