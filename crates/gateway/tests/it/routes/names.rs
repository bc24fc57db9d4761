//! Which model is asked for.

use orchestra_dialects::Endpoint;
use orchestra_testkit::Behaviour;
use serde_json::{Value, json};

use super::{CHAT, ask, asking, behaving};
use crate::harness::{Ask, MODEL};

const LEFT_OUT: &str = r#" { "messages":[{"role":"user","content":"hi"}]}"#;

fn body(body: &str) -> Ask {
    Ask::body(CHAT, body.to_owned())
}

#[tokio::test]
async fn a_model_that_is_left_out_is_the_trees() {
    let config = json!({ "provider": "one", "override_params": { "model": "m-small" } });
    let placeholder = LEFT_OUT.replace("\"messages", "\"model\":\"portkey-default\",\"messages");
    for (sent, expected) in [
        (LEFT_OUT, LEFT_OUT.replace("{ ", "{\"model\":\"m-small\", ")),
        (
            &placeholder,
            placeholder.replace("portkey-default", "m-small"),
        ),
    ] {
        let stage = behaving([Behaviour::answer()]);
        let got = stage.ask(asking(body(sent), &config)).await;
        assert_eq!(got.status, 200, "{}", got.text());
        let request = stage.upstreams[0].log().remove(0);
        assert_eq!(request.body, expected);
    }
}

#[tokio::test]
async fn a_model_that_nobody_names_is_missed() {
    let stage = behaving([Behaviour::answer()]);
    let none = json!({ "provider": "one" });
    let placeholder = json!({ "model": "portkey-default", "messages": [] }).to_string();
    let pinned = |ask: Ask| Ask {
        provider: Some("one"),
        ..ask
    };
    for (call, code) in [
        (asking(body(LEFT_OUT), &none), "model_missing"),
        (asking(body(&placeholder), &none), "model_missing"),
        (pinned(body(&placeholder)), "model_missing"),
        (body(&placeholder), "model_missing"),
        (body(LEFT_OUT), "missing_field"),
        (
            asking(body(r#"{"model":null,"messages":[]}"#), &none),
            "missing_field",
        ),
        (asking(body("{}"), &none), "missing_field"),
    ] {
        let got = stage.ask(call).await;
        let error: Value = got.json()["error"].clone();
        assert_eq!((got.status.as_u16(), &error["code"]), (400, &json!(code)));
    }
    assert_eq!(stage.requests(), [0]);
}

/// What a vendor calls its model is its own affair, even if it begins with the vendor's name.
#[tokio::test]
async fn only_a_slug_is_taken_off_a_models_name() {
    let tree = |model: &str| json!({ "provider": "one", "override_params": { "model": model } });
    for (model, expected) in [
        ("@one/m-large", MODEL),
        ("one/m-large", "one/m-large"),
        ("@two/m-large", "@two/m-large"),
        ("@one/", "@one/"),
    ] {
        let stage = behaving([Behaviour::answer()]);
        stage.ask(ask(&tree(model))).await;
        let pinned = Ask {
            provider: Some("one"),
            ..Ask::new(Endpoint::ChatCompletions, model, false)
        };
        stage.ask(pinned).await;
        let log = stage.upstreams[0].log();
        assert_eq!(log.len(), 2, "{model}");
        for request in log {
            assert_eq!(request.json().unwrap()["model"], expected);
        }
    }
}
