//! Streams that are read and written in the forms that no fixture holds.

use serde_json::{Value, json};

use crate::canonical::Request;
use crate::{
    AnswerContext, Dialect, EndRule, ErrorKind, ErrorView, StreamEnd, StreamTranslator,
    decode_request,
};

const LIMIT: usize = 1 << 16;

fn asked(body: &Value) -> Request {
    decode_request(Dialect::OpenAiChat, &body.to_string()).expect("a sound request")
}

fn plain() -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": true})
}

fn with(name: &str, value: Value) -> Value {
    let mut body = plain();
    body[name] = value;
    body
}

/// What a Chat client who sent `body` is told of a stream.
fn told(body: &Value, from: Dialect, stream: &str, rule: EndRule) -> (String, StreamEnd) {
    let request = asked(body);
    let context = AnswerContext {
        id: "1",
        created: 7,
        request: &request,
        body: "{}",
    };
    let mut translator = StreamTranslator::new(from, &context, LIMIT).expect("a conversation");
    let mut out = String::new();
    translator
        .feed(stream.as_bytes(), &mut out)
        .expect("short frames");
    let end = translator.end(rule, &mut out);
    (out, end)
}

/// The deltas of the first choice, in their order.
fn deltas(out: &str) -> Vec<Value> {
    let events = out.lines().filter_map(|line| line.strip_prefix("data: {"));
    events
        .map(|event| serde_json::from_str(&format!("{{{event}")).expect("JSON"))
        .filter_map(|event: Value| {
            event["choices"]
                .get(0)
                .map(|choice| choice["delta"].clone())
        })
        .filter(|delta| *delta != json!({}))
        .collect()
}

/// A Messages stream with these blocks, each as its start and its deltas.
fn messages(blocks: &[(Value, &[Value])], stop_reason: &str) -> String {
    let mut stream = String::new();
    let mut add = |event: Value| {
        stream.push_str(&format!("data: {event}\n\n"));
    };
    add(
        json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
        "model": "claude", "content": [], "usage": {"input_tokens": 3, "output_tokens": 1}}}),
    );
    for (index, (start, deltas)) in blocks.iter().enumerate() {
        add(json!({"type": "content_block_start", "index": index, "content_block": start}));
        for delta in *deltas {
            add(json!({"type": "content_block_delta", "index": index, "delta": delta}));
        }
        add(json!({"type": "content_block_stop", "index": index}));
    }
    add(
        json!({"type": "message_delta", "delta": {"stop_reason": stop_reason}, "usage": {"output_tokens": 5}}),
    );
    add(json!({"type": "message_stop"}));
    stream
}

fn call(name: &str) -> Value {
    json!({"type": "tool_use", "id": "t1", "name": name, "input": {}})
}

fn input(json: &str) -> Value {
    json!({"type": "input_json_delta", "partial_json": json})
}

