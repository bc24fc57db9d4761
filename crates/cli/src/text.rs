//! The words in an answer, whatever its dialect.

use orchestra_dialects::{Endpoint, Frame};
use serde_json::{Value, json};

/// A request that asks `text` in the endpoint's dialect.
pub(crate) fn request(
    endpoint: Endpoint,
    model: &str,
    text: &str,
    stream: bool,
    max_tokens: u32,
) -> Value {
    let messages = json!([{ "role": "user", "content": text }]);
    match endpoint {
        Endpoint::Responses => {
            json!({ "model": model, "input": text, "stream": stream, "max_output_tokens": max_tokens })
        }
        // OpenAI's newer models refuse `max_tokens`, older servers know nothing else: no limit
        // is the one form that all of them take.
        Endpoint::ChatCompletions => {
            json!({ "model": model, "messages": messages, "stream": stream })
        }
        _ => {
            json!({ "model": model, "messages": messages, "stream": stream, "max_tokens": max_tokens })
        }
    }
}

/// The text of an answer in one piece.
pub(crate) fn of_answer(endpoint: Endpoint, answer: &Value) -> String {
    let joined = |parts: &Value| {
        let texts = parts
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|part| part["text"].as_str());
        texts.collect::<String>()
    };
    match endpoint {
        Endpoint::Responses => answer["output"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|item| joined(&item["content"]))
            .collect(),
        Endpoint::Messages => joined(&answer["content"]),
        _ => answer["choices"][0]["message"]["content"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    }
}

/// The text that an event of a stream adds, or the error that it reports.
pub(crate) fn of_event(endpoint: Endpoint, frame: &Frame<'_>) -> Result<Option<String>, String> {
    let Ok(event) = serde_json::from_slice::<Value>(frame.data) else {
        return Ok(None);
    };
    let failure = match &event["error"] {
        Value::Null => &event["response"]["error"],
        failure => failure,
    };
    let failed =
        matches!(event["type"].as_str(), Some("error" | "response.failed")) || failure.is_object();
    if failed {
        let message = failure["message"]
            .as_str()
            .or_else(|| event["message"].as_str());
        return Err(message.unwrap_or("the stream broke off").to_owned());
    }
    let piece = match endpoint {
        Endpoint::Responses if event["type"] == "response.output_text.delta" => &event["delta"],
        Endpoint::Messages => &event["delta"]["text"],
        Endpoint::ChatCompletions => &event["choices"][0]["delta"]["content"],
        _ => &Value::Null,
    };
    Ok(piece.as_str().map(str::to_owned))
}
