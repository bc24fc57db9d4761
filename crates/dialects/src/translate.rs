//! From one dialect to another: a request on its way to a provider, an answer or a stream on its
//! way back.

use std::borrow::Cow;

use orchestra_types::Usage;

use crate::canonical::{Answer, Finish, Part, PartBody, Renamed, Request};
use crate::codec::{AnswerContext, Codec, Inexpressible, StreamDecode, StreamEncode, Target};
use crate::event::StreamEvent;
use crate::sse::{Next, SseError, SseReader};
use crate::{BodyError, Dialect, EndRule, ErrorView, Loss, Losses, StreamEnd, UpstreamError};

/// A request that cannot be translated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TranslateError {
    /// It cannot be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The target cannot be asked this.
    #[error(transparent)]
    Inexpressible(#[from] Inexpressible),
    /// The dialect has no conversations (embeddings, old completions).
    #[error("{} cannot be translated", .0.name())]
    NoConversation(Dialect),
}

/// Reads a request in the dialect `from` and checks what must hold in every dialect.
///
/// # Errors
/// [`TranslateError::Body`] names the path of what is wrong.
pub fn decode_request(from: Dialect, body: &str) -> Result<Request, TranslateError> {
    let codec = from.codec().ok_or(TranslateError::NoConversation(from))?;
    let request = codec.decode_request(body)?;
    request.check()?;
    Ok(request)
}

/// Writes a request in the dialect `to`, with what that loses.
///
/// # Errors
/// [`TranslateError::Inexpressible`] if what would be lost changes the meaning of the call.
pub fn encode_request(
    request: &Request,
    to: Dialect,
    target: &Target<'_>,
) -> Result<(String, Vec<Loss>), TranslateError> {
    let codec = to.codec().ok_or(TranslateError::NoConversation(to))?;
    let mut losses = Losses::new(request.origin, to);
    let body = codec.encode_request(request, target, &mut losses)?;
    Ok((body, losses.into_list()))
}

/// Writes an answer in the dialect of the request that it answers, with what that loses.
///
/// `from` is the dialect in which the answer came. The text is empty if the request's dialect has no
/// conversations, which [`decode_request`] rules out.
#[must_use]
pub fn encode_answer(
    answer: &Answer,
    from: Dialect,
    context: &AnswerContext<'_>,
) -> (String, Vec<Loss>) {
    let to = context.request.origin;
    let mut losses = Losses::new(from, to);
    let answer = with_the_clients_names(answer, context.request);
    let body = to
        .codec()
        .map(|codec| codec.encode_answer(&answer, context, &mut losses));
    (body.unwrap_or_default(), losses.into_list())
}

/// The answer with tools named as the client named them, where a target needed other names.
fn with_the_clients_names<'a>(answer: &'a Answer, request: &Request) -> Cow<'a, Answer> {
    let renamed = request.renamed_tools();
    let mut answer = Cow::Borrowed(answer);
    if !renamed.is_empty() {
        let choices = &mut answer.to_mut().choices;
        let parts = choices.iter_mut().flat_map(|choice| &mut choice.parts);
        parts.for_each(|part| renamed.restore(part));
    }
    answer
}

/// Reads a stream of one dialect and writes it in another, and tells meanwhile what a
/// [`StreamSniffer`](crate::StreamSniffer) tells of a stream that is forwarded untouched.
#[derive(Debug)]
pub struct StreamTranslator {
    reader: SseReader,
    decoder: Box<dyn StreamDecode>,
    encoder: Box<dyn StreamEncode>,
    losses: Losses,
    renamed: Renamed,
    /// Kept for its room.
    events: Vec<StreamEvent>,
    content: bool,
    usage: Option<Usage>,
    finish: Option<Finish>,
    model: Option<String>,
    error: Option<UpstreamError>,
    ended: bool,
}

impl StreamTranslator {
    /// A translator at the start of a stream that comes in the dialect `from`, for the client whose
    /// request is `context.request`. No frame may be longer than `max_frame_bytes`. `None` if one of the dialects
    /// has no conversations.
    #[must_use]
    pub fn new(from: Dialect, context: &AnswerContext<'_>, max_frame_bytes: usize) -> Option<Self> {
        let to = context.request.origin;
        let decoder: &dyn Codec = from.codec()?;
        let encoder: &dyn Codec = to.codec()?;
        Some(Self {
            reader: SseReader::new(max_frame_bytes),
            decoder: decoder.stream_decoder(),
            encoder: encoder.stream_encoder(context),
            losses: Losses::new(from, to),
            renamed: context.request.renamed_tools(),
            events: Vec::new(),
            content: false,
            usage: None,
            finish: None,
            model: None,
            error: None,
            ended: false,
        })
    }

