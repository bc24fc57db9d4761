//! What clients read in streams; ids, models and numbers must be those of one answer.

use orchestra_dialects::Endpoint;
use serde_json::Value;

use crate::harness::Got;

/// The data of a stream's events, but for `[DONE]`.
pub(super) fn events(stream: &str) -> Vec<Value> {
    let data = stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    let data = data.filter(|data| *data != "[DONE]");
    data.map(|data| serde_json::from_str(data).unwrap_or_else(|_| panic!("{data}")))
        .collect()
}

pub(super) fn text(client: Endpoint, got: &Got) -> String {
    let events = events(got.text());
    match client {
        Endpoint::ChatCompletions => chat(&events),
        Endpoint::Responses => response(&events),
        _ => message(&events),
    }
}

fn of<'e>(events: &'e [Value], kind: &str) -> Vec<&'e Value> {
    events
        .iter()
        .filter(|event| event["type"] == kind)
        .collect()
}

fn chat(events: &[Value]) -> String {
    let chunks: Vec<&Value> = events
        .iter()
        .filter(|event| event["choices"].is_array())
        .collect();
    let mut text = String::new();
    for chunk in &chunks {
        assert_eq!(chunk["id"], chunks[0]["id"]);
        assert_eq!(chunk["model"], chunks[0]["model"]);
        text += chunk["choices"][0]["delta"]["content"]
            .as_str()
            .unwrap_or_default();
    }
    let roles = chunks
        .iter()
        .filter(|chunk| chunk["choices"][0]["delta"]["role"].is_string());
    assert!(roles.count() <= 1);
    text
}

fn message(events: &[Value]) -> String {
    for kind in [
        "message_start",
        "content_block_start",
        "content_block_stop",
        "message_delta",
    ] {
        assert!(of(events, kind).len() <= 1, "{kind}");
    }
    let deltas = of(events, "content_block_delta");
    assert!(deltas.iter().all(|event| event["index"] == 0));
    deltas
        .iter()
        .filter_map(|event| event["delta"]["text"].as_str())
        .collect()
}

fn response(events: &[Value]) -> String {
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number, "{event}");
    }
    for kind in [
        "response.created",
        "response.output_item.added",
        "response.output_item.done",
    ] {
        assert!(of(events, kind).len() <= 1, "{kind}");
    }
    let deltas = of(events, "response.output_text.delta");
    let text: String = deltas
        .iter()
        .filter_map(|event| event["delta"].as_str())
        .collect();
    for end in of(events, "response.completed") {
        let output = &end["response"]["output"];
        assert_eq!(output.as_array().map(Vec::len), Some(1), "{end}");
        assert_eq!(output[0]["content"][0]["text"], text.as_str());
        assert_eq!(end["response"]["id"], events[0]["response"]["id"]);
        assert_eq!(end["response"]["model"], events[0]["response"]["model"]);
    }
    text
}
