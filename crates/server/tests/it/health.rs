//! How the providers fare, as monitors, Portkey's integration and operators ask for it.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use orchestra_testkit::{Behaviour, Script, Upstream, When};
use serde_json::Value;

use crate::client::{Answer, Client, call, request, request_with};
use crate::stage::{PROVIDER_KEY, Stage, soon};

/// A gateway with a provider of kind `portkey` besides the others, and what plays it.
async fn with_portkey(script: Script) -> (Stage, Upstream) {
    let portkey = Upstream::start(script).expect("loopback has a free port");
    let entry = format!(
        "[[providers]]\nkind = \"portkey\"\nkey = \"env:OPENAI_API_KEY\"\nbase_url = \"{}/v1\"\n",
        portkey.base_url()
    );
    (Stage::with("", &entry, Script::new()).await, portkey)
}

async fn ask(stage: &Stage, path: &str) -> Answer {
    call(stage, &request("GET", path, b"")).await
}

fn chat(model: &str) -> Vec<u8> {
    let body = format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"Hi"}}]}}"#);
    request("POST", "/v1/chat/completions", body.as_bytes())
}

fn keys(value: &Value) -> BTreeSet<&str> {
    let object = value.as_object().expect("an object");
    object.keys().map(String::as_str).collect()
}

#[tokio::test]
async fn everybody_may_know_how_many_are_well_and_nothing_else() {
    let stage = Stage::open(Script::new()).await;
    let answer = call(&stage, &request_with("GET", "/health", "", b"")).await;
    assert_eq!(answer.status, 200);
    let wanted = serde_json::json!({
        "status": "healthy",
        "providers": { "total": 2, "healthy": 2, "degraded": 0, "unhealthy": 0 },
    });
    assert_eq!(answer.json(), wanted);
}

#[tokio::test]
async fn the_rest_is_for_callers() {
    let stage = Stage::open(Script::new()).await;
    for path in [
        "/health/providers",
        "/health/openai",
        "/health/portkey",
        "/health/nothing",
    ] {
        for headers in ["", "x-api-key: no-key-of-this-gateway\r\n"] {
            let answer = call(&stage, &request_with("GET", path, headers, b"")).await;
            assert_eq!(answer.status, 401, "{path}");
            assert!(!answer.text().contains("anthropic"), "{}", answer.text());
        }
    }
    assert_eq!(stage.upstream.requests(), 0, "strangers make it ask nobody");
}

#[tokio::test]
async fn what_does_not_exist_is_named() {
    let stage = Stage::open(Script::new()).await;
    for (path, status, code) in [
        ("/health/nothing", 404, "provider_not_found"),
        ("/health/openai/more", 404, "route_not_found"),
        ("/health?prob=false", 400, "invalid_query"),
        ("/health/openai?probe=maybe", 400, "invalid_query"),
    ] {
        let answer = ask(&stage, path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert_eq!(answer.json()["error"]["code"], code, "{path}");
    }
    let post = call(&stage, &request("POST", "/health", b"{}")).await;
    assert_eq!(post.status, 405);
}

#[tokio::test]
async fn a_thousand_polls_are_one_question() {
    let script = Script::new().otherwise(Behaviour::answer().delay(Duration::from_millis(300)));
    let stage = Stage::open(script).await;
    let poll = async |path: &'static str| {
        let mut client = Client::to(stage.address).await;
        client.send(&request("GET", path, b"")).await;
        client.answer().await.status
    };
    let paths = [
        "/health",
        "/health/openai",
        "/health/providers",
        "/health/portkey",
    ];
    let polls = (0..1_000).map(|n| poll(paths[n % paths.len()]));
    let statuses = join_all(polls).await;
    assert!(statuses.iter().all(|status| *status == 200));
    assert_eq!(stage.upstream.requests(), 2, "one for each provider");
    let log = stage.upstream.log();
    assert!(
        log.iter()
            .all(|request| request.path.ends_with("/v1/models"))
    );
}

#[tokio::test]
async fn one_who_leaves_does_not_make_the_next_ask_again() {
    let script = Script::new().otherwise(Behaviour::answer().delay(Duration::from_millis(400)));
    let stage = Stage::open(script).await;
    for _ in 0..10 {
        let mut impatient = Client::to(stage.address).await;
        impatient.send(&request("GET", "/health/openai", b"")).await;
        soon("the question", stage.upstream.wait_for(1)).await;
        drop(impatient);
    }
    assert_eq!(ask(&stage, "/health/openai").await.status, 200);
    assert_eq!(stage.upstream.requests(), 1);
}

#[tokio::test]
async fn a_provider_that_fails_is_not_asked_at_every_poll() {
    let stage = Stage::open(Script::new().otherwise(Behaviour::error(500))).await;
    for _ in 0..20 {
        let answer = ask(&stage, "/health").await;
        assert_eq!(answer.status, 503);
        assert_eq!(answer.json()["status"], "unhealthy");
    }
    assert_eq!(stage.upstream.requests(), 2, "one for each provider");
}

