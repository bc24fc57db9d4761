//! An upstream's body passed through unread.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::record::Ending;
use crate::settle::Settlement;
use crate::transport::{BoxError, UpstreamBody};

/// The upstream sent nothing for too long.
#[derive(Debug, thiserror::Error)]
#[error("the upstream fell silent for {0:?}")]
struct Silence(Duration);

/// Relays a body of any kind. A body that breaks off upstream breaks off at the client too,
/// so that no cut file looks whole.
pub(crate) struct RawRelay {
    body: UpstreamBody,
    idle: Duration,
    active: Instant,
    timer: Pin<Box<Sleep>>,
    settlement: Option<Settlement>,
}

impl RawRelay {
    pub(crate) fn new(body: UpstreamBody, idle: Duration, settlement: Settlement) -> Self {
        let active = Instant::now();
        // Nobody asks for the next part of an empty body: HEAD, 204, a length of zero.
        let settlement = if body.is_end_stream() {
            settlement.close(Ending::Completed);
            None
        } else {
            Some(settlement)
        };
        Self {
            body,
            idle,
            active,
            timer: Box::pin(sleep_until(active + idle)),
            settlement,
        }
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.body.as_mut().poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.active = Instant::now();
                // Behind the last byte of a known length nobody asks again.
                if self.body.is_end_stream() || self.body.size_hint().exact() == Some(0) {
                    self.settle(Ending::Completed);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                self.settle(Ending::Interrupted);
                Poll::Ready(Some(Err(error)))
            }
            Poll::Ready(None) => {
                self.settle(Ending::Completed);
                Poll::Ready(None)
            }
            Poll::Pending => {
                ready!(self.poll_silence(cx));
                self.settle(Ending::Interrupted);
                Poll::Ready(Some(Err(Silence(self.idle).into())))
            }
        }
    }

    /// Ready when the silence has lasted too long.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let until = self.active + self.idle;
            if Instant::now() >= until {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(until);
        }
    }

    fn settle(&mut self, ending: Ending) {
        if let Some(settlement) = self.settlement.take() {
            settlement.close(ending);
        }
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl fmt::Debug for RawRelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawRelay")
            .field("idle", &self.idle)
            .finish_non_exhaustive()
    }
}
