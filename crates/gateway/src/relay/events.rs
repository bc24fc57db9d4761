//! An upstream's event stream, cut only between events.

use std::fmt;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use orchestra_dialects::{EndRule, ErrorView, Loss, MALFORMED_EVENT, StreamEnd};
use tokio::time::Instant;

use super::gathered::Gathered;
use super::passage::{Passage, Seen, Unreadable};
use crate::attempt::Resumed;
use crate::fault::{FaultKind, GAVE_KEY_AWAY};
use crate::keys::Access;
use crate::settings::Settings;
use crate::transport::UpstreamBody;

/// What comes next from an upstream.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Whole events, as the client gets them.
    Events(Bytes),
    /// The upstream closed its stream.
    End(StreamEnd),
    /// The stream broke.
    Fault(FaultKind),
}

/// Reads a body, leads its events through a passage, and gives them out in pieces that end where an event
/// ends. So an error event of our own can always be added without landing inside another.
pub(crate) struct EventStream {
    body: UpstreamBody,
    passage: Box<dyn Passage>,
    rule: EndRule,
    access: Access,
    /// What ended the body, while the last piece is on its way.
    last: Option<Piece>,
    /// When bytes came last.
    active: Instant,
}

impl EventStream {
    /// `rule` says what counts as the end of the stream.
    pub(crate) fn new(
        body: UpstreamBody,
        passage: Box<dyn Passage>,
        rule: EndRule,
        access: Access,
    ) -> Self {
        Self {
            body,
            passage,
            rule,
            access,
            last: None,
            active: Instant::now(),
        }
    }

    /// What the events said so far.
    pub(crate) fn seen(&self) -> Seen<'_> {
        self.passage.seen()
    }

    /// What the client's dialect could not say of it.
    pub(crate) fn losses(&self) -> &[Loss] {
        self.passage.losses()
    }

    /// The text of the answer so far, if another stream may go on from it.
    pub(crate) fn told(&self) -> Option<&str> {
        self.passage.told()
    }

    /// Ends the exchange: an upstream that has only fallen silent would go on working.
    pub(crate) fn hang_up(&mut self) {
        self.body = Box::pin(Empty::new().map_err(|never| match never {}));
    }

    /// Leaves the stream for another one that goes on from what was told. `false`, and nothing changes, if that cannot be.
    pub(crate) fn go_on(&mut self, resumed: Resumed) -> bool {
        if !self.passage.go_on(&resumed) {
            return false;
        }
        self.body = resumed.body;
        self.rule = resumed.rule;
        self.access = resumed.access;
        self.last = None;
        self.active = Instant::now();
        true
    }

    /// Whether an error event of the upstream reaches the client as it is.
    pub(crate) fn passes_errors_on(&self) -> bool {
        self.passage.passes_errors_on()
    }

    /// The event that tells the client of an error at this point. Nothing may follow it.
    pub(crate) fn error_event(&mut self, view: &ErrorView<'_>) -> String {
        self.passage.error_event(view)
    }

    pub(crate) const fn active(&self) -> Instant {
        self.active
    }

    /// The next piece: all that is there now, in one, so that a burst costs one write.
    /// After [`Piece::End`] and [`Piece::Fault`] nothing may be asked.
    pub(crate) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Piece> {
        let mut gathered = Gathered::Nothing;
        while self.last.is_none() {
            match self.body.as_mut().poll_frame(cx) {
                Poll::Pending if gathered.is_empty() => return Poll::Pending,
                Poll::Pending => return Poll::Ready(self.checked(gathered)),
                Poll::Ready(Some(Ok(frame))) => {
                    let Ok(chunk) = frame.into_data() else {
                        continue;
                    };
                    self.active = Instant::now();
                    if let Err(error) = self.take(chunk, &mut gathered) {
                        self.last = Some(Piece::Fault(FaultKind::Malformed(error.to_string())));
                    } else if gathered.len() >= Settings::MAX_PIECE_BYTES {
                        return Poll::Ready(self.checked(gathered));
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    self.last = Some(Piece::Fault(FaultKind::Broken(error)))
                }
                Poll::Ready(None) => {
                    let end = self.passage.end(self.rule, &mut gathered);
                    self.last = Some(Piece::End(end));
                }
            }
        }
        if !gathered.is_empty() {
            return Poll::Ready(self.checked(gathered));
        }
        Poll::Ready(self.last.take().unwrap_or(Piece::End(StreamEnd::Truncated)))
    }

    /// What was gathered, unless it gives the gateway's key away. An event is never cut between
    /// two pieces, so none escapes by its place.
    fn checked(&self, gathered: Gathered) -> Piece {
        let bytes = gathered.into_bytes();
        if self.access.gives_key_away(&bytes) {
            return Piece::Fault(FaultKind::Malformed(GAVE_KEY_AWAY.to_owned()));
        }
        Piece::Events(bytes)
    }

    /// Leads a chunk through the passage. What comes behind an error is no answer and is dropped.
    fn take(&mut self, chunk: Bytes, gathered: &mut Gathered) -> Result<(), Unreadable> {
        self.passage.take(chunk, gathered)?;
        match self.passage.seen().error {
            None => {}
            Some(error) if error.code.as_deref() == Some(MALFORMED_EVENT) => {
                return Err(Unreadable::Event(error.message.clone()));
            }
            Some(_) => self.last = Some(Piece::End(StreamEnd::Failed)),
        }
        Ok(())
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream")
            .field("passage", &self.passage)
            .finish_non_exhaustive()
    }
}
