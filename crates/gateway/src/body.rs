//! The body of an answer to a client.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::relay::{RawRelay, StreamRelay};
use crate::transport::BoxError;

/// What a client receives: bytes at hand, a stream of events, or an upstream's body as it comes.
#[derive(Debug)]
pub struct AnswerBody(Kind);

#[derive(Debug)]
enum Kind {
    Whole(Option<Bytes>),
    Events(Box<StreamRelay>),
    Raw(Box<RawRelay>),
}

impl AnswerBody {
    /// A body of known length.
    #[must_use]
    pub const fn whole(bytes: Bytes) -> Self {
        Self(Kind::Whole(Some(bytes)))
    }

    pub(crate) fn events(relay: StreamRelay) -> Self {
        Self(Kind::Events(Box::new(relay)))
    }

    pub(crate) fn raw(relay: RawRelay) -> Self {
        Self(Kind::Raw(Box::new(relay)))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.get_mut().0 {
            Kind::Whole(bytes) => Poll::Ready(
                bytes
                    .take()
                    .filter(|b| !b.is_empty())
                    .map(|b| Ok(Frame::data(b))),
            ),
            Kind::Events(relay) => relay
                .poll_bytes(cx)
                .map(|bytes| bytes.map(|b| Ok(Frame::data(b)))),
            Kind::Raw(relay) => relay.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Kind::Events(_) => false,
            Kind::Raw(relay) => relay.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
            Kind::Events(_) => SizeHint::default(),
            Kind::Raw(relay) => relay.size_hint(),
        }
    }
}
