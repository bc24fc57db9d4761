//! Asking the same target again because a tree says so.

use orchestra_gateway::{Parts, RetryRules, Routes, Settings};
use orchestra_testkit::{Behaviour, Script, Upstream, When};
use serde_json::{Value, json};

use super::{ask, behaving, paths, stage};
use crate::harness::{Stage, row};

/// A gateway that asks the last target again as it usually does.
fn retrying(scripts: [Script; 2]) -> Stage {
    let upstreams = Vec::from(scripts.map(|script| Upstream::start(script).unwrap()));
    let rows: Vec<_> = upstreams.iter().map(|up| row(&up.base_url())).collect();
    Stage::arranged(&rows, upstreams, |parts| Parts {
        settings: Settings {
            retries: RetryRules::default(),
            ..parts.settings
        },
        ..parts
    })
}

fn failing_first(times: u64, failure: Behaviour) -> Script {
    Script::new()
        .on(When::any().first(times), failure)
        .otherwise(Behaviour::answer())
}

fn config(retry: &Value) -> Value {
    json!({
        "strategy": { "mode": "fallback" },
        "targets": [{ "provider": "one", "retry": retry }, { "provider": "two" }],
    })
}

#[tokio::test]
async fn the_same_target_is_asked_again_before_the_next() {
    let scripts = || [failing_first(2, Behaviour::error(503)), Script::new()];
    let patient = stage(scripts(), Routes::default());
    let got = patient.ask(ask(&config(&json!({ "attempts": 2 })))).await;
    assert_eq!(paths(&got), ["targets[0]"; 3]);
    assert_eq!(got.header("x-orchestra-retries"), "2");
    let hasty = stage(scripts(), Routes::default());
    let got = hasty.ask(ask(&config(&json!({ "attempts": 1 })))).await;
    assert_eq!(paths(&got), ["targets[0]", "targets[0]", "targets[1]"]);
    assert_eq!(got.header("x-orchestra-retries"), "");
}

#[tokio::test]
async fn only_after_the_statuses_that_are_named() {
    for (status, statuses, asked) in [
        (503, Some(json!([503])), 2),
        (503, Some(json!([429])), 1),
        (503, None, 2),
        (400, None, 1),
        // Whoever names a status that usually stays the same has it asked again all the same.
        (400, Some(json!([400])), 2),
    ] {
        let mut retry = json!({ "attempts": 1 });
        if let Some(statuses) = &statuses {
            retry["on_status_codes"] = statuses.clone();
        }
        let alone = json!({ "provider": "one", "retry": retry });
        let stage = behaving([Behaviour::error(status)]);
        stage.ask(ask(&alone)).await;
        assert_eq!(stage.requests(), [asked], "{status} with {statuses:?}");
    }
}

#[tokio::test]
async fn none_at_all_if_the_tree_says_so() {
    let stage = behaving([Behaviour::error(503)]);
    let none = json!({ "provider": "one", "retry": { "attempts": 0 } });
    stage.ask(ask(&none)).await;
    assert_eq!(stage.requests(), [1]);
}

#[tokio::test]
async fn what_the_second_try_says_leads_on_as_what_the_first_says() {
    let first = Script::new()
        .on(When::any().first(1), Behaviour::error(500))
        .otherwise(Behaviour::error(429));
    let config = json!({
        "strategy": { "mode": "fallback", "on_status_codes": [429] },
        "targets": [{ "provider": "one" }, { "provider": "two" }],
    });
    let stage = retrying([first, Script::new()]);
    let got = stage.ask(ask(&config)).await;
    assert_eq!(paths(&got), ["targets[0]", "targets[0]", "targets[1]"]);
    assert_eq!(got.status, 200);
}
