//! Reading HTTP/1.1 responses from pieces of bytes, without I/O.

use httparse::Status;
use memchr::memchr;

/// More header bytes than this is a broken peer.
const MAX_HEAD_BYTES: usize = 64 * 1024;
const MAX_HEADERS: usize = 64;
/// The longest line of a chunk's size: sixteen digits and no extension worth reading.
const MAX_SIZE_LINE_BYTES: usize = 256;

/// Why bytes are no response. The text is the kind under which the report counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// Whether the response is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    More,
    Complete,
}

#[derive(Debug)]
enum State {
    Head,
    /// Bytes left of a body of declared length.
    Sized(u64),
    ChunkSize,
    /// Bytes left of a chunk.
    Chunk(u64),
    ChunkEnd,
    /// After the last chunk: lines up to an empty one.
    Trailer,
}

/// Reads one response after the other.
#[derive(Debug)]
pub(crate) struct ResponseReader {
    state: State,
    /// The head, or the current line, until it is whole.
    pending: Vec<u8>,
    /// Status code of the current response; 0 before its head is whole.
    pub(crate) status: u16,
}

impl ResponseReader {
    pub(crate) fn new() -> Self {
        Self {
            state: State::Head,
            pending: Vec::new(),
            status: 0,
        }
    }

    /// Takes the next bytes, which must all belong to one response; hands its body on.
    ///
    /// # Errors
    /// If the bytes are no HTTP/1.1 response with a length, or go on after its end.
    pub(crate) fn feed(
        &mut self,
        mut bytes: &[u8],
        mut body: impl FnMut(&[u8]),
    ) -> Result<Progress, Malformed> {
        while !bytes.is_empty() {
            let (rest, progress) = self.advance(bytes, &mut body)?;
            if progress == Progress::Complete {
                self.state = State::Head;
                return match rest {
                    [] => Ok(Progress::Complete),
                    _ => Err(Malformed("surplus")),
                };
            }
            bytes = rest;
        }
        Ok(Progress::More)
    }

    fn advance<'a>(
        &mut self,
        bytes: &'a [u8],
        body: &mut impl FnMut(&[u8]),
    ) -> Result<(&'a [u8], Progress), Malformed> {
        match self.state {
            State::Head => self.head(bytes),
            State::Sized(left) => {
                let (left, rest) = pass(left, bytes, body);
                self.state = State::Sized(left);
                let progress = if left == 0 {
                    Progress::Complete
                } else {
                    Progress::More
                };
                Ok((rest, progress))
            }
            State::Chunk(left) => {
                let (left, rest) = pass(left, bytes, body);
                self.state = if left == 0 {
                    State::ChunkEnd
                } else {
                    State::Chunk(left)
                };
                Ok((rest, Progress::More))
            }
            State::ChunkSize | State::ChunkEnd | State::Trailer => self.line(bytes),
        }
    }

    fn head<'a>(&mut self, bytes: &'a [u8]) -> Result<(&'a [u8], Progress), Malformed> {
        let before = self.pending.len();
        self.pending.extend_from_slice(bytes);
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = response.parse(&self.pending);
        let Status::Complete(length) = parsed.map_err(|_| Malformed("head"))? else {
            if self.pending.len() > MAX_HEAD_BYTES {
                return Err(Malformed("head"));
            }
            return Ok((&[], Progress::More));
        };
        self.status = response.code.unwrap_or_default();
        self.state = framing(response.headers)?;
        self.pending.clear();
        let empty = matches!(self.state, State::Sized(0));
        let progress = if empty {
            Progress::Complete
        } else {
            Progress::More
        };
        Ok((&bytes[length - before..], progress))
    }

    fn line<'a>(&mut self, bytes: &'a [u8]) -> Result<(&'a [u8], Progress), Malformed> {
        let Some(end) = memchr(b'\n', bytes) else {
            self.pending.extend_from_slice(bytes);
            if self.pending.len() > MAX_SIZE_LINE_BYTES {
                return Err(Malformed("chunk"));
            }
            return Ok((&[], Progress::More));
        };
        self.pending.extend_from_slice(&bytes[..end]);
        let line = self.pending.trim_ascii();
        let mut progress = Progress::More;
        self.state = match self.state {
            State::ChunkSize => match chunk_size(line)? {
                0 => State::Trailer,
                size => State::Chunk(size),
            },
            State::ChunkEnd if line.is_empty() => State::ChunkSize,
            State::Trailer if line.is_empty() => {
                progress = Progress::Complete;
                State::Head
            }
            State::Trailer => State::Trailer,
            State::Head | State::Sized(_) | State::Chunk(_) | State::ChunkEnd => {
                return Err(Malformed("chunk"));
            }
        };
        self.pending.clear();
        Ok((&bytes[end + 1..], progress))
    }
}

