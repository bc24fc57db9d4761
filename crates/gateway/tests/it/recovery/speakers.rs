//! Upstreams without a network that all know the same text, say it from where they are asked to go on, and die.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use orchestra_dialects::Endpoint;
use orchestra_gateway::{BoxError, OutgoingBody, SendFuture, Transport, UpstreamBody};
use serde_json::{Value, json};
use tokio::time::{Sleep, sleep};

use super::streams::{error, stream};

/// Beginnings and ends of words, blanks of several kinds, characters of several bytes, and a repetition.
pub(super) const TEXT: &str = "It rains \u{e9}\u{4e16}\u{1f600} in\n\n  Bergen, \t \"it\".\nIt";

/// How a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Death {
    /// The connection breaks.
    Break,
    /// The body ends.
    End,
    /// Nothing more comes.
    Silence,
    /// The provider says that it is overloaded.
    Error,
    /// The provider says that the text is against its rules.
    Policy,
}

/// What one upstream does.
#[derive(Clone, Debug)]
pub(super) enum Speaks {
    /// It says the text; the stream is cut behind so many of its bytes.
    Text { cut: Option<(usize, Death)> },
    /// The same, with the text repeated that it goes on from.
    Repeating,
    /// These events, whatever it is asked.
    Events(String, Death),
    /// An error.
    Status(u16),
    /// The same as another, after some time without headers.
    Late(Duration, Box<Self>),
    /// The same as another, after some time without a body.
    Thinking(Duration, Box<Self>),
}

impl Speaks {
    pub(super) const WHOLE: Self = Self::Text { cut: None };

    pub(super) fn late(self, by: Duration) -> Self {
        Self::Late(by, Box::new(self))
    }

    pub(super) fn thinking(self, for_long: Duration) -> Self {
        Self::Thinking(for_long, Box::new(self))
    }

    pub(super) const fn cut(bytes: usize, death: Death) -> Self {
        Self::Text {
            cut: Some((bytes, death)),
        }
    }
}

/// What an upstream was asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) upstream: usize,
    pub(super) path: String,
    pub(super) body: Value,
}

impl Asked {
    /// The text that it is to go on from; empty without any.
    pub(super) fn told(&self) -> String {
        let last = self.body["messages"].as_array().and_then(|all| all.last());
        let Some(last) = last.filter(|last| last["role"] == "assistant") else {
            return String::new();
        };
        let parts = last["content"].as_array().into_iter().flatten();
        let joined: String = parts.filter_map(|part| part["text"].as_str()).collect();
        last["content"].as_str().map_or(joined, str::to_owned)
    }
}

/// The upstreams, the first at `http://0.test`.
#[derive(Clone)]
pub(super) struct Speakers(Arc<State>);

#[derive(Default)]
struct State {
    speak: Mutex<Vec<Speaks>>,
    asked: Mutex<Vec<Asked>>,
}

impl Speakers {
    pub(super) fn new(speak: impl IntoIterator<Item = Speaks>) -> Self {
        let speakers = Self(Arc::default());
        speakers.set(speak);
        speakers
    }

    pub(super) fn set(&self, speak: impl IntoIterator<Item = Speaks>) {
        *self.0.speak.lock().unwrap() = speak.into_iter().collect();
    }

    /// What they were asked since the last time.
    pub(super) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.0.asked.lock().unwrap())
    }

    /// What an upstream does, and how long it takes until its headers and from them to its body.
    fn speaks(&self, upstream: usize) -> (Speaks, Duration, Duration) {
        let (mut late, mut thinking) = (Duration::ZERO, Duration::ZERO);
        let mut speaks = self.0.speak.lock().unwrap()[upstream].clone();
        loop {
            speaks = match speaks {
                Speaks::Late(by, other) => {
                    late += by;
                    *other
                }
                Speaks::Thinking(for_long, other) => {
                    thinking += for_long;
                    *other
                }
                other => return (other, late, thinking),
            };
        }
    }

    async fn answer(&self, asked: &Asked) -> Response<UpstreamBody> {
        let (speaks, late, thinking) = self.speaks(asked.upstream);
        if !late.is_zero() {
            sleep(late).await;
        }
        let (status, kind, events, death) = says(asked, &speaks);
        let pieces = events.as_bytes().chunks(23).map(Bytes::copy_from_slice);
        let body: UpstreamBody = Box::pin(Dying {
            pieces: pieces.collect(),
            death,
            thinks: (!thinking.is_zero()).then(|| Box::pin(sleep(thinking))),
        });
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        let headers = response.headers_mut();
        headers.insert("content-type", HeaderValue::from_static(kind));
        response
    }
}

/// Status, kind, body and end of an answer.
fn says(asked: &Asked, speaks: &Speaks) -> (u16, &'static str, String, Death) {
    let endpoint = endpoint_of(&asked.path);
    let told = asked.told();
    let rest = TEXT
        .strip_prefix(&*told)
        .expect("what was told is the text's beginning");
    let (events, death) = match speaks {
        Speaks::Late(..) | Speaks::Thinking(..) => unreachable!("taken apart before"),
        Speaks::Status(status) => {
            let error = json!({"error": {"type": "invalid_request_error", "message": "no"}});
            return (*status, "application/json", error.to_string(), Death::End);
        }
        Speaks::Events(events, death) => (events.clone(), *death),
        Speaks::Repeating => (stream(endpoint, TEXT), Death::End),
        Speaks::Text { cut: None } => (stream(endpoint, rest), Death::End),
        Speaks::Text {
            cut: Some((at, death)),
        } => {
            let mut events = stream(endpoint, rest).into_bytes();
            events.truncate(*at);
            let mut events = String::from_utf8_lossy(&events).into_owned();
            if matches!(death, Death::Error | Death::Policy) {
                // An error event begins where an event ends.
                events.truncate(events.rfind("\n\n").map_or(0, |end| end + 2));
                events += &error(endpoint, *death);
            }
            (events, *death)
        }
    };
    (200, "text/event-stream", events, death)
}

fn endpoint_of(path: &str) -> Endpoint {
    let mut all = Endpoint::SERVED.into_iter();
    all.find(|endpoint| path.ends_with(endpoint.path()) || path == "/beta/chat/completions")
        .unwrap_or_else(|| panic!("{path}"))
}

impl fmt::Debug for Speakers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Speakers").finish_non_exhaustive()
    }
}

impl Transport for Speakers {
    fn send(&self, request: Request<OutgoingBody>) -> SendFuture {
        let speakers = self.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.ok().unwrap().to_bytes();
            let host = head.uri.host().unwrap();
            let asked = Asked {
                upstream: host.strip_suffix(".test").unwrap().parse().unwrap(),
                path: head.uri.path().to_owned(),
                body: serde_json::from_slice(&body).unwrap(),
            };
            speakers.0.asked.lock().unwrap().push(asked.clone());
            Ok(speakers.answer(&asked).await)
        })
    }
}

struct Dying {
    pieces: VecDeque<Bytes>,
    death: Death,
    /// How long it says nothing first.
    thinks: Option<Pin<Box<Sleep>>>,
}

impl Body for Dying {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(thinks) = &mut self.thinks {
            ready!(thinks.as_mut().poll(cx));
            self.thinks = None;
        }
        if let Some(piece) = self.pieces.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        match self.death {
            Death::Break => Poll::Ready(Some(Err("the line went dead".into()))),
            Death::End | Death::Error | Death::Policy => Poll::Ready(None),
            Death::Silence => Poll::Pending,
        }
    }
}
