//! Reads a stream.

use crate::canonical::{Citation, Extras, Part, PartBody, Place};
use crate::codec::StreamDecode;
use crate::error::error_member;
use crate::event::{Delta, StreamEvent};
use crate::json::Raw;
use crate::sniff::event_object;
use crate::usage::AnthropicCounts;
use crate::{Dialect, EndRule, Frame, RawJson, StreamEnd, UpstreamError, parse_error};

use super::super::answer::{Told, keep_usage_extras, read_block};
use super::super::{citation, stop_reason, text_of};
use super::held::Held;

/// A stream as far as it was read.
#[derive(Debug, Default)]
pub(in super::super) struct Decoder {
    frames: u64,
    state: State,
    counts: AnthropicCounts,
    /// How many parts were begun.
    parts: u32,
    open: Vec<Open>,
    told: Told,
    finished: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Fresh,
    Started,
    Ended,
    Failed,
}

/// A block that has begun and not stopped.
#[derive(Debug)]
struct Open {
    index: u64,
    block: Block,
}

#[derive(Debug)]
enum Block {
    /// It is told as it comes, but for its citations: the whole text rests on them, and that is known when
    /// the block stops.
    Told {
        part: u32,
        input: Input,
        citations: Vec<Citation>,
    },
    Held {
        kind: String,
        held: Held,
    },
}

/// Where the pieces of `input` belong.
#[derive(Debug)]
enum Input {
    /// There is none.
    No,
    /// To a call, or to the text that a call stands for. Servers that do not stream it write it
    /// whole when the block begins.
    Of {
        delta: fn(String) -> Delta,
        whole: Option<String>,
    },
}

impl StreamDecode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, events: &mut Vec<StreamEvent>) {
        let data = frame.data.trim_ascii();
        if matches!(self.state, State::Ended | State::Failed) || data.is_empty() {
            return;
        }
        self.frames += 1;
        // Some servers add OpenAI's marker, which proves nothing here.
        if data == b"[DONE]" {
            return;
        }
        match event_object(data, self.frames) {
            Ok(event) => {
                let kind = text_of(event, "type");
                let name = frame.event.and_then(|name| std::str::from_utf8(name).ok());
                let kind = kind.as_deref().or(name).unwrap_or_default();
                self.event(kind, event, events);
            }
            Err(error) => self.fail(error, events),
        }
    }

    fn end(&mut self, rule: EndRule, events: &mut Vec<StreamEvent>) -> StreamEnd {
        match (self.state, rule) {
            (State::Ended, _) => StreamEnd::Complete,
            (State::Failed, _) => StreamEnd::Failed,
            (_, EndRule::FinishReason) if self.finished => {
                self.stop(events);
                StreamEnd::Complete
            }
            _ => StreamEnd::Truncated,
        }
    }
}

impl Decoder {
    fn event(&mut self, kind: &str, event: Raw<'_>, events: &mut Vec<StreamEvent>) {
        match kind {
            "ping" => return events.push(StreamEvent::Ping),
            "error" => return self.fail(reported(event), events),
            "message_start" => return self.message_start(event, events),
            _ => {}
        }
        if let Some(error) = event.member("error").and_then(error_member) {
            return self.fail(error, events);
        }
        self.begin(StreamStart::default(), events);
        match kind {
            "content_block_start" => self.block_start(event, events),
            "content_block_delta" => self.block_delta(event, events),
            "content_block_stop" => self.close(index(event), events),
            "message_delta" => self.message_delta(event, events),
            "message_stop" => self.stop(events),
            _ => events.push(opaque(kind, event.into())),
        }
    }

    fn fail(&mut self, error: UpstreamError, events: &mut Vec<StreamEvent>) {
        self.state = State::Failed;
        events.push(StreamEvent::Fault(error));
    }

    fn begin(&mut self, start: StreamStart, events: &mut Vec<StreamEvent>) {
        if self.state == State::Fresh {
            self.state = State::Started;
            events.push(StreamEvent::Start {
                id: start.id,
                model: start.model,
                created: None,
            });
        }
    }

    fn message_start(&mut self, event: Raw<'_>, events: &mut Vec<StreamEvent>) {
        let Some(message) = event
            .member("message")
            .filter(|_| self.state == State::Fresh)
        else {
            return;
        };
        let start = StreamStart {
            id: text_of(message, "id").unwrap_or_default(),
            model: text_of(message, "model").unwrap_or_default(),
        };
        self.begin(start, events);
        for (name, value) in message.members() {
            match &*name {
                "id" | "model" | "type" | "role" | "stop_reason" | "stop_sequence" => {}
                "usage" => self.usage(value, events),
                "content" => value
                    .items()
                    .for_each(|block| self.whole_block(block, events)),
                _ => events.push(opaque(&name, value.into())),
            }
        }
    }

