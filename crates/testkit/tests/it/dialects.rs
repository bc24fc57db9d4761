//! The answers have the shape that the vendors' own type files ask for.

use crate::support::{CHAT, Client, Event, MESSAGES, RESPONSES, Reply, chat, message, response};
use base64::Engine as _;
use orchestra_testkit::{Behaviour, Finish, Script, TokenCounts, Upstream};
use serde::Deserialize;
use serde_json::{Value, json};

const TEXT: &str = "Hello from the scripted provider.";

async fn ask(script: Script, path: &str, body: &Value) -> Reply {
    let upstream = Upstream::start(script).unwrap();
    Client::new(&upstream).await.post(path, body).await
}

fn has(value: &Value, fields: &[&str]) {
    let object = value.as_object().unwrap();
    for field in fields {
        assert!(object.contains_key(*field), "{field} is missing in {value}");
    }
}

#[tokio::test]
async fn a_chat_answer_has_all_required_fields() {
    let reply = ask(Script::new(), CHAT, &chat("gpt", false)).await;
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert!(reply.header("x-request-id").unwrap().starts_with("req_"));
    let body = reply.json();
    has(&body, &["id", "created", "usage"]);
    assert_eq!(
        (&body["object"], &body["model"]),
        (&json!("chat.completion"), &json!("gpt"))
    );
    let choice = &body["choices"][0];
    has(choice, &["index", "logprobs"]);
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(choice["message"]["content"], TEXT);
    has(&choice["message"], &["role", "refusal"]);
    let usage = &body["usage"];
    has(
        usage,
        &["prompt_tokens_details", "completion_tokens_details"],
    );
    assert_eq!(usage["completion_tokens"], 5);
    let sum = usage["prompt_tokens"].as_u64().unwrap() + 5;
    assert_eq!(usage["total_tokens"], sum);
}

#[tokio::test]
async fn a_chat_stream_reports_usage_only_when_asked() {
    let mut body = chat("gpt", true);
    let reply = ask(Script::new(), CHAT, &body).await;
    assert_eq!(
        reply.header("content-type"),
        Some("text/event-stream; charset=utf-8")
    );
    assert!(!reply.text().contains("usage"));
    let events = reply.events();
    // Each event came in a chunk of its own.
    assert_eq!(reply.chunks.len(), events.len());
    assert_eq!(events.last().unwrap().data, "[DONE]");
    assert!(events.iter().all(|event| event.name.is_none()));
    let chunks: Vec<Value> = events[..events.len() - 1].iter().map(Event::json).collect();
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let deltas = chunks
        .iter()
        .filter_map(|c| c["choices"][0]["delta"]["content"].as_str());
    assert_eq!(deltas.collect::<String>(), TEXT);
    let finishes: Vec<_> = chunks
        .iter()
        .map(|c| c["choices"][0]["finish_reason"].clone())
        .collect();
    assert_eq!(
        finishes.iter().filter(|finish| !finish.is_null()).count(),
        1
    );
    assert_eq!(finishes.last().unwrap(), "stop");
    assert!(chunks.iter().all(|c| c["id"] == chunks[0]["id"]));

    body["stream_options"] = json!({"include_usage": true});
    let events = ask(Script::new(), CHAT, &body).await.events();
    let chunks: Vec<Value> = events[..events.len() - 1].iter().map(Event::json).collect();
    let (last, others) = chunks.split_last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["completion_tokens"], 5);
    assert!(
        others
            .iter()
            .all(|c| c.as_object().unwrap()["usage"].is_null())
    );
}

#[tokio::test]
async fn a_text_completion_comes_whole_and_streamed() {
    let mut body = json!({"model": "m", "prompt": "Once"});
    let whole = ask(Script::new(), "/v1/completions", &body).await.json();
    assert_eq!(
        (&whole["object"], &whole["choices"][0]["text"]),
        (&json!("text_completion"), &json!(TEXT))
    );
    assert_eq!(whole["choices"][0]["finish_reason"], "stop");
    body["stream"] = json!(true);
    let events = ask(Script::new(), "/v1/completions", &body).await.events();
    let (done, chunks) = events.split_last().unwrap();
    assert_eq!(done.data, "[DONE]");
    let texts = chunks
        .iter()
        .map(|c| c.json()["choices"][0]["text"].as_str().unwrap().to_owned());
    assert_eq!(texts.collect::<String>(), TEXT);
}

