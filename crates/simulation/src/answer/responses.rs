//! Responses.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{MODEL, words};

pub(super) fn opening(exchange: u32) -> Bytes {
    let item = json!({ "id": message(exchange), "type": "message", "status": "in_progress", "role": "assistant", "content": [] });
    let part = json!({ "type": "output_text", "text": "", "annotations": [] });
    let events = [
        event(
            0,
            "response.created",
            json!({ "response": response(exchange, "in_progress", &json!([]), None) }),
        ),
        event(
            1,
            "response.output_item.added",
            json!({ "output_index": 0, "item": item }),
        ),
        event(
            2,
            "response.content_part.added",
            json!({ "item_id": message(exchange), "output_index": 0, "content_index": 0, "part": part }),
        ),
    ];
    events.concat().into()
}

pub(super) fn piece(exchange: u32, number: u32, text: &str) -> Bytes {
    let delta = json!({ "item_id": message(exchange), "output_index": 0, "content_index": 0, "delta": text, "logprobs": [] });
    event(number + 3, "response.output_text.delta", delta).into()
}

pub(super) fn end(exchange: u32, tokens: u32) -> Bytes {
    let item = item(exchange, tokens);
    let text = words(exchange, tokens);
    let place = json!({ "item_id": message(exchange), "output_index": 0, "content_index": 0 });
    let with = |more: Value| {
        let mut whole = place.clone();
        if let (Value::Object(whole), Value::Object(more)) = (&mut whole, more) {
            whole.extend(more);
        }
        whole
    };
    let output = json!([item]);
    let events = [
        event(
            tokens + 3,
            "response.output_text.done",
            with(json!({ "text": text, "logprobs": [] })),
        ),
        event(
            tokens + 4,
            "response.content_part.done",
            with(json!({ "part": item["content"][0] })),
        ),
        event(
            tokens + 5,
            "response.output_item.done",
            json!({ "output_index": 0, "item": item }),
        ),
        event(
            tokens + 6,
            "response.completed",
            json!({ "response": response(exchange, "completed", &output, Some(tokens)) }),
        ),
    ];
    events.concat().into()
}

pub(super) fn whole(exchange: u32, tokens: u32) -> Bytes {
    let output = json!([item(exchange, tokens)]);
    response(exchange, "completed", &output, Some(tokens))
        .to_string()
        .into()
}

fn message(exchange: u32) -> String {
    format!("msg_x{exchange}")
}

fn item(exchange: u32, tokens: u32) -> Value {
    let part = json!({ "type": "output_text", "text": words(exchange, tokens), "annotations": [] });
    json!({ "id": message(exchange), "type": "message", "status": "completed", "role": "assistant", "content": [part] })
}

fn response(exchange: u32, status: &str, output: &Value, tokens: Option<u32>) -> Value {
    let usage = tokens.map(|tokens| {
        json!({ "input_tokens": 5, "input_tokens_details": { "cached_tokens": 0 }, "output_tokens": tokens,
            "output_tokens_details": { "reasoning_tokens": 0 }, "total_tokens": tokens + 5 })
    });
    json!({ "id": format!("resp_x{exchange}"), "object": "response", "created_at": 0, "status": status, "error": null,
        "incomplete_details": null, "model": MODEL, "output": output, "usage": usage })
}

fn event(number: u32, name: &str, mut data: Value) -> String {
    data["type"] = json!(name);
    data["sequence_number"] = json!(number);
    format!("event: {name}\ndata: {data}\n\n")
}