    fn usage(&mut self, usage: Raw<'_>, events: &mut Vec<StreamEvent>) {
        self.counts.update(usage);
        events.push(StreamEvent::Usage(self.counts.usage()));
        if let Some(tier) = text_of(usage, "service_tier") {
            events.push(StreamEvent::ServiceTier(tier));
        }
        let mut extras = Extras::new();
        keep_usage_extras(&mut extras, usage);
        events.extend(extras.into_iter().map(|(name, value)| opaque(&name, value)));
    }

    /// A block that was there before the stream began.
    fn whole_block(&mut self, block: Raw<'_>, events: &mut Vec<StreamEvent>) {
        self.note(block);
        let part = self.part_start(read_block(block), events);
        events.push(StreamEvent::PartStop { choice: 0, part });
    }

    fn note(&mut self, block: Raw<'_>) {
        let kind = text_of(block, "type").unwrap_or_default();
        let name = text_of(block, "name");
        self.told.note_block(&kind, name.as_deref());
    }

    fn part_start(&mut self, content: Part, events: &mut Vec<StreamEvent>) -> u32 {
        let part = self.parts;
        self.parts += 1;
        let place = Place::item("content", part as usize);
        events.push(StreamEvent::PartStart {
            choice: 0,
            part,
            content: Box::new(content.at(place)),
        });
        part
    }

    fn block_start(&mut self, event: Raw<'_>, events: &mut Vec<StreamEvent>) {
        let Some(block) = event.member("content_block") else {
            return;
        };
        let index = index(event);
        self.close(index, events);
        self.note(block);
        let mut content = read_block(block);
        let block = match &content.body {
            PartBody::Opaque { kind, .. } => Block::Held {
                kind: kind.clone(),
                held: Held::new(block),
            },
            _ => {
                let input = Input::taken_from(&mut content, block);
                let part = self.part_start(content, events);
                Block::told(part, input)
            }
        };
        self.open.push(Open { index, block });
    }

    fn block_delta(&mut self, event: Raw<'_>, events: &mut Vec<StreamEvent>) {
        let Some(delta) = event.member("delta") else {
            return;
        };
        let kind = text_of(delta, "type").unwrap_or_default();
        let index = index(event);
        if self.open.iter().all(|open| open.index != index) {
            self.begin_unannounced(index, &kind, events);
        }
        let Some(open) = self.open.iter_mut().find(|open| open.index == index) else {
            return;
        };
        let (part, input) = match &mut open.block {
            Block::Held { held, .. } => return held.add(&kind, delta),
            Block::Told { citations, .. } if kind == "citations_delta" => {
                return citations.extend(delta.member("citation").map(citation::read));
            }
            Block::Told { part, input, .. } => (*part, input),
        };
        match read_delta(&kind, delta, input) {
            Read::Delta(delta) => events.push(StreamEvent::PartDelta {
                choice: 0,
                part,
                delta,
            }),
            Read::Nothing => {}
            Read::Unknown => events.push(opaque("content_block_delta", event.into())),
        }
    }

    /// Some servers leave the beginning of a block out.
    fn begin_unannounced(&mut self, index: u64, kind: &str, events: &mut Vec<StreamEvent>) {
        let block = match kind {
            "text_delta" => r#"{"type":"text"}"#,
            "thinking_delta" => r#"{"type":"thinking"}"#,
            _ => return,
        };
        let part = self.part_start(read_block(Raw::of_validated(block)), events);
        let block = Block::told(part, Input::No);
        self.open.push(Open { index, block });
    }

    /// Stops the block of this index, if it is open.
    fn close(&mut self, index: u64, events: &mut Vec<StreamEvent>) {
        let found = self.open.iter().position(|open| open.index == index);
        if let Some(at) = found {
            let open = self.open.remove(at);
            self.close_block(open.block, events);
        }
    }

    fn close_block(&mut self, block: Block, events: &mut Vec<StreamEvent>) {
        let part = match block {
            Block::Told {
                part,
                input,
                citations,
            } => {
                let citations = citations.into_iter().map(Box::new).map(Delta::Citation);
                let deltas = citations.chain(input.rest());
                events.extend(deltas.map(|delta| StreamEvent::PartDelta {
                    choice: 0,
                    part,
                    delta,
                }));
                part
            }
            Block::Held { kind, held } => {
                let body = PartBody::Opaque {
                    origin: Dialect::AnthropicMessages,
                    kind,
                    raw: held.whole(),
                };
                self.part_start(body.into(), events)
            }
        };
        events.push(StreamEvent::PartStop { choice: 0, part });
    }

