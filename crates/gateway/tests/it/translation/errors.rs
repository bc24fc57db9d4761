//! What goes wrong at a provider of another dialect is told in the client's.

use orchestra_dialects::Endpoint;
use orchestra_gateway::Ending;
use orchestra_testkit::Behaviour;
use serde_json::{Value, json};

use super::dialogue::{ask, question};
use super::reading::read;
use super::{pairs, stage};
use crate::harness::{EVERYONE, MODEL, Stage};
use crate::wire::SPOKEN;

/// An upstream's status, and what the client gets of it: status, OpenAI's type, Anthropic's type.
const STATUSES: [(u16, [u16; 2], &str, &str); 9] = [
    (
        400,
        [400, 400],
        "invalid_request_error",
        "invalid_request_error",
    ),
    (402, [429, 402], "insufficient_quota", "billing_error"),
    (403, [403, 403], "permission_error", "permission_error"),
    (404, [404, 404], "invalid_request_error", "not_found_error"),
    (
        413,
        [413, 413],
        "invalid_request_error",
        "invalid_request_error",
    ),
    (429, [429, 429], "rate_limit_exceeded", "rate_limit_error"),
    (500, [500, 500], "server_error", "api_error"),
    (503, [503, 529], "server_error", "overloaded_error"),
    (529, [503, 529], "server_error", "overloaded_error"),
];

fn is_anthropic(endpoint: Endpoint) -> bool {
    endpoint == Endpoint::Messages
}