/// Hands on at most `left` bytes; says how many are still to come, and what follows.
fn pass<'a>(left: u64, bytes: &'a [u8], body: &mut impl FnMut(&[u8])) -> (u64, &'a [u8]) {
    let here = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
    let (mine, rest) = bytes.split_at(here);
    body(mine);
    (left - here as u64, rest)
}

fn framing(headers: &[httparse::Header<'_>]) -> Result<State, Malformed> {
    let value = |name: &str| {
        let found = headers.iter().find(|h| h.name.eq_ignore_ascii_case(name));
        found.map(|header| header.value.trim_ascii())
    };
    if let Some(encoding) = value("transfer-encoding") {
        let chunked = encoding.eq_ignore_ascii_case(b"chunked");
        return if chunked {
            Ok(State::ChunkSize)
        } else {
            Err(Malformed("framing"))
        };
    }
    let length = value("content-length").and_then(|digits| std::str::from_utf8(digits).ok());
    let length = length.and_then(|digits| digits.parse().ok());
    length.map(State::Sized).ok_or(Malformed("framing"))
}

fn chunk_size(line: &[u8]) -> Result<u64, Malformed> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let digits = std::str::from_utf8(digits.trim_ascii()).map_err(|_| Malformed("chunk"))?;
    u64::from_str_radix(digits, 16).map_err(|_| Malformed("chunk"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same response in pieces of every size gives the same body.
    fn check(response: &str, expected: Result<&str, Malformed>) {
        for size in 1..=response.len() {
            let mut reader = ResponseReader::new();
            let mut body = Vec::new();
            let mut result = Ok(Progress::More);
            for piece in response.as_bytes().chunks(size) {
                result = reader.feed(piece, |bytes| body.extend_from_slice(bytes));
                if result.is_err() {
                    break;
                }
            }
            let got = match result {
                Ok(Progress::Complete) => Ok(String::from_utf8(body).unwrap()),
                Ok(Progress::More) => Ok("(incomplete)".to_owned()),
                Err(error) => Err(error),
            };
            assert_eq!(got, expected.map(str::to_owned), "{response:?} by {size}");
        }
    }

    const OK: &str = "HTTP/1.1 200 OK\r\n";

    #[test]
    fn declared_lengths() {
        check(&format!("{OK}Content-Length: 5\r\n\r\nhello"), Ok("hello"));
        check(&format!("{OK}content-length: 0\r\n\r\n"), Ok(""));
        check(
            &format!("{OK}content-length: 6\r\n\r\nhello"),
            Ok("(incomplete)"),
        );
    }

    #[test]
    fn chunks() {
        let head = format!("{OK}transfer-encoding: chunked\r\n\r\n");
        check(
            &format!("{head}3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n"),
            Ok("abc0123456789"),
        );
        check(&format!("{head}1\r\na\r\n0\r\nx-late: 1\r\n\r\n"), Ok("a"));
        check(&format!("{head}1\r\na\r\n0\r\n"), Ok("(incomplete)"));
        check(&format!("{head}zz\r\n"), Err(Malformed("chunk")));
        check(&format!("{head}1\r\nab\r\n"), Err(Malformed("chunk")));
    }

    #[test]
    fn a_response_without_a_length_is_refused() {
        check(&format!("{OK}a: b\r\n\r\n"), Err(Malformed("framing")));
        check("220 smtp ready\r\n\r\n", Err(Malformed("head")));
    }

    #[test]
    fn one_reader_reads_many_responses() {
        let mut reader = ResponseReader::new();
        for status in [200, 503] {
            let text = format!("HTTP/1.1 {status} X\r\ncontent-length: 1\r\n\r\nz");
            let done = reader.feed(text.as_bytes(), |_| ());
            assert_eq!((done, reader.status), (Ok(Progress::Complete), status));
        }
    }

    #[test]
    fn bytes_after_the_end_are_refused() {
        let mut reader = ResponseReader::new();
        let text = format!("{OK}content-length: 1\r\n\r\nzz");
        assert_eq!(
            reader.feed(text.as_bytes(), |_| ()),
            Err(Malformed("surplus"))
        );
    }
}
