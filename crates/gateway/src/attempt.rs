//! One send to one target.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response};
use orchestra_dialects::canonical::Request;
use orchestra_dialects::{
    AnswerContext, AnswerError, EndRule, MALFORMED_EVENT, StreamEnd, StreamSniffer,
    StreamTranslator, sniff_answer,
};
use orchestra_types::CallId;
use tokio::time::{Instant, timeout_at};

use crate::answer::{Answer, Content, Whole};
use crate::call::Call;
use crate::fault::{Fault, FaultKind, GAVE_KEY_AWAY, Phase, Reached};
use crate::outgoing::{Outgoing, WayBack};
use crate::plan::Candidate;
use crate::read::{Read, read_up_to};
use crate::relay::{Direct, EventStream, Opened, Passage, Piece, Translated};
use crate::request::request;
use crate::settings::Settings;
use crate::transport::{Transport, UpstreamBody};

/// What every attempt of a call shares.
#[derive(Debug)]
pub(crate) struct Attempts<'a> {
    pub(crate) transport: &'a dyn Transport,
    pub(crate) settings: &'a Settings,
    pub(crate) call: &'a Call,
    pub(crate) id: CallId,
    /// When the call must be over.
    pub(crate) deadline: Instant,
    /// The wall clock at the call's arrival, to read dates in `Retry-After`.
    pub(crate) unix: Duration,
}

/// Whether another target stands ready if this one fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spare {
    /// A failure can still be hidden from the client: a stream is held back for its content.
    Ready,
    /// This is the last attempt: the client gets what comes as soon as it comes.
    None,
}

