//! Streams that nobody goes on with.

use orchestra_dialects::{Continues, Endpoint};
use orchestra_gateway::{Ending, RecoveryRules, Settings};
use serde_json::{Value, json};

use super::speakers::{Death, Speaks, TEXT};
use super::streams::stream;
use super::{World, broken, question, recovering, speaking, within};
use crate::harness::{Ask, Got, key};
use crate::wire;

const CHAT: Endpoint = Endpoint::ChatCompletions;
const MESSAGES: Endpoint = Endpoint::Messages;
const RESPONSES: Endpoint = Endpoint::Responses;

/// Sends a request whose stream is cut; the second upstream could go on.
async fn cut(client: Endpoint, request: &Value, first: Speaks) -> (Got, usize) {
    let rows = [
        speaking(0, client, Continues::Never),
        speaking(1, CHAT, Continues::Assistant),
    ];
    let world = World::new(recovering(), &rows, [first, Speaks::WHOLE]);
    let (got, asked) = world.send(Ask::body(client, request.to_string())).await;
    (got, asked.len())
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_more_than_a_text() {
    let function =
        json!({"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}});
    let schema =
        json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}});
    let tool = json!([{"name": "f", "input_schema": {"type": "object"}}]);
    let document = json!({"type": "document", "citations": {"enabled": true},
        "source": {"type": "text", "media_type": "text/plain", "data": "It rains."}});
    let cited = json!([{"role": "user", "content": [document]}]);
    let prefilled =
        json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "It"}]);
    for (client, member, value) in [
        (CHAT, "tools", json!([function])),
        (CHAT, "response_format", json!({"type": "json_object"})),
        (CHAT, "response_format", schema),
        (CHAT, "n", json!(2)),
        (CHAT, "logprobs", json!(true)),
        (CHAT, "modalities", json!(["text"])),
        (CHAT, "messages", prefilled.clone()),
        (
            RESPONSES,
            "text",
            json!({"format": {"type": "json_object"}}),
        ),
        (RESPONSES, "store", json!(true)),
        (RESPONSES, "store", Value::Null),
        (RESPONSES, "background", json!(true)),
        (RESPONSES, "previous_response_id", json!("resp_1")),
        (MESSAGES, "tools", tool),
        (MESSAGES, "messages", prefilled),
        (MESSAGES, "messages", cited),
    ] {
        let mut request = question(client);
        request[member] = value;
        let speaks = Speaks::cut(within(client), Death::Break);
        let (got, asked) = cut(client, &request, speaks).await;
        let told = format!("{member}: {}", request[member]);
        let parsed = wire::parse(client, &got.body);
        assert_eq!((parsed.terminals, parsed.errors), (0, 1), "{told}");
        assert_eq!(asked, 1, "{told}");
        if request["messages"][1]["role"] == "assistant" {
            continue;
        }
        // And it is passed on byte for byte, as if nothing had been asked.
        let sent = &stream(client, TEXT)[..within(client)];
        let sent = &sent[..sent.rfind("\n\n").unwrap()];
        assert!(got.text().starts_with(sent), "{told}: {}", got.text());
    }
    for (client, member, value) in [
        (CHAT, "n", json!(1)),
        (RESPONSES, "background", json!(false)),
    ] {
        let mut request = question(client);
        request[member] = value;
        let speaks = Speaks::cut(within(client), Death::Break);
        let (_, asked) = cut(client, &request, speaks).await;
        assert_eq!(asked, 2, "{member}");
    }
}

fn named(event: Value) -> String {
    format!(
        "event: {}\ndata: {event}\n\n",
        event["type"].as_str().unwrap()
    )
}

/// A stream of Messages that breaks within, or behind, blocks of these kinds.
fn blocks(blocks: &[(Value, Value, bool)]) -> String {
    let start = json!({"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant",
        "model": "up", "content": [], "usage": {"input_tokens": 10, "output_tokens": 1}}});
    let mut events = named(start);
    for (index, (block, delta, closed)) in blocks.iter().enumerate() {
        events +=
            &named(json!({"type": "content_block_start", "index": index, "content_block": block}));
        events += &named(json!({"type": "content_block_delta", "index": index, "delta": delta}));
        if *closed {
            events += &named(json!({"type": "content_block_stop", "index": index}));
        }
    }
    events
}

