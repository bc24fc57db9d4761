//! Portkey's own REST interface: saved configs, feedback, logs, providers.

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

#[tokio::test]
async fn a_saved_config_is_used_at_once_and_after_a_restart() {
    let folder = folder();
    let stage = stage(folder.path(), "").await;
    let config =
        json!({ "provider": "@anthropic", "override_params": { "model": "claude-plain" } });
    let slug = create(&stage, &config).await;
    assert!(slug.starts_with("pc-everyd-"), "{slug}");
    let answer = chat(&stage, &slug).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-portkey-provider"), Some("anthropic"));

    let shown = get(&stage, &format!("/v1/configs/{slug}")).await.json();
    assert_eq!(
        (&shown["config"], &shown["name"]),
        (&config, &json!("Every Day"))
    );
    assert_eq!(
        (&shown["owner_id"], &shown["status"]),
        (&json!("app"), &json!("active"))
    );

    // From now on it leads elsewhere.
    let path = format!("/v1/configs/{slug}");
    let next = json!({ "config": { "provider": "@openai" }, "slug": slug });
    let changed = ask(&stage, "PUT", &path, &next).await.json();
    assert_ne!(changed["version_id"], shown["version_id"]);
    assert_eq!(
        chat(&stage, &slug).await.header("x-portkey-provider"),
        Some("openai")
    );
    let versions = get(&stage, &format!("{path}/versions")).await.json();
    assert_eq!(
        (&versions["total"], &versions["data"][1]["config"]),
        (&json!(2), &config)
    );

    let (serving, _upstream) = stage.stop();
    serving.await.expect("it stops");
    let stage = self::stage(folder.path(), "").await;
    assert_eq!(
        chat(&stage, &slug).await.header("x-portkey-provider"),
        Some("openai")
    );

    // What is put away is not used, and what is deleted is gone.
    let away = json!({ "status": "archived" });
    assert_eq!(ask(&stage, "PUT", &path, &away).await.status, 200);
    let answer = chat(&stage, &slug).await;
    assert!(
        answer.status == 400 && answer.text().contains("archived"),
        "{}",
        answer.text()
    );
    assert_eq!(
        ask_as(CLIENT_KEY, &stage, "DELETE", &path, "").await.status,
        200
    );
    let answer = chat(&stage, &slug).await;
    assert!(answer.text().contains("pc-written"), "{}", answer.text());
    refused(&get(&stage, &path).await, 404, "not_found");
}

