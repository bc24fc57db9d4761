//! One choice of a stream: which of its parts are open, and what each piece adds to them.

use std::borrow::Cow;

use super::super::answer::{self, MadeIds, read_annotation, read_image};
use super::super::finish;
use super::calls::Calls;
use crate::canonical::{Finish, Part, PartBody, Place, Reasoning};
use crate::event::{Delta, StreamEvent};
use crate::json::{Cursor, JsonKind, Raw, Syntax};
use crate::{Dialect, RawJson};

/// What one event says of one choice.
#[derive(Debug, Default)]
pub(super) struct Piece<'a> {
    pub(super) index: u64,
    delta: Option<Raw<'a>>,
    finish: Option<Raw<'a>>,
    logprobs: Option<Raw<'a>>,
}

impl<'a> Piece<'a> {
    /// Reads the next item of `choices`.
    pub(super) fn read(json: &mut Cursor<'a>) -> Result<Self, Syntax> {
        let mut piece = Self::default();
        if !json.enter_object()? {
            return Ok(piece);
        }
        while let Some(name) = json.next_member()? {
            let value = Raw::pass(json)?;
            match &*name {
                "index" => piece.index = value.count().unwrap_or_default(),
                "delta" => piece.delta = Some(value),
                "finish_reason" => piece.finish = value.unless_null(),
                "logprobs" => piece.logprobs = value.unless_null(),
                _ => {}
            }
        }
        Ok(piece)
    }
}

/// The kinds of parts of which at most one is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Refusal,
    Thoughts,
}

/// A choice as far as it has come.
#[derive(Debug)]
pub(super) struct Choice {
    parts: Parts,
    calls: Calls,
    pub(super) finish: Option<Finish>,
}

/// The parts that were begun.
#[derive(Debug)]
pub(super) struct Parts {
    /// Which answer of several.
    pub(super) choice: u32,
    count: u32,
    open: Option<(Kind, u32)>,
}

impl Choice {
    pub(super) fn new(index: u32) -> Self {
        Self {
            parts: Parts {
                choice: index,
                count: 0,
                open: None,
            },
            calls: Calls::default(),
            finish: None,
        }
    }

    pub(super) const fn index(&self) -> u32 {
        self.parts.choice
    }

    /// Adds a piece.
    pub(super) fn add(&mut self, piece: &Piece<'_>, ids: &MadeIds, events: &mut Vec<StreamEvent>) {
        if let Some(delta) = piece.delta {
            self.delta(delta, ids, events);
        }
        let tokens = piece
            .logprobs
            .and_then(|logprobs| logprobs.member("content"));
        if let Some(tokens) = tokens.filter(|tokens| tokens.kind() == Some(JsonKind::List)) {
            events.push(StreamEvent::Logprobs {
                choice: self.parts.choice,
                tokens: tokens.into(),
            });
        }
        let finish = piece.finish.and_then(Raw::text);
        self.finish = finish
            .and_then(|word| finish::read(&word))
            .or_else(|| self.finish.take());
    }

    fn delta(&mut self, delta: Raw<'_>, ids: &MadeIds, events: &mut Vec<StreamEvent>) {
        let mut later = Later::default();
        let mut thought = false;
        for (name, value) in delta.members() {
            match &*name {
                // DeepSeek's name, and OpenRouter's; where both stand, they say the same.
                "reasoning_content" | "reasoning" if !thought => {
                    thought = self.parts.say(Kind::Thoughts, value, events);
                }
                "content" => later.content = Some(value),
                "annotations" => later.annotations = Some(value),
                "refusal" => later.refusal = Some(value),
                "images" => later.images = Some(value),
                "tool_calls" => later.tool_calls = Some(value),
                "function_call" => later.function_call = Some(value),
                "audio" | "reasoning_details" if value.says_something() => {
                    events.push(opaque(&name, value));
                }
                _ => {}
            }
        }
        self.later(&later, ids, events);
    }

    /// What comes behind the thoughts of the same event.
    fn later(&mut self, later: &Later<'_>, ids: &MadeIds, events: &mut Vec<StreamEvent>) {
        if let Some(content) = later.content {
            self.parts.content(content, events);
        }
        if let Some(list) = later.annotations {
            self.parts.annotate(list, events);
        }
        if let Some(refusal) = later.refusal {
            self.parts.say(Kind::Refusal, refusal, events);
        }
        for image in later.images.into_iter().flat_map(Raw::items) {
            if let Some(image) = read_image(image) {
                self.parts.whole(image, "choices[0].delta.images", events);
            }
        }
        for call in later.tool_calls.into_iter().flat_map(Raw::items) {
            self.calls.add(call, &mut self.parts, ids, events);
        }
        if let Some(call) = later.function_call {
            self.calls.add_old(call, &mut self.parts, ids, events);
        }
    }

