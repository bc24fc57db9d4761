//! What a tree changes of a call.

use std::time::Duration;

use orchestra_dialects::Endpoint;
use orchestra_testkit::{Behaviour, Received};
use serde_json::{Value, json};

use super::{ask, asking, behaving};
use crate::harness::{Ask, Got, MODEL};
use crate::wire;

async fn received(call: Ask) -> (Got, Received) {
    let answer = wire::answer(call.endpoint);
    let stage = behaving([Behaviour::json(200, answer)]);
    let got = stage.ask(call).await;
    let request = stage.upstreams[0].log().remove(0);
    (got, request)
}

/// What the upstream is sent of a body, with this tree.
async fn sent(body: &str, config: &Value) -> String {
    let call = Ask::body(Endpoint::ChatCompletions, body.to_owned());
    let (got, request) = received(asking(call, config)).await;
    assert_eq!(got.status, 200, "{config}");
    String::from_utf8(request.body.to_vec()).unwrap()
}

#[tokio::test]
async fn members_are_set_given_or_taken_out_and_all_else_stays_byte_for_byte() {
    let body = r#"{"model":"m-large", "messages":[ {"role":"user","content":"hi"} ],"temperature": 1.0,"user":"me"}"#;
    for (settings, expected) in [
        (json!({}), body.to_owned()),
        (
            json!({ "override_params": { "temperature": 0.5 } }),
            body.replace("1.0", "0.5"),
        ),
        (
            json!({ "default_params": { "temperature": 0.5, "top_p": 0.9 } }),
            body.replace(r#""me"}"#, r#""me","top_p":0.9}"#),
        ),
        (
            json!({ "drop_params": ["user", "absent", "messages[0].absent"] }),
            body.replace(r#","user":"me""#, ""),
        ),
        (
            // In this order: defaults, what is set, what goes.
            json!({ "default_params": { "top_p": 0.9 }, "override_params": { "top_p": 0.8, "n": 1 }, "drop_params": ["n"] }),
            body.replace(r#""me"}"#, r#""me","top_p":0.8}"#),
        ),
    ] {
        let mut config = settings;
        config["provider"] = json!("one");
        assert_eq!(sent(body, &config).await, expected, "{config}");
    }
}

#[tokio::test]
async fn a_member_deep_within_is_taken_out() {
    let body = r#"{"model":"m-large","messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function","function":{"name":"f","strict":true}}]}"#;
    let config = json!({ "provider": "one", "drop_params": ["tools[*].function.strict"] });
    let sent: Value = serde_json::from_str(&sent(body, &config).await).unwrap();
    assert_eq!(
        sent["tools"],
        json!([{ "type": "function", "function": { "name": "f" } }])
    );
}

#[tokio::test]
async fn nodes_below_say_more_than_nodes_above_and_the_call_more_than_all() {
    let config = json!({
        "override_params": { "temperature": 0.1, "top_p": 0.1 },
        "strategy": { "mode": "single" },
        "targets": [{ "provider": "one", "override_params": { "temperature": 0.2, "model": "m-small" } }],
    });
    let (got, request) = received(ask(&config)).await;
    let body = request.json().unwrap();
    assert_eq!(
        (&body["temperature"], &body["top_p"], &body["model"]),
        (&json!(0.2), &json!(0.1), &json!("m-small"))
    );
    assert_eq!(got.record.attempts[0].model.as_str(), "m-small");
    let mut call = ask(&config);
    call.directions
        .settings
        .override_params
        .insert("temperature".to_owned(), json!(0.3));
    let (_, request) = received(call).await;
    assert_eq!(request.json().unwrap()["temperature"], json!(0.3));
}

#[tokio::test]
async fn a_change_that_leaves_no_call_is_refused() {
    let stage = behaving([Behaviour::answer()]);
    let config = json!({ "provider": "one", "override_params": { "stream": "yes" } });
    let got = stage.ask(ask(&config)).await;
    assert_eq!((got.status.as_u16(), stage.requests()), (400, vec![0]));
}

#[tokio::test]
async fn a_change_reaches_a_provider_of_another_dialect() {
    let config = json!({ "provider": "one", "override_params": { "max_tokens": 77 } });
    let call = Ask::new(Endpoint::Messages, MODEL, false);
    let (_, request) = received(asking(call, &config)).await;
    assert_eq!(request.json().unwrap()["max_tokens"], json!(77));
}

#[tokio::test]
async fn headers_that_are_asked_for_go_along_and_private_ones_never() {
    let forwarded = [
        "X_Custom",
        "authorization",
        "cookie",
        "x-portkey-api-key",
        "host",
        "x-forwarded-for",
        "x-absent",
    ];
    let config = json!({ "provider": "one", "forward_headers": forwarded });
    let call = ask(&config)
        .header("x-custom", "wanted")
        .header("x-other", "unwanted")
        .header("authorization", "Bearer the-clients-own")
        .header("cookie", "the-clients-own")
        .header("x-forwarded-for", "the-clients-own")
        .header("x-portkey-api-key", "the-clients-own");
    let (_, request) = received(call).await;
    assert_eq!(request.header("x-custom"), Some("wanted"));
    assert_eq!(request.header("x-other"), None);
    assert_eq!(
        request.header("authorization"),
        Some("Bearer the-key-of-one")
    );
    let leaked = request
        .headers
        .iter()
        .any(|(_, value)| value.contains("the-clients-own"));
    assert!(!leaked, "{:?}", request.headers);
}

#[tokio::test]
async fn a_target_has_as_long_as_its_tree_says() {
    let config = json!({
        "request_timeout": 100,
        "strategy": { "mode": "fallback" },
        "targets": [{ "provider": "one" }, { "provider": "two", "request_timeout": 5000 }],
    });
    let slow = Behaviour::answer().delay(Duration::from_millis(600));
    for stream in [false, true] {
        let stage = behaving([slow.clone(), slow.clone()]);
        let call = Ask::new(Endpoint::ChatCompletions, MODEL, stream);
        let got = stage.ask(asking(call, &config)).await;
        assert_eq!(got.faults(), ["timeout_first_byte", "-"]);
    }
}
