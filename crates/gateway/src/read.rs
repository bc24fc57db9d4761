//! Reading a body whole, within bounds.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::transport::{BoxError, UpstreamBody};

/// How reading a bounded body ended.
pub(crate) enum Read {
    /// To its end.
    Whole(Bytes),
    /// Up to the limit; there was more.
    Cut(Bytes),
    /// Up to a silence longer than allowed.
    Silent(Bytes),
    /// Up to a break of the connection.
    Broken(Bytes, BoxError),
}

/// Reads a body of at most `limit` bytes. A body that comes in one chunk is not copied.
pub(crate) async fn read_up_to(limit: usize, idle: Duration, mut body: UpstreamBody) -> Read {
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    loop {
        let so_far = |first: Bytes, joined: BytesMut| {
            if joined.is_empty() {
                first
            } else {
                joined.freeze()
            }
        };
        let chunk = match timeout(idle, body.frame()).await {
            Err(_) => return Read::Silent(so_far(first, joined)),
            Ok(None) => return Read::Whole(so_far(first, joined)),
            Ok(Some(Err(error))) => return Read::Broken(so_far(first, joined), error),
            Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        };
        if first.len().max(joined.len()) + chunk.len() > limit {
            return Read::Cut(so_far(first, joined));
        }
        if first.is_empty() {
            first = chunk;
        } else {
            if joined.is_empty() {
                joined.extend_from_slice(&first);
            }
            joined.extend_from_slice(&chunk);
        }
    }
}