#[test]
fn usage_is_told_to_those_who_ask() {
    let text = json!({"type": "text", "text": ""});
    let stream = messages(
        &[(text, &[json!({"type": "text_delta", "text": "Hi"})])],
        "end_turn",
    );
    let (out, end) = told(
        &plain(),
        Dialect::AnthropicMessages,
        &stream,
        EndRule::Marker,
    );
    assert_eq!(end, StreamEnd::Complete);
    let head = r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"claude","choices":[{"index":0,"delta":"#;
    let expected = [
        r#"{"role":"assistant","content":null},"logprobs":null,"finish_reason":null}]}"#,
        r#"{"content":"Hi"},"logprobs":null,"finish_reason":null}]}"#,
        r#"{},"logprobs":null,"finish_reason":"stop"}]}"#,
    ]
    .map(|event| format!("{head}{event}\n\n"))
    .concat();
    assert_eq!(out, format!("{expected}data: [DONE]\n\n"));

    let asking = with("stream_options", json!({"include_usage": true}));
    let (out, _) = told(
        &asking,
        Dialect::AnthropicMessages,
        &stream,
        EndRule::Marker,
    );
    assert_eq!(out.matches(r#","usage":null}"#).count(), 3);
    let last = r#""choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8,"#;
    assert_eq!(out.matches(last).count(), 1);
    assert!(out.ends_with("data: [DONE]\n\n"));
}

#[test]
fn a_custom_tool_gets_its_text_once_it_is_whole() {
    let body = with(
        "tools",
        json!([{"type": "custom", "custom": {"name": "patch"}}]),
    );
    let pieces = [input(r#"{"inp"#), input(r#"ut":"a\n"#), input(r#"b"}"#)];
    let stream = messages(&[(call("patch"), &pieces)], "tool_use");
    let (out, _) = told(&body, Dialect::AnthropicMessages, &stream, EndRule::Marker);
    let calls = &deltas(&out)[1..];
    assert_eq!(
        calls,
        [
            json!({"tool_calls": [{"index": 0, "id": "t1", "type": "custom", "custom": {"name": "patch", "input": ""}}]}),
            json!({"tool_calls": [{"index": 0, "custom": {"input": "a\nb"}}]}),
        ]
    );
    assert!(out.contains(r#""finish_reason":"tool_calls""#));
}

#[test]
fn old_clients_get_one_function_call() {
    let body = with("functions", json!([{"name": "now"}]));
    let blocks: [(Value, &[Value]); 2] = [(call("now"), &[]), (call("now"), &[])];
    let stream = messages(&blocks, "tool_use");
    let (out, _) = told(&body, Dialect::AnthropicMessages, &stream, EndRule::Marker);
    assert_eq!(
        deltas(&out)[1..],
        [
            json!({"function_call": {"name": "now", "arguments": ""}}),
            json!({"function_call": {"arguments": "{}"}}),
        ]
    );
    assert!(out.contains(r#""finish_reason":"function_call""#));
}

#[test]
fn a_call_without_arguments_has_an_empty_object() {
    let stream = messages(&[(call("now"), &[])], "tool_use");
    let (out, _) = told(
        &plain(),
        Dialect::AnthropicMessages,
        &stream,
        EndRule::Marker,
    );
    let last = deltas(&out).pop().expect("a delta");
    assert_eq!(
        last,
        json!({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]})
    );
}

#[test]
fn thoughts_end_with_what_proves_them() {
    let thoughts = [
        json!({"type": "thinking_delta", "thinking": "Hm, "}),
        json!({"type": "thinking_delta", "thinking": "é."}),
        json!({"type": "signature_delta", "signature": "c2ln"}),
    ];
    let thinking = json!({"type": "thinking", "thinking": "", "signature": ""});
    let stream = messages(&[(thinking, &thoughts)], "end_turn");
    let (out, _) = told(
        &plain(),
        Dialect::AnthropicMessages,
        &stream,
        EndRule::Marker,
    );
    let deltas = deltas(&out);
    assert_eq!(deltas[1], json!({"reasoning_content": "Hm, "}));
    let data = deltas[3]["reasoning_details"][0]["data"]
        .as_str()
        .expect("an envelope");
    assert!(
        data.starts_with(crate::ENVELOPE_MARK) && data.ends_with("#0-7"),
        "{data}"
    );
}

#[test]
fn googles_signature_stands_on_its_call() {
    let part =
        json!({"functionCall": {"id": "a", "name": "f", "args": {}}, "thoughtSignature": "c2ln"});
    let event = json!({"candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}]});
    let stream = format!("data: {event}\n\n");
    let (out, _) = told(&plain(), Dialect::Gemini, &stream, EndRule::FinishReason);
    let call = &deltas(&out)[1]["tool_calls"][0];
    let signature = call["extra_content"]["google"]["thought_signature"].as_str();
    assert!(
        signature.is_some_and(|sealed| sealed.starts_with(crate::ENVELOPE_MARK)),
        "{call}"
    );
}

#[test]
fn an_error_is_the_last_event() {
    let stream = concat!(
        "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n",
        "data: {\"error\":{\"message\":\"busy\",\"code\":503}}\n\n",
        "data: [DONE]\n\n",
    );
    let (out, end) = told(&plain(), Dialect::OpenAiChat, stream, EndRule::Marker);
    assert_eq!(end, StreamEnd::Failed);
    assert!(!out.contains("[DONE]") && out.contains("Hi"), "{out}");

    let request = asked(&plain());
    let context = AnswerContext {
        id: "1",
        created: 7,
        request: &request,
        body: "{}",
    };
    let mut translator =
        StreamTranslator::new(Dialect::Gemini, &context, LIMIT).expect("a conversation");
    let view = ErrorView {
        status: 503,
        kind: ErrorKind::Overloaded,
        message: "busy",
        param: None,
        code: None,
        request_id: None,
    };
    let mut out = String::new();
    translator.fault(&view, &mut out);
    assert_eq!(
        out,
        "data: {\"error\":{\"message\":\"busy\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n"
    );
}

#[test]
fn a_broken_event_spoils_what_stands_in_it() {
    for broken in [
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]",
        "[1]",
        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}],}",
    ] {
        let stream =
            format!("data: {{\"id\":\"c\",\"choices\":[]}}\n\ndata: {broken}\n\ndata: [DONE]\n\n");
        let (out, end) = told(&plain(), Dialect::OpenAiChat, &stream, EndRule::Marker);
        assert_eq!(
            (end, out.contains("Hi")),
            (StreamEnd::Failed, false),
            "{broken}: {out}"
        );
    }
}

#[test]
fn a_finish_counts_only_behind_the_whole() {
    let piece = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\n";
    let (out, end) = told(&plain(), Dialect::OpenAiChat, piece, EndRule::Marker);
    assert_eq!(
        (end, out.contains("\"stop\"")),
        (StreamEnd::Truncated, false)
    );
    let (out, end) = told(&plain(), Dialect::OpenAiChat, piece, EndRule::FinishReason);
    assert_eq!((end, out.contains("\"stop\"")), (StreamEnd::Complete, true));
    // Of two answers, one is still being written.
    let other =
        "data: {\"id\":\"c\",\"choices\":[{\"index\":1,\"delta\":{\"content\":\"Ho\"}}]}\n\n";
    let (_, end) = told(
        &plain(),
        Dialect::OpenAiChat,
        &format!("{other}{piece}"),
        EndRule::FinishReason,
    );
    assert_eq!(end, StreamEnd::Truncated);
    let (out, end) = told(
        &plain(),
        Dialect::OpenAiChat,
        "data: [DONE]\n\n",
        EndRule::Marker,
    );
    assert_eq!(end, StreamEnd::Complete);
    assert!(out.ends_with("data: [DONE]\n\n"), "{out}");
}

#[test]
fn calls_find_their_pieces_whatever_a_server_leaves_out() {
    let piece = |call: Value| {
        let event =
            json!({"id": "c-9", "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]});
        format!("data: {event}\n\n")
    };
    let function = |name: &str, arguments: Value| json!({"name": name, "arguments": arguments});
    for (what, pieces, expected) in [
        (
            "neither ids nor indexes",
            vec![
                json!({"function": function("a", json!("{\"x\""))}),
                json!({"function": {"arguments": ":1}"}}),
                json!({"function": function("b", json!({"y": 2}))}),
            ],
            [
                ("call_c-9_0_0", "a", "{\"x\":1}"),
                ("call_c-9_0_1", "b", "{\"y\":2}"),
            ],
        ),
        (
            "a new id with every piece",
            vec![
                json!({"index": 0, "id": "p", "function": function("a", json!("{"))}),
                json!({"index": 0, "id": "q", "function": {"arguments": "}"}}),
                json!({"index": 1, "id": "r", "function": function("b", json!("{}"))}),
            ],
            [("p", "a", "{}"), ("r", "b", "{}")],
        ),
        (
            "the name behind the arguments",
            vec![
                json!({"index": 0, "id": "p", "function": {"arguments": "{"}}),
                json!({"index": 0, "function": function("a", json!("}"))}),
                json!({"index": 1, "id": "q", "function": function("b", json!("{}"))}),
            ],
            [("p", "a", "{}"), ("q", "b", "{}")],
        ),
    ] {
        let mut stream: String = pieces.into_iter().map(piece).collect();
        stream.push_str("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n");
        let (out, _) = told(&plain(), Dialect::OpenAiChat, &stream, EndRule::Marker);
        let mut calls: Vec<[String; 3]> = Vec::new();
        for delta in deltas(&out) {
            let call = &delta["tool_calls"][0];
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            if call["id"].is_string() {
                calls.push([
                    text(&call["id"]),
                    text(&call["function"]["name"]),
                    String::new(),
                ]);
            }
            if let Some(at) = call["index"].as_u64() {
                let at = usize::try_from(at).expect("small");
                calls[at][2].push_str(&text(&call["function"]["arguments"]));
            }
        }
        let expected =
            expected.map(|(id, name, arguments)| [id, name, arguments].map(str::to_owned));
        assert_eq!(calls, expected, "{what}");
    }
}

#[test]
fn texts_around_a_call_do_not_run_together() {
    let text = |text: &str| json!({"type": "text_delta", "text": text});
    let start = json!({"type": "text", "text": ""});
    let (one, two) = ([text("One.")], [text("Two.")]);
    let blocks: [(Value, &[Value]); 3] = [(start.clone(), &one), (call("f"), &[]), (start, &two)];
    let stream = messages(&blocks, "tool_use");
    let (out, _) = told(
        &plain(),
        Dialect::AnthropicMessages,
        &stream,
        EndRule::Marker,
    );
    let content: String = deltas(&out)
        .iter()
        .filter_map(|delta| delta["content"].as_str())
        .collect();
    assert_eq!(content, "One.\n\nTwo.");
}
