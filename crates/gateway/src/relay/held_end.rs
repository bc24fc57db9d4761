//! The end of a stream, held back.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use orchestra_dialects::kept;

use crate::conversations::Keep;

/// Keeps a conversation, and then lets the events go with which its answer ends.
pub(super) struct HeldEnd(Pin<Box<dyn Future<Output = Bytes> + Send>>);

impl HeldEnd {
    pub(super) fn new(events: Bytes, keep: Keep) -> Self {
        Self(Box::pin(async move {
            let text = std::str::from_utf8(&events).unwrap_or_default();
            if let Some(response) = kept::ended(text) {
                // What could not be kept is in the log; the headers are gone.
                keep.with(response).await;
            }
            events
        }))
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for HeldEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeldEnd")
    }
}
