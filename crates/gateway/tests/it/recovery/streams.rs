//! Streams with a text, as the providers write them.

use orchestra_dialects::Endpoint;
use serde_json::{Value, json};

use super::speakers::Death;

/// A whole stream with this text, some characters at a time.
pub(super) fn stream(endpoint: Endpoint, text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let pieces: Vec<String> = characters
        .chunks(5)
        .map(|piece| piece.iter().collect())
        .collect();
    match endpoint {
        Endpoint::ChatCompletions => chat(&pieces),
        Endpoint::Messages => messages(&pieces),
        Endpoint::Responses => responses(&pieces, text),
        other => panic!("{other}"),
    }
}

fn named(event: &Value) -> String {
    format!(
        "event: {}\ndata: {event}\n\n",
        event["type"].as_str().unwrap()
    )
}

fn chat(pieces: &[String]) -> String {
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        let chunk = json!({"id": "c-up", "object": "chat.completion.chunk", "created": 7, "model": "up", "choices": [choice]});
        format!("data: {chunk}\n\n")
    };
    let mut events = chunk(json!({"role": "assistant", "content": ""}), Value::Null);
    for piece in pieces {
        events += &chunk(json!({"content": piece}), Value::Null);
    }
    events += &chunk(json!({}), json!("stop"));
    let usage = json!({"id": "c-up", "object": "chat.completion.chunk", "created": 7, "model": "up", "choices": [],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}});
    events + &format!("data: {usage}\n\ndata: [DONE]\n\n")
}

fn messages(pieces: &[String]) -> String {
    let start = json!({"type": "message_start", "message": {"id": "m-up", "type": "message", "role": "assistant",
        "model": "up", "content": [], "stop_reason": null, "stop_sequence": null,
        "usage": {"input_tokens": 10, "output_tokens": 1}}});
    let mut events = named(&start);
    events += &named(
        &json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
    );
    for piece in pieces {
        let delta = json!({"type": "text_delta", "text": piece});
        events += &named(&json!({"type": "content_block_delta", "index": 0, "delta": delta}));
    }
    events += &named(&json!({"type": "content_block_stop", "index": 0}));
    let delta = json!({"stop_reason": "end_turn", "stop_sequence": null});
    events +=
        &named(&json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 5}}));
    events + &named(&json!({"type": "message_stop"}))
}

fn responses(pieces: &[String], text: &str) -> String {
    let part = |text: &str| json!({"type": "output_text", "text": text, "annotations": []});
    let item = |status: &str, content: Vec<Value>| json!({"type": "message", "id": "i-up", "role": "assistant", "status": status, "content": content});
    let response = |status: &str, output: Vec<Value>, usage: Value| {
        json!({"id": "r-up", "object": "response",
        "created_at": 7, "model": "up", "status": status, "error": null, "output": output, "usage": usage})
    };
    let mut all = vec![
        json!({"type": "response.created", "response": response("in_progress", vec![], Value::Null)}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": item("in_progress", vec![])}),
        json!({"type": "response.content_part.added", "item_id": "i-up", "output_index": 0, "content_index": 0, "part": part("")}),
    ];
    all.extend(pieces.iter().map(|piece| {
        json!({"type": "response.output_text.delta", "item_id": "i-up", "output_index": 0, "content_index": 0, "delta": piece})
    }));
    let whole = item("completed", vec![part(text)]);
    let usage = json!({"input_tokens": 10, "output_tokens": 5, "total_tokens": 15});
    all.extend([
        json!({"type": "response.output_text.done", "item_id": "i-up", "output_index": 0, "content_index": 0, "text": text}),
        json!({"type": "response.content_part.done", "item_id": "i-up", "output_index": 0, "content_index": 0, "part": part(text)}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": whole}),
        json!({"type": "response.completed", "response": response("completed", vec![whole.clone()], usage)}),
    ]);
    let numbered = |(number, mut event): (usize, Value)| {
        event["sequence_number"] = json!(number);
        named(&event)
    };
    all.into_iter().enumerate().map(numbered).collect()
}

pub(super) fn error(endpoint: Endpoint, death: Death) -> String {
    let (kind, code) = match death {
        Death::Policy => ("invalid_request_error", "content_policy_violation"),
        _ => ("overloaded_error", "server_is_overloaded"),
    };
    match endpoint {
        Endpoint::Messages => {
            named(&json!({"type": "error", "error": {"type": kind, "message": "no"}}))
        }
        Endpoint::Responses => named(
            &json!({"type": "error", "code": code, "message": "no", "param": null, "sequence_number": 9}),
        ),
        _ => format!(
            "data: {}\n\n",
            json!({"error": {"message": "no", "type": kind, "code": code}})
        ),
    }
}
