//! The blocks of a stream, which become parts.

use crate::Dialect;
use crate::canonical::{Citation, Finish, Part, PartBody, Place};
use crate::event::{Delta, StreamEvent};
use crate::json::Raw;

use super::super::answer::{Told, read_block};
use super::super::{citation, text_of};
use super::decode::opaque;
use super::held::Held;

/// The blocks so far.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    /// How many parts were begun.
    parts: u32,
    open: Vec<Open>,
    told: Told,
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

impl Blocks {
    /// A block that was there before the stream began.
    pub(super) fn whole(&mut self, block: Raw<'_>, events: &mut Vec<StreamEvent>) {
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

    /// Begins a block.
    pub(super) fn start(&mut self, event: Raw<'_>, events: &mut Vec<StreamEvent>) {
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

    /// Adds to a block.
    pub(super) fn delta(&mut self, event: Raw<'_>, events: &mut Vec<StreamEvent>) {
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

    /// Stops a block.
    pub(super) fn stop(&mut self, event: Raw<'_>, events: &mut Vec<StreamEvent>) {
        self.close(index(event), events);
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

    /// Stops what the provider left open.
    pub(super) fn stop_all(&mut self, events: &mut Vec<StreamEvent>) {
        for open in std::mem::take(&mut self.open) {
            self.close_block(open.block, events);
        }
    }

    /// Why the model stopped, as far as that depends on what it called.
    pub(super) fn finish(&self, finish: Finish) -> Finish {
        self.told.finish(finish)
    }
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
