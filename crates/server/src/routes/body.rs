//! Reading a client's body, within bounds.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use orchestra_dialects::ErrorKind;
use orchestra_gateway::{BoxError, Refusal};
use tokio::time::{Instant, Sleep, sleep, timeout};

/// The slowest that a body may come on average, once it has had `patience`: a byte now and then
/// does not hold a connection for ever.
const MIN_BYTES_PER_SECOND: usize = 1024;

/// Reads a whole body of at most `limit` bytes that never pauses longer than `patience`.
pub(crate) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    limit: usize,
    patience: Duration,
) -> Result<Bytes, Refusal> {
    refuse_encoding(headers)?;
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large(limit));
    }
    let began = Instant::now();
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    loop {
        // Mostly the body came with the head: only a wait needs a timer.
        let frame = match body.frame().now_or_never() {
            Some(frame) => frame,
            None => {
                let received = first.len().max(joined.len());
                let earned = Duration::from_secs((received / MIN_BYTES_PER_SECOND) as u64);
                let left = (began + patience + earned).saturating_duration_since(Instant::now());
                timeout(patience.min(left), body.frame())
                    .await
                    .map_err(|_| too_slow(patience))?
            }
        };
        let chunk = match frame {
            None => {
                return Ok(if joined.is_empty() {
                    first
                } else {
                    joined.freeze()
                });
            }
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            Some(Err(_)) => return Err(Refusal::incomplete_body()),
        };
        if first.len().max(joined.len()) + chunk.len() > limit {
            return Err(too_large(limit));
        }
        if first.is_empty() {
            first = chunk;
        } else {
            if joined.is_empty() {
                joined.reserve(
                    announced
                        .and_then(|n| usize::try_from(n).ok())
                        .unwrap_or(2 * first.len()),
                );
                joined.extend_from_slice(&first);
            }
            joined.extend_from_slice(&chunk);
        }
    }
}

/// A client's body on its way through, which must not pause longer than its limit.
pub(super) struct Paced {
    body: Body,
    patience: Duration,
    /// Runs while the body is waited for.
    timer: Option<Pin<Box<Sleep>>>,
}

/// The client paused for too long.
#[derive(Debug, thiserror::Error)]
#[error("the request body paused for more than {0:?}")]
struct Pause(Duration);

impl Paced {
    pub(super) const fn new(body: Body, patience: Duration) -> Self {
        Self {
            body,
            patience,
            timer: None,
        }
    }
}

impl http_body::Body for Paced {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.timer = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let patience = self.patience;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Some(Err(Pause(patience).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn refuse_encoding(headers: &HeaderMap) -> Result<(), Refusal> {
    let plain = |encoding: &&HeaderValue| encoding.as_bytes().eq_ignore_ascii_case(b"identity");
    let Some(encoding) = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .find(|value| !plain(value))
    else {
        return Ok(());
    };
    let shown = String::from_utf8_lossy(encoding.as_bytes());
    Err(Refusal::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorKind::InvalidRequest,
        "unsupported_content_encoding",
        format!("the body is encoded as `{shown}`, which this gateway does not read; send it without `Content-Encoding`"),
    )
    .for_good())
}

fn too_large(limit: usize) -> Refusal {
    Refusal::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::TooLarge,
        "body_too_large",
        format!(
            "the request body is larger than {limit} bytes; shorten it, or have the operator raise `limits.max_body_bytes`"
        ),
    )
    .for_good()
}

fn too_slow(patience: Duration) -> Refusal {
    Refusal::new(
        StatusCode::REQUEST_TIMEOUT,
        ErrorKind::Timeout,
        "body_timeout",
        format!(
            "the request body came too slowly: it may pause for {patience:?} and must then come with 1 KiB a second"
        ),
    )
}
