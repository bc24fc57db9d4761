//! Anthropic Messages.

use serde::Serialize;
use serde_json::value::RawValue;

use super::error::{AnthropicDetail, AnthropicError};
use super::{Ask, Content, Events, Narrator, Turn, json};
use crate::behaviour::{Finish, TokenCounts};

#[derive(Serialize)]
struct Message<'a> {
    id: &'a str,
    r#type: &'a str,
    role: &'a str,
    model: &'a str,
    content: &'a [Block<'a>],
    stop_reason: Option<&'a str>,
    stop_sequence: Option<()>,
    usage: Usage,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text {
        text: &'a str,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: &'a RawValue,
    },
}

#[derive(Serialize)]
struct Usage {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    cache_creation: CacheCreation,
    output_tokens: u64,
    output_tokens_details: OutputDetails,
    service_tier: &'static str,
}

#[derive(Serialize)]
struct CacheCreation {
    ephemeral_5m_input_tokens: u64,
    ephemeral_1h_input_tokens: u64,
}

#[derive(Serialize)]
struct OutputDetails {
    thinking_tokens: u64,
}

impl From<TokenCounts> for Usage {
    fn from(counts: TokenCounts) -> Self {
        Self {
            // Anthropic's input leaves out what the cache saw.
            input_tokens: counts
                .input
                .saturating_sub(counts.cached + counts.cache_write),
            cache_creation_input_tokens: counts.cache_write,
            cache_read_input_tokens: counts.cached,
            cache_creation: CacheCreation {
                ephemeral_5m_input_tokens: counts.cache_write,
                ephemeral_1h_input_tokens: 0,
            },
            output_tokens: counts.output,
            output_tokens_details: OutputDetails {
                thinking_tokens: counts.reasoning,
            },
            service_tier: "standard",
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event<'a> {
    MessageStart {
        message: Message<'a>,
    },
    ContentBlockStart {
        index: u32,
        content_block: Block<'a>,
    },
    Ping,
    ContentBlockDelta {
        index: u32,
        delta: Delta<'a>,
    },
    ContentBlockStop {
        index: u32,
    },
    MessageDelta {
        delta: End<'a>,
        usage: Usage,
    },
    MessageStop,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Delta<'a> {
    TextDelta { text: &'a str },
    InputJsonDelta { partial_json: &'a str },
}

#[derive(Serialize)]
struct End<'a> {
    stop_reason: &'a str,
    stop_sequence: Option<()>,
}

impl Event<'_> {
    /// The name on the `event:` line, the same as `type`.
    fn name(&self) -> &'static str {
        match self {
            Self::MessageStart { .. } => "message_start",
            Self::ContentBlockStart { .. } => "content_block_start",
            Self::Ping => "ping",
            Self::ContentBlockDelta { .. } => "content_block_delta",
            Self::ContentBlockStop { .. } => "content_block_stop",
            Self::MessageDelta { .. } => "message_delta",
            Self::MessageStop => "message_stop",
        }
    }

    fn tell(&self, out: &mut Events) {
        out.named(self.name(), self);
    }
}

#[derive(Serialize)]
struct TokenCount {
    input_tokens: u64,
}

/// The answer to a request to count tokens.
pub(crate) fn token_count(ask: &Ask<'_>) -> Vec<u8> {
    json(&TokenCount {
        input_tokens: ask.input_tokens(),
    })
}

pub(super) fn whole(turn: &Turn<'_>) -> Vec<u8> {
    let tool_id = turn.id("toolu_");
    let content = turn.content;
    let arguments: Box<RawValue>;
    let block = match content.tool.as_deref() {
        Some(name) => {
            arguments = raw(content.whole.clone());
            Block::ToolUse {
                id: &tool_id,
                name,
                input: &arguments,
            }
        }
        None => Block::Text {
            text: &content.whole,
        },
    };
    // A text without content is no block at all: Anthropic never sends empty ones.
    let empty = content.tool.is_none() && content.whole.is_empty();
    let blocks = if empty { &[][..] } else { &[block] };
    json(&message(
        turn,
        &turn.id("msg_"),
        blocks,
        Some(stop_reason(content)),
        turn.usage,
    ))
}

fn message<'a>(
    turn: &Turn<'a>,
    id: &'a str,
    content: &'a [Block<'a>],
    stop_reason: Option<&'a str>,
    usage: TokenCounts,
) -> Message<'a> {
    Message {
        id,
        r#type: "message",
        role: "assistant",
        model: turn.model,
        content,
        stop_reason,
        stop_sequence: None,
        usage: usage.into(),
    }
}

fn raw(json: String) -> Box<RawValue> {
    RawValue::from_string(json).expect("arguments are generated as JSON")
}

fn stop_reason(content: &Content) -> &'static str {
    match (&content.tool, content.finish) {
        (Some(_), _) => "tool_use",
        (None, Finish::Stop) => "end_turn",
        (None, Finish::Length) => "max_tokens",
        (None, Finish::Filtered) => "refusal",
    }
}

/// Tells an answer in message events.
#[derive(Debug)]
pub(crate) struct MessageStream<'a> {
    turn: Turn<'a>,
}

impl<'a> MessageStream<'a> {
    pub(crate) fn new(turn: Turn<'a>) -> Self {
        Self { turn }
    }
}

impl Narrator for MessageStream<'_> {
    fn open(&mut self, out: &mut Events) {
        let turn = &self.turn;
        // At the start the output counts one token, as Anthropic has it.
        let usage = TokenCounts {
            output: 1,
            reasoning: 0,
            ..turn.usage
        };
        let id = turn.id("msg_");
        Event::MessageStart {
            message: message(turn, &id, &[], None, usage),
        }
        .tell(out);
        let (tool_id, no_input) = (turn.id("toolu_"), raw("{}".to_owned()));
        let content_block = match turn.content.tool.as_deref() {
            Some(name) => Block::ToolUse {
                id: &tool_id,
                name,
                input: &no_input,
            },
            None => Block::Text { text: "" },
        };
        Event::ContentBlockStart {
            index: 0,
            content_block,
        }
        .tell(out);
        Event::Ping.tell(out);
    }

    fn piece(&mut self, piece: &str, out: &mut Events) {
        let delta = match self.turn.content.tool {
            Some(_) => Delta::InputJsonDelta {
                partial_json: piece,
            },
            None => Delta::TextDelta { text: piece },
        };
        Event::ContentBlockDelta { index: 0, delta }.tell(out);
    }

    fn close(&mut self, out: &mut Events) {
        Event::ContentBlockStop { index: 0 }.tell(out);
        let delta = End {
            stop_reason: stop_reason(self.turn.content),
            stop_sequence: None,
        };
        Event::MessageDelta {
            delta,
            usage: self.turn.usage.into(),
        }
        .tell(out);
        Event::MessageStop.tell(out);
    }

    fn error(&mut self, _: u64, out: &mut Events) {
        tell_fault(&self.turn.id("req_"), out);
    }
}

/// Tells a failure in mid-stream.
pub(super) fn tell_fault(request_id: &str, out: &mut Events) {
    let error = AnthropicDetail {
        r#type: "overloaded_error",
        message: Events::FAULT,
        details: None,
    };
    out.named(
        "error",
        &AnthropicError {
            r#type: "error",
            error,
            request_id,
        },
    );
}
