//! Who may do what, and how errors are said.

use orchestra_testkit::Script;
use serde_json::{Value, json};

use super::{CHAT, ask, ask_as, chat, create, folder, get, refused, stage};
use crate::client::{call, request_with};
use crate::stage::{CLIENT_KEY, OTHER_KEY, Stage};

#[tokio::test]
async fn only_administrators_see_and_change_what_all_calls_go_by() {
    let folder = folder();
    let stage = stage(folder.path(), "").await;
    let config = r#"{"name":"x","config":{"provider":"@openai"}}"#;
    for (method, path, body) in [
        ("GET", "/v1/configs", ""),
        ("POST", "/v1/configs", config),
        ("GET", "/v1/configs/pc-written", ""),
        ("PUT", "/v1/configs/pc-written", config),
        ("DELETE", "/v1/configs/pc-written", ""),
        ("GET", "/v1/configs/pc-written/versions", ""),
        ("GET", "/v1/providers", ""),
        ("GET", "/v1/virtual-keys/openai", ""),
        ("POST", "/v1/virtual-keys", "{}"),
    ] {
        let answer = ask_as(OTHER_KEY, &stage, method, path, body).await;
        let message = refused(&answer, 403, "not_an_admin_key");
        assert!(
            message.contains("`other`") && message.contains("admin_keys"),
            "{message}"
        );
        let answer = ask_as("a-key-that-nobody-has", &stage, method, path, body).await;
        refused(&answer, 401, "invalid_api_key");
    }
    // By default nobody is one.
    let closed = Stage::open(Script::new()).await;
    refused(&get(&closed, "/v1/configs").await, 403, "not_an_admin_key");
}

#[tokio::test]
async fn without_a_file_nothing_is_kept_and_that_is_said() {
    let stage = Stage::with("", "[portkey]\nadmin_keys = [\"app\"]\n", Script::new()).await;
    let config = json!({ "name": "x", "config": { "provider": "@openai" } });
    for (path, body) in [
        ("/v1/configs", config),
        ("/v1/feedback", json!({ "trace_id": "t", "value": 1 })),
        ("/v1/logs", json!({ "request": {}, "response": {} })),
    ] {
        let message = refused(
            &ask(&stage, "POST", path, &body).await,
            501,
            "nothing_is_kept",
        );
        assert!(message.contains("[portkey]"), "{message}");
    }
    assert_eq!(get(&stage, "/v1/configs").await.json()["total"], 0);
}

#[tokio::test]
async fn the_file_of_the_conversations_will_do() {
    let folder = folder();
    let file = folder.path().join("kept.db");
    let rest = format!(
        "[portkey]\nadmin_keys = [\"app\"]\n[responses]\nstore = \"sqlite\"\npath = {:?}\n",
        file.to_str().expect("a plain path")
    );
    let stage = Stage::with("", &rest, Script::new()).await;
    create(&stage, &json!({ "provider": "@openai" })).await;
}

#[tokio::test]
async fn lists_of_models_have_a_trace_for_clients_of_portkeys_only() {
    let stage = Stage::open(Script::new()).await;
    let answer = get(&stage, "/v1/models").await;
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .header("x-portkey-trace-id")
            .is_some_and(|id| id.starts_with("call_"))
    );
    let headers = format!("x-portkey-api-key: {CLIENT_KEY}\r\nx-portkey-trace-id: mine\r\n");
    let answer = call(
        &stage,
        &request_with("GET", "/v1/models/no/such/model", &headers, b""),
    )
    .await;
    assert_eq!(
        (answer.status, answer.header("x-portkey-trace-id")),
        (404, Some("mine"))
    );
    let headers = format!("authorization: Bearer {CLIENT_KEY}\r\n");
    let answer = call(&stage, &request_with("GET", "/v1/models", &headers, b"")).await;
    let marked = answer
        .headers
        .iter()
        .any(|(name, _)| name.starts_with("x-portkey"));
    assert!(!marked, "{answer:?}");
}

/// Only in that mode, only for clients of Portkey's, and only what the gateway says itself.
#[tokio::test]
async fn errors_of_the_gateways_own_are_said_as_portkey_says_them_if_that_is_asked_for() {
    let compat = "[portkey]\ncompat = \"portkey-1.x\"\n";
    for (rest, expected) in [(compat, json!("failure")), ("", Value::Null)] {
        let stage = Stage::with("", rest, Script::new()).await;
        let answer = chat(&stage, "pc-nowhere").await.json();
        assert_eq!(answer["status"], expected, "{answer}");
        assert_eq!(answer["error"]["code"], "invalid_header", "{answer}");
        if expected == "failure" {
            assert_eq!(answer["message"], answer["error"]["message"], "{answer}");
        }
        let headers = format!("authorization: Bearer {CLIENT_KEY}\r\n");
        let plain = call(&stage, &request_with("POST", CHAT, &headers, b"{}"))
            .await
            .json();
        assert_eq!(plain["status"], Value::Null, "{plain}");
        let headers =
            format!("x-portkey-api-key: {CLIENT_KEY}\r\nx-portkey-provider: anthropic\r\n");
        let body = r#"{"model":"claude-plain","max_tokens":5}"#;
        let path = "/v1/messages";
        let answer = call(
            &stage,
            &request_with("POST", path, &headers, body.as_bytes()),
        )
        .await;
        if answer.status >= 400 {
            let answer = answer.json();
            assert_eq!(
                (&answer["type"], &answer["status"]),
                (&json!("error"), &expected)
            );
        }
    }
}
