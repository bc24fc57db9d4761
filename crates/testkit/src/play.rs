//! Acts out a behaviour: turns what the script says into a reply on the wire.

mod stream;

use std::borrow::Cow;

use crate::agent::{self, Agent, Answered};
use crate::behaviour::{
    After, Answer, At, Behaviour, ErrorReply, How, KeepAlive, Preamble, Reply as Said, Spoil,
};
use crate::http::{Frame, Halt, Reply, Socket};
use crate::request::Request;
use crate::wire::{
    self, Ask, ChatStream, CompletionStream, Content, Endpoint, Events, Family, GeminiStream,
    Generate, InvalidAsk, MessageStream, Narrator, Recording, ResponseStream, Turn,
};
use stream::Teller;

const JSON: &str = "application/json";
const EVENT_STREAM: &str = "text/event-stream; charset=utf-8";

/// One request and what is to be done with it.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) request: &'a Request,
    pub(crate) behaviour: &'a Behaviour,
    pub(crate) number: u64,
    /// The identity that the reply's headers and errors give the request.
    pub(crate) id: String,
    pub(crate) models: &'a [String],
}

/// How it went.
#[derive(Debug)]
pub(crate) struct Played {
    /// Why the reply stopped, unless it was sent to its end.
    pub(crate) halt: Option<Halt>,
    /// Bytes of the body sent.
    pub(crate) sent: u64,
    /// Whether the connection can carry another request.
    pub(crate) whole: bool,
}

/// Plays one scene to its end.
pub(crate) async fn play(scene: &Scene<'_>, socket: &mut Socket) -> Played {
    let Behaviour {
        interruption, drip, ..
    } = *scene.behaviour;
    let mut reply = Reply::new(
        socket,
        interruption,
        drip,
        scene.request.head.method == "HEAD",
    );
    let halt = match scene.act(&mut reply).await {
        Ok(()) => None,
        Err(halt) => settle(halt, &mut reply).await,
    };
    Played {
        halt,
        sent: reply.sent,
        whole: reply.is_whole(),
    }
}

/// Does what an interruption asks for, once what came before it is sent.
async fn settle(halt: Halt, reply: &mut Reply<'_>) -> Option<Halt> {
    let Halt::Scripted(how) = halt else {
        return Some(halt);
    };
    if let Err(gone) = reply.flush().await {
        return Some(gone);
    }
    match how {
        How::End if reply.is_chunked() => return reply.end().await.err(),
        How::Hang => reply.socket.gone().await,
        How::End | How::Close | How::Reset => {}
    }
    Some(halt)
}

