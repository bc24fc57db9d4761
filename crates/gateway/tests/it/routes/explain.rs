//! Saying what was tried, and why.

use orchestra_testkit::Behaviour;
use serde_json::{Value, json};

use super::{CHAT, ask, behaving};
use crate::harness::{Ask, EVERYONE};

#[tokio::test]
async fn who_asks_is_told_what_was_tried_and_why() {
    let config = json!({
        "strategy": { "mode": "conditional", "conditions": [{ "query": { "params.model": "m-large" }, "then": "both" }] },
        "targets": [{
            "name": "both",
            "strategy": { "mode": "fallback" },
            "targets": [{ "provider": "one" }, { "provider": "two" }],
        }],
    });
    let stage = behaving([Behaviour::error(500), Behaviour::answer()]);
    let quiet = stage.ask(ask(&config)).await;
    assert_eq!(quiet.header("x-orchestra-plan"), "");
    let got = stage
        .ask(ask(&config).header("x-orchestra-explain", "true"))
        .await;
    let plan: Value = serde_json::from_str(got.header("x-orchestra-plan")).unwrap();
    assert_eq!(plan["choices"][0]["reason"], "condition 0 holds");
    assert_eq!(plan["choices"][1]["mode"], "fallback");
    assert_eq!(plan["targets"][1]["provider"], "two");
    assert_eq!(plan["targets"][1]["standing"], "ready");
    assert_eq!(plan["attempts"][0]["fault"], "server");
    assert_eq!(plan["attempts"][1]["fault"], Value::Null);
    assert!(!got.header("x-orchestra-plan").contains("the-key-of"));
}

#[tokio::test]
async fn a_plan_can_be_had_without_a_call() {
    let stage = behaving([Behaviour::error(500), Behaviour::answer()]);
    for _ in 0..5 {
        stage.ask(Ask::new(CHAT, EVERYONE, false)).await;
    }
    let sent = stage.requests();
    let plan = stage
        .gateway
        .explain(Ask::new(CHAT, EVERYONE, false).into_incoming())
        .unwrap();
    let places: Vec<_> = plan
        .targets
        .iter()
        .map(|target| (target.place.as_ref().unwrap().0.as_str(), target.standing))
        .collect();
    assert_eq!(places, [("two", "ready"), ("one", "failing")]);
    assert_eq!(stage.requests(), sent);
    let refusal = stage
        .gateway
        .explain(Ask::new(CHAT, "no-such-model", false).into_incoming())
        .unwrap_err();
    assert_eq!(refusal.code, "model_not_found");
}
