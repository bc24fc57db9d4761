//! OpenAI Chat Completions.

use serde::Serialize;

use super::error::OpenAiDetail;
use super::{CREATED, Content, Events, Narrator, Turn, json};
use crate::behaviour::{Finish, TokenCounts};

const FINGERPRINT: &str = "fp_scripted";

#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'a str,
    created: u64,
    model: &'a str,
    choices: [Choice<'a>; 1],
    usage: Usage,
    service_tier: &'a str,
    system_fingerprint: &'a str,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    message: Message<'a>,
    logprobs: Option<()>,
    finish_reason: &'a str,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'a str,
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[ToolCall<'a>; 1]>,
    refusal: Option<()>,
    annotations: [(); 0],
}

#[derive(Serialize)]
struct ToolCall<'a> {
    /// Streams number their calls, whole answers do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'a str>,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'a str,
    created: u64,
    model: &'a str,
    service_tier: &'a str,
    system_fingerprint: &'a str,
    choices: &'a [ChunkChoice<'a>],
    /// Absent unless asked for; then null in all chunks but the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<Usage>>,
}

#[derive(Serialize)]
struct ChunkChoice<'a> {
    index: u32,
    delta: Delta<'a>,
    logprobs: Option<()>,
    finish_reason: Option<&'a str>,
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[ToolCall<'a>; 1]>,
}

#[derive(Serialize)]
pub(super) struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

#[derive(Serialize)]
struct PromptDetails {
    cached_tokens: u64,
    cache_write_tokens: u64,
    audio_tokens: u64,
}

#[derive(Serialize)]
struct CompletionDetails {
    reasoning_tokens: u64,
    audio_tokens: u64,
    accepted_prediction_tokens: u64,
    rejected_prediction_tokens: u64,
}

impl From<TokenCounts> for Usage {
    fn from(counts: TokenCounts) -> Self {
        Self {
            prompt_tokens: counts.input,
            completion_tokens: counts.output,
            total_tokens: counts.input + counts.output,
            prompt_tokens_details: PromptDetails {
                cached_tokens: counts.cached,
                cache_write_tokens: counts.cache_write,
                audio_tokens: 0,
            },
            completion_tokens_details: CompletionDetails {
                reasoning_tokens: counts.reasoning,
                audio_tokens: 0,
                accepted_prediction_tokens: 0,
                rejected_prediction_tokens: 0,
            },
        }
    }
}

#[derive(Serialize)]
pub(super) struct ErrorEvent<'a> {
    error: OpenAiDetail<'a>,
}

impl ErrorEvent<'_> {
    pub(super) const FAULT: Self = Self {
        error: OpenAiDetail {
            message: Events::FAULT,
            r#type: "server_error",
            param: None,
            code: Some("server_error"),
        },
    };
}

pub(super) fn whole(turn: &Turn<'_>) -> Vec<u8> {
    let call_id = turn.id("call_");
    let content = turn.content;
    let tool_calls = content
        .tool
        .as_deref()
        .map(|name| [first_piece(name, &call_id, &content.whole, None)]);
    json(&Completion {
        id: &turn.id("chatcmpl-"),
        object: "chat.completion",
        created: CREATED,
        model: turn.model,
        choices: [Choice {
            index: 0,
            message: Message {
                role: "assistant",
                content: content.tool.is_none().then_some(&content.whole),
                tool_calls,
                refusal: None,
                annotations: [],
            },
            logprobs: None,
            finish_reason: finish_reason(content),
        }],
        usage: turn.usage.into(),
        service_tier: "default",
        system_fingerprint: FINGERPRINT,
    })
}

/// A call's name and identity, which a stream sends once.
fn first_piece<'a>(
    name: &'a str,
    id: &'a str,
    arguments: &'a str,
    index: Option<u32>,
) -> ToolCall<'a> {
    let function = Function {
        name: Some(name),
        arguments,
    };
    ToolCall {
        index,
        id: Some(id),
        r#type: Some("function"),
        function,
    }
}

fn finish_reason(content: &Content) -> &'static str {
    match (&content.tool, content.finish) {
        (Some(_), _) => "tool_calls",
        (None, Finish::Stop) => "stop",
        (None, Finish::Length) => "length",
        (None, Finish::Filtered) => "content_filter",
    }
}

/// Tells an answer in chat chunks.
#[derive(Debug)]
pub(crate) struct ChatStream<'a> {
    turn: Turn<'a>,
    id: String,
}

impl<'a> ChatStream<'a> {
    pub(crate) fn new(turn: Turn<'a>) -> Self {
        Self {
            turn,
            id: turn.id("chatcmpl-"),
        }
    }

    fn chunk(&self, choices: &[ChunkChoice<'_>], usage: Option<Usage>, out: &mut Events) {
        out.data(&Chunk {
            id: &self.id,
            object: "chat.completion.chunk",
            created: CREATED,
            model: self.turn.model,
            service_tier: "default",
            system_fingerprint: FINGERPRINT,
            choices,
            usage: self.turn.include_usage.then_some(usage),
        });
    }

    fn delta(&self, delta: Delta<'_>, finish_reason: Option<&str>, out: &mut Events) {
        self.chunk(
            &[ChunkChoice {
                index: 0,
                delta,
                logprobs: None,
                finish_reason,
            }],
            None,
            out,
        );
    }
}

impl Narrator for ChatStream<'_> {
    fn open(&mut self, out: &mut Events) {
        let call_id = self.turn.id("call_");
        let tool = self.turn.content.tool.as_deref();
        let delta = Delta {
            role: Some("assistant"),
            content: tool.is_none().then_some(""),
            tool_calls: tool.map(|name| [first_piece(name, &call_id, "", Some(0))]),
        };
        self.delta(delta, None, out);
    }

    fn piece(&mut self, piece: &str, out: &mut Events) {
        let delta = if self.turn.content.tool.is_some() {
            let function = Function {
                name: None,
                arguments: piece,
            };
            let call = ToolCall {
                index: Some(0),
                id: None,
                r#type: None,
                function,
            };
            Delta {
                tool_calls: Some([call]),
                ..Delta::default()
            }
        } else {
            Delta {
                content: Some(piece),
                ..Delta::default()
            }
        };
        self.delta(delta, None, out);
    }

    fn close(&mut self, out: &mut Events) {
        self.delta(
            Delta::default(),
            Some(finish_reason(self.turn.content)),
            out,
        );
        if self.turn.include_usage {
            self.chunk(&[], Some(self.turn.usage.into()), out);
        }
        out.verbatim(b"[DONE]");
    }

    fn error(&mut self, _: u64, out: &mut Events) {
        out.data(&ErrorEvent::FAULT);
    }
}