    /// Takes the next chunk, however it is cut, and adds what the client is to be told behind `out`. What is
    /// added are always whole events. Nothing is read behind the end or an error.
    ///
    /// # Errors
    /// [`SseError`] if the stream cannot be read on.
    pub fn feed(&mut self, chunk: &[u8], out: &mut String) -> Result<(), SseError> {
        if self.ended || self.error.is_some() {
            return Ok(());
        }
        let Self {
            reader,
            decoder,
            events,
            ..
        } = self;
        let fed = reader.feed_until(chunk, |frame| {
            decoder.frame(frame, events);
            match events.last() {
                Some(StreamEvent::End | StreamEvent::Fault(_)) => Next::StopBehind,
                _ => Next::GoOn,
            }
        });
        self.pass_on(out);
        fed.map(drop)
    }

    /// Judges the stream, once no more bytes will come, and adds what that implies behind `out`.
    #[must_use]
    pub fn end(&mut self, rule: EndRule, out: &mut String) -> StreamEnd {
        if self.error.is_some() {
            return StreamEnd::Failed;
        }
        if self.ended {
            return StreamEnd::Complete;
        }
        let end = self.decoder.end(rule, &mut self.events);
        self.pass_on(out);
        end
    }

    /// Adds the client's error event behind `out`. Nothing may follow it.
    pub fn fault(&mut self, view: &ErrorView<'_>, out: &mut String) {
        self.encoder.fault(view, out);
    }

    /// Whether a piece of the answer itself has come; see
    /// [`StreamSniffer::content`](crate::StreamSniffer::content).
    #[must_use]
    pub const fn content(&self) -> bool {
        self.content
    }

    /// The tokens as last reported.
    #[must_use]
    pub const fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// Why the model stopped; of several choices, the last that did.
    #[must_use]
    pub const fn finish(&self) -> Option<&Finish> {
        self.finish.as_ref()
    }

    /// The model that the provider says it runs.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// The error that ended the stream.
    #[must_use]
    pub const fn error(&self) -> Option<&UpstreamError> {
        self.error.as_ref()
    }

    /// Whether the provider ended its stream properly.
    #[must_use]
    pub const fn ended(&self) -> bool {
        self.ended
    }

    /// What the client's dialect could not say so far.
    #[must_use]
    pub const fn losses(&self) -> &Losses {
        &self.losses
    }

    fn pass_on(&mut self, out: &mut String) {
        let mut events = std::mem::take(&mut self.events);
        for mut event in events.drain(..) {
            if let StreamEvent::PartStart { content, .. } = &mut event {
                self.renamed.restore(content);
            }
            self.note(&event);
            self.encoder.event(&event, out, &mut self.losses);
        }
        self.events = events;
    }

    fn note(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::Start { model, .. } if !model.is_empty() => {
                self.model = Some(model.clone());
            }
            StreamEvent::PartStart { content, .. } => self.content |= says_something(content),
            StreamEvent::PartDelta { .. } => self.content = true,
            StreamEvent::Usage(usage) => self.usage = Some(*usage),
            StreamEvent::Finish { reason, .. } => self.finish = Some(reason.clone()),
            StreamEvent::End => self.ended = true,
            StreamEvent::Fault(error) => self.error = Some(error.clone()),
            StreamEvent::Start { .. }
            | StreamEvent::PartStop { .. }
            | StreamEvent::Logprobs { .. }
            | StreamEvent::ServiceTier(_)
            | StreamEvent::Ping
            | StreamEvent::Opaque { .. } => {}
        }
    }
}

/// Whether a part that begins tells the client something at once. Text and thoughts begin empty; a call of a tool
/// tells what it is from the start.
fn says_something(part: &Part) -> bool {
    match &part.body {
        PartBody::Text { text, .. } | PartBody::Refusal { text } => !text.is_empty(),
        PartBody::Reasoning(thoughts) => thoughts.texts.iter().any(|text| !text.is_empty()),
        _ => true,
    }
}