impl Scene<'_> {
    async fn act(&self, reply: &mut Reply<'_>) -> Result<(), Halt> {
        reply.socket.pause(self.behaviour.delay).await?;
        self.interrupted(At::BeforeHeaders)?;
        match &self.behaviour.reply {
            Said::Answer(answer) => self.answer(answer, reply).await,
            Said::Agent(agent) => self.agent(agent, reply).await,
            Said::Error(error) => self.error(error, reply).await,
            Said::Raw(raw) => {
                self.whole(raw.status, &raw.content_type, &raw.body, reply)
                    .await
            }
            Said::Sse(recorded) => {
                let events = Events::recorded(recorded);
                let mut recording = Recording::new(events, self.request.family());
                self.stream(&mut recording, std::iter::empty(), reply).await
            }
            Said::Garbage(bytes) => {
                reply.socket.outbox.extend_from_slice(bytes);
                Err(Halt::Scripted(How::Close))
            }
        }
    }

    async fn answer(&self, answer: &Answer, reply: &mut Reply<'_>) -> Result<(), Halt> {
        let family = self.request.family();
        let body = match self.request.endpoint {
            Endpoint::Echo => wire::echo(self.request),
            Endpoint::Models => wire::models(family, self.models),
            Endpoint::Model => match self.known_model() {
                Some(id) => wire::model(family, id),
                None => {
                    return self
                        .refuse(404, "model_not_found", "no such model", reply)
                        .await;
                }
            },
            endpoint => match Ask::read(&self.request.body, endpoint) {
                Ok(ask) => return self.call(answer, &ask, reply).await,
                Err(invalid) => return self.invalid(&invalid, reply).await,
            },
        };
        self.whole(200, JSON, &body, reply).await
    }

    /// What an agent's model says; whatever it is no part of it is answered as usual.
    async fn agent(&self, agent: &Agent, reply: &mut Reply<'_>) -> Result<(), Halt> {
        if !self.request.endpoint.converses() {
            return self.answer(&Answer::default(), reply).await;
        }
        match agent::answer(agent, self.request, self.number) {
            Ok(Answered::Whole(body)) => self.whole(200, JSON, &body, reply).await,
            Ok(Answered::Stream(events)) => {
                let mut recording = Recording::new(events, self.request.family());
                self.stream(&mut recording, std::iter::empty(), reply).await
            }
            Err(refusal) => {
                self.refuse(400, "invalid_request", &refusal.to_string(), reply)
                    .await
            }
        }
    }

    fn known_model(&self) -> Option<&str> {
        let id = self.request.model()?;
        self.models
            .iter()
            .find(|known| **known == id)
            .map(String::as_str)
    }

    async fn call(
        &self,
        answer: &Answer,
        ask: &Ask<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<(), Halt> {
        match self.request.endpoint {
            Endpoint::CountTokens => self.whole(200, JSON, &wire::token_count(ask), reply).await,
            Endpoint::Gemini(Generate::Count) => {
                let body = wire::gemini_token_count(ask);
                self.whole(200, JSON, &body, reply).await
            }
            Endpoint::Embeddings => match wire::embeddings(ask) {
                Ok(body) => self.whole(200, JSON, &body, reply).await,
                Err(invalid) => self.invalid(&invalid, reply).await,
            },
            endpoint => self.generate(endpoint, answer, ask, reply).await,
        }
    }

    async fn generate(
        &self,
        endpoint: Endpoint,
        answer: &Answer,
        ask: &Ask<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<(), Halt> {
        let content = Content::new(answer, ask);
        let named = match endpoint {
            Endpoint::Gemini(_) => self.request.model(),
            _ => None,
        };
        let turn = Turn {
            number: self.number,
            model: named.as_deref().unwrap_or_else(|| ask.model()),
            usage: content.usage(answer, ask),
            content: &content,
            include_usage: ask.include_usage(),
        };
        if !self.streams(ask) {
            return self
                .whole(200, JSON, &wire::whole(endpoint, &turn), reply)
                .await;
        }
        let pieces = content.pieces();
        match endpoint {
            Endpoint::Messages => {
                self.stream(&mut MessageStream::new(turn), pieces, reply)
                    .await
            }
            Endpoint::Responses => {
                self.stream(&mut ResponseStream::new(turn), pieces, reply)
                    .await
            }
            Endpoint::Completions => {
                self.stream(&mut CompletionStream::new(turn), pieces, reply)
                    .await
            }
            Endpoint::Gemini(_) => {
                self.stream(&mut GeminiStream::new(turn), pieces, reply)
                    .await
            }
            _ => self.stream(&mut ChatStream::new(turn), pieces, reply).await,
        }
    }

    /// Whether the answer is wanted as events. Gemini is told so in the path, and without
    /// `alt=sse` its stream is a JSON array, which comes in one piece here.
    fn streams(&self, ask: &Ask<'_>) -> bool {
        match self.request.endpoint {
            Endpoint::Gemini(generate) => {
                generate == Generate::Stream && self.request.head.query.contains("alt=sse")
            }
            _ => ask.stream(),
        }
    }

    async fn error(&self, error: &ErrorReply, reply: &mut Reply<'_>) -> Result<(), Halt> {
        let (code, message) = (error.code.as_deref(), error.message.as_deref());
        let body = wire::error_body(self.request.family(), &self.id, error.status, code, message);
        self.whole(error.status, JSON, &body, reply).await
    }

    /// What a provider answers to a call that it cannot serve as it is written.
    async fn invalid(&self, invalid: &InvalidAsk, reply: &mut Reply<'_>) -> Result<(), Halt> {
        self.refuse(400, "invalid_request", &invalid.to_string(), reply)
            .await
    }

    async fn refuse(
        &self,
        status: u16,
        code: &str,
        message: &str,
        reply: &mut Reply<'_>,
    ) -> Result<(), Halt> {
        let error = ErrorReply {
            status,
            code: Some(code.to_owned()),
            message: Some(message.to_owned()),
        };
        self.error(&error, reply).await
    }

    /// Sends a body in one piece.
    async fn whole(
        &self,
        status: u16,
        content_type: &str,
        body: &[u8],
        reply: &mut Reply<'_>,
    ) -> Result<(), Halt> {
        let Behaviour {
            keep_alive,
            length_error,
            interruption,
            ..
        } = self.behaviour;
        let body = self.spoiled(body);
        let length = (body.len() as u64).saturating_add_signed(*length_error);
        let frame = if keep_alive.is_some() {
            Frame::Chunks
        } else {
            Frame::Length(length)
        };
        reply.head(status, frame, &self.headers(content_type));
        self.begin_body(reply).await?;
        if let Some(interruption) = interruption
            && matches!(interruption.at, At::AfterEvents(_))
        {
            reply.body(&body[..body.len() / 2]).await?;
            return Err(Halt::Scripted(interruption.how));
        }
        reply.body(&body).await?;
        reply.end().await
    }

    /// The body with what the script breaks in it.
    fn spoiled<'b>(&self, body: &'b [u8]) -> Cow<'b, [u8]> {
        match self.behaviour.spoil {
            Some(Spoil::MalformedJson { .. }) => Cow::Borrowed(&body[..body.len() / 2]),
            Some(Spoil::InvalidUtf8 { .. }) => {
                // Into the first string, where the byte is all that is wrong.
                let at = memchr::memchr(b'"', body).map_or(0, |quote| quote + 1);
                Cow::Owned([&body[..at], b"\xff", &body[at..]].concat())
            }
            _ => Cow::Borrowed(body),
        }
    }

    /// Sends an answer event by event.
    async fn stream<'p>(
        &self,
        narrator: &mut (dyn Narrator + Send),
        pieces: impl Iterator<Item = &'p str> + Clone + Send,
        reply: &mut Reply<'_>,
    ) -> Result<(), Halt> {
        reply.head(200, Frame::Chunks, &self.headers(EVENT_STREAM));
        self.begin_body(reply).await?;
        Teller::new(self.behaviour, self.request.endpoint, reply)
            .tell(narrator, pieces)
            .await
    }

    /// Everything between the head and the first byte of the answer itself.
    async fn begin_body(&self, reply: &mut Reply<'_>) -> Result<(), Halt> {
        self.interrupted(At::AfterHeaders)?;
        let Behaviour {
            first_event,
            keep_alive,
            ..
        } = self.behaviour;
        if !first_event.is_zero() {
            reply.flush().await?;
            reply.socket.pause(*first_event).await?;
        }
        match keep_alive {
            Some(preamble) => patience(preamble, reply).await,
            None => Ok(()),
        }
    }

    fn interrupted(&self, at: At) -> Result<(), Halt> {
        match self.behaviour.interruption {
            Some(interruption) if interruption.at == at => Err(Halt::Scripted(interruption.how)),
            _ => Ok(()),
        }
    }

    /// The usual headers, but for those that the script sets itself, and the script's.
    fn headers<'b>(&'b self, content_type: &'b str) -> Vec<(&'b str, &'b str)> {
        let scripted = &self.behaviour.headers;
        let set = |name: &str| {
            scripted
                .iter()
                .any(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        let close = self.behaviour.after == After::Close || !self.request.head.keep_alive;
        let (id_name, usual): (_, &[(&str, &str)]) = match self.request.family() {
            Family::OpenAi => ("x-request-id", &OPENAI_HEADERS),
            Family::Anthropic => ("request-id", &ANTHROPIC_HEADERS),
            Family::Google => ("x-scripted-request-id", &GOOGLE_HEADERS),
        };
        let own = [("content-type", content_type), (id_name, self.id.as_str())];
        let own = own.into_iter().chain(usual.iter().copied());
        own.filter(|(name, _)| !set(name))
            .chain(
                scripted
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str())),
            )
            .chain(close.then_some(("connection", "close")))
            .collect()
    }
}

