//! From one dialect to another: a stream on its way back from a provider.

use orchestra_types::Usage;

use crate::canonical::{Finish, Part, PartBody, Renamed};
use crate::codec::{AnswerContext, Codec, StreamDecode, StreamEncode};
use crate::continuation::Told;
use crate::event::StreamEvent;
use crate::pieces::Pieces;
use crate::sse::{Next, SseError, SseReader};
use crate::{Dialect, EndRule, ErrorView, Losses, StreamEnd, UpstreamError};

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
    /// What another stream may go on from, if that is wanted.
    told: Option<Told>,
    /// What the streams took that the present one goes on from.
    spent: Option<Usage>,
    content: Pieces,
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
            told: None,
            spent: None,
            content: Pieces::default(),
            usage: None,
            finish: None,
            model: None,
            error: None,
            ended: false,
        })
    }

    /// The same, with the text of the answer kept so that another stream may go on with it, as long as it is not longer than
    /// `limit` bytes.
    #[must_use]
    pub fn remembering(self, limit: usize) -> Self {
        Self {
            told: Some(Told::new(limit)),
            ..self
        }
    }

    /// The same, with the pieces of the answer counted up to this number.
    #[must_use]
    pub const fn counting(mut self, pieces: u32) -> Self {
        self.content = Pieces::up_to(pieces);
        self
    }

    /// The text of the answer so far, if another stream may go on from it here: nothing else has been told of the answer, and
    /// its text is not over. Empty if nothing has been told of it at all.
    #[must_use]
    pub fn told(&self) -> Option<&str> {
        self.told.as_ref()?.text()
    }

    /// Leaves the stream, of which no more is read, for another in the dialect `from`, which goes on from what
    /// [`StreamTranslator::told`] says. `repeats` says whether it begins with a repetition of that. To the client it is all one
    /// stream. No frame may be longer than `max_frame_bytes`. `false`, and nothing changes, if that cannot be.
    pub fn go_on(&mut self, from: Dialect, repeats: bool, max_frame_bytes: usize) -> bool {
        let (Some(codec), Some(told)) = (from.codec(), &mut self.told) else {
            return false;
        };
        if told.text().is_none() {
            return false;
        }
        told.join(repeats);
        self.reader = SseReader::new(max_frame_bytes);
        self.decoder = codec.stream_decoder();
        self.losses.now_from(from);
        self.spent = self.usage;
        (self.error, self.finish) = (None, None);
        true
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
        self.pieces() > 0
    }

    /// How many such pieces have come; see [`StreamSniffer::pieces`](crate::StreamSniffer::pieces).
    #[must_use]
    pub const fn pieces(&self) -> u32 {
        self.content.come()
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
        if let Some(told) = &mut self.told {
            let mut shown = Vec::with_capacity(events.len());
            let read = events.drain(..);
            read.for_each(|event| told.take(event, &mut shown));
            events = shown;
        }
        for mut event in events.drain(..) {
            if let (StreamEvent::Usage(usage), Some(spent)) = (&mut event, self.spent) {
                *usage += spent;
            }
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
            StreamEvent::PartStart { content, .. } => self.content.note(says_something(content)),
            StreamEvent::PartDelta { .. } => self.content.note(true),
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
