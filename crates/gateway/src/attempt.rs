//! One send to one target.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use orchestra_dialects::{
    AnswerError, AnswerSeen, MALFORMED_EVENT, Splice, StreamEnd, StreamSniffer, json_string,
    sniff_answer,
};
use tokio::time::{Instant, timeout_at};

use crate::call::Call;
use crate::fault::{Fault, FaultKind, GAVE_KEY_AWAY, Phase, Reached};
use crate::plan::Candidate;
use crate::read::{Read, read_up_to};
use crate::relay::{EventStream, Opened, Piece};
use crate::settings::Settings;
use crate::transport::{OutgoingBody, Transport, UpstreamBody};

const AGENT: &str = concat!("orchestra/", env!("CARGO_PKG_VERSION"));

/// What a target answered.
#[derive(Debug)]
pub(crate) enum Answer {
    /// An answer in one piece.
    Whole {
        status: StatusCode,
        headers: HeaderMap,
        body: Bytes,
        seen: AnswerSeen,
    },
    /// A stream that has shown content, or has ended properly without any.
    Stream {
        status: StatusCode,
        headers: HeaderMap,
        opened: Box<Opened>,
    },
}

/// What every attempt of a call shares.
#[derive(Debug)]
pub(crate) struct Attempts<'a> {
    pub(crate) transport: &'a dyn Transport,
    pub(crate) settings: &'a Settings,
    pub(crate) call: &'a Call,
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
    pub(crate) async fn run(&self, target: &Candidate, spare: Spare) -> Result<Answer, Fault> {
        let streamed = self.call.head.stream();
        let (began, patience) = (Instant::now(), self.patience(spare));
        let sending = self.transport.send(self.request(target));
        let response = self
            .within(patience, Phase::FirstByte, Reached::Sent, sending)
            .await?
            .map_err(Fault::from)?;
        let status = response.status();
        if !status.is_success() {
            return Err(self.failed(target, response).await);
        }
        if streamed && is_event_stream(response.headers()) {
            return self.open(target, spare, response).await;
        }
        // A stream that comes in one piece after all has the whole call's time.
        let until = if streamed {
            self.deadline
        } else {
            began + patience
        };
        self.whole(target, until, response).await
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

    fn request(&self, target: &Candidate) -> Request<OutgoingBody> {
        let provider = &target.member.provider;
        let call = self.call;
        let mut request = Request::new(OutgoingBody::from(body_for(call, target.model.as_str())));
        *request.method_mut() = Method::POST;
        if let Some(uri) = provider.endpoint(call.endpoint) {
            *request.uri_mut() = with_query(uri, call.query.as_deref());
        }
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let accepted = if call.head.stream() {
            "text/event-stream"
        } else {
            "application/json"
        };
        headers.insert(ACCEPT, HeaderValue::from_static(accepted));
        for (name, value) in provider.static_headers(Some(call.endpoint)) {
            headers.insert(name, value.clone());
        }
        forward(&call.headers, headers, |name| {
            provider.forwards_header(Some(call.endpoint), name)
        });
        target.member.sign(headers);
        request
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
        if target.member.gives_key_away(&body) {
            return Err(broken(FaultKind::Malformed(GAVE_KEY_AWAY.to_owned())));
        }
        match sniff_answer(self.call.endpoint, &body) {
            Ok(seen) => Ok(Answer::Whole {
                status: head.status,
                headers: head.headers,
                body,
                seen,
            }),
            Err(AnswerError::Reported(error)) => {
                let class = target.member.provider.classify(200, Some(&error));
                Err(Fault::reported(class, Reached::Answered, error))
            }
            Err(error) => Err(broken(FaultKind::Malformed(error.to_string()))),
        }
    }

    /// Waits for a stream to show content. Until then another target can take over without the
    /// client's notice; without one, the first whole event is enough.
    async fn open(
        &self,
        target: &Candidate,
        spare: Spare,
        response: Response<UpstreamBody>,
    ) -> Result<Answer, Fault> {
        let (head, body) = response.into_parts();
        let sniffer = StreamSniffer::new(self.call.endpoint, self.settings.max_event_bytes);
        let mut events = EventStream::new(body, sniffer, Arc::clone(&target.member));
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
            if events.seen().error().is_some() && !events.seen().content() {
                return Err(self.reported(target, &events));
            }
            let waited_long = Instant::now() >= release || held_bytes > Settings::MAX_HELD_BYTES;
            if spare == Spare::None
                || events.seen().content()
                || events.seen().ended()
                || waited_long
            {
                break None;
            }
        };
        let opened = Box::new(Opened { events, held, end });
        Ok(Answer::Stream {
            status: head.status,
            headers: head.headers,
            opened,
        })
    }

    /// The fault that an error event before any content amounts to.
    fn reported(&self, target: &Candidate, events: &EventStream) -> Fault {
        let error = events.seen().error().cloned().unwrap_or_default();
        if error.code.as_deref() == Some(MALFORMED_EVENT) {
            return Fault::new(FaultKind::Malformed(error.message), Reached::Answered);
        }
        let class = target.member.provider.classify(200, Some(&error));
        Fault::reported(class, Reached::Answered, error)
    }
}

/// The client's own bytes, with another model's name where the target knows it by another.
fn body_for(call: &Call, model: &str) -> Bytes {
    if call.head.model() == model {
        return call.body.clone();
    }
    Bytes::from(
        Splice::new(&call.body, &call.head)
            .set("model", json_string(model))
            .finish(),
    )
}

fn with_query(uri: &Uri, query: Option<&str>) -> Uri {
    let Some(query) = query else {
        return uri.clone();
    };
    let mut parts = uri.clone().into_parts();
    let extended = PathAndQuery::try_from(format!("{}?{query}", uri.path()));
    parts.path_and_query = extended.ok().or(parts.path_and_query);
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}

/// Copies those of a client's headers that may pass, with all their values, over the defaults.
pub(crate) fn forward(
    from: &HeaderMap,
    to: &mut HeaderMap,
    may_pass: impl Fn(&HeaderName) -> bool,
) {
    for name in from.keys().filter(|name| may_pass(name)) {
        to.remove(name);
        for value in from.get_all(name) {
            to.append(name, value.clone());
        }
    }
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
