//! An upstream without a network, whose every answer is the same bytes in the same pieces.

use std::fmt;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body::{Body, Frame};
use orchestra_gateway::{BoxError, OutgoingBody, SendFuture, Transport, UpstreamBody};

/// A transport whose every answer comes in these pieces.
pub(crate) struct Pieces {
    content_type: &'static str,
    body: Mutex<Paused>,
}

impl Pieces {
    pub(crate) fn new(content_type: &'static str, pieces: Vec<Bytes>) -> Self {
        Self {
            content_type,
            body: Mutex::new(Paused::new(pieces, false)),
        }
    }

    /// A stream in pieces of this size.
    pub(crate) fn stream(events: &str, size: usize) -> Self {
        let stream = Self::new("text/event-stream", Vec::new());
        stream.set(events, size, false);
        stream
    }

    /// From now on these events, behind which the connection may break.
    pub(crate) fn set(&self, events: &str, size: usize, breaks: bool) {
        let pieces = events.as_bytes().chunks(size).map(Bytes::copy_from_slice);
        *self.body.lock().unwrap() = Paused::new(pieces.collect(), breaks);
    }
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pieces").finish_non_exhaustive()
    }
}

impl Transport for Pieces {
    fn send(&self, _: Request<OutgoingBody>) -> SendFuture {
        let body: UpstreamBody = Box::pin(self.body.lock().unwrap().clone());
        let mut answer = Response::new(body);
        answer
            .headers_mut()
            .insert("content-type", HeaderValue::from_static(self.content_type));
        Box::pin(std::future::ready(Ok(answer)))
    }
}

/// A body that makes its reader wait before every other piece.
#[derive(Clone)]
struct Paused {
    pieces: std::vec::IntoIter<Bytes>,
    rest: bool,
    breaks: bool,
}

impl Paused {
    fn new(pieces: Vec<Bytes>, breaks: bool) -> Self {
        Self {
            pieces: pieces.into_iter(),
            rest: false,
            breaks,
        }
    }
}

impl Body for Paused {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.rest = !self.rest;
        if self.rest && self.pieces.len().is_multiple_of(2) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(match self.pieces.next() {
            None if self.breaks => Some(Err("the line went dead".into())),
            piece => piece.map(|piece| Ok(Frame::data(piece))),
        })
    }
}
