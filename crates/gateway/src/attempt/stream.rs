//! Streams, up to their first content.

use std::future::poll_fn;

use http::Response;
use orchestra_dialects::{
    EndRule, Endpoint, MALFORMED_EVENT, StreamEnd, StreamSniffer, StreamTranslator,
};
use tokio::time::Instant;

use super::held::Held;
use super::{Attempts, Spare, relabelled};
use crate::answer::{Answer, Content};
use crate::fault::{Fault, FaultKind, Phase};
use crate::keys::Access;
use crate::outgoing::{Outgoing, WayBack};
use crate::relay::{Direct, EventStream, Named, Opened, Passage, Piece, Translated};
use crate::transport::UpstreamBody;

impl Attempts<'_> {
    /// Waits for a stream to show content, and as much of it as is to be held back. Until then another target can take over
    /// without the client's notice; without one, the first whole event is enough.
    pub(super) async fn open(
        &self,
        access: &Access,
        outgoing: &Outgoing,
        spare: Spare,
        response: Response<UpstreamBody>,
    ) -> Result<Answer, Fault> {
        let (head, body) = response.into_parts();
        let mut held = Held::new(spare, self.settings, self.hold_back);
        let passage = self.passage(access, outgoing, held.counts());
        let rule = end_rule(access, outgoing);
        let mut events = EventStream::new(body, passage, rule, access.clone());
        let end = loop {
            let Some(piece) = self.next_piece(&mut events, &held).await? else {
                break None;
            };
            match piece {
                Piece::Events(bytes) => held.add(bytes, events.seen()),
                Piece::End(StreamEnd::Complete) => break Some(StreamEnd::Complete),
                Piece::End(StreamEnd::Failed) => return Err(self.reported(access, &events, &held)),
                Piece::End(StreamEnd::Truncated) => {
                    return Err(Fault::new(FaultKind::Truncated, held.reached()));
                }
                Piece::Fault(kind) => return Err(Fault::new(kind, held.reached())),
            }
            if events.seen().error.is_some() && !held.shows_content(events.seen()) {
                return Err(self.reported(access, &events, &held));
            }
            if held.is_enough(events.seen()) {
                break None;
            }
        };
        let (held, began) = held.release();
        let opened = Box::new(Opened {
            events,
            held,
            began,
            end,
        });
        Ok(Answer {
            status: head.status,
            headers: relabelled(head.headers, outgoing, "text/event-stream; charset=utf-8"),
            content: Content::Stream(opened),
        })
    }

    /// The next piece of a stream; `None` once the client is to have what is held back.
    async fn next_piece(
        &self,
        events: &mut EventStream,
        held: &Held,
    ) -> Result<Option<Piece>, Fault> {
        let (idle, release) = (self.settings.idle, held.until());
        loop {
            let silence_ends = events.active() + idle;
            let until = release.map_or(silence_ends, |release| release.min(silence_ends));
            let patience = until.saturating_duration_since(Instant::now());
            let piece = poll_fn(|cx| events.poll_piece(cx));
            let waited = self.within(patience, Phase::Idle, held.reached(), piece);
            let late = match waited.await {
                Ok(piece) => return Ok(Some(piece)),
                Err(late) => late,
            };
            let now = Instant::now();
            if now >= self.deadline {
                return Err(late);
            }
            if release.is_some_and(|release| now >= release) {
                return Ok(None);
            }
            // Bytes that tell the client nothing are no silence.
            if now >= events.active() + idle {
                return Err(late);
            }
        }
    }

    /// How the events of the stream get to the client, with names for errors if it asked for them. So many pieces of the answer
    /// are counted.
    fn passage(&self, access: &Access, outgoing: &Outgoing, counted: u32) -> Box<dyn Passage> {
        let passage = self.unnamed_passage(access, outgoing, counted);
        let unnamed = matches!(
            self.call.endpoint,
            Endpoint::ChatCompletions | Endpoint::Completions
        );
        if unnamed && self.call.directions.from_portkey {
            return Box::new(Named::new(passage));
        }
        passage
    }

    fn unnamed_passage(
        &self,
        access: &Access,
        outgoing: &Outgoing,
        counted: u32,
    ) -> Box<dyn Passage> {
        let longest = self.settings.max_event_bytes;
        let remembered = self.memory.and_then(|_| self.call.request().ok());
        let request = self.translated(outgoing).or(remembered);
        let translator = request.and_then(|request| {
            let (from, id) = (outgoing.endpoint.dialect(), self.answer_id());
            StreamTranslator::new(from, &self.context(request, &id), longest)
        });
        let translator = translator.map(|translator| match self.memory {
            Some(bytes) => translator.remembering(bytes),
            None => translator,
        });
        if let Some(translator) = translator {
            let translator = translator.counting(counted);
            return Box::new(Translated::new(translator, access.clone()));
        }
        let sniffer = StreamSniffer::new(outgoing.endpoint, longest).counting(counted);
        let hides_usage = outgoing.way_back == WayBack::UsageHidden;
        Box::new(Direct::new(sniffer, hides_usage))
    }

    /// The fault that an error event amounts to of which the client sees nothing.
    fn reported(&self, access: &Access, events: &EventStream, held: &Held) -> Fault {
        let error = events.seen().error.cloned().unwrap_or_default();
        if error.code.as_deref() == Some(MALFORMED_EVENT) {
            return Fault::new(FaultKind::Malformed(error.message), held.reached());
        }
        Fault::reported(access, held.reached(), error)
    }
}

/// What counts as the end of the target's streams.
pub(super) fn end_rule(access: &Access, outgoing: &Outgoing) -> EndRule {
    match access.member.provider.stream_end(outgoing.endpoint) {
        orchestra_providers::StreamEnd::Marker => EndRule::Marker,
        orchestra_providers::StreamEnd::FinishReason => EndRule::FinishReason,
    }
}
