//! Gemini by its row in the catalogue: one key, two ways in.

use std::collections::BTreeMap;

use orchestra_dialects::Endpoint;
use orchestra_providers::{Catalogue, Row};
use orchestra_testkit::{Behaviour, Received, Script, Upstream, When};
use serde_json::{Value, json};

use crate::harness::{Ask, Stage, patient};

const MODEL: &str = "gemini-3.8-flash";

/// A gateway whose only provider is the catalogue's Gemini, at this upstream.
fn stage(script: Script) -> Stage {
    stage_of(script, Row::default())
}

/// The same, with what `over` names.
fn stage_of(script: Script, over: Row) -> Stage {
    let upstream = Upstream::start(script).unwrap();
    let there = Row {
        base_url: Some(format!("{}/v1beta", upstream.base_url())),
        passthrough_url: Some(format!("{}/v1beta/openai", upstream.base_url())),
        ..over
    };
    let row = Catalogue::embedded().get("gemini").unwrap().overlay(&there);
    Stage::of(patient(), &[row], vec![upstream])
}

fn question(endpoint: Endpoint, model: &str, stream: bool) -> Ask {
    let said = json!([{"role": "user", "content": "Is it cold in Oslo?"}]);
    let mut body = json!({"model": model, "stream": stream});
    match endpoint {
        Endpoint::Responses => body["input"] = said,
        _ => body["messages"] = said,
    }
    if endpoint == Endpoint::Messages {
        body["max_tokens"] = json!(100);
    }
    Ask::body(endpoint, body.to_string())
}

/// The one request that came.
fn only(stage: &Stage) -> Received {
    let mut log = stage.upstreams[0].log();
    assert_eq!(log.len(), 1, "{log:?}");
    log.remove(0)
}

#[tokio::test]
async fn chat_goes_to_the_compatible_endpoint_with_a_bearer() {
    for stream in [false, true] {
        let stage = stage(Script::new().otherwise(Behaviour::text("Yes.")));
        let got = stage
            .ask(question(Endpoint::ChatCompletions, MODEL, stream))
            .await;
        assert_eq!(got.status, 200, "{}", got.text());
        let request = only(&stage);
        assert_eq!(request.path, "/v1beta/openai/chat/completions");
        assert_eq!(
            request.header("authorization"),
            Some("Bearer the-key-of-one")
        );
        assert_eq!(request.header("x-goog-api-key"), None);
    }
}

#[tokio::test]
async fn other_clients_go_the_native_way_with_the_key_in_its_own_header() {
    for (stream, method, query) in [
        (false, "generateContent", ""),
        (true, "streamGenerateContent", "alt=sse"),
    ] {
        for (endpoint, end) in [
            (Endpoint::Messages, "event: message_stop"),
            (Endpoint::Responses, "event: response.completed"),
        ] {
            let stage = stage(Script::new().otherwise(Behaviour::text("Yes, very.")));
            let got = stage.ask(question(endpoint, MODEL, stream)).await;
            assert_eq!(got.status, 200, "{}", got.text());
            assert!(got.text().contains("very"), "{}", got.text());
            assert_eq!(got.text().contains(end), stream, "{}", got.text());
            assert_eq!(got.faults(), ["-"]);
            let request = only(&stage);
            assert_eq!(request.path, format!("/v1beta/models/{MODEL}:{method}"));
            assert_eq!(request.query, query);
            assert_eq!(request.header("x-goog-api-key"), Some("the-key-of-one"));
            assert_eq!(request.header("authorization"), None);
            let sent = request.json().unwrap();
            assert_eq!(
                sent["contents"][0]["parts"][0]["text"],
                "Is it cold in Oslo?"
            );
            assert_eq!(
                (&sent["model"], &sent["stream"]),
                (&Value::Null, &Value::Null)
            );
        }
    }
}

#[tokio::test]
async fn a_name_that_would_lead_elsewhere_is_refused_here() {
    for model in ["one/../../v1/files", "one/a%2fb", "one/..", "one/a\\\\b"] {
        let native = Row {
            endpoints: Some(vec!["generate_content".to_owned()]),
            paths: Some(BTreeMap::new()),
            ..Row::default()
        };
        let stage = stage_of(Script::new().otherwise(Behaviour::text("Never.")), native);
        let body = format!(
            r#"{{"model":"{model}","max_tokens":9,"messages":[{{"role":"user","content":"Hi"}}]}}"#
        );
        let got = stage.ask(Ask::body(Endpoint::Messages, body)).await;
        assert_eq!(got.status, 400, "{model}: {}", got.text());
        assert_eq!(
            got.json()["error"]["details"]["error_code"],
            "invalid_model"
        );
        assert_eq!(stage.requests(), [0], "{model}");
    }
    // The form of Google's own lists is fine.
    let stage = stage(Script::new().otherwise(Behaviour::text("Yes.")));
    let model = format!("one/models/{MODEL}");
    let got = stage.ask(question(Endpoint::Messages, &model, false)).await;
    assert_eq!(got.status, 200, "{}", got.text());
    assert_eq!(
        only(&stage).path,
        format!("/v1beta/models/{MODEL}:generateContent")
    );
}

/// Gemini 3 refuses a history whose calls have lost the signatures of its thoughts.
#[tokio::test]
async fn signatures_of_thoughts_come_back_to_their_calls() {
    const SIGNATURE: &str = "c2lnbmVkIHRob3VnaHRz";
    let call = json!({"candidates": [{
        "content": {"role": "model", "parts": [{
            "functionCall": {"name": "weather", "args": {"city": "Oslo"}}, "thoughtSignature": SIGNATURE,
        }]},
        "finishReason": "STOP", "index": 0,
    }]});
    let script = Script::new()
        .on(When::any().first(1), Behaviour::json(200, call.to_string()))
        .otherwise(Behaviour::text("Very."));
    let stage = stage(script);
    let mut request = json!({
        "model": MODEL, "max_tokens": 100,
        "messages": [{"role": "user", "content": "Is it cold in Oslo?"}],
        "tools": [{"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}],
    });
    let first = stage
        .ask(Ask::body(Endpoint::Messages, request.to_string()))
        .await;
    let content = first.json()["content"].clone();
    let is_call = |block: &&Value| block["type"] == "tool_use";
    let id = content.as_array().unwrap().iter().find(is_call).unwrap()["id"].clone();
    let more = [
        json!({"role": "assistant", "content": content}),
        json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": "-12 °C"}]}),
    ];
    request["messages"].as_array_mut().unwrap().extend(more);
    let second = stage
        .ask(Ask::body(Endpoint::Messages, request.to_string()))
        .await;
    assert_eq!(second.status, 200, "{}", second.text());
    let sent = stage.upstreams[0].log()[1].json().unwrap();
    let part = &sent["contents"][1]["parts"][0];
    assert_eq!(part["functionCall"]["name"], "weather", "{sent}");
    assert_eq!(part["thoughtSignature"], SIGNATURE, "{sent}");
}
