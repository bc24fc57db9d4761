//! Answers in Gemini's form.

use serde_json::{Value, json};

use crate::agent::asked::{Asked, Thoughts};
use crate::agent::said::{Said, THOUGHT, object, words};
use crate::wire::{Events, id};

/// The whole answer.
pub(in crate::agent) fn whole(asked: &Asked, said: &Said, number: u64) -> Value {
    let mut parts = Vec::new();
    if said.thoughts == Thoughts::Told {
        parts.push(json!({"text": THOUGHT, "thought": true}));
    }
    parts.push(json!({"text": said.text}));
    parts.extend(calls(said));
    answer(asked, said, number, &parts, Some("STOP"))
}

/// The stream of a client that did not ask for events.
pub(in crate::agent) fn array(asked: &Asked, said: &Said, number: u64) -> Value {
    json!([whole(asked, said, number)])
}

/// Calls have no identities, and the first bears the signature for all of them.
fn calls(said: &Said) -> Vec<Value> {
    let parts = said.calls.iter().enumerate().map(|(index, call)| {
        let args = object(&call.arguments);
        let mut part = json!({"functionCall": {"name": call.name, "args": args}});
        if index == 0 {
            part["thoughtSignature"] = said.seal().into();
        }
        part
    });
    parts.collect()
}

fn answer(
    asked: &Asked,
    said: &Said,
    number: u64,
    parts: &[Value],
    finish_reason: Option<&str>,
) -> Value {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    if let Some(reason) = finish_reason {
        candidate["finishReason"] = reason.into();
    }
    json!({
        "candidates": [candidate],
        "usageMetadata": usage(said),
        "modelVersion": asked.model,
        "responseId": id("gemini-", number),
    })
}

/// Google's candidates leave out the thoughts.
fn usage(said: &Said) -> Value {
    let counts = said.usage;
    json!({
        "promptTokenCount": counts.input,
        "cachedContentTokenCount": counts.cached,
        "candidatesTokenCount": counts.output - counts.reasoning,
        "thoughtsTokenCount": counts.reasoning,
        "totalTokenCount": counts.input + counts.output,
    })
}

/// The answer in partial answers.
pub(in crate::agent) fn stream(asked: &Asked, said: &Said, number: u64) -> Events {
    let mut events = Events::default();
    let mut tell = |part: Value, finish| {
        events.data(&answer(asked, said, number, &[part], finish));
    };
    if said.thoughts == Thoughts::Told {
        for word in words(THOUGHT) {
            tell(json!({"text": word, "thought": true}), None);
        }
    }
    for word in words(&said.text) {
        tell(json!({"text": word}), None);
    }
    for part in calls(said) {
        tell(part, None);
    }
    tell(json!({"text": ""}), Some("STOP"));
    events
}
