//! Clients of Portkey's, and trees that the operator wrote.

use orchestra_testkit::{Behaviour, Script, When};
use serde_json::Value;

use crate::client::{Answer, call, request, request_with};
use crate::stage::{CLIENT_KEY, PROVIDER_KEY, Stage};

const CHAT: &str = "/v1/chat/completions";
const BODY: &str = r#"{"model":"gpt-5-mini","messages":[{"role":"user","content":"hi"}]}"#;

const TREES: &str = r#"
[models.smart]
strategy = { mode = "fallback" }
targets = [{ model = "openai/gpt-5-mini" }, { model = "anthropic/claude-sonnet-5-5" }]

[configs.pc-main]
override_params = { temperature = 0.25 }
provider = "@openai"
"#;

async fn ask(stage: &Stage, body: &str, headers: &[(&str, &str)]) -> Answer {
    let lines = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"));
    let lines: String = lines.collect();
    call(stage, &request_with("POST", CHAT, &lines, body.as_bytes())).await
}

fn key() -> (&'static str, &'static str) {
    ("x-portkey-api-key", CLIENT_KEY)
}

/// The provider's key that the last request upstream came with.
fn last_key(stage: &Stage) -> String {
    let log = stage.upstream.log();
    let last = log.last().expect("a request");
    last.header("authorization").unwrap_or_default().to_owned()
}

#[tokio::test]
async fn portkeys_key_is_the_gateways_and_the_other_one_the_providers() {
    let stage = Stage::open(Script::new()).await;
    let own = format!("Bearer {PROVIDER_KEY}");
    for (headers, expected) in [
        (vec![key(), ("x-portkey-provider", "openai")], own.as_str()),
        (
            vec![
                key(),
                ("x-portkey-provider", "openai"),
                ("authorization", "Bearer sk-of-the-caller"),
            ],
            "Bearer sk-of-the-caller",
        ),
        // A slug means the operator's key.
        (
            vec![
                key(),
                ("x-portkey-provider", "@openai"),
                ("authorization", "Bearer sk-of-the-caller"),
            ],
            own.as_str(),
        ),
        (
            vec![
                key(),
                ("authorization", "Bearer DUMMY-KEY"),
                ("x-portkey-provider", "openai"),
            ],
            own.as_str(),
        ),
    ] {
        let answer = ask(&stage, BODY, &headers).await;
        assert_eq!(answer.status, 200, "{headers:?}");
        assert_eq!(last_key(&stage), expected, "{headers:?}");
    }
    let sent = stage.upstream.log();
    let leaked = sent
        .iter()
        .flat_map(|request| &request.headers)
        .any(|(name, value)| name.starts_with("x-portkey") || value.contains(CLIENT_KEY));
    assert!(!leaked);
    let wrong = ask(
        &stage,
        BODY,
        &[
            ("x-portkey-api-key", "wrong"),
            ("x-portkey-provider", "openai"),
        ],
    )
    .await;
    assert_eq!(wrong.status, 401);
    // Who may not call is not told what is wrong with the config either.
    let blind = ask(&stage, BODY, &[("x-portkey-config", "{")]).await;
    assert_eq!(blind.json()["error"]["code"], "missing_api_key");
}

#[tokio::test]
async fn callers_keys_can_be_forbidden() {
    let stage = Stage::with("", "[portkey]\ncaller_keys = false\n", Script::new()).await;
    let headers = [
        key(),
        ("x-portkey-provider", "openai"),
        ("authorization", "Bearer sk-of-the-caller"),
    ];
    assert_eq!(ask(&stage, BODY, &headers).await.status, 200);
    assert_eq!(last_key(&stage), format!("Bearer {PROVIDER_KEY}"));
}

#[tokio::test]
async fn answers_are_marked_as_portkeys_clients_expect() {
    let script = Script::new()
        .on(
            When::path("/openai-api/v1/chat/completions"),
            Behaviour::error(500),
        )
        .otherwise(Behaviour::answer());
    let stage = Stage::with("", TREES, script).await;
    let config = r#"{"strategy":{"mode":"fallback"},"targets":[{"provider":"@openai"},{"provider":"@anthropic","model":"claude-sonnet-5-5"}]}"#;
    let answer = ask(
        &stage,
        BODY,
        &[
            key(),
            ("x-portkey-config", config),
            ("x-portkey-trace-id", "trace-7"),
        ],
    )
    .await;
    assert_eq!(answer.status, 200);
    for (name, value) in [
        ("x-portkey-trace-id", "trace-7"),
        ("x-portkey-provider", "anthropic"),
        ("x-portkey-last-used-option-index", "config.targets[1]"),
        ("x-portkey-retry-attempt-count", "0"),
        ("x-portkey-cache-status", "DISABLED"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    // A failed call has a trace, too: without one the SDKs would repeat it.
    let failed = ask(&stage, BODY, &[key(), ("x-portkey-provider", "openai")]).await;
    assert!(failed.status >= 500 && failed.header("x-portkey-trace-id").is_some());
    // Nobody else is bothered with them.
    let plain = ask(
        &stage,
        BODY,
        &[("authorization", &format!("Bearer {CLIENT_KEY}"))],
    )
    .await;
    assert_eq!(plain.header("x-portkey-trace-id"), None);
}

#[tokio::test]
async fn the_operators_trees_are_found_by_name() {
    let stage = Stage::with("", TREES, Script::new()).await;
    let answer = ask(&stage, BODY, &[key(), ("x-portkey-config", "pc-main")]).await;
    assert_eq!(answer.status, 200);
    let sent = stage.upstream.log().pop().unwrap().json().unwrap();
    assert_eq!(sent["temperature"], 0.25);
    let body = BODY.replace("gpt-5-mini", "smart");
    let answer = ask(&stage, &body, &[key(), ("x-orchestra-explain", "true")]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-orchestra-route"), Some("targets[0]"));
    let plan: Value = serde_json::from_str(answer.header("x-orchestra-plan").unwrap()).unwrap();
    assert_eq!(plan["targets"][1]["provider"], "anthropic");
    let models = call(&stage, &request("GET", "/v1/models", b""))
        .await
        .json();
    let mut names = models["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["id"].as_str().unwrap());
    assert!(names.any(|name| name == "smart"), "{models}");
}

#[tokio::test]
async fn a_config_that_cannot_be_followed_is_a_400_with_its_place() {
    let stage = Stage::with("", TREES, Script::new()).await;
    for (config, words) in [
        ("pc-unknown", "pc-main"),
        (
            r#"{"strategy":{"mode":"fallbck"},"targets":[{"provider":"openai"}]}"#,
            "strategy.mode",
        ),
        (
            r#"{"strategy":{"mode":"fallback"},"targets":[{"provider":"nobody"}]}"#,
            "targets[0]",
        ),
        (
            r#"{"provider":"openai","custom_host":"http://10.0.0.1/"}"#,
            "custom_host",
        ),
        (r#"{"provider":"openai","#, "no JSON"),
    ] {
        let answer = ask(&stage, BODY, &[key(), ("x-portkey-config", config)]).await;
        let message = answer.json()["error"]["message"].to_string();
        assert!(
            answer.status == 400 && message.contains(words),
            "{config}: {message}"
        );
    }
    assert_eq!(stage.upstream.requests(), 0);
}
