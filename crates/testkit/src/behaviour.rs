//! What the upstream does with one request: what it says, when, and how it goes wrong.
//!
//! Only data and its builder; `play` acts it out.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::{Deserialize, Deserializer};

use crate::agent::Agent;

/// What the upstream does with one request.
///
/// Starts from what is said ([`answer`](Self::answer), [`error`](Self::error), [`raw`](Self::raw),
/// [`sse`](Self::sse), …); the other methods add when it is said and what goes wrong. A request
/// for an unknown path is answered by the echo endpoint wherever an answer is called for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    pub(crate) reply: Reply,
    pub(crate) headers: Vec<(String, String)>,
    #[serde(rename = "delay_ms", deserialize_with = "millis")]
    pub(crate) delay: Duration,
    #[serde(rename = "first_event_ms", deserialize_with = "millis")]
    pub(crate) first_event: Duration,
    #[serde(rename = "gap_ms", deserialize_with = "millis")]
    pub(crate) gap: Duration,
    #[serde(rename = "drip_ms", deserialize_with = "millis")]
    pub(crate) drip: Duration,
    pub(crate) keep_alive: Option<Preamble>,
    pub(crate) coalesce: bool,
    pub(crate) length_error: i64,
    pub(crate) interruption: Option<Interruption>,
    pub(crate) spoil: Option<Spoil>,
    pub(crate) after: After,
}

/// What is said.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    /// Generated in the caller's dialect
    Answer(Answer),
    /// An agent's model, which calls tools and is strict
    Agent(Agent),
    /// An error in the caller's dialect
    Error(ErrorReply),
    /// A body given by the script
    Raw(RawReply),
    /// A recorded event stream given by the script
    Sse(#[serde(deserialize_with = "text")] Bytes),
    /// Bytes in place of HTTP
    Garbage(#[serde(deserialize_with = "text")] Bytes),
}

impl Default for Reply {
    fn default() -> Self {
        Self::Answer(Answer::default())
    }
}

/// How an answer is generated.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Answer {
    pub(crate) text: Option<String>,
    pub(crate) quote: bool,
    pub(crate) goes_on: bool,
    pub(crate) chunks: Option<usize>,
    pub(crate) chunk_text: Option<String>,
    pub(crate) size: Option<usize>,
    pub(crate) finish: Finish,
    pub(crate) usage: Option<TokenCounts>,
}

/// An error in the caller's dialect.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErrorReply {
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) code: Option<String>,
    #[serde(default)]
    pub(crate) message: Option<String>,
}

/// A body given by the script.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawReply {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) body: Bytes,
}

/// Why a generated text ends. A generated tool call always ends as a tool call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// All was said.
    #[default]
    Stop,
    /// The token limit was reached.
    Length,
    /// A content filter stepped in (Anthropic: a refusal).
    Filtered,
}

/// Token counts as OpenAI counts them: `input` includes `cached` and `cache_write`, `output`
/// includes `reasoning`. Anthropic answers subtract where Anthropic does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenCounts {
    /// Everything read
    pub input: u64,
    /// The part of `input` that came from the prompt cache
    pub cached: u64,
    /// The part of `input` that was written to the prompt cache
    pub cache_write: u64,
    /// Everything generated
    pub output: u64,
    /// The part of `output` that was reasoning
    pub reasoning: u64,
}

/// A moment in a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum At {
    /// Before the first byte
    BeforeHeaders,
    /// With the headers sent and nothing of the body
    AfterHeaders,
    /// After this many events; in a reply without events, half-way through its body
    AfterEvents(u32),
    /// After exactly this many bytes of the body, chunk framing not counted. A reply that is
    /// shorter is not disturbed.
    AfterBytes(u64),
}

/// How a reply is interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Nothing more is said until the client leaves.
    Hang,
    /// The connection is closed in an orderly way (FIN).
    Close,
    /// The connection is reset (RST). Bytes still on their way may be lost.
    Reset,
    /// A chunked body is ended as if it were whole; any other reply as by [`How::Close`].
    End,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Interruption {
    pub(crate) at: At,
    pub(crate) how: How,
}

/// What is wrong with the contents of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Spoil {
    MalformedJson { after_events: u32 },
    InvalidUtf8 { after_events: u32 },
    ErrorEvent { after_events: u32 },
    HugeEvent { bytes: usize },
    NoTerminal,
    Endless,
}

/// What a provider sends to keep a waiting client patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeepAlive {
    /// `: keep-alive` comments
    Comment,
    /// `event: ping` events, as Anthropic sends them
    Ping,
    /// Blank lines, which are legal before JSON as well
    BlankLine,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Preamble {
    pub(crate) kind: KeepAlive,
    pub(crate) count: u32,
    #[serde(default, rename = "interval_ms", deserialize_with = "millis")]
    pub(crate) interval: Duration,
}

