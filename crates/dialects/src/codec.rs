//! What a dialect can do: read and write requests, answers and streams.

use std::fmt;

use crate::canonical::{Answer, Request};
use crate::{
    AnswerError, BodyError, Dialect, EndRule, ErrorView, Frame, Losses, Profile, StreamEnd,
    StreamEvent, anthropic_messages, gemini, openai_chat, openai_responses,
};

/// Reads and writes one dialect. All functions are pure.
pub trait Codec: fmt::Debug + Send + Sync {
    /// Reads a request.
    ///
    /// Gemini's requests hold neither the model nor whether a stream is wanted: both stand in the path, and
    /// the caller fills them in.
    ///
    /// # Errors
    /// [`BodyError`] names the path of what cannot be read. Parts and tools of unknown kinds
    /// are no error: they are kept as opaque.
    fn decode_request(&self, body: &str) -> Result<Request, BodyError>;

    /// Writes a request, and into `losses` everything that the dialect or the target has no place for.
    ///
    /// # Errors
    /// [`Inexpressible`] if what would be lost changes the meaning of the call, so that no answer
    /// to what is left would be an answer to it.
    fn encode_request(
        &self,
        request: &Request,
        target: &Target<'_>,
        losses: &mut Losses,
    ) -> Result<String, Inexpressible>;

    /// Reads an answer in one piece.
    ///
    /// # Errors
    /// [`AnswerError`] if it is none, or an error in the disguise of one.
    fn decode_answer(&self, body: &str) -> Result<Answer, AnswerError>;

    /// Writes an answer in one piece, as the answer to `context.request`.
    fn encode_answer(
        &self,
        answer: &Answer,
        context: &AnswerContext<'_>,
        losses: &mut Losses,
    ) -> String;

    /// Reads a stream from its start.
    fn stream_decoder(&self) -> Box<dyn StreamDecode>;

    /// Writes a stream from its start, as the answer to `context.request`.
    fn stream_encoder(&self, context: &AnswerContext<'_>) -> Box<dyn StreamEncode>;
}

/// Reads a provider's stream. What it makes of it obeys the laws of [`StreamEvent`].
pub trait StreamDecode: fmt::Debug + Send {
    /// Reads one frame into any number of events. Frames behind a terminal event say nothing.
    fn frame(&mut self, frame: Frame<'_>, events: &mut Vec<StreamEvent>);

    /// Judges the stream once no more frames come. Where `rule` lets a finish reason stand for a missing
    /// terminal event, the events that it implies are added; a cut stream gets none.
    fn end(&mut self, rule: EndRule, events: &mut Vec<StreamEvent>) -> StreamEnd;
}

/// Writes a stream for a client, as server-sent events.
pub trait StreamEncode: fmt::Debug + Send {
    /// Adds what the client is to be told of `event` behind `out`: whole server-sent events.
    /// [`StreamEvent::Fault`] says nothing here: how an error is worded is decided above, see
    /// [`StreamEncode::fault`].
    fn event(&mut self, event: &StreamEvent, out: &mut String, losses: &mut Losses);

    /// Adds the dialect's own error event at this point of the stream. Nothing follows it.
    fn fault(&mut self, view: &ErrorView<'_>, out: &mut String);
}

/// Where an encoded request goes.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The model's name there.
    pub model: &'a str,
    /// What the target can do of its dialect.
    pub profile: &'a Profile,
}

/// What an answer is an answer to.
#[derive(Clone, Copy, Debug)]
pub struct AnswerContext<'a> {
    /// A unique text of letters and digits, from which the ids of the answer are made.
    pub id: &'a str,
    /// The time, in seconds since 1970, for answers that do not say when they were made.
    pub created: u64,
    /// The request.
    pub request: &'a Request,
    /// The request as the client wrote it: valid JSON. Responses repeat parts of it.
    pub body: &'a str,
}

/// A request that a target cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` {problem}")]
pub struct Inexpressible {
    /// The field at fault, in the client's terms.
    pub path: String,
    /// Why it cannot be sent and what to do, as the rest of a sentence that begins with the path.
    pub problem: String,
    /// A stable word for programs.
    pub code: &'static str,
}

impl Inexpressible {
    /// The usual kind.
    #[must_use]
    pub fn new(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            problem: problem.into(),
            code: "unsupported_by_target",
        }
    }
}

impl Dialect {
    /// What reads and writes conversations in this dialect; `None` for dialects of other calls.
    #[must_use]
    pub fn codec(self) -> Option<&'static dyn Codec> {
        match self {
            Self::OpenAiChat => Some(&openai_chat::OpenAiChat),
            Self::OpenAiResponses => Some(&openai_responses::OpenAiResponses),
            Self::AnthropicMessages => Some(&anthropic_messages::AnthropicMessages),
            Self::Gemini => Some(&gemini::Gemini),
            Self::OpenAiCompletions | Self::OpenAiEmbeddings => None,
        }
    }
}
