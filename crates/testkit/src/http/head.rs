//! The head of a request: request line and headers.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::body::Framing;

/// Above this a head is refused; providers and servers allow 8 to 64 KiB.
pub(crate) const HEAD_LIMIT_BYTES: usize = 64 * 1024;
const HEADERS_LIMIT: usize = 128;

/// The head of a request.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) path: String,
    /// What follows the question mark, or nothing.
    pub(crate) query: String,
    pub(crate) framing: Framing,
    pub(crate) keep_alive: bool,
    pub(crate) expects_continue: bool,
    bytes: Bytes,
    /// Where in `bytes` names and values are.
    headers: Vec<(Range<usize>, Range<usize>)>,
}

impl Head {
    /// Takes a head off the buffer, once it is there as a whole.
    ///
    /// # Errors
    /// What is wrong with it, if no more bytes can make it a head.
    pub(crate) fn take(buffer: &mut BytesMut) -> Result<Option<Self>, &'static str> {
        let mut slots = [httparse::EMPTY_HEADER; HEADERS_LIMIT];
        let mut request = httparse::Request::new(&mut slots);
        let length = match request.parse(buffer) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if buffer.len() < HEAD_LIMIT_BYTES => return Ok(None),
            Ok(httparse::Status::Partial) => return Err("request head too large"),
            Err(_) => return Err("malformed request head"),
        };
        let (path, query) = split_target(request.path.unwrap_or("/"));
        let place = |part: &[u8]| {
            let start = part.as_ptr() as usize - buffer.as_ptr() as usize;
            start..start + part.len()
        };
        let headers = request
            .headers
            .iter()
            .map(|h| (place(h.name.as_bytes()), place(h.value)))
            .collect();
        let mut head = Self {
            method: request.method.unwrap_or_default().to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            framing: Framing::EMPTY,
            keep_alive: request.version == Some(1),
            expects_continue: false,
            bytes: Bytes::new(),
            headers,
        };
        head.bytes = buffer.split_to(length).freeze();
        head.interpret()?;
        Ok(Some(head))
    }

    /// Reads the headers that concern this connection.
    fn interpret(&mut self) -> Result<(), &'static str> {
        let (mut length, mut chunked) = (None, false);
        let (mut keep_alive, mut expects_continue) = (self.keep_alive, false);
        for (name, value) in self.headers() {
            if name.eq_ignore_ascii_case(b"content-length") {
                let number = str::from_utf8(value)
                    .ok()
                    .and_then(|text| text.parse().ok());
                let number = number.ok_or("malformed content-length")?;
                if length
                    .replace(number)
                    .is_some_and(|earlier: u64| earlier != number)
                {
                    return Err("contradictory content-length");
                }
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                if !value.eq_ignore_ascii_case(b"chunked") {
                    return Err("unknown transfer-encoding");
                }
                chunked = true;
            } else if name.eq_ignore_ascii_case(b"connection") {
                keep_alive = keep_alive && !value.eq_ignore_ascii_case(b"close");
            } else if name.eq_ignore_ascii_case(b"expect") {
                expects_continue = value.eq_ignore_ascii_case(b"100-continue");
            }
        }
        (self.keep_alive, self.expects_continue) = (keep_alive, expects_continue);
        self.framing = match (length, chunked) {
            // Two lengths are how requests are smuggled (RFC 9112, section 6.3).
            (Some(_), true) => return Err("both content-length and transfer-encoding"),
            (None, true) => Framing::CHUNKED,
            (length, false) => Framing::Length(length.unwrap_or(0)),
        };
        Ok(())
    }

    /// Names and values in the order of their arrival.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.headers
            .iter()
            .map(|(name, value)| (&self.bytes[name.clone()], &self.bytes[value.clone()]))
    }

    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        let mut headers = self.headers();
        headers
            .find(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }
}

/// Path and query of a target, which a client may also write in absolute form.
fn split_target(target: &str) -> (&str, &str) {
    let origin_form = match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?']) => {
            rest.find(['/', '?']).map_or("/", |start| &rest[start..])
        }
        _ => target,
    };
    origin_form.split_once('?').unwrap_or((origin_form, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(text: &str) -> Result<Option<Head>, &'static str> {
        Head::take(&mut BytesMut::from(text))
    }

    #[test]
    fn splits_targets() {
        assert_eq!(split_target("/v1/models"), ("/v1/models", ""));
        assert_eq!(
            split_target("/v1/messages?beta=true"),
            ("/v1/messages", "beta=true")
        );
        assert_eq!(split_target("http://host:1/v1/x?a=b"), ("/v1/x", "a=b"));
        assert_eq!(split_target("http://host"), ("/", ""));
        assert_eq!(
            split_target("/x?to=http://host/y"),
            ("/x", "to=http://host/y")
        );
    }

    #[test]
    fn waits_for_the_rest_of_a_head() {
        assert!(take("POST / HTTP/1.1\r\nHost: x\r\n").unwrap().is_none());
        let head = take("POST / HTTP/1.1\r\nHost: x\r\nA: 1\r\n\r\nbody")
            .unwrap()
            .unwrap();
        assert_eq!(head.header("host"), Some(&b"x"[..]));
        assert!(head.keep_alive);
    }

    #[test]
    fn refuses_requests_of_two_lengths() {
        let refused =
            |headers: &str| take(&format!("POST / HTTP/1.1\r\n{headers}\r\n\r\n")).is_err();
        assert!(refused("content-length: 3\r\ntransfer-encoding: chunked"));
        assert!(refused("content-length: 3\r\ncontent-length: 4"));
        assert!(refused("content-length: -3"));
        assert!(!refused("content-length: 3\r\ncontent-length: 3"));
    }
}
