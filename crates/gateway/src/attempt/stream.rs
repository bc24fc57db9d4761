//! Streams, up to their first content.

use std::collections::VecDeque;
use std::future::poll_fn;

use http::Response;
use orchestra_dialects::{
    EndRule, Endpoint, MALFORMED_EVENT, StreamEnd, StreamSniffer, StreamTranslator,
};
use tokio::time::Instant;

use super::{Attempts, Spare, relabelled};
use crate::answer::{Answer, Content};
use crate::fault::{Fault, FaultKind, Phase, Reached};
use crate::keys::Access;
use crate::outgoing::{Outgoing, WayBack};
use crate::relay::{Direct, EventStream, Named, Opened, Passage, Piece, Translated};
use crate::settings::Settings;
use crate::transport::UpstreamBody;

impl Attempts<'_> {
    /// Waits for a stream to show content. Until then another target can take over without the
    /// client's notice; without one, the first whole event is enough.
    pub(super) async fn open(
        &self,
        access: &Access,
        outgoing: &Outgoing,
        spare: Spare,
        response: Response<UpstreamBody>,
    ) -> Result<Answer, Fault> {
        let (head, body) = response.into_parts();
        let passage = self.passage(access, outgoing);
        let rule = end_rule(access, outgoing);
        let mut events = EventStream::new(body, passage, rule, access.clone());
        let mut held = VecDeque::new();
        let mut held_bytes = 0;
        let release = Instant::now() + self.settings.hold_back;
        let end = loop {
            // With something in hand the client waits no longer than for `release`.
            let patience = (!held.is_empty()).then_some(release);
            let Some(piece) = self.next_piece(&mut events, patience).await? else {
                break None;
            };
            match piece {
                Piece::Events(bytes) => {
                    held_bytes += bytes.len();
                    held.push_back(bytes);
                }
                Piece::End(StreamEnd::Complete) => break Some(StreamEnd::Complete),
                Piece::End(StreamEnd::Failed) => return Err(self.reported(access, &events)),
                Piece::End(StreamEnd::Truncated) => {
                    return Err(Fault::new(FaultKind::Truncated, Reached::Answered));
                }
                Piece::Fault(kind) => return Err(Fault::new(kind, Reached::Answered)),
            }
            if events.seen().error.is_some() && !events.seen().content {
                return Err(self.reported(access, &events));
            }
            let waited_long = Instant::now() >= release || held_bytes > Settings::MAX_HELD_BYTES;
            if spare == Spare::None || events.seen().content || events.seen().ended || waited_long {
                break None;
            }
        };
        let opened = Box::new(Opened { events, held, end });
        Ok(Answer {
            status: head.status,
            headers: relabelled(head.headers, outgoing, "text/event-stream; charset=utf-8"),
            content: Content::Stream(opened),
        })
    }

    /// The next piece of a stream; `None` once it is `release`.
    async fn next_piece(
        &self,
        events: &mut EventStream,
        release: Option<Instant>,
    ) -> Result<Option<Piece>, Fault> {
        let idle = self.settings.idle;
        loop {
            let silence_ends = events.active() + idle;
            let until = release.map_or(silence_ends, |release| release.min(silence_ends));
            let patience = until.saturating_duration_since(Instant::now());
            let piece = poll_fn(|cx| events.poll_piece(cx));
            let waited = self.within(patience, Phase::Idle, Reached::Answered, piece);
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

    /// How the events of the stream get to the client, with names for errors if it asked for them.
    fn passage(&self, access: &Access, outgoing: &Outgoing) -> Box<dyn Passage> {
        let passage = self.unnamed_passage(access, outgoing);
        let unnamed = matches!(
            self.call.endpoint,
            Endpoint::ChatCompletions | Endpoint::Completions
        );
        if unnamed && self.call.directions.named_errors {
            return Box::new(Named::new(passage));
        }
        passage
    }

    fn unnamed_passage(&self, access: &Access, outgoing: &Outgoing) -> Box<dyn Passage> {
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
            return Box::new(Translated::new(translator, access.clone()));
        }
        let sniffer = StreamSniffer::new(outgoing.endpoint, longest);
        let hides_usage = outgoing.way_back == WayBack::UsageHidden;
        Box::new(Direct::new(sniffer, hides_usage))
    }

    /// The fault that an error event before any content amounts to.
    fn reported(&self, access: &Access, events: &EventStream) -> Fault {
        let error = events.seen().error.cloned().unwrap_or_default();
        if error.code.as_deref() == Some(MALFORMED_EVENT) {
            return Fault::new(FaultKind::Malformed(error.message), Reached::Answered);
        }
        Fault::reported(access, Reached::Answered, error)
    }
}

/// What counts as the end of the target's streams.
pub(super) fn end_rule(access: &Access, outgoing: &Outgoing) -> EndRule {
    match access.member.provider.stream_end(outgoing.endpoint) {
        orchestra_providers::StreamEnd::Marker => EndRule::Marker,
        orchestra_providers::StreamEnd::FinishReason => EndRule::FinishReason,
    }
}