/// What becomes of the connection after a complete reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum After {
    /// It waits for the next request.
    #[default]
    Keep,
    /// `Connection: close` is sent, and it is closed.
    Close,
    /// It is closed without having been announced: the client's pool holds a stale connection.
    CloseSilently,
    /// It is closed when it has been idle for this long.
    CloseWhenIdle(
        /// In scripts a number of milliseconds
        #[serde(deserialize_with = "millis")]
        Duration,
    ),
}

/// What is said.
impl Behaviour {
    /// A generated answer in the caller's dialect, streamed if the caller asks for a stream.
    ///
    /// With tools in the request and the user's turn last it is a call of the first function
    /// tool; after a tool's result, a text that quotes the result; else a fixed short text.
    #[must_use]
    pub fn answer() -> Self {
        Self::default()
    }

    /// A generated answer with this text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::answering(Answer {
            text: Some(text.into()),
            ..Answer::default()
        })
    }

    /// A generated answer that quotes the text of the last turn, so that answers given to
    /// different requests differ.
    #[must_use]
    pub fn quote() -> Self {
        Self::answering(Answer {
            quote: true,
            ..Answer::default()
        })
    }

    /// An agent's model, which calls tools, reads their results and refuses what its vendor
    /// would refuse.
    #[must_use]
    pub fn agent(agent: Agent) -> Self {
        Self::replying(Reply::Agent(agent))
    }

    /// An error with this status in the caller's dialect.
    #[must_use]
    pub fn error(status: u16) -> Self {
        Self::replying(Reply::Error(ErrorReply {
            status,
            code: None,
            message: None,
        }))
    }

    /// An error with this status, machine-readable code and message in the caller's dialect.
    #[must_use]
    pub fn error_with(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        let (code, message) = (Some(code.into()), Some(message.into()));
        Self::replying(Reply::Error(ErrorReply {
            status,
            code,
            message,
        }))
    }

    /// This body, whatever was asked.
    #[must_use]
    pub fn raw(status: u16, content_type: impl Into<String>, body: impl Into<Bytes>) -> Self {
        let (content_type, body) = (content_type.into(), body.into());
        Self::replying(Reply::Raw(RawReply {
            status,
            content_type,
            body,
        }))
    }

    /// A JSON body, whatever was asked.
    #[must_use]
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Self::raw(status, "application/json", body)
    }

    /// A page as a proxy in front of a provider would send it.
    #[must_use]
    pub fn html(status: u16, body: impl Into<Bytes>) -> Self {
        Self::raw(status, "text/html; charset=utf-8", body)
    }

    /// A recorded event stream, sent event by event and byte for byte.
    #[must_use]
    pub fn sse(stream: impl Into<Bytes>) -> Self {
        Self::replying(Reply::Sse(stream.into()))
    }

    /// A 302 to this location.
    #[must_use]
    pub fn redirect(location: impl Into<String>) -> Self {
        Self::raw(302, "text/plain", Bytes::new()).header("location", location)
    }

    /// These bytes in place of an HTTP response, and the connection closed.
    #[must_use]
    pub fn garbage(bytes: impl Into<Bytes>) -> Self {
        Self::replying(Reply::Garbage(bytes.into()))
    }

    /// Silence, until the client leaves.
    #[must_use]
    pub fn hang() -> Self {
        Self::answer().interrupt(At::BeforeHeaders, How::Hang)
    }

    fn answering(answer: Answer) -> Self {
        Self::replying(Reply::Answer(answer))
    }

    fn replying(reply: Reply) -> Self {
        Self {
            reply,
            ..Self::default()
        }
    }
}

/// How it is said. Settings of a generated answer have no effect on other replies.
impl Behaviour {
    /// Generates this many pieces (at most 100,000), each of them one event and one token.
    #[must_use]
    pub fn chunks(self, count: usize) -> Self {
        self.adjust(|answer| answer.chunks = Some(count))
    }

    /// The text of every piece that [`chunks`](Self::chunks) generates; default ` token1`, ` token2`, ….
    #[must_use]
    pub fn chunk_text(self, text: impl Into<String>) -> Self {
        self.adjust(|answer| answer.chunk_text = Some(text.into()))
    }

    /// Generates a text of this many bytes (at most 16 MiB), in as many pieces as it has words
    /// or as [`chunks`](Self::chunks) says.
    #[must_use]
    pub fn size(self, bytes: usize) -> Self {
        self.adjust(|answer| answer.size = Some(bytes))
    }