/// The error's members must be those that the client's SDK needs.
fn check_shape(client: Endpoint, body: &Value, told: &str) {
    if is_anthropic(client) {
        assert_eq!(body["type"], "error", "{told}");
        assert!(body["error"]["type"].is_string(), "{told}: {body}");
    } else {
        let error = body["error"]
            .as_object()
            .unwrap_or_else(|| panic!("{told}: {body}"));
        for name in ["message", "type", "param", "code"] {
            assert!(error.contains_key(name), "{told}: {body}");
        }
    }
    let message = body["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("Not today."), "{told}: {body}");
}

#[tokio::test]
async fn statuses_are_the_clients_own() {
    for (client, upstream) in pairs() {
        // Chat and Responses share their errors: those are relayed as they are.
        if client.dialect().family() == upstream.dialect().family() {
            continue;
        }
        for (sent, [openai, anthropic], openai_type, anthropic_type) in STATUSES {
            for stream in [false, true] {
                let told = format!("{client} to {upstream}, {sent}, stream {stream}");
                let fault = Behaviour::error_with(sent, "some_code", "Not today.").retry_after(7);
                let stage = stage([(upstream, fault)]);
                let got = stage
                    .ask(ask(client, &question(client, MODEL, stream)))
                    .await;
                let (status, kind) = if is_anthropic(client) {
                    (anthropic, anthropic_type)
                } else {
                    (openai, openai_type)
                };
                assert_eq!(got.status, status, "{told}: {}", got.text());
                let body = got.json();
                check_shape(client, &body, &told);
                assert_eq!(body["error"]["type"], kind, "{told}");
                assert_eq!(got.header("retry-after"), "7", "{told}");
                assert_eq!(got.header("content-type"), "application/json", "{told}");
                assert_eq!(got.record.ending, Ending::Failed, "{told}");
            }
        }
    }
}

#[tokio::test]
async fn errors_of_the_clients_own_family_are_relayed_byte_for_byte() {
    let sent = r#"{ "error":{"message":"No.","type":"invalid_request_error","param":"input[2]","code":"x","new":1}}"#;
    for (client, upstream) in [
        (Endpoint::ChatCompletions, Endpoint::Responses),
        (Endpoint::Responses, Endpoint::ChatCompletions),
    ] {
        let stage = stage([(upstream, Behaviour::json(400, sent))]);
        let got = stage
            .ask(ask(client, &question(client, MODEL, false)))
            .await;
        assert_eq!((got.status.as_u16(), got.text()), (400, sent));
    }
}

#[tokio::test]
async fn known_codes_are_the_clients_own() {
    let client = Endpoint::ChatCompletions;
    for (fault, code, come_back) in [
        (
            Behaviour::error_with(400, "context_length_exceeded", "It is too long."),
            "context_length_exceeded",
            "",
        ),
        (Behaviour::error(429), "rate_limit_exceeded", ""),
        // OpenAI's clients would come back after any 429.
        (Behaviour::error(402), "insufficient_quota", "false"),
    ] {
        let stage = stage([(Endpoint::Messages, fault)]);
        let got = stage
            .ask(ask(client, &question(client, MODEL, false)))
            .await;
        assert_eq!(got.json()["error"]["code"], code);
        assert_eq!(got.header("x-should-retry"), come_back, "{code}");
    }
}

#[tokio::test]
async fn another_dialects_words_about_the_gateways_key_stay_here() {
    for (client, upstream) in pairs() {
        let said = "Incorrect key: the-key-of-one";
        let refused = Behaviour::error_with(401, "invalid_api_key", said);
        let stage = stage([(upstream, refused)]);
        let got = stage.ask(ask(client, &question(client, MODEL, true))).await;
        assert_eq!(got.status, 401, "{client} to {upstream}");
        assert!(
            got.text().contains("provider_key_rejected"),
            "{}",
            got.text()
        );
        assert!(!got.text().contains("Incorrect"), "{}", got.text());
    }
}

#[tokio::test]
async fn the_next_target_takes_over_whatever_it_speaks() {
    for (client, upstream) in pairs() {
        for second in super::UPSTREAMS {
            for stream in [false, true] {
                let told = format!("{client} to {upstream}, then {second}, stream {stream}");
                let stage = stage([
                    (upstream, Behaviour::error(503)),
                    (second, Behaviour::text("Here I am.")),
                ]);
                let got = stage
                    .ask(ask(client, &question(client, EVERYONE, stream)))
                    .await;
                assert_eq!(got.status, 200, "{told}: {}", got.text());
                assert_eq!(read(client, stream, &got).text, "Here I am.", "{told}");
                assert_eq!(got.faults(), ["overloaded", "-"], "{told}");
                let through: Vec<_> = got
                    .record
                    .attempts
                    .iter()
                    .map(|attempt| attempt.translated_to)
                    .collect();
                let last = (second != client).then_some(second);
                assert_eq!(through, [Some(upstream), last], "{told}");
            }
        }
    }
}

/// A field of the request with a value of the wrong kind, and its place.
fn spoilt(client: Endpoint) -> (Value, &'static str) {
    let mut request = question(client, EVERYONE, false);
    let path = match client {
        Endpoint::Responses => {
            request["input"][0]["content"] = json!([{"type": "input_text", "text": 7}]);
            "input[0].content[0].text"
        }
        _ => {
            let index = request["messages"].as_array().unwrap().len() - 1;
            request["messages"][index]["content"] = json!([{"type": "text", "text": 7}]);
            match client {
                Endpoint::ChatCompletions => "messages[1].content[0].text",
                _ => "messages[0].content[0].text",
            }
        }
    };
    (request, path)
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_told_with_its_place_and_reaches_nobody() {
    for (client, upstream) in pairs() {
        let told = format!("{client} to {upstream}");
        let (request, path) = spoilt(client);
        let stage = stage([
            (upstream, Behaviour::answer()),
            (client, Behaviour::answer()),
        ]);
        let got = stage.ask(ask(client, &request)).await;
        assert_eq!(got.status, 400, "{told}");
        let body = got.json();
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.contains(path), "{told}: {message}");
        if !is_anthropic(client) {
            assert_eq!(body["error"]["param"], path, "{told}");
            assert_eq!(body["error"]["code"], "invalid_value", "{told}");
        }
        assert_eq!(got.header("x-should-retry"), "false", "{told}");
        assert_eq!(
            (got.record.ending, stage.requests()),
            (Ending::Refused, vec![0, 0]),
            "{told}"
        );
    }
}

/// A stage whose first provider cannot be asked what the call wants.
fn behind(upstream: Endpoint, second: &[Endpoint]) -> Stage {
    let first = [(upstream, Behaviour::answer())];
    let rest = second
        .iter()
        .map(|endpoint| (*endpoint, Behaviour::answer()));
    stage(first.into_iter().chain(rest))
}

#[tokio::test]
async fn what_a_target_cannot_be_asked_goes_to_the_next_that_can() {
    let client = Endpoint::Messages;
    let mut request = question(client, EVERYONE, false);
    request["thread"] = json!({"type": "create"});
    for upstream in super::UPSTREAMS
        .into_iter()
        .filter(|upstream| *upstream != client)
    {
        let got = behind(upstream, &[]).ask(ask(client, &request)).await;
        assert_eq!(got.status, 400, "{upstream}: {}", got.text());
        let body = got.json();
        // The word that makes Anthropic's clients send whole conversations.
        let code = &body["error"]["details"]["error_code"];
        assert_eq!(code, "thread_unsupported_request", "{upstream}: {body}");
        assert!(
            body["error"]["message"].as_str().unwrap().contains("`one`"),
            "{body}"
        );
        assert_eq!(got.record.ending, Ending::Refused);

        let stage = behind(upstream, &[client]);
        let got = stage.ask(ask(client, &request)).await;
        assert_eq!(
            (got.status.as_u16(), stage.requests()),
            (200, vec![0, 1]),
            "{upstream}"
        );
        assert_eq!(got.record.attempts.len(), 1, "{upstream}");
    }
}

#[tokio::test]
async fn what_one_endpoint_cannot_say_another_of_the_same_provider_may() {
    let client = Endpoint::Messages;
    let upstream = orchestra_testkit::Upstream::start(orchestra_testkit::Script::new()).unwrap();
    let row = orchestra_providers::Row {
        endpoints: Some(vec!["responses".to_owned(), "chat_completions".to_owned()]),
        translate_to: Some(vec!["responses".to_owned()]),
        ..crate::harness::row(&upstream.base_url())
    };
    let stage = Stage::of(crate::harness::patient(), &[row], vec![upstream]);
    let mut request = question(client, MODEL, false);
    let got = stage.ask(ask(client, &request)).await;
    assert_eq!(
        got.record.attempts[0].translated_to,
        Some(Endpoint::Responses)
    );
    request["stop_sequences"] = json!(["END"]);
    let got = stage.ask(ask(client, &request)).await;
    assert_eq!(got.status, 200, "{}", got.text());
    assert_eq!(
        got.record.attempts[0].translated_to,
        Some(Endpoint::ChatCompletions)
    );
}

#[tokio::test]
async fn clients_of_every_endpoint_are_told_of_a_target_that_cannot_be_reached() {
    for client in SPOKEN {
        for (_, upstream) in pairs().filter(|(other, _)| *other == client) {
            let row = super::speaking(upstream, "http://127.0.0.1:9");
            let stage = Stage::of(crate::harness::patient(), &[row], Vec::new());
            let got = stage.ask(ask(client, &question(client, MODEL, true))).await;
            assert_eq!(got.status, 502, "{client} to {upstream}");
            assert_eq!(got.faults(), ["connect"]);
            assert_eq!(got.json()["type"] == "error", is_anthropic(client));
        }
    }
}