    /// Closes what is open and tells why the model stopped.
    pub(super) fn close(&mut self, ids: &MadeIds, events: &mut Vec<StreamEvent>) {
        self.calls.begin_held(&mut self.parts, ids, events);
        self.parts.stop_open(events);
        self.calls.stop_all(self.parts.choice, events);
        if let Some(reason) = self.finish.take() {
            events.push(StreamEvent::Finish {
                choice: self.parts.choice,
                reason,
            });
        }
    }
}

#[derive(Default)]
struct Later<'a> {
    content: Option<Raw<'a>>,
    annotations: Option<Raw<'a>>,
    refusal: Option<Raw<'a>>,
    images: Option<Raw<'a>>,
    tool_calls: Option<Raw<'a>>,
    function_call: Option<Raw<'a>>,
}

impl Parts {
    /// A text, or a list of texts and thoughts as Mistral's reasoning models write it.
    fn content(&mut self, content: Raw<'_>, events: &mut Vec<StreamEvent>) {
        if content.kind() == Some(JsonKind::Text) {
            self.say(Kind::Text, content, events);
            return;
        }
        for item in content.items() {
            let [kind, text, thinking] = item.pick(["type", "text", "thinking"]);
            match kind.and_then(Raw::text).as_deref() {
                Some("text") => {
                    if let Some(text) = text {
                        self.say(Kind::Text, text, events);
                    }
                }
                Some("thinking") => {
                    for thought in thinking.into_iter().flat_map(Raw::items) {
                        if let Some(text) = thought.member("text") {
                            self.say(Kind::Thoughts, text, events);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// Adds text to the open part of this kind, or to a new one. Tells whether there was any.
    fn say(&mut self, kind: Kind, text: Raw<'_>, events: &mut Vec<StreamEvent>) -> bool {
        let Some(text) = text.text().filter(|text| !text.is_empty()) else {
            return false;
        };
        let part = match self.open {
            Some((open, part)) if open == kind => part,
            _ => self.open(kind, events),
        };
        events.push(StreamEvent::PartDelta {
            choice: self.choice,
            part,
            delta: Delta::Text(Cow::into_owned(text)),
        });
        true
    }

    fn open(&mut self, kind: Kind, events: &mut Vec<StreamEvent>) -> u32 {
        let (body, member) = match kind {
            Kind::Text => {
                let (text, citations) = (String::new(), Vec::new());
                (
                    PartBody::Text { text, citations },
                    "choices[0].message.content",
                )
            }
            Kind::Refusal => {
                let text = String::new();
                (PartBody::Refusal { text }, "choices[0].message.refusal")
            }
            Kind::Thoughts => (
                PartBody::Reasoning(Reasoning::default()),
                "choices[0].message.reasoning_content",
            ),
        };
        self.stop_open(events);
        let part = self.begin(body.into(), member, events);
        self.open = Some((kind, part));
        part
    }

    /// Begins a part; parts before it that Chat does not close stay open.
    pub(super) fn begin(
        &mut self,
        part: Part,
        member: &'static str,
        events: &mut Vec<StreamEvent>,
    ) -> u32 {
        let number = self.count;
        self.count += 1;
        events.push(StreamEvent::PartStart {
            choice: self.choice,
            part: number,
            content: Box::new(part.at(self.place(member))),
        });
        number
    }

    /// Begins and stops a part that is whole.
    pub(super) fn whole(
        &mut self,
        part: Part,
        member: &'static str,
        events: &mut Vec<StreamEvent>,
    ) {
        self.stop_open(events);
        let part = self.begin(part, member, events);
        events.push(StreamEvent::PartStop {
            choice: self.choice,
            part,
        });
    }

    pub(super) fn stop_open(&mut self, events: &mut Vec<StreamEvent>) {
        if let Some((_, part)) = self.open.take() {
            events.push(StreamEvent::PartStop {
                choice: self.choice,
                part,
            });
        }
    }

    fn place(&self, member: &'static str) -> Place {
        answer::place(self.choice, member)
    }

    fn annotate(&self, list: Raw<'_>, events: &mut Vec<StreamEvent>) {
        let Some((Kind::Text, part)) = self.open else {
            if list.says_something() {
                events.push(opaque("annotations", list));
            }
            return;
        };
        events.extend(list.items().map(|annotation| StreamEvent::PartDelta {
            choice: self.choice,
            part,
            delta: Delta::Citation(Box::new(read_annotation(annotation))),
        }));
    }
}

/// A member of a delta that only this dialect knows.
fn opaque(name: &str, value: Raw<'_>) -> StreamEvent {
    StreamEvent::Opaque {
        origin: Dialect::OpenAiChat,
        kind: name.to_owned(),
        raw: RawJson::from(value),
    }
}
