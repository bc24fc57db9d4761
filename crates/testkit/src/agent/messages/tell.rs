//! Answers in Messages.

use serde_json::{Value, json};

use crate::agent::asked::{Asked, Thoughts};
use crate::agent::said::{Said, THOUGHT, object, scraps, words};
use crate::wire::{Events, id};

/// The whole answer.
pub(in crate::agent) fn whole(asked: &Asked, said: &Said, number: u64) -> Value {
    let mut message = begun(asked, said, number);
    let mut content = Vec::new();
    if let Some(thought) = thought(said) {
        let signature = said.seal();
        content.push(json!({"type": "thinking", "thinking": thought, "signature": signature}));
    }
    content.push(json!({"type": "text", "text": said.text}));
    for (index, call) in said.calls.iter().enumerate() {
        let mut block = call_block(said, index);
        block["input"] = object(&call.arguments);
        content.push(block);
    }
    message["content"] = content.into();
    message["stop_reason"] = stop_reason(said).into();
    message["usage"] = usage(said);
    message
}

/// What the answer tells of its thoughts, if it has any.
fn thought(said: &Said) -> Option<&'static str> {
    match said.thoughts {
        Thoughts::Told => Some(THOUGHT),
        Thoughts::Sealed => Some(""),
        Thoughts::Counted | Thoughts::None => None,
    }
}

fn begun(asked: &Asked, said: &Said, number: u64) -> Value {
    let mut usage = usage(said);
    usage["output_tokens"] = 1.into();
    json!({
        "id": id("msg_", number),
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
        "usage": usage,
    })
}

fn call_block(said: &Said, index: usize) -> Value {
    json!({
        "type": "tool_use",
        "id": said.id("toolu", index),
        "name": said.calls[index].name,
        "input": {},
    })
}

fn stop_reason(said: &Said) -> &'static str {
    if said.calls.is_empty() {
        "end_turn"
    } else {
        "tool_use"
    }
}

/// Anthropic's input leaves out what the cache saw.
fn usage(said: &Said) -> Value {
    let counts = said.usage;
    json!({
        "input_tokens": counts.input - counts.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": counts.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": counts.output,
        "output_tokens_details": {"thinking_tokens": counts.reasoning},
        "service_tier": "standard",
    })
}

/// The answer in events.
pub(in crate::agent) fn stream(asked: &Asked, said: &Said, number: u64) -> Events {
    let mut out = Blocks::default();
    out.tell(
        "message_start",
        json!({"message": begun(asked, said, number)}),
    );
    out.tell("ping", json!({}));
    if let Some(thought) = thought(said) {
        let start = json!({"type": "thinking", "thinking": "", "signature": ""});
        let told = words(thought);
        let told = told
            .into_iter()
            .map(|word| json!({"type": "thinking_delta", "thinking": word}));
        let sealed = json!({"type": "signature_delta", "signature": said.seal()});
        out.block(&start, told.chain([sealed]));
    }
    let start = json!({"type": "text", "text": ""});
    let told = words(&said.text);
    let told = told
        .into_iter()
        .map(|word| json!({"type": "text_delta", "text": word}));
    out.block(&start, told);
    for (index, call) in said.calls.iter().enumerate() {
        let told = scraps(&call.arguments);
        let told = told
            .into_iter()
            .map(|scrap| json!({"type": "input_json_delta", "partial_json": scrap}));
        out.block(&call_block(said, index), told);
    }
    let delta = json!({"stop_reason": stop_reason(said), "stop_sequence": null});
    out.tell(
        "message_delta",
        json!({"delta": delta, "usage": usage(said)}),
    );
    out.tell("message_stop", json!({}));
    out.events
}

#[derive(Default)]
struct Blocks {
    index: u32,
    events: Events,
}

impl Blocks {
    fn block(&mut self, start: &Value, deltas: impl Iterator<Item = Value>) {
        let index = self.index;
        self.tell(
            "content_block_start",
            json!({"index": index, "content_block": start}),
        );
        for delta in deltas {
            self.tell(
                "content_block_delta",
                json!({"index": index, "delta": delta}),
            );
        }
        self.tell("content_block_stop", json!({"index": index}));
        self.index += 1;
    }

    fn tell(&mut self, name: &str, mut event: Value) {
        event["type"] = name.into();
        self.events.named(name, &event);
    }
}
