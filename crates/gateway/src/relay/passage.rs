//! How an upstream's events get to the client: as they came, or written anew in the client's dialect.

use std::fmt;

use bytes::{Bytes, BytesMut};
use orchestra_dialects::canonical::Finish;
use orchestra_dialects::{
    EndRule, ErrorView, Loss, SseError, StreamEnd, StreamSniffer, StreamTranslator, UpstreamError,
    without_usage_chunk,
};
use orchestra_types::Usage;

use super::gathered::Gathered;
use crate::attempt::Resumed;
use crate::fault::GAVE_KEY_AWAY;
use crate::keys::{Access, KeyWatch};

/// A stream that cannot be followed any further.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error(transparent)]
    Frame(#[from] SseError),
    #[error("{0}")]
    Event(String),
}

/// What the events of a stream said so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    /// How many pieces of the answer itself have come, as far as somebody wants to know.
    pub(crate) pieces: u32,
    /// Whether the provider has ended its stream properly.
    pub(crate) ended: bool,
    pub(crate) error: Option<&'a UpstreamError>,
    pub(crate) usage: Option<Usage>,
    pub(crate) finish: Option<&'a str>,
}

/// The way of a stream's events to the client.
pub(crate) trait Passage: fmt::Debug + Send {
    /// Takes the next chunk, however it is cut, and adds what the client gets of it: whole events only, and
    /// nothing behind an error.
    fn take(&mut self, chunk: Bytes, out: &mut Gathered) -> Result<(), Unreadable>;

    /// Judges the stream once no more chunks come, and adds what that implies.
    fn end(&mut self, rule: EndRule, out: &mut Gathered) -> StreamEnd;

    /// What the events said so far.
    fn seen(&self) -> Seen<'_>;

    /// Whether an error event of the upstream is among what the client gets.
    fn passes_errors_on(&self) -> bool;

    /// The event that tells the client of an error at this point.
    fn error_event(&mut self, view: &ErrorView<'_>) -> String;

    /// What the client's dialect could not say.
    fn losses(&self) -> &[Loss];

    /// The text of the answer so far, if another stream may go on from it.
    fn told(&self) -> Option<&str> {
        None
    }

    /// Leaves the stream for another one that goes on from what was told. `false` if that cannot be.
    fn go_on(&mut self, _: &Resumed) -> bool {
        false
    }
}

/// Byte for byte, watched by a sniffer.
pub(crate) struct Direct {
    sniffer: StreamSniffer,
    /// The beginning of an event whose end has not come.
    unfinished: BytesMut,
    /// Whether the usage was asked for without the client's knowledge.
    hides_usage: bool,
}

impl Direct {
    pub(crate) fn new(sniffer: StreamSniffer, hides_usage: bool) -> Self {
        Self {
            sniffer,
            unfinished: BytesMut::new(),
            hides_usage,
        }
    }

    /// Hands whole events on: `rest` completes what is unfinished.
    fn pass(&mut self, rest: Bytes, out: &mut Gathered) {
        // The chunk with nothing but the usage is the last before the end: until the finish has come, nothing
        // need be searched.
        if self.hides_usage && self.sniffer.usage().is_some() && self.sniffer.finish().is_some() {
            self.unfinished.extend_from_slice(&rest);
            let kept = without_usage_chunk(&self.unfinished.split());
            if !kept.is_empty() {
                out.add(kept.into());
            }
            return;
        }
        if !self.unfinished.is_empty() {
            out.add(self.unfinished.split().freeze());
        }
        out.add(rest);
    }
}

impl Passage for Direct {
    fn take(&mut self, mut chunk: Bytes, out: &mut Gathered) -> Result<(), Unreadable> {
        let (whole, fault) = match self.sniffer.feed(&chunk) {
            Ok(whole) => (whole, None),
            Err(error @ SseError::FrameTooLong { complete, .. }) => (complete, Some(error)),
            Err(error) => (0, Some(error)),
        };
        if whole > 0 {
            self.pass(chunk.split_to(whole), out);
        }
        if let Some(error) = fault {
            return Err(error.into());
        }
        if self.sniffer.error().is_none() {
            self.unfinished.extend_from_slice(&chunk);
        }
        Ok(())
    }

    fn end(&mut self, rule: EndRule, out: &mut Gathered) -> StreamEnd {
        let end = self.sniffer.end(rule);
        if end == StreamEnd::Complete && !self.unfinished.is_empty() {
            out.add(self.unfinished.split().freeze());
        }
        end
    }

    fn seen(&self) -> Seen<'_> {
        Seen {
            pieces: self.sniffer.pieces(),
            ended: self.sniffer.ended(),
            error: self.sniffer.error(),
            usage: self.sniffer.usage(),
            finish: self.sniffer.finish(),
        }
    }

    fn passes_errors_on(&self) -> bool {
        true
    }

    fn error_event(&mut self, view: &ErrorView<'_>) -> String {
        self.sniffer.error_event(view)
    }

    fn losses(&self) -> &[Loss] {
        &[]
    }
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direct")
            .field("unfinished", &self.unfinished.len())
            .field("hides_usage", &self.hides_usage)
            .finish_non_exhaustive()
    }
}

/// Event by event into the client's dialect.
pub(crate) struct Translated {
    translator: StreamTranslator,
    watch: KeyWatch,
}

impl Translated {
    pub(crate) fn new(translator: StreamTranslator, access: Access) -> Self {
        Self {
            translator,
            watch: KeyWatch::new(access),
        }
    }
}

impl Passage for Translated {
    fn take(&mut self, chunk: Bytes, out: &mut Gathered) -> Result<(), Unreadable> {
        if self.watch.sees_key(&chunk) {
            return Err(Unreadable::Event(GAVE_KEY_AWAY.to_owned()));
        }
        let mut text = String::new();
        let fed = self.translator.feed(&chunk, &mut text);
        // A comment tells nothing but that the provider is still at it: so shall the client know.
        if text.is_empty() && chunk.starts_with(b":") {
            text.push_str(": keep-alive\n\n");
        }
        if !text.is_empty() {
            out.add(text.into());
        }
        Ok(fed?)
    }

    fn end(&mut self, rule: EndRule, out: &mut Gathered) -> StreamEnd {
        let mut text = String::new();
        let end = self.translator.end(rule, &mut text);
        if !text.is_empty() {
            out.add(text.into());
        }
        end
    }

    fn seen(&self) -> Seen<'_> {
        Seen {
            pieces: self.translator.pieces(),
            ended: self.translator.ended(),
            error: self.translator.error(),
            usage: self.translator.usage(),
            finish: self.translator.finish().map(Finish::word),
        }
    }

    fn passes_errors_on(&self) -> bool {
        false
    }

    fn error_event(&mut self, view: &ErrorView<'_>) -> String {
        let mut text = String::new();
        self.translator.fault(view, &mut text);
        text
    }

    fn losses(&self) -> &[Loss] {
        self.translator.losses().list()
    }

    fn told(&self) -> Option<&str> {
        self.translator.told()
    }

    fn go_on(&mut self, resumed: &Resumed) -> bool {
        self.watch = KeyWatch::new(resumed.access.clone());
        let longest = resumed.max_event_bytes;
        self.translator
            .go_on(resumed.from, resumed.repeats, longest)
    }
}

impl fmt::Debug for Translated {
    /// What was said so far is the client's own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Translated").finish_non_exhaustive()
    }
}
