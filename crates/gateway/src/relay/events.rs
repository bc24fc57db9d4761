//! An upstream's event stream, cut only between events.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use orchestra_dialects::{EndRule, MALFORMED_EVENT, SseError, StreamEnd, StreamSniffer};
use tokio::time::Instant;

use crate::fault::{FaultKind, GAVE_KEY_AWAY};
use crate::providers::Member;
use crate::settings::Settings;
use crate::transport::UpstreamBody;

/// A stream that cannot be followed any further.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error(transparent)]
    Frame(#[from] SseError),
    #[error("{0}")]
    Event(String),
}

/// What comes next from an upstream.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Whole events, byte for byte as they came.
    Events(Bytes),
    /// The upstream closed its stream.
    End(StreamEnd),
    /// The stream broke.
    Fault(FaultKind),
}

/// Reads a body, watches what goes by, and gives it out in pieces that end where an event
/// ends. So an error event of our own can always be added without landing inside another.
pub(crate) struct EventStream {
    body: UpstreamBody,
    sniffer: StreamSniffer,
    member: Arc<Member>,
    /// The beginning of an event whose end has not come.
    unfinished: BytesMut,
    /// What ended the body, while the last piece is on its way.
    last: Option<Piece>,
    /// When bytes came last.
    active: Instant,
}

impl EventStream {
    pub(crate) fn new(body: UpstreamBody, sniffer: StreamSniffer, member: Arc<Member>) -> Self {
        Self {
            body,
            sniffer,
            member,
            unfinished: BytesMut::new(),
            last: None,
            active: Instant::now(),
        }
    }

    /// What the events said so far.
    pub(crate) const fn seen(&self) -> &StreamSniffer {
        &self.sniffer
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
                Poll::Ready(None) => self.last = Some(Piece::End(self.close(&mut gathered))),
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
        if self.member.gives_key_away(&bytes) {
            return Piece::Fault(FaultKind::Malformed(GAVE_KEY_AWAY.to_owned()));
        }
        Piece::Events(bytes)
    }

    /// Adds the whole events of a chunk to what is gathered and keeps the rest. What comes behind
    /// an error is no answer and is dropped.
    fn take(&mut self, mut chunk: Bytes, gathered: &mut Gathered) -> Result<(), Unreadable> {
        let (whole, fault) = match self.sniffer.feed(&chunk) {
            Ok(whole) => (whole, None),
            Err(error @ SseError::FrameTooLong { complete, .. }) => (complete, Some(error)),
            Err(error) => (0, Some(error)),
        };
        if whole > 0 {
            if !self.unfinished.is_empty() {
                gathered.add(self.unfinished.split().freeze());
            }
            gathered.add(chunk.split_to(whole));
        }
        if let Some(error) = fault {
            return Err(error.into());
        }
        match self.sniffer.error() {
            None => self.unfinished.extend_from_slice(&chunk),
            Some(error) if error.code.as_deref() == Some(MALFORMED_EVENT) => {
                return Err(Unreadable::Event(error.message.clone()));
            }
            Some(_) => self.last = Some(Piece::End(StreamEnd::Failed)),
        }
        Ok(())
    }

    fn close(&mut self, gathered: &mut Gathered) -> StreamEnd {
        let end = self.sniffer.end(end_rule(&self.member));
        if end == StreamEnd::Complete && !self.unfinished.is_empty() {
            gathered.add(self.unfinished.split().freeze());
        }
        end
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream")
            .field("unfinished", &self.unfinished.len())
            .finish_non_exhaustive()
    }
}

/// What counts as the end of the provider's streams.
fn end_rule(member: &Member) -> EndRule {
    match member.provider.stream_end() {
        orchestra_providers::StreamEnd::Marker => EndRule::Marker,
        orchestra_providers::StreamEnd::FinishReason => EndRule::FinishReason,
    }
}

/// Chunks joined to one; a single chunk is not copied.
enum Gathered {
    Nothing,
    One(Bytes),
    Several(BytesMut),
}

impl Gathered {
    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::One(bytes) => bytes.len(),
            Self::Several(bytes) => bytes.len(),
        }
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn add(&mut self, more: Bytes) {
        *self = match std::mem::replace(self, Self::Nothing) {
            Self::Nothing => Self::One(more),
            Self::One(first) => {
                let mut joined = BytesMut::with_capacity((first.len() + more.len()).max(4096));
                joined.extend_from_slice(&first);
                joined.extend_from_slice(&more);
                Self::Several(joined)
            }
            Self::Several(mut joined) => {
                joined.extend_from_slice(&more);
                Self::Several(joined)
            }
        };
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::One(bytes) => bytes,
            Self::Several(bytes) => bytes.freeze(),
        }
    }
}
