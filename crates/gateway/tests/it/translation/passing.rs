//! What passes beside the body, and what must not.

use std::sync::Arc;

use orchestra_dialects::Endpoint;
use orchestra_gateway::Transport;
use orchestra_testkit::Behaviour;
use serde_json::json;

use super::dialogue::{ask, question};
use super::{for_all_pairs, pairs, stage};
use crate::harness::{EVERYONE, MODEL, Stage, key, patient};
use crate::pieces::Pieces;
use crate::wire;

#[tokio::test]
async fn a_clients_versions_and_betas_do_not_reach_another_vendor() {
    for (client, upstream) in pairs() {
        let mut row = crate::harness::row("http://127.0.0.1:9");
        let provider =
            orchestra_testkit::Upstream::start(orchestra_testkit::Script::new()).unwrap();
        row.base_url = Some(format!("{}/v1", provider.base_url()));
        row.endpoints = Some(vec![upstream.name().to_owned()]);
        // Even a row that forwards everything.
        let everything = ["anthropic-*", "openai-*", "idempotency-key"].map(str::to_owned);
        row.forwards.as_mut().unwrap().all = everything.into();
        let stage = Stage::of(patient(), &[row], vec![provider]);
        let mut asked = ask(client, &question(client, MODEL, false))
            .header("anthropic-version", "2026-10-21")
            .header("anthropic-beta", "context-1m")
            .header("openai-beta", "assistants=v2")
            .header("idempotency-key", "i");
        asked.query = Some("beta=true".to_owned());
        let got = stage.ask(asked).await;
        assert_eq!(got.status, 200, "{client} to {upstream}: {}", got.text());
        let received = stage.upstreams[0].log().remove(0);
        let told = format!("{client} to {upstream}");
        let same_family = client.dialect().family() == upstream.dialect().family();
        let version = (upstream == Endpoint::Messages).then_some("2023-06-01");
        if !same_family {
            assert_eq!(received.header("anthropic-version"), version, "{told}");
            assert_eq!(received.header("anthropic-beta"), None, "{told}");
            assert_eq!(received.header("openai-beta"), None, "{told}");
        }
        assert_eq!(received.header("idempotency-key"), Some("i"), "{told}");
        assert!(
            !received.query.contains("beta"),
            "{told}: {}",
            received.query
        );
    }
}

#[tokio::test]
async fn rate_limits_and_request_ids_come_down() {
    for (client, upstream) in pairs() {
        for stream in [false, true] {
            let reply = Behaviour::answer()
                .header("x-ratelimit-remaining-tokens", "5")
                .header("anthropic-ratelimit-tokens-remaining", "6")
                .header("x-orchestra-losses", "forged")
                .header("x-orchestra-estimated", "forged")
                .header("set-cookie", "a=b");
            let stage = stage([(upstream, reply)]);
            let got = stage
                .ask(ask(client, &question(client, MODEL, stream)))
                .await;
            assert_eq!(got.header("x-ratelimit-remaining-tokens"), "5");
            assert_eq!(got.header("anthropic-ratelimit-tokens-remaining"), "6");
            assert_eq!(got.header("set-cookie"), "", "{client} to {upstream}");
            assert_eq!(got.header("x-orchestra-estimated"), "");
            assert!(!got.header("x-orchestra-losses").contains("forged"));
            let id = match client {
                Endpoint::Messages => "request-id",
                _ => "x-request-id",
            };
            assert!(!got.header(id).is_empty(), "{client} to {upstream}");
        }
    }
}

#[tokio::test]
async fn no_translated_answer_gives_the_gateways_key_away() {
    for_all_pairs(|client, upstream| async move {
        let key = key("one");
        let told = format!("{client} to {upstream}");
        let text = || Behaviour::text(format!("it is {key}."));
        // Over several events, and in one.
        for behaviour in [text(), text().chunks(1)] {
            for stream in [false, true] {
                let second = Behaviour::text("harmless");
                let stage = stage([(upstream, behaviour.clone()), (upstream, second)]);
                let got = stage
                    .ask(ask(client, &question(client, EVERYONE, stream)))
                    .await;
                assert!(!got.text().contains(&key), "{told}: {}", got.text());
                if stream && got.faults().len() == 1 {
                    assert_eq!(wire::parse(client, &got.body).terminals, 0, "{told}");
                } else {
                    assert_eq!(got.faults(), ["malformed", "-"], "{told}, {stream}");
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_that_the_network_cuts_is_known() {
    let key = key("one");
    let stream = format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{key}\"}}}}]}}\n\ndata: [DONE]\n\n"
    );
    let row = super::speaking(Endpoint::ChatCompletions, "http://one.example");
    let transport = Arc::new(Pieces::stream("", 1));
    let stage = Stage::over(
        Arc::clone(&transport) as Arc<dyn Transport>,
        patient(),
        &[row],
    );
    let client = Endpoint::Messages;
    for size in 1..stream.len() {
        transport.set(&stream, size, false);
        let got = stage.ask(ask(client, &question(client, MODEL, true))).await;
        assert!(!got.text().contains(&key), "{size}: {}", got.text());
        assert_eq!(got.faults(), ["malformed"], "{size}");
    }
}

#[tokio::test]
async fn an_escaped_key_is_known_when_it_is_written_anew() {
    let key = key("one");
    let escaped: String = key
        .chars()
        .map(|c| format!("\\u{:04x}", u32::from(c)))
        .collect();
    let answer = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_sequence": null,
        "content": [{"type": "text", "text": "KEY"}], "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 5},
    });
    let answer = answer.to_string().replace("KEY", &escaped);
    let stage = stage([(Endpoint::Messages, Behaviour::json(200, answer))]);
    let client = Endpoint::ChatCompletions;
    let got = stage
        .ask(ask(client, &question(client, MODEL, false)))
        .await;
    assert_eq!(
        (got.status.as_u16(), got.faults()),
        (502, vec!["malformed"])
    );
    assert!(!got.text().contains(&key), "{}", got.text());
}

#[tokio::test]
async fn an_error_event_that_repeats_the_key_is_told_without_it() {
    let key = key("one");
    for (client, upstream) in pairs() {
        let event = match upstream {
            Endpoint::Messages => format!(
                "event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"api_error\",\"message\":\"bad {key}\"}}}}\n\n"
            ),
            _ => format!(
                "data: {{\"error\":{{\"message\":\"bad {key}\",\"type\":\"server_error\"}}}}\n\n"
            ),
        };
        let stage = stage([(upstream, Behaviour::sse(event))]);
        let got = stage.ask(ask(client, &question(client, MODEL, true))).await;
        assert!(
            !got.text().contains(&key),
            "{client} to {upstream}: {}",
            got.text()
        );
        assert!(got.status.is_server_error(), "{client} to {upstream}");
    }
}
