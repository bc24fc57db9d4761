//! Answers in Chat Completions.

use serde_json::{Map, Value, json};

use crate::agent::asked::{Asked, Thoughts};
use crate::agent::said::{Said, THOUGHT, scraps, words};
use crate::wire::{CREATED, Events, id};

/// The whole answer.
pub(in crate::agent) fn whole(asked: &Asked, said: &Said, number: u64) -> Value {
    let mut message = json!({
        "role": "assistant",
        "content": said.text,
        "refusal": null,
        "annotations": [],
    });
    if said.thoughts == Thoughts::Told {
        message["reasoning_content"] = THOUGHT.into();
    }
    if !said.calls.is_empty() {
        let calls = said.calls.iter().enumerate().map(|(index, call)| {
            json!({
                "id": said.id("call", index),
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            })
        });
        message["tool_calls"] = calls.collect();
    }
    json!({
        "id": id("chatcmpl-", number),
        "object": "chat.completion",
        "created": CREATED,
        "model": asked.model,
        "choices": [{
            "index": 0,
            "message": message,
            "logprobs": null,
            "finish_reason": finish_reason(said),
        }],
        "usage": usage(said),
        "service_tier": "default",
    })
}

fn finish_reason(said: &Said) -> &'static str {
    if said.calls.is_empty() {
        "stop"
    } else {
        "tool_calls"
    }
}

fn usage(said: &Said) -> Value {
    let counts = said.usage;
    json!({
        "prompt_tokens": counts.input,
        "completion_tokens": counts.output,
        "total_tokens": counts.input + counts.output,
        "prompt_tokens_details": {"cached_tokens": counts.cached},
        "completion_tokens_details": {"reasoning_tokens": counts.reasoning},
    })
}

/// The answer in chunks.
pub(in crate::agent) fn stream(asked: &Asked, said: &Said, number: u64) -> Events {
    let mut out = Chunks {
        asked,
        id: id("chatcmpl-", number),
        events: Events::default(),
    };
    out.delta(
        json!({"role": "assistant", "content": "", "refusal": null}),
        None,
    );
    if said.thoughts == Thoughts::Told {
        for word in words(THOUGHT) {
            out.delta(json!({"content": null, "reasoning_content": word}), None);
        }
    }
    for word in words(&said.text) {
        out.delta(json!({"content": word}), None);
    }
    for (index, call) in said.calls.iter().enumerate() {
        let first = json!({
            "index": index,
            "id": said.id("call", index),
            "type": "function",
            "function": {"name": call.name, "arguments": ""},
        });
        out.delta(json!({"tool_calls": [first]}), None);
        for scrap in scraps(&call.arguments) {
            let piece = json!({"index": index, "function": {"arguments": scrap}});
            out.delta(json!({"tool_calls": [piece]}), None);
        }
    }
    out.delta(json!({}), Some(finish_reason(said)));
    if asked.include_usage {
        out.chunk(&json!([]), &usage(said));
    }
    out.events.verbatim(b"[DONE]");
    out.events
}

struct Chunks<'a> {
    asked: &'a Asked,
    id: String,
    events: Events,
}

impl Chunks<'_> {
    fn delta(&mut self, delta: Value, finish_reason: Option<&str>) {
        let choice = json!({
            "index": 0,
            "delta": delta,
            "logprobs": null,
            "finish_reason": finish_reason,
        });
        self.chunk(&json!([choice]), &Value::Null);
    }

    fn chunk(&mut self, choices: &Value, usage: &Value) {
        let mut chunk = Map::new();
        chunk.insert("id".into(), self.id.clone().into());
        chunk.insert("object".into(), "chat.completion.chunk".into());
        chunk.insert("created".into(), CREATED.into());
        chunk.insert("model".into(), self.asked.model.clone().into());
        chunk.insert("choices".into(), choices.clone());
        if self.asked.include_usage {
            chunk.insert("usage".into(), usage.clone());
        }
        self.events.data(&chunk);
    }
}