#[tokio::test]
async fn configs_of_the_file_are_shown_without_their_keys_and_changed_there() {
    let folder = folder();
    let stage = stage(folder.path(), "").await;
    let slug = create(&stage, &json!({ "provider": "@openai" })).await;
    let list = get(&stage, "/v1/configs?").await.json();
    let slugs: Vec<&Value> = list["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|c| &c["slug"])
        .collect();
    assert_eq!(slugs, [&json!("pc-written"), &json!(slug)]);
    let written = get(&stage, "/v1/configs/pc-written").await;
    assert_eq!(written.json()["config"]["provider"], "openai");
    assert!(
        !written.text().contains("a-written-secret"),
        "{}",
        written.text()
    );
    for (method, body) in [("PUT", r#"{"name":"x"}"#), ("DELETE", "")] {
        let answer = ask_as(CLIENT_KEY, &stage, method, "/v1/configs/pc-written", body).await;
        assert!(refused(&answer, 409, "conflict").contains("[configs]"));
    }
}

#[tokio::test]
async fn what_cannot_be_saved_is_refused_with_its_place() {
    let folder = folder();
    let stage = stage(folder.path(), "").await;
    let key = json!({ "strategy": { "mode": "fallback" }, "targets": [
        { "provider": "@openai" }, { "provider": "openai", "api_key": "sk-in-the-clear" },
    ] });
    for (body, code, place, words) in [
        (
            json!({ "name": "x", "config": key }),
            "invalid_config",
            "config.targets[1].api_key",
            "orchestra secrets set",
        ),
        (
            json!({ "name": "x", "config": { "provider": "@nobody" } }),
            "invalid_config",
            "config",
            "nobody",
        ),
        (
            json!({ "name": "x", "config": { "retyr": 3 } }),
            "invalid_config",
            "config.retyr",
            "no such member",
        ),
        (
            json!({ "name": "x", "config": "{" }),
            "invalid_request",
            "config",
            "JSON",
        ),
        (
            json!({ "name": "x" }),
            "invalid_request",
            "config",
            "missing",
        ),
        (
            json!({ "config": { "provider": "@openai" } }),
            "invalid_request",
            "name",
            "name",
        ),
        (
            json!({ "name": "x", "config": {}, "is_default": 1 }),
            "invalid_request",
            "is_default",
            "x-portkey-config",
        ),
        (
            json!({ "name": "x", "config": {}, "limits": 1 }),
            "invalid_request",
            "limits",
            "nothing is known",
        ),
    ] {
        let answer = ask(&stage, "POST", "/v1/configs", &body).await;
        let message = refused(&answer, 400, code);
        assert!(message.contains(words), "{message}");
        assert_eq!(answer.json()["error"]["param"], place, "{message}");
        assert!(!answer.text().contains("sk-in-the-clear"));
    }
    let total = &get(&stage, "/v1/configs").await.json()["total"];
    assert_eq!(total, 1, "nothing was saved");
    let kept = std::fs::read(folder.path().join("kept.db")).expect("the file");
    let clear = b"sk-in-the-clear";
    assert!(!kept.windows(clear.len()).any(|window| window == clear));
}

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
async fn feedback_is_kept_changed_and_seen_by_whose_it_is() {
    let folder = folder();
    let stage = stage(folder.path(), "").await;
    let given = r#"{"trace_id":"t-1","value":5,"metadata":{"_user":"u"}}"#;
    let answer = ask_as(OTHER_KEY, &stage, "POST", "/v1/feedback", given).await;
    let told = answer.json();
    assert_eq!(
        (answer.status, &told["status"]),
        (200, &json!("success")),
        "{told}"
    );
    let id = told["feedback_ids"][0].as_str().expect("an id");
    let path = format!("/v1/feedback/{id}");
    let changed = ask_as(
        OTHER_KEY,
        &stage,
        "PUT",
        &path,
        r#"{"value":-2,"weight":0.5}"#,
    )
    .await;
    assert_eq!(changed.json()["feedback_ids"], json!([id]));

    // Several at once, also as Portkey's client for Node writes a list.
    let list = json!([{ "trace_id": "t-2", "value": 1 }, { "trace_id": "t-2", "value": 2 }]);
    let numbered =
        json!({ "0": { "traceID": "t-2", "value": 3 }, "1": { "traceID": "t-2", "value": 4 } });
    for list in [list, numbered] {
        let told = ask(&stage, "POST", "/v1/feedback", &list).await.json();
        assert_eq!(
            told["feedback_ids"].as_array().map(Vec::len),
            Some(2),
            "{told}"
        );
    }

    let own = ask_as(OTHER_KEY, &stage, "GET", "/v1/feedback", "")
        .await
        .json();
    assert_eq!(own["total"], 1, "{own}");
    let kept = &own["data"][0];
    assert_eq!(
        (&kept["value"], &kept["weight"], &kept["trace_id"]),
        (&json!(-2), &json!(0.5), &json!("t-1"))
    );
    assert_eq!(kept["metadata"], json!({ "_user": "u" }));
    // An administrator sees all, and changes nobody else's.
    let all = get(
        &stage,
        "/v1/feedback?trace_id=t-2&page_size=3&current_page=1",
    )
    .await
    .json();
    assert_eq!(
        (&all["total"], &all["data"][0]["value"]),
        (&json!(4), &json!(1)),
        "{all}"
    );
    assert_eq!(get(&stage, &path).await.json()["data"]["client"], "other");
    refused(
        &ask(&stage, "PUT", &path, &json!({ "value": 1 })).await,
        404,
        "not_found",
    );
    let foreign = all["data"][0]["id"].as_str().expect("an id");
    let answer = ask_as(
        OTHER_KEY,
        &stage,
        "GET",
        &format!("/v1/feedback/{foreign}"),
        "",
    )
    .await;
    refused(&answer, 404, "not_found");
}

#[tokio::test]
async fn logs_are_kept_without_the_keys_in_them() {
    let folder = folder();
    let stage = stage(folder.path(), "").await;
    let entry = json!({
        "request": { "url": "https://x.example", "headers": { "Authorization": "Bearer sk-logged", "accept": "*/*" } },
        "response": { "status": 200, "body": { "answer": 42 } },
        "metadata": { "traceId": "t-9", "_user": "u" },
    });
    let body = json!([entry, { "request": {}, "response": {} }]).to_string();
    let told = ask_as(OTHER_KEY, &stage, "POST", "/v1/logs", &body)
        .await
        .json();
    assert_eq!(told["status"], "success", "{told}");
    let id = told["ids"][0].as_str().expect("an id");
    let path = format!("/v1/logs/{id}");
    let kept = ask_as(OTHER_KEY, &stage, "GET", &path, "").await;
    let shown = &kept.json()["data"];
    assert_eq!(shown["response"], entry["response"]);
    assert_eq!(
        shown["request"]["headers"],
        json!({ "Authorization": "********", "accept": "*/*" })
    );
    assert_eq!(shown["trace_id"], "t-9");
    let file = std::fs::read(folder.path().join("kept.db-wal")).expect("the file's log");
    assert!(!file.windows(9).any(|window| window == b"sk-logged"));
    assert_eq!(
        get(&stage, "/v1/logs?trace_id=t-9").await.json()["total"],
        1
    );

    let (serving, _upstream) = stage.stop();
    serving.await.expect("it stops");
    let stage = self::stage(folder.path(), "").await;
    assert_eq!(
        ask_as(OTHER_KEY, &stage, "GET", &path, "").await.status,
        200
    );
}

#[tokio::test]
async fn what_clients_tell_is_checked_and_bounded() {
    let folder = folder();
    let stage = stage(folder.path(), "max_kept_bytes_per_client = 300\n").await;
    for (path, body, place, words) in [
        (
            "/v1/feedback",
            json!({ "value": 1 }),
            json!("trace_id"),
            "x-portkey-trace-id",
        ),
        (
            "/v1/feedback",
            json!({ "trace_id": "t" }),
            json!("value"),
            "missing",
        ),
        (
            "/v1/feedback",
            json!({ "trace_id": "t", "value": 11 }),
            json!("value"),
            "-10 to 10",
        ),
        (
            "/v1/feedback",
            json!({ "trace_id": "t", "value": 0.5 }),
            json!("value"),
            "whole",
        ),
        (
            "/v1/feedback",
            json!({ "trace_id": "t", "value": 1, "weight": 2 }),
            json!("weight"),
            "0 to 1",
        ),
        (
            "/v1/feedback",
            json!({ "trace_id": "t", "value": 1, "wieght": 1 }),
            json!("wieght"),
            "weight",
        ),
        (
            "/v1/feedback",
            json!([{ "trace_id": "t", "value": 1 }, { "trace_id": "t", "value": "good" }]),
            json!("[1].value"),
            "whole",
        ),
        ("/v1/feedback", json!([]), Value::Null, "nothing"),
        (
            "/v1/logs",
            json!({ "request": {} }),
            json!("response"),
            "missing",
        ),
        (
            "/v1/logs",
            json!({ "request": "x", "response": {} }),
            json!("request"),
            "object",
        ),
        (
            "/v1/logs",
            json!({ "request": { "body": "x".repeat(400) }, "response": {} }),
            Value::Null,
            "max_kept_bytes_per_client",
        ),
    ] {
        let answer = ask(&stage, "POST", path, &body).await;
        let message = refused(&answer, 400, "invalid_request");
        assert!(message.contains(words), "{message}");
        assert_eq!(answer.json()["error"]["param"], place, "{message}");
    }
    let answer = ask_as(CLIENT_KEY, &stage, "POST", "/v1/logs", "{").await;
    refused(&answer, 400, "invalid_json");
    let answer = ask_as(CLIENT_KEY, &stage, "DELETE", "/v1/logs", "").await;
    assert!(refused(&answer, 405, "method_not_allowed").contains("POST or GET"));
    let page = get(&stage, "/v1/logs?page_size=1000").await;
    refused(&page, 400, "invalid_request");

    let large = json!({ "request": { "body": "x".repeat(100) }, "response": {} });
    for _ in 0..3 {
        assert_eq!(ask(&stage, "POST", "/v1/logs", &large).await.status, 200);
    }
    assert_eq!(get(&stage, "/v1/logs").await.json()["total"], 1);
}

#[tokio::test]
async fn providers_are_listed_without_keys_and_made_elsewhere() {
    let folder = folder();
    let stage = stage(folder.path(), "").await;
    for path in [
        "/v1/providers?current_page=0&page_size=50",
        "/v1/virtual-keys?",
    ] {
        let list = get(&stage, path).await.json();
        assert_eq!(list["total"], 2, "{list}");
        let openai = &list["data"][1];
        assert_eq!(
            (&openai["slug"], &openai["status"]),
            (&json!("openai"), &json!("active")),
            "{list}"
        );
        assert_eq!(openai["key"], "********");
    }
    assert_eq!(
        get(&stage, "/v1/virtual-keys/openai").await.json()["slug"],
        "openai"
    );
    refused(&get(&stage, "/v1/providers/nobody").await, 404, "not_found");
    let answer = ask(
        &stage,
        "PUT",
        "/v1/virtual-keys/openai",
        &json!({ "key": "sk-new" }),
    )
    .await;
    // It stands in the environment.
    assert!(refused(&answer, 409, "conflict").contains("env:OPENAI_API_KEY"));
    let made = json!({ "name": "x", "provider": "openai", "key": "sk-new" });
    let answer = ask(&stage, "POST", "/v1/virtual-keys", &made).await;
    let message = refused(&answer, 501, "providers_are_configured");
    assert!(message.contains("[[providers]]"), "{message}");
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