#[tokio::test]
async fn a_message_has_all_required_fields() {
    let reply = ask(Script::new(), "/anthropic/v1/messages", &message(false)).await;
    assert!(reply.header("request-id").is_some() && reply.header("x-request-id").is_none());
    let body = reply.json();
    has(&body, &["id", "stop_sequence"]);
    assert_eq!(body["content"], json!([{"type": "text", "text": TEXT}]));
    assert_eq!(
        (&body["type"], &body["role"]),
        (&json!("message"), &json!("assistant"))
    );
    assert_eq!(body["stop_reason"], "end_turn");
    let fields = [
        "input_tokens",
        "output_tokens",
        "cache_read_input_tokens",
        "cache_creation",
    ];
    has(&body["usage"], &fields);
}

#[tokio::test]
async fn a_message_stream_has_its_events_in_order() {
    let events = ask(Script::new(), MESSAGES, &message(true)).await.events();
    for event in &events {
        assert_eq!(event.name.as_deref(), event.json()["type"].as_str());
    }
    let mut names: Vec<_> = events
        .iter()
        .map(|event| event.name.clone().unwrap())
        .collect();
    names.dedup();
    let expected = [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(names, expected);
    has(
        &events[0].json()["message"],
        &["id", "content", "usage", "stop_reason"],
    );
    let delta = events[events.len() - 2].json();
    assert_eq!(delta["delta"]["stop_reason"], "end_turn");
    assert_eq!(delta["usage"]["output_tokens"], 5);
}

#[tokio::test]
async fn a_response_has_all_required_fields() {
    let body = ask(Script::new(), RESPONSES, &response(false)).await.json();
    let fields = [
        "id",
        "created_at",
        "model",
        "object",
        "output",
        "parallel_tool_calls",
        "tool_choice",
        "tools",
        "error",
        "incomplete_details",
        "instructions",
        "metadata",
        "temperature",
        "top_p",
    ];
    has(&body, &fields);
    assert_eq!(body["status"], "completed");
    let part = &body["output"][0]["content"][0];
    assert_eq!(
        (&part["type"], &part["text"]),
        (&json!("output_text"), &json!(TEXT))
    );
    has(part, &["annotations"]);
    has(
        &body["usage"]["input_tokens_details"],
        &["cached_tokens", "cache_write_tokens"],
    );
    has(
        &body["usage"]["output_tokens_details"],
        &["reasoning_tokens"],
    );
}

#[tokio::test]
async fn a_response_stream_numbers_its_events() {
    let events = ask(Script::new(), RESPONSES, &response(true))
        .await
        .events();
    let bodies: Vec<Value> = events.iter().map(Event::json).collect();
    for (number, (event, body)) in events.iter().zip(&bodies).enumerate() {
        assert_eq!(event.name.as_deref(), body["type"].as_str());
        assert_eq!(body["sequence_number"], number);
    }
    let mut names: Vec<_> = bodies
        .iter()
        .map(|body| body["type"].as_str().unwrap())
        .collect();
    names.dedup();
    let expected = [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ];
    assert_eq!(names, expected);
    let id = &bodies[2]["item"]["id"];
    assert!(
        bodies
            .iter()
            .filter_map(|body| body.get("item_id"))
            .all(|item| item == id)
    );
    let last = &bodies.last().unwrap()["response"];
    assert_eq!(
        (&last["status"], &last["output"][0]["content"][0]["text"]),
        (&json!("completed"), &json!(TEXT))
    );
    has(&last["usage"], &["total_tokens"]);
}

/// A weather tool in the three notations, for the call it belongs to.
fn with_tool(mut body: Value, path: &str) -> Value {
    let schema = json!({"type": "object", "required": ["city"], "properties": {
        "city": {"type": "string"}, "unit": {"type": "string"}}});
    body["tools"] = match path {
        CHAT => {
            json!([{"type": "function", "function": {"name": "weather", "parameters": schema}}])
        }
        MESSAGES => json!([{"name": "weather", "input_schema": schema}]),
        _ => {
            json!([{"type": "web_search"}, {"type": "function", "name": "weather", "parameters": schema}])
        }
    };
    body
}

#[tokio::test]
async fn a_tool_is_called_in_the_callers_dialect() {
    let arguments = json!({"city": "Paris"});
    let parsed = |text: &Value| serde_json::from_str::<Value>(text.as_str().unwrap()).unwrap();

    let body = ask(Script::new(), CHAT, &with_tool(chat("m", false), CHAT))
        .await
        .json();
    let choice = &body["choices"][0];
    assert_eq!(
        (&choice["finish_reason"], &choice["message"]["content"]),
        (&json!("tool_calls"), &Value::Null)
    );
    let call = &choice["message"]["tool_calls"][0];
    assert_eq!(
        (&call["type"], &call["function"]["name"]),
        (&json!("function"), &json!("weather"))
    );
    assert_eq!(parsed(&call["function"]["arguments"]), arguments);
    has(call, &["id"]);

    let body = ask(
        Script::new(),
        MESSAGES,
        &with_tool(message(false), MESSAGES),
    )
    .await
    .json();
    let block = &body["content"][0];
    assert_eq!(
        (&body["stop_reason"], &block["type"]),
        (&json!("tool_use"), &json!("tool_use"))
    );
    assert_eq!(
        (&block["name"], &block["input"]),
        (&json!("weather"), &arguments)
    );

    let body = ask(
        Script::new(),
        RESPONSES,
        &with_tool(response(false), RESPONSES),
    )
    .await
    .json();
    let item = &body["output"][0];
    assert_eq!(
        (&item["type"], &item["name"]),
        (&json!("function_call"), &json!("weather"))
    );
    assert_eq!(parsed(&item["arguments"]), arguments);
    has(item, &["call_id", "id", "status"]);
}

#[tokio::test]
async fn streamed_arguments_come_in_several_pieces() {
    let cases = [
        (CHAT, chat("m", true)),
        (MESSAGES, message(true)),
        (RESPONSES, response(true)),
    ];
    for (path, body) in cases {
        let events = ask(Script::new(), path, &with_tool(body, path))
            .await
            .events();
        let bodies = events
            .iter()
            .filter(|event| event.data != "[DONE]")
            .map(Event::json);
        let pieces: Vec<String> = bodies
            .filter_map(|body| {
                let piece = match path {
                    CHAT => &body["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"],
                    MESSAGES => &body["delta"]["partial_json"],
                    _ => &body["delta"],
                };
                piece
                    .as_str()
                    .filter(|piece| !piece.is_empty())
                    .map(str::to_owned)
            })
            .collect();
        assert!(pieces.len() > 2, "{path}: {pieces:?}");
        assert_eq!(pieces.concat(), r#"{"city":"Paris"}"#, "{path}");
    }
}

#[tokio::test]
async fn a_tools_result_is_quoted() {
    let mut body = with_tool(chat("m", false), CHAT);
    body["messages"] = json!([{"role": "user", "content": "?"},
        {"role": "tool", "tool_call_id": "call_1", "content": "21 degrees"}]);
    let body = ask(Script::new(), CHAT, &body).await.json();
    let text = body["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(text.contains("21 degrees"), "{text}");
}

#[tokio::test]
async fn the_finish_is_told_in_every_dialect() {
    let script = || Script::new().otherwise(Behaviour::text("x").finish(Finish::Length));
    let body = ask(script(), CHAT, &chat("m", false)).await.json();
    assert_eq!(body["choices"][0]["finish_reason"], "length");
    let body = ask(script(), MESSAGES, &message(false)).await.json();
    assert_eq!(body["stop_reason"], "max_tokens");
    let body = ask(script(), RESPONSES, &response(false)).await.json();
    assert_eq!(body["incomplete_details"]["reason"], "max_output_tokens");
    let events = ask(script(), RESPONSES, &response(true)).await.events();
    assert_eq!(
        events.last().unwrap().name.as_deref(),
        Some("response.incomplete")
    );
}

#[tokio::test]
async fn scripted_usage_is_told_as_each_vendor_counts() {
    let usage = TokenCounts {
        input: 100,
        cached: 60,
        cache_write: 10,
        output: 30,
        reasoning: 20,
    };
    let script = || Script::new().otherwise(Behaviour::answer().usage(usage));
    let told = ask(script(), CHAT, &chat("m", false)).await.json()["usage"].clone();
    assert_eq!(
        (&told["prompt_tokens"], &told["total_tokens"]),
        (&json!(100), &json!(130))
    );
    assert_eq!(told["prompt_tokens_details"]["cached_tokens"], 60);
    assert_eq!(told["completion_tokens_details"]["reasoning_tokens"], 20);
    let told = ask(script(), MESSAGES, &message(false)).await.json()["usage"].clone();
    assert_eq!(
        (&told["input_tokens"], &told["cache_read_input_tokens"]),
        (&json!(30), &json!(60))
    );
    assert_eq!(told["cache_creation_input_tokens"], 10);
    let told = ask(script(), RESPONSES, &response(false)).await.json()["usage"].clone();
    assert_eq!(
        told["input_tokens_details"],
        json!({"cached_tokens": 60, "cache_write_tokens": 10})
    );
}

#[tokio::test]
async fn usage_follows_from_the_request() {
    let counts =
        |body: Value| async move { ask(Script::new(), CHAT, &body).await.json()["usage"].clone() };
    let mut body = chat("m", false);
    let short = counts(body.clone()).await;
    assert_eq!(short["prompt_tokens_details"]["cached_tokens"], 0);
    assert_eq!(counts(body.clone()).await, short);
    body["reasoning_effort"] = json!("high");
    assert_eq!(
        counts(body.clone()).await["completion_tokens_details"]["reasoning_tokens"],
        64
    );
    body["messages"][0]["content"] = json!("word ".repeat(2_000));
    let long = counts(body).await;
    let cached = long["prompt_tokens_details"]["cached_tokens"]
        .as_u64()
        .unwrap();
    assert!(
        cached > 0 && cached < long["prompt_tokens"].as_u64().unwrap(),
        "{long}"
    );
}

#[tokio::test]
async fn embeddings_are_alike_in_both_encodings() {
    let embed = |extra: Value| async move {
        let mut body = json!({"model": "e", "input": ["a", "b", "a"], "dimensions": 8});
        body.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        ask(Script::new(), "/v1/embeddings", &body).await.json()
    };
    let floats = embed(json!({})).await;
    has(&floats, &["object", "model", "usage"]);
    let vector =
        |at: usize| -> Vec<f32> { Vec::deserialize(&floats["data"][at]["embedding"]).unwrap() };
    assert_eq!(
        (
            vector(0).len(),
            vector(0) == vector(2),
            vector(0) == vector(1)
        ),
        (8, true, false)
    );
    let encoded = embed(json!({"encoding_format": "base64"})).await;
    let text = encoded["data"][1]["embedding"].as_str().unwrap();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap();
    let decoded: Vec<f32> = bytes
        .chunks(4)
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect();
    assert_eq!(decoded, vector(1));
    assert_eq!(encoded["data"][1]["index"], 1);
}

#[tokio::test]
async fn embeddings_take_texts_and_tokens() {
    let cases = [
        (json!("a"), 1),
        (json!(["a", "b"]), 2),
        (json!([1, 2, 3]), 1),
        (json!([[1, 2], [3]]), 2),
    ];
    for (input, expected) in cases {
        let body = json!({"model": "e", "input": input});
        let body = ask(Script::new(), "/v1/embeddings", &body).await.json();
        assert_eq!(body["data"].as_array().unwrap().len(), expected);
    }
    for input in [json!([]), json!({"a": 1}), json!([null])] {
        let reply = ask(
            Script::new(),
            "/v1/embeddings",
            &json!({"model": "e", "input": input}),
        )
        .await;
        assert_eq!(reply.status, 400);
    }
}

#[tokio::test]
async fn tokens_are_counted() {
    let body = ask(Script::new(), "/v1/messages/count_tokens", &message(false))
        .await
        .json();
    assert!(body["input_tokens"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn models_are_listed_in_both_shapes() {
    let upstream = Upstream::start(Script::new().models(["one", "two"])).unwrap();
    let mut client = Client::new(&upstream).await;
    let version = [("anthropic-version", "2023-06-01")];
    let list = client.get("/v1/models", &[]).await.json();
    assert_eq!(
        (&list["object"], &list["data"][1]["id"]),
        (&json!("list"), &json!("two"))
    );
    has(&list["data"][0], &["object", "created", "owned_by"]);
    let list = client.get("/v1/models", &version).await.json();
    assert_eq!(
        (&list["first_id"], &list["last_id"], &list["has_more"]),
        (&json!("one"), &json!("two"), &json!(false))
    );
    has(
        &list["data"][0],
        &["display_name", "created_at", "lifecycle"],
    );
    assert_eq!(client.get("/v1/models/two", &[]).await.json()["id"], "two");
    let missing = client.get("/v1/models/three", &version).await;
    assert_eq!(
        (missing.status, &missing.json()["type"]),
        (404, &json!("error"))
    );
}

#[tokio::test]
async fn a_call_without_a_required_field_is_refused() {
    let cases = [
        (CHAT, json!({"model": "m"}), "messages"),
        (
            MESSAGES,
            json!({"model": "m", "messages": []}),
            "max_tokens",
        ),
        (RESPONSES, json!({"input": "x"}), "model"),
    ];
    for (path, body, missing) in cases {
        let reply = ask(Script::new(), path, &body).await;
        assert_eq!(reply.status, 400);
        let message = reply.json()["error"]["message"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(message.contains(missing), "{message}");
    }
}
