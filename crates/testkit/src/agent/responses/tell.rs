//! Answers in Responses.

use serde_json::{Value, json};

use crate::agent::asked::{Asked, Thoughts};
use crate::agent::said::{Said, THOUGHT, scraps, words};
use crate::wire::{CREATED, Events, id};

/// The whole answer.
pub(in crate::agent) fn whole(asked: &Asked, said: &Said, number: u64) -> Value {
    response(
        asked,
        number,
        "completed",
        &output(said, number),
        &usage(said),
    )
}

fn response(asked: &Asked, number: u64, status: &str, output: &[Value], usage: &Value) -> Value {
    let mut response = asked.repeated.clone();
    let own = json!({
        "id": id("resp_", number),
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "background": false,
        "error": null,
        "incomplete_details": null,
        "model": asked.model,
        "output": output,
        "previous_response_id": null,
        "service_tier": "default",
        "store": false,
        "usage": usage,
    });
    if let (Value::Object(response), Value::Object(own)) = (&mut response, own) {
        response.extend(own);
    }
    response
}

/// All items of the answer, done.
fn output(said: &Said, number: u64) -> Vec<Value> {
    let mut items = Vec::new();
    if let Some(summary) = thoughts(said) {
        items.push(reasoning(number, &summary, &said.seal()));
    }
    items.push(message(number, "completed", &[text(&said.text)]));
    for index in 0..said.calls.len() {
        let arguments = &said.calls[index].arguments;
        items.push(call(said, number, index, arguments, "completed"));
    }
    items
}

/// The summary of its thoughts, if it hands them out.
fn thoughts(said: &Said) -> Option<Vec<Value>> {
    match said.thoughts {
        Thoughts::Told => Some(vec![summary(THOUGHT)]),
        Thoughts::Sealed => Some(Vec::new()),
        Thoughts::Counted | Thoughts::None => None,
    }
}

fn summary(text: &str) -> Value {
    json!({"type": "summary_text", "text": text})
}

fn reasoning(number: u64, summary: &[Value], seal: &str) -> Value {
    json!({
        "type": "reasoning",
        "id": id("rs_", number),
        "summary": summary,
        "encrypted_content": seal,
    })
}

fn message(number: u64, status: &str, content: &[Value]) -> Value {
    json!({
        "type": "message",
        "id": id("msg_", number),
        "role": "assistant",
        "status": status,
        "content": content,
    })
}

fn text(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

fn call(said: &Said, number: u64, index: usize, arguments: &str, status: &str) -> Value {
    json!({
        "type": "function_call",
        "id": format!("{}{index}", id("fc_", number)),
        "call_id": said.id("call", index),
        "name": said.calls[index].name,
        "arguments": arguments,
        "status": status,
    })
}

fn usage(said: &Said) -> Value {
    let counts = said.usage;
    json!({
        "input_tokens": counts.input,
        "input_tokens_details": {"cached_tokens": counts.cached, "cache_write_tokens": 0},
        "output_tokens": counts.output,
        "output_tokens_details": {"reasoning_tokens": counts.reasoning},
        "total_tokens": counts.input + counts.output,
    })
}

/// The answer in events.
pub(in crate::agent) fn stream(asked: &Asked, said: &Said, number: u64) -> Events {
    let mut out = Items::default();
    let begun = response(asked, number, "in_progress", &[], &Value::Null);
    out.tell("response.created", json!({"response": begun}));
    out.tell("response.in_progress", json!({"response": begun}));
    if let Some(summary) = thoughts(said) {
        let (added, done) = (
            reasoning(number, &[], ""),
            reasoning(number, &summary, &said.seal()),
        );
        out.item(&added, &done, |out, at| {
            if !summary.is_empty() {
                out.summary(at);
            }
        });
    }
    let done = message(number, "completed", &[text(&said.text)]);
    out.item(&message(number, "in_progress", &[]), &done, |out, at| {
        out.text(at, &said.text);
    });
    for (index, made) in said.calls.iter().enumerate() {
        let added = call(said, number, index, "", "in_progress");
        let done = call(said, number, index, &made.arguments, "completed");
        out.item(&added, &done, |out, at| {
            out.arguments(at, &made.name, &made.arguments);
        });
    }
    let ended = whole(asked, said, number);
    out.tell("response.completed", json!({"response": ended}));
    out.events
}

/// Tells items one behind the other and numbers the events.
#[derive(Default)]
struct Items {
    output_index: u32,
    sequence_number: u32,
    events: Events,
}

impl Items {
    fn item(&mut self, added: &Value, done: &Value, inner: impl FnOnce(&mut Self, &Value)) {
        let output_index = self.output_index;
        let at = json!({"item_id": added["id"], "output_index": output_index});
        self.tell(
            "response.output_item.added",
            json!({"output_index": output_index, "item": added}),
        );
        inner(self, &at);
        self.tell(
            "response.output_item.done",
            json!({"output_index": output_index, "item": done}),
        );
        self.output_index += 1;
    }

    fn summary(&mut self, at: &Value) {
        let name = |end: &str| format!("response.reasoning_summary_{end}");
        let index = json!({"summary_index": 0});
        let part = |text: &str| json!({"part": summary(text)});
        self.with(at, &name("part.added"), &[&index, &part("")]);
        for word in words(THOUGHT) {
            self.with(at, &name("text.delta"), &[&index, &json!({"delta": word})]);
        }
        self.with(at, &name("text.done"), &[&index, &json!({"text": THOUGHT})]);
        self.with(at, &name("part.done"), &[&index, &part(THOUGHT)]);
    }

    fn text(&mut self, at: &Value, whole: &str) {
        let name = |end: &str| format!("response.{end}");
        let index = json!({"content_index": 0});
        let part = |whole: &str| json!({"part": text(whole)});
        self.with(at, &name("content_part.added"), &[&index, &part("")]);
        for word in words(whole) {
            let delta = json!({"delta": word, "logprobs": []});
            self.with(at, &name("output_text.delta"), &[&index, &delta]);
        }
        let done = json!({"text": whole, "logprobs": []});
        self.with(at, &name("output_text.done"), &[&index, &done]);
        self.with(at, &name("content_part.done"), &[&index, &part(whole)]);
    }

    fn arguments(&mut self, at: &Value, name: &str, arguments: &str) {
        let event = |end: &str| format!("response.function_call_arguments.{end}");
        for scrap in scraps(arguments) {
            self.with(at, &event("delta"), &[&json!({"delta": scrap})]);
        }
        let done = json!({"name": name, "arguments": arguments});
        self.with(at, &event("done"), &[&done]);
    }

    /// Tells an event with the members of several objects.
    fn with(&mut self, at: &Value, name: &str, more: &[&Value]) {
        let mut event = at.clone();
        for members in more {
            if let (Value::Object(event), Value::Object(members)) = (&mut event, members) {
                event.extend(members.clone());
            }
        }
        self.tell(name, event);
    }

    fn tell(&mut self, name: &str, mut event: Value) {
        event["type"] = name.into();
        event["sequence_number"] = self.sequence_number.into();
        self.sequence_number += 1;
        self.events.named(name, &event);
    }
}
