//! Portkey's own REST interface: saved configs, feedback, logs, providers.

mod access;
mod configs;
mod providers;
mod told;

use std::path::Path;

use orchestra_testkit::Script;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{Answer, call, request_with};
use crate::stage::{CLIENT_KEY, OTHER_KEY, Stage};

const CHAT: &str = "/v1/chat/completions";
const BODY: &str = r#"{"model":"gpt-5-mini","messages":[{"role":"user","content":"hi"}]}"#;
const PINNED: &str =
    "[configs.pc-written]\nprovider = \"openai\"\napi_key = \"a-written-secret\"\n";

/// A gateway that keeps things in this folder, of which `app` is an administrator and `other` is not.
async fn stage(folder: &Path, more: &str) -> Stage {
    let file = folder.join("kept.db");
    let rest = format!(
        "[portkey]\nadmin_keys = [\"app\"]\npath = {:?}\n{more}\n{PINNED}",
        file.to_str().expect("a plain path")
    );
    Stage::with("", &rest, Script::new()).await
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder can be made")
}

async fn ask_as(key: &str, stage: &Stage, method: &str, path: &str, body: &str) -> Answer {
    let headers = format!("x-portkey-api-key: {key}\r\n");
    call(
        stage,
        &request_with(method, path, &headers, body.as_bytes()),
    )
    .await
}

async fn ask(stage: &Stage, method: &str, path: &str, body: &Value) -> Answer {
    ask_as(CLIENT_KEY, stage, method, path, &body.to_string()).await
}

async fn get(stage: &Stage, path: &str) -> Answer {
    ask_as(CLIENT_KEY, stage, "GET", path, "").await
}

async fn chat(stage: &Stage, config: &str) -> Answer {
    let headers = format!("x-portkey-api-key: {OTHER_KEY}\r\nx-portkey-config: {config}\r\n");
    call(
        stage,
        &request_with("POST", CHAT, &headers, BODY.as_bytes()),
    )
    .await
}

/// What an error says, in both places where Portkey's clients look for it.
fn refused(answer: &Answer, status: u16, code: &str) -> String {
    let body = answer.json();
    assert_eq!(
        (answer.status, body["error"]["code"].as_str()),
        (status, Some(code)),
        "{body}"
    );
    assert_eq!(
        (&body["status"], &body["message"]),
        (&json!("failure"), &body["error"]["message"])
    );
    assert!(answer.header("x-portkey-trace-id").is_some(), "{answer:?}");
    body["message"].as_str().expect("a message").to_owned()
}

async fn create(stage: &Stage, config: &Value) -> String {
    let body = json!({ "name": "Every Day", "config": config });
    let answer = ask(stage, "POST", "/v1/configs", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let made = answer.json();
    assert_eq!(made["data"]["id"], made["slug"], "{made}");
    assert!(made["version_id"].is_string(), "{made}");
    made["slug"].as_str().expect("a slug").to_owned()
}
