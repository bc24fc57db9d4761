//! Reading a client's body, within bounds.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use orchestra_dialects::ErrorKind;
use orchestra_gateway::Refusal;
use tokio::time::timeout;

/// Reads a whole body of at most `limit` bytes that never pauses longer than `patience`.
pub(super) async fn read(
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
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    loop {
        // Mostly the body came with the head: only a wait needs a timer.
        let frame = match body.frame().now_or_never() {
            Some(frame) => frame,
            None => timeout(patience, body.frame())
                .await
                .map_err(|_| too_slow(patience))?,
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
            Some(Err(_)) => return Err(broken_off()),
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

fn refuse_encoding(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(encoding) = headers.get(CONTENT_ENCODING) else {
        return Ok(());
    };
    if encoding.as_bytes().eq_ignore_ascii_case(b"identity") {
        return Ok(());
    }
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
        format!("the request body paused for more than {patience:?}"),
    )
}

fn broken_off() -> Refusal {
    Refusal::invalid(
        "incomplete_body",
        "the request body broke off before its announced end",
    )
}