const OPENAI_HEADERS: [(&str, &str); 5] = [
    ("openai-version", "2020-10-01"),
    ("openai-processing-ms", "7"),
    ("x-ratelimit-limit-requests", "10000"),
    ("x-ratelimit-remaining-requests", "9999"),
    ("x-ratelimit-reset-requests", "6ms"),
];

const ANTHROPIC_HEADERS: [(&str, &str); 4] = [
    ("anthropic-organization-id", "scripted-organization"),
    ("anthropic-ratelimit-requests-limit", "4000"),
    ("anthropic-ratelimit-requests-remaining", "3999"),
    ("anthropic-ratelimit-requests-reset", "2026-11-23T00:00:00Z"),
];

const GOOGLE_HEADERS: [(&str, &str); 2] = [
    ("server-timing", "gfet4t7; dur=7"),
    ("vary", "Origin, X-Origin, Referer"),
];

/// Sends signs of life.
async fn patience(preamble: &Preamble, reply: &mut Reply<'_>) -> Result<(), Halt> {
    let sign: &[u8] = match preamble.kind {
        KeepAlive::Comment => b": keep-alive\n\n",
        KeepAlive::Ping => b"event: ping\ndata: {\"type\": \"ping\"}\n\n",
        KeepAlive::BlankLine => b"\n",
    };
    for _ in 0..preamble.count {
        reply.body(sign).await?;
        reply.flush().await?;
        reply.socket.pause(preamble.interval).await?;
    }
    Ok(())
}
