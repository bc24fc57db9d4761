//! Reads along with a stream or an answer that is forwarded untouched: usage, finish, errors.

mod answer;
mod chat;
mod gemini;
mod messages;
mod responses;
mod seen;

use orchestra_types::Usage;

use crate::pieces::Pieces;
use crate::sse::{Next, SseError, SseReader};
use crate::{Dialect, Endpoint, ErrorView, Family, UpstreamError, json_string, render_error};
use seen::Seen;

pub use answer::{AnswerError, AnswerSeen, sniff_answer};
pub(crate) use answer::{answer_object, malformed};
pub use chat::without_usage_chunk;
pub(crate) use responses::error_event as responses_error_event;
pub use seen::MALFORMED_EVENT;
pub(crate) use seen::{Malformed, event_object};

/// Reads along with one stream of a provider.
///
/// Every event is validated as JSON and only the members that say something here are read; the
/// text of the answer is never decoded.
#[derive(Debug)]
pub struct StreamSniffer {
    dialect: Dialect,
    reader: SseReader,
    seen: Seen,
}

/// What a provider must have sent for its stream to count as whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndRule {
    /// The terminal event of the format.
    Marker,
    /// A finish reason is enough, for servers that leave the terminal event out. Only fit for
    /// streams whose connection was closed in good order.
    FinishReason,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// The provider finished its answer.
    Complete,
    /// The provider reported an error, or sent something that is no event of the format.
    Failed,
    /// It stopped in between.
    Truncated,
}

impl StreamSniffer {
    /// A sniffer at the start of a stream that answers a call to `endpoint`.
    #[must_use]
    pub fn new(endpoint: Endpoint, max_frame_bytes: usize) -> Self {
        Self {
            dialect: endpoint.dialect(),
            reader: SseReader::new(max_frame_bytes),
            seen: Seen::default(),
        }
    }

    /// The same, with the pieces of the answer counted up to this number.
    #[must_use]
    pub fn counting(mut self, pieces: u32) -> Self {
        self.seen.content = Pieces::up_to(pieces);
        self
    }

    /// Takes the next chunk, however it is cut; returns how many of its bytes, from its start,
    /// belong to complete frames (see [`SseReader::feed`]).
    ///
    /// An error ends the reading: an event that reports one is the last that counts as complete,
    /// an event that cannot be read does not count any more, and nothing behind it is looked at.
    ///
    /// # Errors
    /// [`SseError`] if the stream cannot be read on.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<usize, SseError> {
        let Self {
            dialect,
            reader,
            seen,
        } = self;
        if seen.error.is_some() {
            return Ok(reader.trailing_line_feed(chunk));
        }
        reader.feed_until(chunk, |frame| {
            seen.frame(*dialect, frame);
            match &seen.error {
                None => Next::GoOn,
                Some(error) if error.code.as_deref() == Some(MALFORMED_EVENT) => Next::StopBefore,
                Some(_) => Next::StopBehind,
            }
        })
    }

    /// Whether a piece of the answer itself has come: text, reasoning, a refusal, a tool call,
    /// audio. Until then the call can go to another provider unnoticed.
    #[must_use]
    pub const fn content(&self) -> bool {
        self.pieces() > 0
    }

    /// How many such pieces have come, counted up to one, or as [`StreamSniffer::counting`] said. Providers send at least one
    /// token in each.
    #[must_use]
    pub const fn pieces(&self) -> u32 {
        self.seen.content.come()
    }

    /// The tokens as last reported.
    #[must_use]
    pub const fn usage(&self) -> Option<Usage> {
        self.seen.usage
    }

    /// Why the model stopped, in the vendor's own word.
    #[must_use]
    pub fn finish(&self) -> Option<&str> {
        self.seen.finish.as_deref()
    }

    /// The first error in the stream. An event that cannot be read has the code
    /// [`MALFORMED_EVENT`].
    #[must_use]
    pub const fn error(&self) -> Option<&UpstreamError> {
        self.seen.error.as_ref()
    }

    /// The model that the provider says it runs.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.seen.model.as_deref()
    }

    /// How many events have come, whatever they say.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.seen.events
    }

    /// Whether the terminal event of the format has come.
    #[must_use]
    pub const fn ended(&self) -> bool {
        self.seen.ended
    }

    /// Judges the stream, once no more bytes will come.
    #[must_use]
    pub const fn end(&self, rule: EndRule) -> StreamEnd {
        let finished = match rule {
            EndRule::Marker => self.seen.ended,
            EndRule::FinishReason => self.seen.ended || self.seen.finish.is_some(),
        };
        match (self.seen.error.is_some(), finished) {
            (true, _) => StreamEnd::Failed,
            (false, true) => StreamEnd::Complete,
            (false, false) => StreamEnd::Truncated,
        }
    }

    /// The event that tells the client of an error at this point of the stream, ready to be sent
    /// after the last complete frame.
    #[must_use]
    pub fn error_event(&self, view: &ErrorView<'_>) -> String {
        match (self.dialect, self.dialect.family()) {
            (Dialect::OpenAiResponses, _) => {
                let number = self.seen.sequence.map_or(0, |last| last.saturating_add(1));
                responses::error_event(view, number)
            }
            (_, family @ (Family::OpenAi | Family::Google)) => {
                format!("data: {}\n\n", render_error(family, view))
            }
            (_, Family::Anthropic) => format!(
                "event: error\ndata: {}\n\n",
                render_error(Family::Anthropic, view)
            ),
        }
    }
}

/// `null` or a JSON string.
fn json_option(text: Option<&str>) -> String {
    text.map_or_else(|| "null".to_owned(), json_string)
}