#[tokio::test]
async fn without_probes_what_is_known_is_told() {
    let stage = Stage::open(Script::new()).await;
    let answer = ask(&stage, "/health/providers?probe=false").await;
    assert_eq!(answer.status, 200);
    let list = answer.json();
    assert_eq!(list["status"], "healthy", "nothing bad is known");
    assert_eq!(list["providers"][0]["probe"], Value::Null);
    assert_eq!(stage.upstream.requests(), 0);
}

#[tokio::test]
async fn real_calls_that_go_well_make_probes_needless() {
    let stage = Stage::open(Script::new()).await;
    assert_eq!(call(&stage, &chat("openai/gpt-5-mini")).await.status, 200);
    let detail = ask(&stage, "/health/openai").await.json();
    assert_eq!(stage.upstream.requests(), 1, "the call itself");
    assert_eq!(detail["status"], "healthy");
    let traffic = &detail["traffic"];
    assert_eq!(traffic["successes"], 1);
    assert!(traffic["last_success_seconds_ago"].as_f64() < Some(10.0));
    assert_eq!(detail["models"]["gpt-5-mini"]["successes"], 1);
}

#[tokio::test]
async fn one_that_is_out_degrades_the_whole() {
    let script = Script::new().on(When::path("/openai-api/v1/models"), Behaviour::error(401));
    let stage = Stage::open(script).await;
    let answer = ask(&stage, "/health/providers").await;
    assert_eq!(answer.status, 200);
    let list = answer.json();
    assert_eq!(list["status"], "degraded");
    let openai = &list["providers"][1];
    assert_eq!(openai["provider"], "openai");
    assert_eq!(openai["status"], "unhealthy");
    assert_eq!(openai["probe"]["working"], false);
    assert_eq!(openai["keys"]["benched"], 1);
    let reason = openai["probe"]["reason"].as_str();
    assert!(
        reason.is_some_and(|reason| reason.contains("401")),
        "{openai}"
    );
    assert_eq!(ask(&stage, "/health/openai").await.status, 503);
    assert_eq!(ask(&stage, "/health/anthropic").await.status, 200);
}

#[tokio::test]
async fn a_model_whose_breaker_is_open_is_seen_in_real_traffic() {
    let script = Script::new().on(When::model("gpt-5-mini"), Behaviour::error(500));
    let stage = Stage::open(script).await;
    assert_eq!(call(&stage, &chat("openai/gpt-5")).await.status, 200);
    for _ in 0..6 {
        call(&stage, &chat("openai/gpt-5-mini")).await;
    }
    let detail = ask(&stage, "/health/openai?probe=false").await.json();
    assert_eq!(detail["status"], "degraded", "{detail}");
    assert_eq!(detail["traffic"]["breakers"]["open"], 1);
    let failing = &detail["models"]["gpt-5-mini"];
    assert_eq!(failing["out"], "failing", "{detail}");
    assert!(failing["back_in_seconds"].as_f64() > Some(0.0), "{failing}");
    assert_eq!(
        ask(&stage, "/health?probe=false").await.json()["status"],
        "degraded"
    );
}

#[tokio::test]
async fn names_that_a_client_invented_are_not_told_to_others() {
    let stage = Stage::open(Script::new()).await;
    assert_eq!(
        call(&stage, &chat("openai/a-secret-of-mine")).await.status,
        200
    );
    let detail = ask(&stage, "/health/openai").await;
    assert!(
        !detail.text().contains("a-secret-of-mine"),
        "{}",
        detail.text()
    );
    assert_eq!(detail.json()["models"]["other"]["successes"], 1);
}

#[tokio::test]
async fn portkeys_integration_is_told_in_its_own_fields() {
    let (stage, _portkey) = with_portkey(Script::new()).await;
    let answer = ask(&stage, "/health/portkey").await;
    assert_eq!(answer.status, 200);
    let told = answer.json();
    let fields = [
        "service",
        "status",
        "available_providers",
        "connection_test",
        "portkey",
    ];
    assert_eq!(keys(&told), BTreeSet::from(fields));
    assert_eq!(told["service"], "portkey_integration");
    assert_eq!(told["status"], "healthy");
    assert_eq!(told["connection_test"], true);
    let available = serde_json::json!(["anthropic", "openai", "portkey"]);
    assert_eq!(told["available_providers"], available);
    assert!(!answer.text().contains(PROVIDER_KEY) && !answer.text().contains("127.0.0.1"));
}

#[tokio::test]
async fn a_portkey_that_refuses_its_key_fails_the_test_of_its_connection() {
    let (stage, _portkey) = with_portkey(Script::new().otherwise(Behaviour::error(401))).await;
    let told = ask(&stage, "/health/portkey").await.json();
    assert_eq!(told["status"], "degraded");
    assert_eq!(told["connection_test"], false);
    let available = serde_json::json!(["anthropic", "openai"]);
    assert_eq!(told["available_providers"], available);
}

#[tokio::test]
async fn without_portkey_its_connection_is_not_there() {
    let stage = Stage::open(Script::new()).await;
    let told = ask(&stage, "/health/portkey").await.json();
    assert_eq!(told["status"], "healthy");
    assert_eq!(told["connection_test"], false);
    assert_eq!(told["portkey"]["configured"], false);
}
