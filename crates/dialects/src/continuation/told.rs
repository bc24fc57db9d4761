//! What a client has been told of an answer, so that another target may go on with it.

use super::seam::Seam;
use crate::canonical::{Part, PartBody};
use crate::event::{Delta, StreamEvent};
use crate::{MALFORMED_EVENT, UpstreamError};

/// The text of an answer as far as the client has it, and how the events of a second stream follow those of the first.
///
/// Only an answer of one choice whose one text is open can be gone on with: not one within thoughts, within a call of a
/// tool, within a refusal, with sources, or one that is whole.
#[derive(Debug)]
pub(crate) struct Told {
    text: String,
    /// The longest text that is kept, in bytes.
    limit: usize,
    state: State,
    /// Whether the client knows that an answer begins.
    started: bool,
    /// How many parts were begun.
    parts: u32,
    /// How the stream that is read now follows the earlier one.
    joint: Option<Joint>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing of the answer itself has come.
    Blank,
    /// Thoughts have come, or are coming.
    Thinking,
    /// A text has begun and is not over: the part with this number.
    Open(u32),
    /// Nobody can go on with it.
    Over,
}

#[derive(Debug)]
struct Joint {
    seam: Seam,
    /// The open text, until the second stream has closed it.
    open: Option<u32>,
    /// The parts of the second stream by their numbers there, and as what the client knows them.
    parts: Vec<(u32, Seen)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// As the text that was open.
    Joined(u32),
    /// As a part of its own.
    As(u32),
    /// Not at all: thoughts.
    Hidden,
}

impl Told {
    /// Nothing yet. A text longer than `limit` bytes is not kept.
    pub(crate) const fn new(limit: usize) -> Self {
        Self {
            text: String::new(),
            limit,
            state: State::Blank,
            started: false,
            parts: 0,
            joint: None,
        }
    }

    /// The text that another target may go on from; empty if it may as well begin anew. `None` if none may.
    pub(crate) fn text(&self) -> Option<&str> {
        match self.state {
            State::Blank | State::Open(_) => Some(&self.text),
            State::Thinking | State::Over => None,
        }
    }

    /// A second stream begins. `repeats` says whether its target repeats the text that it goes on from.
    pub(crate) fn join(&mut self, repeats: bool) {
        let open = match self.state {
            State::Open(part) => Some(part),
            State::Blank | State::Thinking | State::Over => None,
        };
        self.joint = Some(Joint {
            seam: Seam::behind(&self.text, repeats),
            open,
            parts: Vec::new(),
        });
    }

    /// Adds to `events` what the client is to see of an event of the stream that is read now, and remembers it.
    pub(crate) fn take(&mut self, event: StreamEvent, events: &mut Vec<StreamEvent>) {
        let begin = events.len();
        match (&mut self.joint, &event) {
            (Some(_), StreamEvent::Start { .. }) if self.started => {}
            (Some(joint), _) => joint.follow(event, self.parts, events),
            (None, _) => events.push(event),
        }
        events[begin..].iter().for_each(|event| self.note(event));
    }

    fn note(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::PartStart {
                choice: 0,
                part,
                content,
            } => self.begin(*part, content),
            StreamEvent::PartDelta {
                choice: 0,
                part,
                delta,
            } => self.add(*part, delta),
            StreamEvent::PartStop { part, .. } if self.state == State::Open(*part) => self.close(),
            StreamEvent::Start { .. } => self.started = true,
            StreamEvent::PartStop { .. }
            | StreamEvent::Usage(_)
            | StreamEvent::ServiceTier(_)
            | StreamEvent::Ping
            | StreamEvent::Fault(_) => {}
            StreamEvent::PartStart { .. }
            | StreamEvent::PartDelta { .. }
            | StreamEvent::Logprobs { .. }
            | StreamEvent::Finish { .. }
            | StreamEvent::End
            | StreamEvent::Opaque { .. } => self.close(),
        }
    }

    fn begin(&mut self, part: u32, content: &Part) {
        self.parts = self.parts.max(part.saturating_add(1));
        match (&content.body, self.state) {
            (PartBody::Text { text, citations }, State::Blank | State::Thinking)
                if citations.is_empty() =>
            {
                self.state = State::Open(part);
                self.keep(text);
            }
            (PartBody::Reasoning(_), State::Blank | State::Thinking) => {
                self.state = State::Thinking
            }
            _ => self.close(),
        }
    }

    fn add(&mut self, part: u32, delta: &Delta) {
        match (self.state, delta) {
            (State::Open(open), Delta::Text(text)) if open == part => self.keep(text),
            (State::Thinking, _) => {}
            _ => self.close(),
        }
    }

    fn keep(&mut self, text: &str) {
        if self.text.len().saturating_add(text.len()) > self.limit {
            self.close();
        } else {
            self.text.push_str(text);
        }
    }

    fn close(&mut self) {
        self.state = State::Over;
        self.text = String::new();
    }
}