impl Attempts<'_> {
    /// Sends the call to `target` and waits until its answer can be shown to the client.
    /// Dropping the future aborts the exchange.
    pub(crate) async fn run(
        &self,
        target: &Candidate,
        outgoing: &Outgoing,
        spare: Spare,
    ) -> Result<Answer, Fault> {
        let streamed = self.call.head.stream();
        let (began, patience) = (Instant::now(), self.patience(spare));
        let sending = self.transport.send(request(self.call, target, outgoing));
        let response = self
            .within(patience, Phase::FirstByte, Reached::Sent, sending)
            .await?
            .map_err(Fault::from)?;
        let status = response.status();
        if !status.is_success() {
            return Err(self.failed(target, response).await);
        }
        if streamed && is_event_stream(response.headers()) {
            return self.open(target, outgoing, spare, response).await;
        }
        // A stream that comes in one piece after all has the whole call's time.
        let until = if streamed {
            self.deadline
        } else {
            began + patience
        };
        self.whole(target, outgoing, until, response).await
    }

    /// How long the headers of the answer may take. An answer in one piece sends none before
    /// it is complete: it may take all the time there is, or half of it while another target
    /// waits for its turn.
    fn patience(&self, spare: Spare) -> Duration {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match (self.call.head.stream(), spare) {
            (true, _) => self.settings.first_byte,
            (false, Spare::Ready) => left / 2,
            (false, Spare::None) => left,
        }
    }

    /// Waits for `future`, at most `patience` and never beyond the call's deadline.
    async fn within<F: Future>(
        &self,
        patience: Duration,
        phase: Phase,
        reached: Reached,
        future: F,
    ) -> Result<F::Output, Fault> {
        let until = Instant::now() + patience;
        let (until, phase) = if until < self.deadline {
            (until, phase)
        } else {
            (self.deadline, Phase::Total)
        };
        let late = |_| Fault::new(FaultKind::Timeout(phase), reached);
        timeout_at(until, future).await.map_err(late)
    }

    /// Turns an answer with an error status into a fault.
    async fn failed(&self, target: &Candidate, response: Response<UpstreamBody>) -> Fault {
        let (head, body) = response.into_parts();
        if head.status.is_redirection() {
            let kind = FaultKind::Malformed(
                "a redirect to another address, which is never followed".to_owned(),
            );
            return Fault {
                status: Some(head.status),
                ..Fault::new(kind, Reached::Answered)
            };
        }
        // An error whose text breaks off is still that error.
        let read = read_up_to(Settings::MAX_ERROR_BYTES, self.settings.idle, body);
        let text = match self
            .within(self.settings.idle, Phase::Idle, Reached::Answered, read)
            .await
        {
            Ok(
                Read::Whole(text) | Read::Cut(text) | Read::Broken(text, _) | Read::Silent(text),
            ) => text,
            Err(_) => Bytes::new(),
        };
        Fault::of_answer(&target.member, &head, text, self.unix)
    }

    /// Reads an answer in one piece.
    async fn whole(
        &self,
        target: &Candidate,
        outgoing: &Outgoing,
        until: Instant,
        response: Response<UpstreamBody>,
    ) -> Result<Answer, Fault> {
        let (head, body) = response.into_parts();
        let left = until.saturating_duration_since(Instant::now());
        let read = read_up_to(self.settings.max_answer_bytes, self.settings.idle, body);
        let broken = |kind| Fault {
            status: Some(head.status),
            ..Fault::new(kind, Reached::Answered)
        };
        let body = match self
            .within(left, Phase::FirstByte, Reached::Answered, read)
            .await?
        {
            Read::Whole(body) => body,
            Read::Broken(_, error) => return Err(broken(FaultKind::Broken(error))),
            Read::Silent(_) => return Err(broken(FaultKind::Timeout(Phase::Idle))),
            Read::Cut(_) => {
                let limit = self.settings.max_answer_bytes;
                return Err(broken(FaultKind::Malformed(format!(
                    "it is larger than {limit} bytes"
                ))));
            }
        };
        let gave_away = || broken(FaultKind::Malformed(GAVE_KEY_AWAY.to_owned()));
        if target.member.gives_key_away(&body) {
            return Err(gave_away());
        }
        match self.read(outgoing, body) {
            // Unescaped or put together, the words may hold what their bytes did not.
            Ok(whole) if target.member.gives_key_away(&whole.body) => Err(gave_away()),
            Ok(whole) => Ok(Answer {
                status: head.status,
                headers: relabelled(head.headers, outgoing, "application/json"),
                content: Content::Whole(whole),
            }),
            Err(AnswerError::Reported(error)) => {
                Err(Fault::reported(&target.member, Reached::Answered, error))
            }
            Err(error) => Err(broken(FaultKind::Malformed(error.to_string()))),
        }
    }

    /// The answer as the client gets it.
    fn read(&self, outgoing: &Outgoing, body: Bytes) -> Result<Whole, AnswerError> {
        let from = outgoing.endpoint.dialect();
        if let Some(request) = self.translated(outgoing) {
            return Whole::translate(from, &body, &self.context(request, &self.answer_id()));
        }
        Ok(Whole {
            seen: sniff_answer(outgoing.endpoint, &body)?,
            body,
            losses: Vec::new(),
        })
    }

    /// The request to which the answer must be written anew, if it must.
    fn translated(&self, outgoing: &Outgoing) -> Option<&Request> {
        let translated = outgoing.way_back == WayBack::Translated;
        translated.then(|| self.call.request().ok()).flatten()
    }

    /// Waits for a stream to show content. Until then another target can take over without the
    /// client's notice; without one, the first whole event is enough.
    async fn open(
        &self,
        target: &Candidate,
        outgoing: &Outgoing,
        spare: Spare,
        response: Response<UpstreamBody>,
    ) -> Result<Answer, Fault> {
        let (head, body) = response.into_parts();
        let passage = self.passage(target, outgoing);
        let rule = match target.member.provider.stream_end_of(outgoing.endpoint) {
            orchestra_providers::StreamEnd::Marker => EndRule::Marker,
            orchestra_providers::StreamEnd::FinishReason => EndRule::FinishReason,
        };
        let mut events = EventStream::new(body, passage, rule, Arc::clone(&target.member));
        let mut held = VecDeque::new();
        let mut held_bytes = 0;
        let release = Instant::now() + self.settings.hold_back;
        let end = loop {
            let piece = poll_fn(|cx| events.poll_piece(cx));
            // With something in hand the client waits no longer than for `release`.
            let idle = self.settings.idle;
            let left = release.saturating_duration_since(Instant::now());
            let patience = if held.is_empty() {
                idle
            } else {
                idle.min(left)
            };
            let piece = match self
                .within(patience, Phase::Idle, Reached::Answered, piece)
                .await
            {
                Ok(piece) => piece,
                Err(_) if patience < idle && Instant::now() < self.deadline => break None,
                Err(fault) => return Err(fault),
            };
            match piece {
                Piece::Events(bytes) => {
                    held_bytes += bytes.len();
                    held.push_back(bytes);
                }
                Piece::End(StreamEnd::Complete) => break Some(StreamEnd::Complete),
                Piece::End(StreamEnd::Failed) => return Err(self.reported(target, &events)),
                Piece::End(StreamEnd::Truncated) => {
                    return Err(Fault::new(FaultKind::Truncated, Reached::Answered));
                }
                Piece::Fault(kind) => return Err(Fault::new(kind, Reached::Answered)),
            }
            if events.seen().error.is_some() && !events.seen().content {
                return Err(self.reported(target, &events));
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

    /// How the events of the stream get to the client.
    fn passage(&self, target: &Candidate, outgoing: &Outgoing) -> Box<dyn Passage> {
        let longest = self.settings.max_event_bytes;
        let translator = self.translated(outgoing).and_then(|request| {
            let (from, id) = (outgoing.endpoint.dialect(), self.answer_id());
            StreamTranslator::new(from, &self.context(request, &id), longest)
        });
        if let Some(translator) = translator {
            return Box::new(Translated::new(translator, Arc::clone(&target.member)));
        }
        let sniffer = StreamSniffer::new(outgoing.endpoint, longest);
        let hides_usage = outgoing.way_back == WayBack::UsageHidden;
        Box::new(Direct::new(sniffer, hides_usage))
    }

    /// The digits of the call's identity, from which the ids of a translated answer are made.
    fn answer_id(&self) -> String {
        let id = self.id.to_string();
        id.rsplit('_').next().unwrap_or_default().to_owned()
    }

    fn context<'c>(&'c self, request: &'c Request, id: &'c str) -> AnswerContext<'c> {
        AnswerContext {
            id,
            created: self.unix.as_secs(),
            request,
            body: self.call.text(),
        }
    }

    /// The fault that an error event before any content amounts to.
    fn reported(&self, target: &Candidate, events: &EventStream) -> Fault {
        let error = events.seen().error.cloned().unwrap_or_default();
        if error.code.as_deref() == Some(MALFORMED_EVENT) {
            return Fault::new(FaultKind::Malformed(error.message), Reached::Answered);
        }
        Fault::reported(&target.member, Reached::Answered, error)
    }
}

/// An upstream's headers, with the kind of body that the client gets.
fn relabelled(mut headers: HeaderMap, outgoing: &Outgoing, kind: &'static str) -> HeaderMap {
    if outgoing.way_back == WayBack::Translated {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    headers
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let value = headers
        .get(CONTENT_TYPE)
        .map(HeaderValue::as_bytes)
        .unwrap_or_default();
    value
        .get(..17)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"text/event-stream"))
}
