//! How the body of a request is delimited, and taking it off a buffer piece by piece.

use bytes::{Buf, Bytes, BytesMut};

use super::head::HEAD_LIMIT_BYTES;

/// What is still to come of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// This many bytes
    Length(u64),
    /// Chunks
    Chunked(Chunked),
}

/// Where a chunked body stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chunked {
    Size,
    Data(u64),
    DataEnd,
    Trailers,
    Done,
}

/// A step through a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Piece(Bytes),
    NeedMore,
    End,
}

impl Framing {
    pub(crate) const EMPTY: Self = Self::Length(0);
    pub(crate) const CHUNKED: Self = Self::Chunked(Chunked::Size);

    /// The length of the body, if it was announced.
    pub(crate) const fn announced(self) -> Option<u64> {
        match self {
            Self::Length(length) => Some(length),
            Self::Chunked(_) => None,
        }
    }

    /// Takes the next piece of the body off the buffer.
    ///
    /// # Errors
    /// What is wrong with the chunks.
    pub(crate) fn step(&mut self, buffer: &mut BytesMut) -> Result<Step, &'static str> {
        match self {
            Self::Length(0) => Ok(Step::End),
            Self::Length(left) => Ok(take(left, buffer)),
            Self::Chunked(state) => state.step(buffer),
        }
    }
}

impl Chunked {
    fn step(&mut self, buffer: &mut BytesMut) -> Result<Step, &'static str> {
        loop {
            *self = match self {
                Self::Size => match httparse::parse_chunk_size(buffer) {
                    Ok(httparse::Status::Complete((line, size))) => {
                        buffer.advance(line);
                        if size == 0 {
                            Self::Trailers
                        } else {
                            Self::Data(size)
                        }
                    }
                    Ok(httparse::Status::Partial) => return more(buffer),
                    Err(_) => return Err("malformed chunk size"),
                },
                Self::Data(0) => Self::DataEnd,
                Self::Data(left) => return Ok(take(left, buffer)),
                Self::DataEnd => match buffer.get(..2) {
                    Some(b"\r\n") => {
                        buffer.advance(2);
                        Self::Size
                    }
                    Some(_) => return Err("chunk longer than its size"),
                    None => return Ok(Step::NeedMore),
                },
                Self::Trailers => {
                    let Some(end) = memchr::memchr(b'\n', buffer) else {
                        return more(buffer);
                    };
                    let line = buffer.split_to(end + 1);
                    if line.trim_ascii().is_empty() {
                        Self::Done
                    } else {
                        Self::Trailers
                    }
                }
                Self::Done => return Ok(Step::End),
            };
        }
    }
}

fn take(left: &mut u64, buffer: &mut BytesMut) -> Step {
    if buffer.is_empty() {
        return Step::NeedMore;
    }
    let size = usize::try_from(*left).map_or(buffer.len(), |left| left.min(buffer.len()));
    *left -= size as u64;
    Step::Piece(buffer.split_to(size).freeze())
}

fn more(buffer: &BytesMut) -> Result<Step, &'static str> {
    if buffer.len() < HEAD_LIMIT_BYTES {
        Ok(Step::NeedMore)
    } else {
        Err("endless chunk line")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds a text in portions of `size` and returns the body and what follows it.
    fn read(text: &str, size: usize) -> Result<(String, String), &'static str> {
        let (mut framing, mut buffer) = (Framing::CHUNKED, BytesMut::new());
        let mut portions = text.as_bytes().chunks(size);
        let mut body = Vec::new();
        loop {
            match framing.step(&mut buffer)? {
                Step::Piece(piece) => body.extend_from_slice(&piece),
                Step::NeedMore => buffer.extend_from_slice(portions.next().ok_or("too short")?),
                Step::End => break,
            }
        }
        portions.for_each(|portion| buffer.extend_from_slice(portion));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok((text(&body), text(&buffer)))
    }

    #[test]
    fn reads_chunks_however_they_are_divided() {
        let text = "5\r\nhello\r\n7;ext=1\r\n, world\r\n0\r\nTrailer: x\r\n\r\nnext";
        for size in 1..=text.len() {
            assert_eq!(
                read(text, size),
                Ok(("hello, world".to_owned(), "next".to_owned())),
                "{size}"
            );
        }
    }

    #[test]
    fn refuses_broken_chunks() {
        assert_eq!(
            read("5\r\nhello!\r\n", 99),
            Err("chunk longer than its size")
        );
        assert_eq!(read("x\r\n", 99), Err("malformed chunk size"));
        assert_eq!(read("5\r\nhel", 99), Err("too short"));
    }
}