    /// Says only the rest of a [`text`](Self::text) to whoever hands its beginning back as the assistant's last turn.
    #[must_use]
    pub fn goes_on(self) -> Self {
        self.adjust(|answer| answer.goes_on = true)
    }

    /// Why the generated text ends.
    #[must_use]
    pub fn finish(self, finish: Finish) -> Self {
        self.adjust(|answer| answer.finish = finish)
    }

    /// The token counts to report, in place of those derived from request and answer.
    #[must_use]
    pub fn usage(self, usage: TokenCounts) -> Self {
        self.adjust(|answer| answer.usage = Some(usage))
    }

    /// Adds a response header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds `Retry-After` in seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header("retry-after", seconds.to_string())
    }

    /// Adds `Retry-After` as an HTTP date, which has a resolution of one second.
    #[must_use]
    pub fn retry_at(self, time: SystemTime) -> Self {
        self.header("retry-after", httpdate::fmt_http_date(time))
    }

    /// Waits before the headers.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Waits between the headers and the first event (or the body).
    #[must_use]
    pub fn first_event_after(mut self, delay: Duration) -> Self {
        self.first_event = delay;
        self
    }

    /// Waits between events.
    #[must_use]
    pub fn gap(mut self, gap: Duration) -> Self {
        self.gap = gap;
        self
    }

    /// Sends the body one byte at a time, with this pause after each.
    #[must_use]
    pub fn drip(mut self, interval: Duration) -> Self {
        self.drip = interval;
        self
    }

    /// Sends `count` signs of life before the answer, with this pause after each.
    #[must_use]
    pub fn keep_alive(mut self, kind: KeepAlive, count: u32, interval: Duration) -> Self {
        self.keep_alive = Some(Preamble {
            kind,
            count,
            interval,
        });
        self
    }

    /// Sends all events of a stream in one write (each still in a chunk of its own). Nothing is
    /// held back across a wait, so this is of use without [`gap`](Self::gap) only.
    #[must_use]
    pub fn coalesce(mut self) -> Self {
        self.coalesce = true;
        self
    }

    /// What becomes of the connection after the reply.
    #[must_use]
    pub fn after(mut self, after: After) -> Self {
        self.after = after;
        self
    }

    fn adjust(mut self, change: impl FnOnce(&mut Answer)) -> Self {
        if let Reply::Answer(answer) = &mut self.reply {
            change(answer);
        }
        self
    }
}

/// What goes wrong. Faults that name events leave replies without events alone, but for
/// malformed JSON and invalid UTF-8, which spoil a JSON body too.
impl Behaviour {
    /// Interrupts the reply.
    #[must_use]
    pub fn interrupt(mut self, at: At, how: How) -> Self {
        self.interruption = Some(Interruption { at, how });
        self
    }

    /// Declares a `Content-Length` that is wrong by this many bytes, and closes the connection
    /// after the body. Has no effect on streams.
    #[must_use]
    pub fn misstate_length(mut self, by: i64) -> Self {
        self.length_error = by;
        self
    }

    /// Inserts an event with broken JSON after this many events.
    #[must_use]
    pub fn malformed_json(self, after_events: u32) -> Self {
        self.spoil(Spoil::MalformedJson { after_events })
    }

    /// Inserts an event that is not UTF-8 after this many events.
    #[must_use]
    pub fn invalid_utf8(self, after_events: u32) -> Self {
        self.spoil(Spoil::InvalidUtf8 { after_events })
    }

    /// Ends the stream after this many events with the dialect's error event.
    #[must_use]
    pub fn error_event(self, after_events: u32) -> Self {
        self.spoil(Spoil::ErrorEvent { after_events })
    }

    /// Puts a piece of this many bytes (at most 256 MiB) before the content of a stream: one event,
    /// legal but for its size.
    #[must_use]
    pub fn huge_event(self, bytes: usize) -> Self {
        self.spoil(Spoil::HugeEvent { bytes })
    }

    /// Ends the stream in an orderly way right after its last piece of content: no finish
    /// reason, no usage, no terminal event.
    #[must_use]
    pub fn no_terminal(self) -> Self {
        self.spoil(Spoil::NoTerminal)
    }

    /// Repeats the content of a generated stream until the client leaves.
    #[must_use]
    pub fn endless(self) -> Self {
        self.spoil(Spoil::Endless)
    }

    pub(crate) fn spoil(mut self, spoil: Spoil) -> Self {
        self.spoil = Some(spoil);
        self
    }
}

fn millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    String::deserialize(deserializer).map(Bytes::from)
}
