//! Answers and streams read as each endpoint's clients read them; shares nothing with the gateway's own readers.

use orchestra_dialects::Endpoint;
use serde_json::Value;

use crate::harness::Got;

/// A call of a tool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: String,
}

/// What a client understands of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) calls: Vec<Call>,
    /// The dialect's word; of Responses the status.
    pub(super) finish: String,
    /// Tokens in and out, as the dialect counts them.
    pub(super) usage: Option<(u64, u64)>,
    pub(super) model: String,
}

impl Said {
    /// Names and arguments of the calls.
    pub(super) fn called(&self) -> Vec<(&str, Value)> {
        let parsed = |call: &Call| serde_json::from_str(&call.arguments).unwrap_or(Value::Null);
        self.calls
            .iter()
            .map(|call| (&*call.name, parsed(call)))
            .collect()
    }
}

/// Reads what a client got.
pub(super) fn read(endpoint: Endpoint, streamed: bool, got: &Got) -> Said {
    match (endpoint, streamed) {
        (Endpoint::ChatCompletions, false) => chat(&got.json()),
        (Endpoint::Responses, false) => response(&got.json()),
        (_, false) => message(&got.json()),
        (Endpoint::ChatCompletions, true) => chat_stream(&events(got.text())),
        (Endpoint::Responses, true) => response_stream(&events(got.text())),
        (_, true) => message_stream(&events(got.text())),
    }
}

/// The data of a stream's events, but for `[DONE]`. Names must agree with types.
pub(super) fn events(stream: &str) -> Vec<Value> {
    let mut events = Vec::new();
    for frame in stream.split_terminator("\n\n") {
        let field = |name| frame.lines().find_map(|line| line.strip_prefix(name));
        let Some(data) = field("data: ").filter(|data| *data != "[DONE]") else {
            continue;
        };
        let value: Value = serde_json::from_str(data).unwrap_or_else(|_| panic!("{frame}"));
        if let Some(name) = field("event: ") {
            assert_eq!(value["type"], name, "{frame}");
        }
        events.push(value);
    }
    events
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn tokens(usage: &Value, names: (&str, &str)) -> Option<(u64, u64)> {
    Some((usage[names.0].as_u64()?, usage[names.1].as_u64()?))
}

const CHAT_TOKENS: (&str, &str) = ("prompt_tokens", "completion_tokens");
const TOKENS: (&str, &str) = ("input_tokens", "output_tokens");

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn chat(answer: &Value) -> Said {
    let choice = &answer["choices"][0];
    let call = |call: &Value| Call {
        id: text(&call["id"]),
        name: text(&call["function"]["name"]),
        arguments: text(&call["function"]["arguments"]),
    };
    Said {
        text: text(&choice["message"]["content"]),
        calls: items(&choice["message"]["tool_calls"]).map(call).collect(),
        finish: text(&choice["finish_reason"]),
        usage: tokens(&answer["usage"], CHAT_TOKENS),
        model: text(&answer["model"]),
    }
}

fn chat_stream(events: &[Value]) -> Said {
    let mut said = Said::default();
    for event in events {
        said.model = text(&event["model"]);
        said.usage = tokens(&event["usage"], CHAT_TOKENS).or(said.usage);
        let choice = &event["choices"][0];
        said.text += &text(&choice["delta"]["content"]);
        said.finish += &text(&choice["finish_reason"]);
        for piece in items(&choice["delta"]["tool_calls"]) {
            let index = usize::try_from(piece["index"].as_u64().unwrap()).unwrap();
            said.calls
                .resize_with(said.calls.len().max(index + 1), Call::default);
            let call = &mut said.calls[index];
            call.id += &text(&piece["id"]);
            call.name += &text(&piece["function"]["name"]);
            call.arguments += &text(&piece["function"]["arguments"]);
        }
    }
    said
}

fn response(answer: &Value) -> Said {
    let mut said = Said {
        finish: text(&answer["status"]),
        usage: tokens(&answer["usage"], TOKENS),
        model: text(&answer["model"]),
        ..Said::default()
    };
    for item in items(&answer["output"]) {
        match item["type"].as_str() {
            Some("message") => {
                for part in items(&item["content"]) {
                    said.text += &text(&part["text"]);
                }
            }
            Some("function_call") => said.calls.push(Call {
                id: text(&item["call_id"]),
                name: text(&item["name"]),
                arguments: text(&item["arguments"]),
            }),
            _ => {}
        }
    }
    said
}

/// The deltas must add up to what the terminal event repeats.
fn response_stream(events: &[Value]) -> Said {
    let (mut told, mut arguments, mut whole) = (String::new(), String::new(), Said::default());
    for (number, event) in (0_u64..).zip(events) {
        assert_eq!(event["sequence_number"], number, "{event}");
        match event["type"].as_str().unwrap_or_default() {
            "response.output_text.delta" => told += &text(&event["delta"]),
            "response.function_call_arguments.delta" => arguments += &text(&event["delta"]),
            "response.completed" | "response.incomplete" => whole = response(&event["response"]),
            _ => {}
        }
    }
    if !whole.finish.is_empty() {
        let called: String = whole.calls.iter().map(|call| &*call.arguments).collect();
        assert_eq!((&whole.text, &called), (&told, &arguments));
    }
    Said {
        text: told,
        ..whole
    }
}

fn message(answer: &Value) -> Said {
    let mut said = Said {
        finish: text(&answer["stop_reason"]),
        usage: tokens(&answer["usage"], TOKENS),
        model: text(&answer["model"]),
        ..Said::default()
    };
    for block in items(&answer["content"]) {
        match block["type"].as_str() {
            Some("text") => said.text += &text(&block["text"]),
            Some("tool_use") => said.calls.push(Call {
                id: text(&block["id"]),
                name: text(&block["name"]),
                arguments: block["input"].to_string(),
            }),
            _ => {}
        }
    }
    said
}

fn message_stream(events: &[Value]) -> Said {
    let mut said = Said::default();
    for event in events {
        match event["type"].as_str().unwrap_or_default() {
            "message_start" => said = message(&event["message"]),
            "content_block_start" if event["content_block"]["type"] == "tool_use" => {
                said.calls.push(Call {
                    id: text(&event["content_block"]["id"]),
                    name: text(&event["content_block"]["name"]),
                    arguments: String::new(),
                });
            }
            "content_block_delta" => {
                said.text += &text(&event["delta"]["text"]);
                if let Some(call) = said.calls.last_mut() {
                    call.arguments += &text(&event["delta"]["partial_json"]);
                }
            }
            "message_delta" => {
                said.finish += &text(&event["delta"]["stop_reason"]);
                said.usage = tokens(&event["usage"], TOKENS).or(said.usage);
            }
            _ => {}
        }
    }
    said
}
