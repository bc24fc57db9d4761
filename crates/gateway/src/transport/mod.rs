//! The one door to the upstreams.

mod lanes;
mod pooled;
mod tls;

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};

pub use pooled::PooledTransport;
pub use tls::TlsSetupError;

/// Any error of a layer below, kept for the log.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// An answer's body as it arrives.
pub type UpstreamBody = Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>;

/// An answer's head and body, or why there is none.
pub type SendFuture =
    Pin<Box<dyn Future<Output = Result<Response<UpstreamBody>, TransportError>> + Send>>;

/// Sends requests to upstreams. Production uses [`PooledTransport`]; a simulation brings its own.
///
/// A transport follows no redirects, uses no proxy that it was not told of, and retries
/// nothing that may have reached the upstream. Dropping the future or the body aborts the
/// exchange.
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends a request with an absolute URI.
    fn send(&self, request: Request<OutgoingBody>) -> SendFuture;
}

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// Nothing was sent: no address, no connection, or no TLS session.
    #[error("no connection could be made")]
    Connect {
        /// What the connector said.
        source: BoxError,
    },
    /// The connection failed after bytes of the request may have left.
    #[error("the connection failed before an answer came")]
    Broken {
        /// What the connection said.
        source: BoxError,
    },
    /// The body to be sent broke off: the client's fault, not the upstream's.
    #[error("the request's own body broke off")]
    RequestBody {
        /// What the body said.
        source: BoxError,
    },
}

/// What is sent upstream: bytes at hand, or a client's body passed through as it comes.
pub enum OutgoingBody {
    /// The whole body; `None` once it is taken.
    Whole(Option<Bytes>),
    /// A body of unknown length.
    Streamed(StreamedBody),
}

/// A client's body on its way through.
pub struct StreamedBody(Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>);

impl StreamedBody {
    /// Wraps any body.
    pub fn new<B>(body: B) -> Self
    where
        B: Body<Data = Bytes, Error = BoxError> + Send + 'static,
    {
        Self(Box::pin(body))
    }
}

impl fmt::Debug for StreamedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamedBody")
    }
}

impl fmt::Debug for OutgoingBody {
    /// The length, not the prompt.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => {
                write!(f, "Whole({} bytes)", bytes.as_ref().map_or(0, Bytes::len))
            }
            Self::Streamed(_) => f.write_str("Streamed"),
        }
    }
}

impl From<Bytes> for OutgoingBody {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes))
    }
}

impl Body for OutgoingBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(
                bytes
                    .take()
                    .filter(|b| !b.is_empty())
                    .map(|b| Ok(Frame::data(b))),
            ),
            Self::Streamed(body) => body.0.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Self::Streamed(body) => body.0.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
            Self::Streamed(body) => body.0.size_hint(),
        }
    }
}
