//! A stream of events on its way to the client.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use orchestra_dialects::{Family, StreamEnd};
use orchestra_health::Outcome;
use tokio::time::{Instant, Sleep, sleep_until};

use super::events::{EventStream, Piece};
use super::held_end::HeldEnd;
use super::lull::Lull;
use super::way_on::{Mark, Search};
use crate::attempt::Recovery;
use crate::cache::Storing;
use crate::conversations::Keep;
use crate::fault::{Fault, FaultKind, Phase, Reached};
use crate::keys::Access;
use crate::record::Ending;
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::settle::Settlement;

/// A stream that is worth showing to the client, with what was held back of it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) events: EventStream,
    pub(crate) held: VecDeque<Bytes>,
    /// When the first content of that came.
    pub(crate) began: Option<Instant>,
    /// What ended the stream, if it ended while it was held back.
    pub(crate) end: Option<StreamEnd>,
}

/// The bounds of a relayed stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) idle: Duration,
    pub(crate) deadline: Instant,
}

/// Relays events until the upstream's own end event. Anything else that ends the stream
/// becomes an error event of the client's dialect: a client never sees a cut stream that
/// looks complete.
#[derive(Debug)]
pub(crate) struct StreamRelay {
    pub(super) opened: Box<Opened>,
    pub(super) bounds: Bounds,
    /// One timer for the stream. It is not moved at each event, only looked at when it rings.
    pub(super) timer: Pin<Box<Sleep>>,
    pub(super) access: Access,
    pub(super) family: Family,
    /// `None` once the call is settled and nothing more may come, and while `search` has it.
    pub(super) settlement: Option<Settlement>,
    /// Where the stream may be gone on with if it dies.
    pub(super) recovery: Option<Box<Recovery>>,
    /// The search for somebody who goes on with it.
    pub(super) search: Option<Search>,
    /// From a death until somebody goes on.
    pub(super) lull: Option<Lull>,
    /// What the client is to be told of who goes on.
    pub(super) mark: Option<Mark>,
    /// The conversation that is to be kept once the answer is whole.
    keep: Option<Keep>,
    /// The end of the answer, held back while that is done.
    held_end: Option<HeldEnd>,
    /// A copy of what the client got, for calls that ask the same.
    copy: Option<Box<Storing>>,
}

impl StreamRelay {
    pub(crate) fn new(
        opened: Box<Opened>,
        bounds: Bounds,
        access: Access,
        family: Family,
        settlement: Settlement,
    ) -> Self {
        // A silence that began while the stream was held back goes on.
        let silence_ends = opened.events.active() + bounds.idle;
        let timer = Box::pin(sleep_until(bounds.deadline.min(silence_ends)));
        Self {
            opened,
            bounds,
            timer,
            access,
            family,
            settlement: Some(settlement),
            recovery: None,
            search: None,
            lull: None,
            mark: None,
            keep: None,
            held_end: None,
            copy: None,
        }
    }

    /// The same, with a conversation that is kept before the client sees that its answer is whole: it may go on
    /// from it at once.
    pub(crate) fn keeping(mut self, keep: Option<Keep>) -> Self {
        self.keep = keep;
        self
    }

    /// The same, with where the stream may be gone on with if it dies.
    pub(crate) fn recovering(mut self, recovery: Option<Box<Recovery>>) -> Self {
        self.recovery = recovery;
        self
    }

    /// The same, with a place for a copy of the answer, once it is whole.
    pub(crate) fn storing(mut self, store: Option<Box<Storing>>) -> Self {
        self.copy = store;
        self
    }