impl Joint {
    /// What follows what the client has: no second beginning, no thoughts, the text in the part that is open.
    fn follow(&mut self, event: StreamEvent, begun: u32, events: &mut Vec<StreamEvent>) {
        match event {
            StreamEvent::PartStart {
                choice: 0,
                part,
                content,
            } => self.begin(part, content, begun, events),
            StreamEvent::PartDelta {
                choice: 0,
                part,
                delta,
            } => self.add(part, delta, events),
            StreamEvent::PartStop { choice: 0, part } => self.stop(part, events),
            StreamEvent::Finish { choice: 0, .. } | StreamEvent::End => {
                self.close(events);
                events.push(event);
            }
            StreamEvent::PartStart { .. }
            | StreamEvent::PartDelta { .. }
            | StreamEvent::PartStop { .. }
            | StreamEvent::Finish { .. } => events.push(off_text()),
            StreamEvent::Start { .. }
            | StreamEvent::Usage(_)
            | StreamEvent::Fault(_)
            | StreamEvent::Ping => events.push(event),
            StreamEvent::Logprobs { .. }
            | StreamEvent::ServiceTier(_)
            | StreamEvent::Opaque { .. } => {}
        }
    }

    fn begin(&mut self, part: u32, content: Box<Part>, begun: u32, events: &mut Vec<StreamEvent>) {
        let joined = self.open.filter(|_| !self.has_joined());
        match (&content.body, joined) {
            (PartBody::Text { text, .. }, Some(open)) => {
                self.parts.push((part, Seen::Joined(open)));
                let text = self.seam.pass(text);
                push_text(open, text, events);
            }
            (PartBody::Text { .. }, None) => {
                self.parts.push((part, Seen::As(begun)));
                events.push(StreamEvent::PartStart {
                    choice: 0,
                    part: begun,
                    content,
                });
            }
            (PartBody::Reasoning(_), _) => self.parts.push((part, Seen::Hidden)),
            _ => events.push(off_text()),
        }
    }

    fn add(&mut self, part: u32, delta: Delta, events: &mut Vec<StreamEvent>) {
        match (self.seen(part), delta) {
            (Some(Seen::Joined(open)), Delta::Text(text)) => {
                let text = self.seam.pass(&text);
                push_text(open, text, events);
            }
            (Some(Seen::As(part)), delta) => events.push(StreamEvent::PartDelta {
                choice: 0,
                part,
                delta,
            }),
            // What a source belongs to is counted from the beginning of a text that this target did not write.
            (Some(Seen::Joined(_) | Seen::Hidden) | None, _) => {}
        }
    }

    fn stop(&mut self, part: u32, events: &mut Vec<StreamEvent>) {
        match self.seen(part) {
            Some(Seen::Joined(_)) => self.close(events),
            Some(Seen::As(part)) => events.push(StreamEvent::PartStop { choice: 0, part }),
            Some(Seen::Hidden) | None => {}
        }
    }

    /// Closes the text that was open when the first stream died.
    fn close(&mut self, events: &mut Vec<StreamEvent>) {
        if let Some(part) = self.open.take() {
            push_text(part, self.seam.finish(), events);
            events.push(StreamEvent::PartStop { choice: 0, part });
        }
    }

    fn has_joined(&self) -> bool {
        let mut parts = self.parts.iter();
        parts.any(|(_, seen)| matches!(seen, Seen::Joined(_)))
    }

    fn seen(&self, part: u32) -> Option<Seen> {
        let mut parts = self.parts.iter();
        parts
            .find(|(there, _)| *there == part)
            .map(|(_, seen)| *seen)
    }
}

fn push_text(part: u32, text: String, events: &mut Vec<StreamEvent>) {
    if !text.is_empty() {
        events.push(StreamEvent::PartDelta {
            choice: 0,
            part,
            delta: Delta::Text(text),
        });
    }
}

/// The end of a stream that was to go on with a text.
fn off_text() -> StreamEvent {
    StreamEvent::Fault(UpstreamError {
        code: Some(MALFORMED_EVENT.to_owned()),
        message: "it was to go on with a text and went on with something else".to_owned(),
        ..UpstreamError::default()
    })
}
