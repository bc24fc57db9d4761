//! What a stream has told so far.

use orchestra_types::Usage;

use super::{chat, gemini, messages, responses};
use crate::error::error_member;
use crate::json::{Raw, Rules, Syntax};
use crate::pieces::Pieces;
use crate::sse::Frame;
use crate::usage::AnthropicCounts;
use crate::{Dialect, JsonKind, UpstreamError, parse_error};

/// The code of the error that stands for an event which is not JSON, or not of its format.
pub const MALFORMED_EVENT: &str = "malformed_event";

/// The state of a sniffer; each dialect's module fills it in from its events.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) content: Pieces,
    pub(super) usage: Option<Usage>,
    pub(super) finish: Option<String>,
    pub(super) error: Option<UpstreamError>,
    pub(super) model: Option<String>,
    pub(super) events: u64,
    pub(super) ended: bool,
    /// The last `sequence_number` of a Responses stream.
    pub(super) sequence: Option<u64>,
    /// How the last event of a Chat stream began, up to the name of its `choices`.
    head: String,
    /// Anthropic reports its counters in parts.
    pub(super) counts: AnthropicCounts,
}

/// Why an event cannot be read.
#[derive(Debug)]
pub(crate) enum Malformed {
    Syntax(Syntax),
    NotUtf8,
    NotAnObject,
}

impl From<Syntax> for Malformed {
    fn from(syntax: Syntax) -> Self {
        Self::Syntax(syntax)
    }
}

/// Reads the data of an event as the object it must be, for the codecs; `event` counts from 1.
///
/// # Errors
/// An error with the code [`MALFORMED_EVENT`].
pub(crate) fn event_object(data: &[u8], event: u64) -> Result<Raw<'_>, UpstreamError> {
    let read = || {
        let text = std::str::from_utf8(data).map_err(|_| Malformed::NotUtf8)?;
        let value = Raw::parse(text.trim_ascii(), Rules::ANSWER)?;
        match value.kind() {
            Some(JsonKind::Object) => Ok(value),
            _ => Err(Malformed::NotAnObject),
        }
    };
    read().map_err(|malformed: Malformed| malformed.as_error(event))
}

impl Seen {
    /// Takes one event. Nothing after the terminal event changes the verdict on the answer.
    pub(super) fn frame(&mut self, dialect: Dialect, frame: Frame<'_>) {
        self.events += 1;
        let data = frame.data.trim_ascii();
        if self.ended || data.is_empty() {
            return;
        }
        if data == b"[DONE]" {
            // In the other formats a compatible server may send it, but it proves nothing.
            self.ended = matches!(dialect, Dialect::OpenAiChat | Dialect::OpenAiCompletions);
            return;
        }
        if let Err(malformed) = self.event(dialect, frame.event, data) {
            self.report(malformed.as_error(self.events));
        }
    }

    fn event(
        &mut self,
        dialect: Dialect,
        name: Option<&[u8]>,
        data: &[u8],
    ) -> Result<(), Malformed> {
        let data = std::str::from_utf8(data).map_err(|_| Malformed::NotUtf8)?;
        let name = name.and_then(|name| std::str::from_utf8(name).ok());
        match dialect {
            // Embeddings have no stream; whoever invents one will write it as the others do.
            Dialect::OpenAiChat | Dialect::OpenAiCompletions | Dialect::OpenAiEmbeddings => {
                chat::event(self, name, data)
            }
            Dialect::OpenAiResponses => responses::event(self, name, data),
            Dialect::AnthropicMessages => messages::event(self, name, data),
            Dialect::Gemini => gemini::event(self, data),
        }
    }

    /// The length of the beginning that `data` shares with the last event, if it shares all of it
    /// and a member's name follows.
    pub(super) fn repeated_head(&self, data: &str) -> Option<usize> {
        let rest = data.strip_prefix(&*self.head)?;
        (!self.head.is_empty() && rest.starts_with('"')).then_some(self.head.len())
    }

    /// Keeps the beginning of an event, up to a member's name. Long ones are not worth it.
    pub(super) fn keep_head(&mut self, head: &str) {
        const LONGEST: usize = 1024;
        self.head.clear();
        if head.len() <= LONGEST {
            self.head.push_str(head);
        }
    }

    /// Keeps the first model named: later events repeat it.
    pub(super) fn note_model(&mut self, model: Option<Raw<'_>>) {
        if self.model.is_none() {
            self.model = model.and_then(Raw::text).map(Into::into);
        }
    }

    /// Keeps the last finish reason that says something: some servers send `""` all along.
    pub(super) fn note_finish(&mut self, finish: Option<Raw<'_>>) {
        if let Some(finish) = finish.and_then(Raw::text).filter(|word| !word.is_empty()) {
            self.finish = Some(finish.into());
        }
    }

    /// Keeps the first error: later ones follow from it.
    pub(super) fn report(&mut self, error: UpstreamError) {
        self.error.get_or_insert(error);
    }

    /// Reports the value of an `error` member, if it is one.
    pub(super) fn report_member(&mut self, error: Option<Raw<'_>>) {
        if let Some(error) = error.and_then(error_member) {
            self.report(error);
        }
    }

    /// Reports an event that is an error as a whole.
    pub(super) fn report_event(&mut self, data: &str) {
        let error = parse_error(data.as_bytes()).unwrap_or_else(|| UpstreamError {
            message: "the provider ended the stream with an error that says nothing".into(),
            ..UpstreamError::default()
        });
        self.report(error);
    }
}

impl Malformed {
    /// The error that stands for the event of this number, counted from 1.
    pub(crate) fn as_error(&self, event: u64) -> UpstreamError {
        let message = match self {
            Self::Syntax(syntax) => format!(
                "event {event} of the stream is not valid JSON at byte {}: {}",
                syntax.offset, syntax.problem
            ),
            Self::NotUtf8 => format!("event {event} of the stream is not UTF-8"),
            Self::NotAnObject => format!("event {event} of the stream is not a JSON object"),
        };
        UpstreamError {
            kind: None,
            code: Some(MALFORMED_EVENT.into()),
            message,
            retry_after: None,
        }
    }
}
