//! A Chat stream is asked for its usage, and a client that did not ask does not see it.

use std::time::Duration;

use orchestra_dialects::Endpoint;
use orchestra_providers::{ProfileRow, Row};
use orchestra_testkit::{Behaviour, Script, TokenCounts, Upstream};
use serde_json::{Value, json};

use crate::harness::{Ask, EVERYONE, Got, MODEL, Stage, patient, row};
use crate::wire;

const CHAT: Endpoint = Endpoint::ChatCompletions;

fn request(options: &str) -> String {
    format!(
        r#"{{ "model":"{MODEL}", "messages": [{{"role":"user","content":"Hi"}}], "stream":true{options} }}"#
    )
}

fn asks(options: &str) -> Ask {
    Ask::body(CHAT, request(options))
}

fn received(stage: &Stage) -> Value {
    stage.upstreams[0].log().pop().unwrap().json().unwrap()
}

fn tokens(got: &Got) -> Option<(u64, u64)> {
    let usage = got.record.usage?;
    Some((usage.total_input(), usage.total_output()))
}

const COUNTS: TokenCounts = TokenCounts {
    input: 30,
    cached: 0,
    cache_write: 0,
    output: 5,
    reasoning: 0,
};

#[tokio::test]
async fn usage_is_asked_for_and_hidden() {
    for (options, others) in [
        ("", json!({"include_usage": true})),
        (
            r#", "stream_options": null"#,
            json!({"include_usage": true}),
        ),
        (
            r#", "stream_options": {"include_usage":false, "include_obfuscation": false}"#,
            json!({"include_usage": true, "include_obfuscation": false}),
        ),
    ] {
        let stage = Stage::new([Behaviour::answer().usage(COUNTS)]);
        let got = stage.ask(asks(options)).await;
        assert_eq!(received(&stage)["stream_options"], others, "{options}");
        assert_eq!(tokens(&got), Some((30, 5)), "{options}");
        assert!(!got.text().contains("prompt_tokens"), "{}", got.text());
        assert!(got.text().ends_with("data: [DONE]\n\n"), "{}", got.text());
        assert_eq!(got.record.losses.total(), 0);
    }
}

#[tokio::test]
async fn a_client_that_asks_gets_it() {
    let stage = Stage::new([Behaviour::answer().usage(COUNTS)]);
    let got = stage
        .ask(asks(r#", "stream_options": {"include_usage":true}"#))
        .await;
    assert!(
        got.text().contains("\"prompt_tokens\":30"),
        "{}",
        got.text()
    );
    let body = request(r#", "stream_options": {"include_usage":true}"#);
    assert_eq!(stage.upstreams[0].log()[0].body, body);
}

#[tokio::test]
async fn only_chat_streams_are_asked() {
    for (endpoint, stream) in [
        (CHAT, false),
        (Endpoint::Completions, true),
        (Endpoint::Responses, true),
        (Endpoint::Messages, true),
    ] {
        let body = wire::request(endpoint, MODEL, stream);
        let stage = Stage::new([Behaviour::answer()]);
        stage.ask(Ask::body(endpoint, body.clone())).await;
        assert_eq!(stage.upstreams[0].log()[0].body, body, "{endpoint}");
    }
}

#[tokio::test]
async fn a_provider_that_would_refuse_is_not_asked() {
    let upstream = Upstream::start(Script::new()).unwrap();
    let row = Row {
        profile: Some(ProfileRow {
            stream_options: Some(false),
            ..ProfileRow::default()
        }),
        ..row(&upstream.base_url())
    };
    let stage = Stage::of(patient(), &[row], vec![upstream]);
    let got = stage.ask(asks("")).await;
    assert_eq!(stage.upstreams[0].log()[0].body, request(""));
    assert_eq!(tokens(&got), None);
}

#[tokio::test]
async fn the_rest_of_the_stream_stays_as_it_was_sent() {
    let recorded = wire::recorded(CHAT);
    let hidden: String = recorded
        .events
        .iter()
        .copied()
        .filter(|e| !e.contains("usage"))
        .collect();
    let whole = recorded.whole();
    for (told, behaviour) in [
        ("event by event", Behaviour::sse(whole.clone())),
        (
            "at once",
            Behaviour::raw(200, "text/event-stream", whole.clone()),
        ),
        (
            "byte by byte",
            Behaviour::sse(whole.clone()).drip(Duration::from_micros(100)),
        ),
    ] {
        let stage = Stage::new([behaviour]);
        let got = stage.ask(asks("")).await;
        assert_eq!(got.text(), hidden, "{told}");
        assert_eq!(tokens(&got), Some((3, 5)), "{told}");
    }
}

#[tokio::test]
async fn what_comes_with_content_is_not_hidden() {
    let stream = concat!(
        "data: {\"choices\":[],\"prompt_filter_results\":[{}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}],\"usage\":null}\n\n",
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5}}\n\n",
        "data: [DONE]\n\n",
    );
    let stage = Stage::new([Behaviour::sse(stream)]);
    let got = stage.ask(asks("")).await;
    assert_eq!((got.text(), tokens(&got)), (stream, Some((3, 5))));
}

#[tokio::test]
async fn every_target_is_asked_in_its_own_way() {
    let stage = Stage::new([Behaviour::error(500), Behaviour::answer().usage(COUNTS)]);
    let body = request("").replace(MODEL, EVERYONE);
    let got = stage.ask(Ask::body(CHAT, body)).await;
    assert_eq!(
        (got.faults(), tokens(&got)),
        (vec!["server", "-"], Some((30, 5)))
    );
    assert!(!got.text().contains("prompt_tokens"), "{}", got.text());
}
