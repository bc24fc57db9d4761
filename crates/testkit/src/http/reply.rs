//! A reply on its way out: head, framing of the body, and the interruptions that strike at a byte.

use std::io::Write as _;
use std::time::Duration;

use super::socket::{Failure, Socket};
use crate::behaviour::{At, How, Interruption};

/// How the body of a reply is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// By the declared number of bytes
    Length(u64),
    /// Every write is a chunk.
    Chunks,
}

/// Why a reply stopped before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// The client went.
    Gone,
    /// The script wants it so.
    Scripted(How),
}

impl From<Failure> for Halt {
    fn from(_: Failure) -> Self {
        Self::Gone
    }
}

/// A reply on its way out.
#[derive(Debug)]
pub(crate) struct Reply<'a> {
    pub(crate) socket: &'a mut Socket,
    /// None before the head.
    frame: Option<Frame>,
    /// For an answer to HEAD, which has no body whatever its headers say.
    bodiless: bool,
    drip: Duration,
    break_at: Option<(u64, How)>,
    /// Bytes of the body put into the outbox.
    written: u64,
    /// Bytes of the body sent.
    pub(crate) sent: u64,
}

impl<'a> Reply<'a> {
    pub(crate) fn new(
        socket: &'a mut Socket,
        interruption: Option<Interruption>,
        drip: Duration,
        bodiless: bool,
    ) -> Self {
        let break_at = interruption.and_then(|Interruption { at, how }| match at {
            At::AfterBytes(bytes) => Some((bytes, how)),
            At::BeforeHeaders | At::AfterHeaders | At::AfterEvents(_) => None,
        });
        Self {
            socket,
            frame: None,
            bodiless,
            drip,
            break_at,
            written: 0,
            sent: 0,
        }
    }

    /// Puts the head into the outbox.
    pub(crate) fn head(&mut self, status: u16, frame: Frame, headers: &[(&str, &str)]) {
        self.frame = Some(frame);
        let out = &mut self.socket.outbox;
        out.extend_from_slice(format!("HTTP/1.1 {status} {}\r\n", reason(status)).as_bytes());
        for (name, value) in headers {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        match frame {
            Frame::Length(length) => line(out, format_args!("content-length: {length}\r\n\r\n")),
            Frame::Chunks => out.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n"),
        }
    }

    /// Adds to the body, up to the byte at which the script breaks it off.
    pub(crate) async fn body(&mut self, data: &[u8]) -> Result<(), Halt> {
        let (now, halt) = match self.break_at {
            Some((at, how)) => match usize::try_from(at - self.written) {
                Ok(left) if left <= data.len() => (&data[..left], Some(Halt::Scripted(how))),
                _ => (data, None),
            },
            None => (data, None),
        };
        if self.drip.is_zero() {
            self.put(now);
        } else {
            self.drip(now).await?;
        }
        halt.map_or(Ok(()), Err)
    }

    async fn drip(&mut self, data: &[u8]) -> Result<(), Halt> {
        for byte in data.chunks(1) {
            self.put(byte);
            self.flush().await?;
            self.socket.pause(self.drip).await?;
        }
        Ok(())
    }

    fn put(&mut self, data: &[u8]) {
        if self.bodiless || data.is_empty() {
            return;
        }
        let out = &mut self.socket.outbox;
        match self.frame {
            Some(Frame::Length(_)) | None => out.extend_from_slice(data),
            Some(Frame::Chunks) => {
                line(out, format_args!("{:x}\r\n", data.len()));
                out.extend_from_slice(data);
                out.extend_from_slice(b"\r\n");
            }
        }
        self.written += data.len() as u64;
    }

    /// Sends what has been put together so far.
    pub(crate) async fn flush(&mut self) -> Result<(), Halt> {
        self.socket.send().await?;
        self.sent = self.written;
        Ok(())
    }

    /// Ends the body and sends what is left of it.
    pub(crate) async fn end(&mut self) -> Result<(), Halt> {
        if self.is_chunked() && !self.bodiless {
            self.socket.outbox.extend_from_slice(b"0\r\n\r\n");
        }
        self.flush().await
    }

    /// Whether a client can tell the end of the body from the body itself.
    pub(crate) fn is_whole(&self) -> bool {
        match self.frame {
            Some(Frame::Length(length)) => self.bodiless || self.sent == length,
            Some(Frame::Chunks) => true,
            None => false,
        }
    }

    /// Whether the body can be ended anywhere without the client noticing.
    pub(crate) fn is_chunked(&self) -> bool {
        self.frame == Some(Frame::Chunks)
    }
}

fn line(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a vector takes every write");
}

/// The reason phrase, which no client should read.
fn reason(status: u16) -> &'static str {
    match status {
        200..=299 => "OK",
        300..=399 => "Elsewhere",
        400..=499 => "Refused",
        _ => "Fault",
    }
}
