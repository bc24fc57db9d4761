//! Upstreams without a network that all know the same text, say it from where they are asked to go on, and die.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use orchestra_dialects::Endpoint;
use orchestra_gateway::{BoxError, OutgoingBody, SendFuture, Transport, UpstreamBody};
use serde_json::{Value, json};

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
}

impl Speaks {
    pub(super) const WHOLE: Self = Self::Text { cut: None };

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

    fn answer(&self, asked: &Asked) -> Response<UpstreamBody> {
        let endpoint = endpoint_of(&asked.path);
        let told = asked.told();
        let rest = TEXT
            .strip_prefix(&*told)
            .expect("what was told is the text's beginning");
        let (events, death) = match &self.0.speak.lock().unwrap()[asked.upstream] {
            Speaks::Status(status) => {
                let error = json!({"error": {"type": "invalid_request_error", "message": "no"}});
                return response(*status, "application/json", error.to_string(), Death::End);
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
        response(200, "text/event-stream", events, death)
    }
}

fn endpoint_of(path: &str) -> Endpoint {
    let mut all = Endpoint::SERVED.into_iter();
    all.find(|endpoint| path.ends_with(endpoint.path()) || path == "/beta/chat/completions")
        .unwrap_or_else(|| panic!("{path}"))
}

fn response(status: u16, kind: &'static str, body: String, death: Death) -> Response<UpstreamBody> {
    let pieces = body.as_bytes().chunks(23).map(Bytes::copy_from_slice);
    let body: UpstreamBody = Box::pin(Dying {
        pieces: pieces.collect(),
        death,
    });
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static(kind));
    response
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
            let answer = speakers.answer(&asked);
            speakers.0.asked.lock().unwrap().push(asked);
            Ok(answer)
        })
    }
}

struct Dying {
    pieces: VecDeque<Bytes>,
    death: Death,
}

impl Body for Dying {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
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

/// A whole stream with this text, some characters at a time.
pub(super) fn stream(endpoint: Endpoint, text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let pieces: Vec<String> = characters
        .chunks(5)
        .map(|piece| piece.iter().collect())
        .collect();
    match endpoint {
        Endpoint::ChatCompletions => chat(&pieces),
        Endpoint::Messages => messages(&pieces),
        Endpoint::Responses => responses(&pieces, text),
        other => panic!("{other}"),
    }
}

fn named(event: &Value) -> String {
    format!(
        "event: {}\ndata: {event}\n\n",
        event["type"].as_str().unwrap()
    )
}

fn chat(pieces: &[String]) -> String {
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        let chunk = json!({"id": "c-up", "object": "chat.completion.chunk", "created": 7, "model": "up", "choices": [choice]});
        format!("data: {chunk}\n\n")
    };
    let mut events = chunk(json!({"role": "assistant", "content": ""}), Value::Null);
    for piece in pieces {
        events += &chunk(json!({"content": piece}), Value::Null);
    }
    events += &chunk(json!({}), json!("stop"));
    let usage = json!({"id": "c-up", "object": "chat.completion.chunk", "created": 7, "model": "up", "choices": [],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}});
    events + &format!("data: {usage}\n\ndata: [DONE]\n\n")
}

fn messages(pieces: &[String]) -> String {
    let start = json!({"type": "message_start", "message": {"id": "m-up", "type": "message", "role": "assistant",
        "model": "up", "content": [], "stop_reason": null, "stop_sequence": null,
        "usage": {"input_tokens": 10, "output_tokens": 1}}});
    let mut events = named(&start);
    events += &named(
        &json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
    );
    for piece in pieces {
        let delta = json!({"type": "text_delta", "text": piece});
        events += &named(&json!({"type": "content_block_delta", "index": 0, "delta": delta}));
    }
    events += &named(&json!({"type": "content_block_stop", "index": 0}));
    let delta = json!({"stop_reason": "end_turn", "stop_sequence": null});
    events +=
        &named(&json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 5}}));
    events + &named(&json!({"type": "message_stop"}))
}

fn responses(pieces: &[String], text: &str) -> String {
    let part = |text: &str| json!({"type": "output_text", "text": text, "annotations": []});
    let item = |status: &str, content: Vec<Value>| json!({"type": "message", "id": "i-up", "role": "assistant", "status": status, "content": content});
    let response = |status: &str, output: Vec<Value>, usage: Value| {
        json!({"id": "r-up", "object": "response",
        "created_at": 7, "model": "up", "status": status, "error": null, "output": output, "usage": usage})
    };
    let mut all = vec![
        json!({"type": "response.created", "response": response("in_progress", vec![], Value::Null)}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": item("in_progress", vec![])}),
        json!({"type": "response.content_part.added", "item_id": "i-up", "output_index": 0, "content_index": 0, "part": part("")}),
    ];
    all.extend(pieces.iter().map(|piece| {
        json!({"type": "response.output_text.delta", "item_id": "i-up", "output_index": 0, "content_index": 0, "delta": piece})
    }));
    let whole = item("completed", vec![part(text)]);
    let usage = json!({"input_tokens": 10, "output_tokens": 5, "total_tokens": 15});
    all.extend([
        json!({"type": "response.output_text.done", "item_id": "i-up", "output_index": 0, "content_index": 0, "text": text}),
        json!({"type": "response.content_part.done", "item_id": "i-up", "output_index": 0, "content_index": 0, "part": part(text)}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": whole}),
        json!({"type": "response.completed", "response": response("completed", vec![whole.clone()], usage)}),
    ]);
    let numbered = |(number, mut event): (usize, Value)| {
        event["sequence_number"] = json!(number);
        named(&event)
    };
    all.into_iter().enumerate().map(numbered).collect()
}

fn error(endpoint: Endpoint, death: Death) -> String {
    let (kind, code) = match death {
        Death::Policy => ("invalid_request_error", "content_policy_violation"),
        _ => ("overloaded_error", "server_is_overloaded"),
    };
    match endpoint {
        Endpoint::Messages => {
            named(&json!({"type": "error", "error": {"type": kind, "message": "no"}}))
        }
        Endpoint::Responses => named(
            &json!({"type": "error", "code": code, "message": "no", "param": null, "sequence_number": 9}),
        ),
        _ => format!(
            "data: {}\n\n",
            json!({"error": {"message": "no", "type": kind, "code": code}})
        ),
    }
}