    fn close_all(&mut self, events: &mut Vec<StreamEvent>) {
        for open in std::mem::take(&mut self.open) {
            self.close_block(open.block, events);
        }
    }

    fn message_delta(&mut self, event: Raw<'_>, events: &mut Vec<StreamEvent>) {
        let [delta, usage] = event.pick(["delta", "usage"]);
        self.close_all(events);
        if let Some(usage) = usage {
            self.usage(usage, events);
        }
        let of_delta = delta.into_iter().flat_map(Raw::members);
        let beside = event.members();
        for (name, value) in of_delta.chain(beside) {
            match &*name {
                "type" | "delta" | "usage" | "stop_reason" | "stop_sequence" => {}
                _ => events.push(opaque(&name, value.into())),
            }
        }
        if let Some(delta) = delta {
            self.finish(delta, events);
        }
    }

    fn finish(&mut self, delta: Raw<'_>, events: &mut Vec<StreamEvent>) {
        let word = text_of(delta, "stop_reason").filter(|word| !word.is_empty());
        if let Some(word) = word
            && !std::mem::replace(&mut self.finished, true)
        {
            let finish = stop_reason::read(&word, text_of(delta, "stop_sequence"));
            events.push(StreamEvent::Finish {
                choice: 0,
                reason: self.told.finish(finish),
            });
        }
    }

    fn stop(&mut self, events: &mut Vec<StreamEvent>) {
        self.close_all(events);
        self.state = State::Ended;
        events.push(StreamEvent::End);
    }
}

/// How an answer introduces itself.
#[derive(Default)]
struct StreamStart {
    id: String,
    model: String,
}

impl Block {
    const fn told(part: u32, input: Input) -> Self {
        Self::Told {
            part,
            input,
            citations: Vec::new(),
        }
    }
}

impl Input {
    /// What is left to be told when the block stops.
    fn rest(self) -> Option<Delta> {
        match self {
            Self::Of {
                delta,
                whole: Some(whole),
            } => Some(delta(whole)),
            Self::Of { whole: None, .. } | Self::No => None,
        }
    }

    /// Takes the input out of a part that begins: its pieces come, or it is told when the part stops.
    fn taken_from(content: &mut Part, block: Raw<'_>) -> Self {
        let is_call = text_of(block, "type").as_deref() == Some("tool_use");
        let (text, delta): (_, fn(String) -> Delta) = match &mut content.body {
            PartBody::ToolUse(call) => (call.input.text_mut(), Delta::Input),
            PartBody::Text { text, .. } if is_call => (text, Delta::Text),
            _ => return Self::No,
        };
        let whole = std::mem::take(text);
        let whole = if whole.is_empty() { "{}".into() } else { whole };
        Self::Of {
            delta,
            whole: Some(whole),
        }
    }
}

/// What a delta tells.
enum Read {
    Delta(Delta),
    Nothing,
    Unknown,
}

fn read_delta(kind: &str, delta: Raw<'_>, input: &mut Input) -> Read {
    let text = |name| text_of(delta, name).filter(|text| !text.is_empty());
    let read = match kind {
        "text_delta" => text("text").map(Delta::Text),
        "thinking_delta" => text("thinking").map(Delta::Text),
        "signature_delta" => text("signature").map(Delta::Signature),
        "input_json_delta" => match input {
            Input::No => None,
            Input::Of { delta, whole } => text("partial_json").map(|piece| {
                *whole = None;
                delta(piece)
            }),
        },
        _ => return Read::Unknown,
    };
    read.map_or(Read::Nothing, Read::Delta)
}

/// Servers that leave the index out have one block at a time.
fn index(event: Raw<'_>) -> u64 {
    event
        .member("index")
        .and_then(Raw::count)
        .unwrap_or_default()
}

fn opaque(kind: &str, raw: RawJson) -> StreamEvent {
    StreamEvent::Opaque {
        origin: Dialect::AnthropicMessages,
        kind: kind.to_owned(),
        raw,
    }
}

fn reported(event: Raw<'_>) -> UpstreamError {
    parse_error(event.json().as_bytes()).unwrap_or_else(|| UpstreamError {
        message: "the provider ended the stream with an error that says nothing".into(),
        ..UpstreamError::default()
    })
}