#[tokio::test(start_paused = true)]
async fn only_an_open_text_is_gone_on_with() {
    let thinking = |closed| {
        let block = json!({"type": "thinking", "thinking": "", "signature": ""});
        (
            block,
            json!({"type": "thinking_delta", "thinking": "Hm."}),
            closed,
        )
    };
    let text = |said: &str, closed| {
        let block = json!({"type": "text", "text": ""});
        (block, json!({"type": "text_delta", "text": said}), closed)
    };
    let call = {
        let block = json!({"type": "tool_use", "id": "t", "name": "f", "input": {}});
        (
            block,
            json!({"type": "input_json_delta", "partial_json": "{\"a\":"}),
            false,
        )
    };
    for (told, stream, goes_on) in [
        ("text", blocks(&[text("It rains ", false)]), true),
        (
            "text behind thoughts",
            blocks(&[thinking(true), text("It ", false)]),
            true,
        ),
        ("nothing yet", blocks(&[]), true),
        ("thoughts", blocks(&[thinking(false)]), false),
        ("behind thoughts", blocks(&[thinking(true)]), false),
        ("a call", blocks(std::slice::from_ref(&call)), false),
        (
            "a call behind text",
            blocks(&[text("It ", true), call]),
            false,
        ),
        ("a text that is over", blocks(&[text(TEXT, true)]), false),
        (
            "a second text",
            blocks(&[text("It ", true), text("rains", false)]),
            false,
        ),
    ] {
        let speaks = Speaks::Events(stream, Death::Break);
        let (got, asked) = cut(MESSAGES, &question(MESSAGES), speaks).await;
        // Without content the next target is asked in the ordinary way.
        assert_eq!(asked, 1 + usize::from(goes_on), "{told}: {}", got.text());
        let parsed = wire::parse(MESSAGES, &got.body);
        assert_eq!(
            parsed.errors,
            usize::from(!goes_on),
            "{told}: {}",
            got.text()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_by_the_providers_rules() {
    let speaks = Speaks::cut(within(CHAT), Death::Policy);
    let (got, asked) = cut(CHAT, &question(CHAT), speaks).await;
    broken(CHAT, &got, "policy");
    assert_eq!((asked, got.faults()), (1, vec!["content_policy"]));
}

/// Whole within one event, or put together from several.
#[tokio::test(start_paused = true)]
async fn a_stream_that_gives_the_gateways_key_away() {
    let (key, chunk) = (key("one"), |text: &str| {
        let delta = json!({"choices": [{"index": 0, "delta": {"content": text}}]});
        format!("data: {delta}\n\n")
    });
    let (before, behind) = key.split_at(4);
    for events in [
        [chunk("It "), chunk(&format!("is {key}."))].concat(),
        [
            chunk("It "),
            chunk(&format!("is \u{e9}{before}")),
            chunk(behind),
        ]
        .concat(),
    ] {
        let speaks = Speaks::Events(events, Death::Break);
        let (got, asked) = cut(CHAT, &question(CHAT), speaks).await;
        assert!(!got.text().contains(&key), "{}", got.text());
        let parsed = wire::parse(CHAT, &got.body);
        assert_eq!(
            (asked, parsed.terminals, parsed.errors),
            (1, 0, 1),
            "{}",
            got.text()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_that_is_too_long() {
    let rows = [
        speaking(0, CHAT, Continues::Never),
        speaking(1, CHAT, Continues::Assistant),
    ];
    let settings = Settings {
        recovery: RecoveryRules {
            max_text_bytes: 10,
            ..recovering().recovery
        },
        ..recovering()
    };
    let speak = [Speaks::cut(within(CHAT), Death::Break), Speaks::WHOLE];
    let world = World::new(settings, &rows, speak);
    let (got, asked) = world.ask(CHAT).await;
    broken(CHAT, &got, "too long");
    assert_eq!(asked.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_continuation_that_is_no_text_or_never_ends() {
    let start = r#"data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#;
    let call = r#"data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"t","type":"function","function":{"name":"f","arguments":"{}"}}]}}]}"#;
    let text = r#"data: {"choices":[{"index":0,"delta":{"content":"!"}}]}"#;
    let stop = r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    for (told, events, fault) in [
        (
            "a call",
            vec![start, call, stop, "data: [DONE]"],
            "malformed",
        ),
        (
            "a call behind text",
            vec![start, text, call, stop, "data: [DONE]"],
            "malformed",
        ),
        ("no end", vec![start, text], "truncated"),
        ("a finish and no end", vec![start, text, stop], "truncated"),
    ] {
        let rows = [
            speaking(0, CHAT, Continues::Never),
            speaking(1, CHAT, Continues::Assistant),
        ];
        let events = events.iter().map(|event| format!("{event}\n\n")).collect();
        let speak = [
            Speaks::cut(within(CHAT), Death::Break),
            Speaks::Events(events, Death::End),
        ];
        let world = World::new(recovering(), &rows, speak);
        let (got, asked) = world.ask(CHAT).await;
        let parsed = wire::parse(CHAT, &got.body);
        assert_eq!(
            (parsed.terminals, parsed.errors),
            (0, 1),
            "{told}: {}",
            got.text()
        );
        assert!(!got.text().contains("tool_calls"), "{told}: {}", got.text());
        assert_eq!(got.faults(), ["broken", fault], "{told}");
        assert_eq!(
            (asked.len(), got.record.ending),
            (2, Ending::Interrupted),
            "{told}"
        );
    }
}
