//! Answers that are kept where the file or the call says so.

use orchestra_testkit::{Behaviour, Script};

use crate::client::{call, request, request_with};
use crate::portkey::{ask, key};
use crate::prometheus::Exposition;
use crate::stage::{CLIENT_KEY, Stage};

const TREE: &str = r#"
[models.kept]
provider = "openai"
model = "gpt-5-mini"
cache = { mode = "simple", max_age = 600 }
"#;

fn body(model: &str, text: &str) -> String {
    format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"{text}"}}]}}"#)
}

#[tokio::test]
async fn a_model_of_the_files_keeps_its_answers() {
    let stage = Stage::with("", TREE, Script::new()).await;
    let own = format!("authorization: Bearer {CLIENT_KEY}\r\n");
    let ask = |model| {
        request_with(
            "POST",
            "/v1/chat/completions",
            &own,
            body(model, "Hi").as_bytes(),
        )
    };
    let mut bodies = Vec::new();
    for (model, expected) in [
        ("kept", Some("miss")),
        ("kept", Some("hit")),
        ("openai/gpt-5-mini", None),
    ] {
        let answer = call(&stage, &ask(model)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-orchestra-cache"), expected);
        // Those are for Portkey's clients alone.
        assert_eq!(answer.header("x-portkey-cache-status"), None);
        bodies.push(answer.body);
    }
    assert_eq!(bodies[0], bodies[1]);
    assert_eq!(stage.upstream.requests(), 2);
}

#[tokio::test]
async fn an_operator_may_forbid_it() {
    let extra = format!("[cache]\nenabled = false\n{TREE}");
    let stage = Stage::with("", &extra, Script::new()).await;
    for sent in 1..=2 {
        let config = (
            "x-portkey-config",
            r#"{"provider":"openai","cache":"simple"}"#,
        );
        let answer = ask(&stage, &body("gpt-5-mini", "Hi"), &[key(), config]).await;
        assert_eq!(answer.header("x-portkey-cache-status"), Some("DISABLED"));
        assert_eq!(stage.upstream.requests(), sent);
    }
}

#[tokio::test]
async fn what_is_kept_is_counted() {
    let extra = format!("[cache]\nmax_bytes = 20_000\n{TREE}");
    let script = Script::new().otherwise(Behaviour::text("x".repeat(2_000)));
    let stage = Stage::with("", &extra, script).await;
    let config = ("x-portkey-config", "kept");
    let refresh = ("x-portkey-cache-force-refresh", "true");
    for number in 0..20 {
        ask(&stage, &body("kept", &number.to_string()), &[key(), config]).await;
    }
    ask(&stage, &body("kept", "19"), &[key(), config]).await;
    ask(&stage, &body("kept", "19"), &[key(), config, refresh]).await;
    let answer = call(&stage, &request("GET", "/metrics", b"")).await;
    let read = Exposition::read(&answer.text());
    for (result, count) in [("hit", 1.0), ("miss", 20.0), ("refresh", 1.0)] {
        let labels = [("result", result)];
        assert_eq!(
            read.sum("orchestra_cache_calls_total", &labels),
            count,
            "{result}"
        );
    }
    let entries = read.sum("orchestra_cache_entries", &[]);
    let evicted = read.sum("orchestra_cache_removed_total", &[("reason", "evicted")]);
    let replaced = read.sum("orchestra_cache_removed_total", &[("reason", "replaced")]);
    assert_eq!(read.sum("orchestra_cache_stored_total", &[]), 21.0);
    assert_eq!(replaced, 1.0);
    assert!(
        evicted > 0.0 && entries + evicted == 20.0,
        "{entries} {evicted}"
    );
    let bytes = read.sum("orchestra_cache_bytes", &[]);
    assert!(bytes > 2_000.0 && bytes <= 20_000.0, "{bytes}");
    // Nobody was paid for the hit.
    assert_eq!(read.sum("orchestra_attempts_total", &[]), 21.0);
}
