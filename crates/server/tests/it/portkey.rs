//! Clients of Portkey's, and trees that the operator wrote.

use std::path::Path;

use orchestra_secrets::Variables;
use orchestra_server::Config;
use orchestra_server::secrets::Vault;
use orchestra_testkit::{Behaviour, Script, Upstream, When};
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

pub(crate) async fn ask(stage: &Stage, body: &str, headers: &[(&str, &str)]) -> Answer {
    let lines = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"));
    let lines: String = lines.collect();
    call(stage, &request_with("POST", CHAT, &lines, body.as_bytes())).await
}

pub(crate) fn key() -> (&'static str, &'static str) {
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
    // Nor within a config that comes with the call.
    let config = r#"{"strategy":{"mode":"single"},"targets":[{"provider":"openai","api_key":"sk-of-the-caller"}]}"#;
    let refused = ask(&stage, BODY, &[key(), ("x-portkey-config", config)]).await;
    let error = &refused.json()["error"];
    assert_eq!(
        (refused.status, &error["code"]),
        (400, &"invalid_config".into())
    );
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("targets[0].api_key") && message.contains("caller_keys"),
        "{message}"
    );
    assert!(!message.contains("sk-of-the-caller"));
}

#[tokio::test]
async fn a_callers_key_goes_to_no_other_provider_than_the_one_it_is_for() {
    let stage = Stage::open(Script::new()).await;
    let headers = [
        key(),
        ("x-portkey-provider", "anthropic"),
        ("authorization", "Bearer sk-of-the-caller"),
    ];
    let lines: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let path = "/openai/v1/chat/completions";
    let answer = call(&stage, &request_with("POST", path, &lines, BODY.as_bytes())).await;
    assert_eq!(answer.status, 200);
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
    // So has what is passed through, and what is refused.
    let passed = request_with(
        "POST",
        "/openai/v1/chat/completions/x",
        &format!("x-portkey-api-key: {CLIENT_KEY}\r\nx-portkey-trace-id: trace-8\r\n"),
        b"{}",
    );
    let passed = call(&stage, &passed).await;
    assert_eq!(passed.header("x-portkey-trace-id"), Some("trace-8"));
    let wrong = [
        key(),
        ("x-portkey-config", "{"),
        ("x-portkey-trace-id", "9"),
    ];
    let refused = ask(&stage, BODY, &wrong).await;
    assert_eq!(
        (refused.status, refused.header("x-portkey-trace-id")),
        (400, Some("9"))
    );
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

/// A gateway that has a key for Portkey, and one for a model's own provider.
async fn beside_portkey(script: Script, more: &str) -> Stage {
    let upstream = Upstream::start(script).expect("loopback has a free port");
    let base = upstream.base_url();
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n\
         [[providers]]\nkind = \"portkey\"\nbase_url = \"{base}/portkey/v1\"\n\
         [[providers]]\nkind = \"openai\"\nbase_url = \"{base}/openai/v1\"\n{more}"
    );
    let config = Config::parse(&config, Path::new("orchestra.toml")).expect("it is valid");
    let variables = Variables::from_pairs([
        ("PORTKEY_API_KEY", "portkey-canary-0123456789"),
        ("PORTKEY_CONFIG", "pc-canary-0123456789"),
        ("OPENAI_API_KEY", PROVIDER_KEY),
    ]);
    Stage::serve(&config, Vault::without_store(variables), upstream).await
}

fn local(body: &str) -> Vec<u8> {
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    head.into_bytes()
}

#[tokio::test]
async fn with_a_key_and_a_config_portkey_comes_first_and_direct_calls_are_the_backup() {
    let stage = beside_portkey(Script::new(), "").await;
    assert_eq!(call(&stage, &local(BODY)).await.status, 200);
    let sent = stage.upstream.log().pop().unwrap();
    assert_eq!(sent.path, "/portkey/v1/chat/completions");
    assert_eq!(
        sent.header("x-portkey-api-key"),
        Some("portkey-canary-0123456789")
    );
    assert_eq!(
        sent.header("x-portkey-config"),
        Some("pc-canary-0123456789")
    );
    assert!(sent.header("x-portkey-trace-id").is_some());

    let down = Script::new()
        .on(
            When::path("/portkey/v1/chat/completions"),
            Behaviour::error(503),
        )
        .otherwise(Behaviour::answer());
    let stage = beside_portkey(down, "").await;
    let answer = call(&stage, &local(BODY)).await;
    assert_eq!(
        (answer.status, answer.header("x-orchestra-provider")),
        (200, Some("openai"))
    );
    assert_eq!(stage.upstream.requests(), 2);

    let stage = beside_portkey(Script::new(), "[portkey]\nupstream = \"off\"\n").await;
    call(&stage, &local(BODY)).await;
    assert_eq!(stage.upstream.log()[0].path, "/openai/v1/chat/completions");

    let slugs = "[portkey]\nslugs = { openai = \"@prod\" }\n";
    let stage = beside_portkey(Script::new(), slugs).await;
    call(&stage, &local(BODY)).await;
    let sent = stage.upstream.log().pop().unwrap();
    assert_eq!(sent.json().unwrap()["model"], "@prod/gpt-5-mini");
}