    /// The next bytes for the client; `None` at the end.
    pub(crate) fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(held) = &mut self.held_end {
            let bytes = ready!(held.poll(cx));
            self.held_end = None;
            return Poll::Ready(Some(bytes));
        }
        let bytes = ready!(self.poll_events(cx));
        if let Some(bytes) = &bytes {
            self.copy.take_if(|copy| !copy.add(bytes));
        }
        let whole = self.opened.held.is_empty() && self.opened.events.seen().ended;
        match (bytes, self.keep.take_if(|_| whole)) {
            (Some(bytes), Some(keep)) => {
                self.held_end = Some(HeldEnd::new(bytes, keep));
                self.poll_bytes(cx)
            }
            (bytes, _) => Poll::Ready(bytes),
        }
    }

    pub(super) fn poll_events(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(search) = &mut self.search {
            let Poll::Ready(found) = search.poll(cx) else {
                return self.poll_lull(cx);
            };
            self.search = None;
            return self.found(found, cx);
        }
        if self.settlement.is_none() {
            return Poll::Ready(None);
        }
        if let Some(bytes) = self.opened.held.pop_front() {
            return Poll::Ready(Some(bytes));
        }
        if let Some(end) = self.opened.end.take() {
            return self.end(end, cx);
        }
        match self.opened.events.poll_piece(cx) {
            Poll::Ready(Piece::Events(bytes)) => Poll::Ready(Some(self.marked(bytes))),
            Poll::Ready(Piece::End(end)) => self.end(end, cx),
            // The answer was whole before the connection broke.
            Poll::Ready(Piece::Fault(FaultKind::Broken(_))) if self.opened.events.seen().ended => {
                self.end(StreamEnd::Complete, cx)
            }
            Poll::Ready(Piece::Fault(kind)) => self.fail(kind, cx),
            Poll::Pending => self.poll_timer(cx),
        }
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let linger_ends = self.opened.events.active() + Settings::LINGER;
        if self.opened.events.seen().ended && self.timer.deadline() > linger_ends {
            self.timer.as_mut().reset(linger_ends);
        }
        loop {
            if self.timer.as_mut().poll(cx).is_pending() {
                return self.poll_lull(cx);
            }
            let now = Instant::now();
            let ended = self.opened.events.seen().ended;
            let silence_ends = self.opened.events.active()
                + if ended {
                    Settings::LINGER
                } else {
                    self.bounds.idle
                };
            if now >= silence_ends && ended {
                return self.end(StreamEnd::Complete, cx);
            }
            if now >= self.bounds.deadline {
                return self.fail(FaultKind::Timeout(Phase::Total), cx);
            }
            if now >= silence_ends {
                return self.fail(FaultKind::Timeout(Phase::Idle), cx);
            }
            self.timer
                .as_mut()
                .reset(silence_ends.min(self.bounds.deadline));
        }
    }

    /// The upstream closed its stream.
    fn end(&mut self, end: StreamEnd, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match end {
            StreamEnd::Complete => {
                if let Some(settlement) = &self.settlement {
                    self.access.judge(Outcome::Healthy, settlement.now());
                    self.access
                        .answered(self.opened.events.seen().usage.as_ref());
                }
                self.keep_copy();
                self.settle(Ending::Completed);
                Poll::Ready(None)
            }
            StreamEnd::Failed => {
                let events = &self.opened.events;
                let error = events.seen().error.cloned().unwrap_or_default();
                let fault = Fault::reported(&self.access, Reached::Streaming, error);
                let told = events.passes_errors_on();
                self.interrupt(fault, !told, cx)
            }
            StreamEnd::Truncated => self.fail(FaultKind::Truncated, cx),
        }
    }

    /// The stream has failed in our eyes.
    fn fail(&mut self, kind: FaultKind, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        self.interrupt(Fault::new(kind, Reached::Streaming), true, cx)
    }

    /// Looks for somebody who goes on with a stream that did not reach its end, if that is wanted; else settles it, with an
    /// error event unless the client has the upstream's own.
    fn interrupt(
        &mut self,
        fault: Fault,
        untold: bool,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Bytes>> {
        // Whatever becomes of the stream: it is not as a target gave it.
        self.copy = None;
        self.blame(&fault);
        if self.may_go_on(&fault) {
            self.search(fault);
            return self.poll_events(cx);
        }
        Poll::Ready(self.give_up(&fault, untold))
    }

    pub(super) fn give_up(&mut self, fault: &Fault, untold: bool) -> Option<Bytes> {
        let event = untold.then(|| self.error_event(fault));
        self.settle(Ending::Interrupted);
        event
    }

    fn error_event(&mut self, fault: &Fault) -> Bytes {
        let id = self.settlement.as_ref().map(|s| s.record.id.to_string());
        let provider = self.access.member.provider.id();
        let refusal = Refusal::from_fault(fault, provider, self.family);
        let view = refusal.view(id.as_deref().unwrap_or_default());
        Bytes::from(self.opened.events.error_event(&view))
    }

    /// Writes the fault into the record, the standing of key and target, and the log.
    fn blame(&mut self, fault: &Fault) {
        if let Some(settlement) = &mut self.settlement {
            fault.book(&self.access, settlement.now());
            let id = &settlement.record.id;
            tracing::warn!(
                call = %id, provider = %self.access.member.provider.id(), key = self.access.name(),
                fault = fault.name(), cause = fault.cause(), "stream interrupted"
            );
            if let Some(attempt) = settlement.record.attempts.last_mut() {
                attempt.fault = Some(fault.name());
            }
        }
    }

    /// Keeps what the client got, if that is wanted.
    fn keep_copy(&mut self) {
        if let (Some(copy), Some(settlement)) = (self.copy.take(), &self.settlement) {
            let seen = self.opened.events.seen();
            copy.keep(seen.usage, seen.finish.map(str::to_owned), settlement.now());
        }
    }

    fn settle(&mut self, ending: Ending) {
        if let Some(mut settlement) = self.settlement.take() {
            self.note(&mut settlement);
            settlement.close(ending);
        }
    }

    fn note(&self, settlement: &mut Settlement) {
        let seen = self.opened.events.seen();
        settlement.record.usage = seen.usage;
        settlement.record.finish = seen.finish.map(str::to_owned);
        settlement.record.losses.add(self.opened.events.losses());
    }
}

impl Drop for StreamRelay {
    /// The client left in mid-stream: what the upstream had counted until then is kept.
    fn drop(&mut self) {
        if let Some(mut settlement) = self.settlement.take() {
            self.note(&mut settlement);
        }
    }
}
