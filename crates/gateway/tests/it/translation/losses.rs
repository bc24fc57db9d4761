//! Nothing is lost in silence, and nothing at all for who is strict.

use orchestra_dialects::Endpoint;
use orchestra_gateway::{Ending, Settings, Translation};
use orchestra_testkit::{Behaviour, Script};
use serde_json::{Value, json};

use super::dialogue::{ask, question};
use super::{stage, stage_with};
use crate::harness::{Ask, EVERYONE, Got, MODEL, Stage, patient};

const CHAT: Endpoint = Endpoint::ChatCompletions;
const MESSAGES: Endpoint = Endpoint::Messages;

/// A Chat call of which Messages has no place for two fields.
fn lossy(model: &str, stream: bool) -> Value {
    let mut request = question(CHAT, model, stream);
    request["seed"] = json!(7);
    request["messages"][1]["name"] = json!("ada");
    request
}

fn strict(request: &Value) -> Ask {
    ask(CHAT, request).header("x-orchestra-strict", "true")
}

/// What the header tells of the request, in alphabetical order.
fn of_the_call(got: &Got) -> Vec<&str> {
    let listed = got.header("x-orchestra-losses").split(", ");
    let mut losses: Vec<&str> = listed.filter(|loss| !loss.is_empty()).collect();
    losses.retain(|loss| !loss.starts_with("answer."));
    losses.sort_unstable();
    losses
}

fn lossy_stage() -> Stage {
    stage([(MESSAGES, Behaviour::answer())])
}

#[tokio::test]
async fn losses_are_told_and_recorded() {
    for stream in [false, true] {
        let got = lossy_stage().ask(ask(CHAT, &lossy(MODEL, stream))).await;
        assert_eq!(got.status, 200, "{}", got.text());
        let told = of_the_call(&got);
        assert_eq!(told, ["messages[1].name=dropped", "seed=dropped"]);
        let losses = &got.record.losses;
        assert_eq!(losses.dropped, 2);
        assert_eq!(losses.first[0].to, MESSAGES.dialect());
    }
}

#[tokio::test]
async fn a_call_that_loses_nothing_says_nothing() {
    for client in crate::wire::SPOKEN {
        for upstream in super::UPSTREAMS {
            let stage = stage([(upstream, Behaviour::answer())]);
            let request = question(client, MODEL, false);
            let got = stage
                .ask(ask(client, &request).header("x-orchestra-strict", "true"))
                .await;
            assert_eq!(got.status, 200, "{client} to {upstream}: {}", got.text());
            assert_eq!(of_the_call(&got), [""; 0], "{client} to {upstream}");
        }
    }
}

#[tokio::test]
async fn who_is_strict_is_refused_before_anything_is_sent() {
    let stage = lossy_stage();
    let got = stage.ask(strict(&lossy(MODEL, true))).await;
    assert_eq!((got.status.as_u16(), stage.requests()), (400, vec![0]));
    let error = &got.json()["error"];
    assert_eq!(error["code"], "lossy_translation");
    let message = error["message"].as_str().unwrap();
    for part in ["`seed` (dropped)", "`messages[1].name` (dropped)", "`one`"] {
        assert!(message.contains(part), "{message}");
    }
    let param = error["param"].as_str().unwrap();
    assert!(["seed", "messages[1].name"].contains(&param), "{param}");
    assert_eq!(got.header("x-should-retry"), "false");
    assert_eq!(got.record.ending, Ending::Refused);
}

#[tokio::test]
async fn who_is_strict_goes_to_the_target_that_loses_nothing() {
    let stage = stage([(MESSAGES, Behaviour::answer()), (CHAT, Behaviour::answer())]);
    let got = stage.ask(strict(&lossy(EVERYONE, false))).await;
    assert_eq!((got.status.as_u16(), stage.requests()), (200, vec![0, 1]));
    assert_eq!(got.header("x-orchestra-losses"), "");
    let got = stage.ask(ask(CHAT, &lossy(EVERYONE, false))).await;
    assert_eq!((got.status.as_u16(), stage.requests()), (200, vec![1, 1]));
}

#[tokio::test]
async fn strictness_can_be_the_operators() {
    let only = |strict, models: &[&str]| Settings {
        translation: Translation {
            strict,
            strict_models: models.iter().map(|&model| model.to_owned()).collect(),
        },
        ..patient()
    };
    for (settings, model, status) in [
        (only(true, &[]), MODEL, 400),
        (only(false, &[EVERYONE]), EVERYONE, 400),
        (only(false, &[EVERYONE]), MODEL, 200),
    ] {
        let stage = stage_with(settings, [(MESSAGES, Script::new())]);
        let got = stage.ask(ask(CHAT, &lossy(model, false))).await;
        assert_eq!(got.status, status, "{model}");
        // No client can undo what the operator wants.
        let lenient = ask(CHAT, &lossy(model, false)).header("x-orchestra-strict", "false");
        assert_eq!(stage.ask(lenient).await.status, status, "{model}");
    }
}

#[tokio::test]
async fn a_wish_that_cannot_be_read_is_refused() {
    let stage = lossy_stage();
    let ask = ask(CHAT, &question(CHAT, MODEL, false)).header("x-orchestra-strict", "yes");
    let got = stage.ask(ask).await;
    assert_eq!((got.status.as_u16(), stage.requests()), (400, vec![0]));
    assert_eq!(got.json()["error"]["code"], "invalid_header");
}

#[tokio::test]
async fn what_an_answer_loses_is_told_where_its_headers_are_not_gone_yet() {
    let answer = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_sequence": null,
        "content": [
            {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
            {"type": "text", "text": "Hi"},
        ],
        "stop_reason": "end_turn", "usage": {"input_tokens": 3, "output_tokens": 5},
    });
    let stage = stage([(MESSAGES, Behaviour::json(200, answer.to_string()))]);
    let got = stage.ask(ask(CHAT, &question(CHAT, MODEL, false))).await;
    assert_eq!(got.status, 200);
    let losses = got.header("x-orchestra-losses");
    assert!(losses.starts_with("answer."), "{losses}");
    assert!(got.record.losses.dropped > 0);
}

#[tokio::test]
async fn what_a_stream_loses_is_in_the_record() {
    let events = [
        json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
            "model": "m", "content": [], "stop_reason": null, "stop_sequence": null,
            "usage": {"input_tokens": 3, "output_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block":
            {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Hi"}}),
        json!({"type": "content_block_stop", "index": 1}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},
            "usage": {"output_tokens": 5}}),
        json!({"type": "message_stop"}),
    ];
    let event = |event: &Value| {
        format!(
            "event: {}\ndata: {event}\n\n",
            event["type"].as_str().unwrap()
        )
    };
    let stream: String = events.iter().map(event).collect();
    let stage = stage([(MESSAGES, Behaviour::sse(stream))]);
    let got = stage.ask(ask(CHAT, &question(CHAT, MODEL, true))).await;
    assert_eq!(
        (got.status.as_u16(), got.header("x-orchestra-losses")),
        (200, "")
    );
    assert!(got.record.losses.dropped > 0);
    assert!(got.record.losses.first[0].path.starts_with("answer."));
}
