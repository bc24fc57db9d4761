//! What a tree says of kept answers.

use std::time::Duration;

use orchestra_gateway::{HedgeAfter, HedgeRules, Hedging, Share};
use orchestra_testkit::{Behaviour, Script, Upstream};
use serde_json::{Value, json};

use super::{CHAT, Kitchen, directed};
use crate::harness::{Ask, MODEL, Stage, row};

fn ask(config: &Value) -> Ask {
    Ask {
        directions: directed(config),
        ..Ask::new(CHAT, MODEL, false)
    }
}

fn fallback() -> Value {
    json!({
        "strategy": { "mode": "fallback" }, "cache": { "mode": "simple", "max_age": 60 },
        "targets": [{ "provider": "one", "retry": { "attempts": 1 } }, { "provider": "two" }],
    })
}

#[tokio::test]
async fn each_target_has_its_own_answers() {
    let kitchen = Kitchen::new([Behaviour::error(500), Behaviour::text("two")]);
    let first = kitchen.ask(ask(&fallback())).await;
    assert_eq!(first.header("x-orchestra-cache"), "miss");
    let before = kitchen.stage.requests();
    let again = kitchen.ask(ask(&fallback())).await;
    // The first target is asked, since nothing is kept of it; the second need not be.
    assert_eq!(again.header("x-orchestra-cache"), "hit");
    assert_eq!(again.header("x-orchestra-provider"), "two");
    assert_eq!(again.header("x-orchestra-route"), "targets[1]");
    assert_eq!(again.header("x-orchestra-retries"), "");
    assert_eq!(kitchen.stage.requests()[1], before[1]);
    assert_eq!(again.text(), first.text());
    assert!(
        again
            .record
            .attempts
            .iter()
            .all(|attempt| attempt.provider.as_str() == "one")
    );
}

#[tokio::test]
async fn a_target_that_rests_still_gives_what_is_kept_of_it() {
    let kitchen = Kitchen::new([Behaviour::text("one"), Behaviour::text("two")]);
    assert_eq!(kitchen.says(ask(&fallback())).await, "miss");
    kitchen.stage.upstreams[0].set_script(Script::new().otherwise(Behaviour::error(500)));
    let other = json!({ "provider": "one" });
    for _ in 0..6 {
        kitchen.ask(ask(&other)).await;
    }
    let sent = kitchen.sent();
    let got = kitchen.ask(ask(&fallback())).await;
    assert_eq!(got.header("x-orchestra-provider"), "one");
    assert_eq!(
        (got.header("x-orchestra-cache"), kitchen.sent()),
        ("hit", sent)
    );
}

#[tokio::test]
async fn a_node_says_for_itself_what_is_kept() {
    let off = json!({ "cache": "simple", "targets": [{ "provider": "one", "cache": { "mode": "off" } }], "strategy": { "mode": "single" } });
    let own = json!({ "targets": [{ "provider": "one", "cache": { "max_age": 60 } }], "strategy": { "mode": "single" }, "cache": "simple" });
    let kitchen = Kitchen::new([Behaviour::answer()]);
    for _ in 0..2 {
        assert_eq!(kitchen.says(ask(&off)).await, "");
    }
    assert_eq!(kitchen.says(ask(&own)).await, "miss");
    kitchen.clock.advance(Duration::from_secs(59));
    assert_eq!(kitchen.says(ask(&own)).await, "hit");
    kitchen.clock.advance(Duration::from_secs(1));
    assert_eq!(kitchen.says(ask(&own)).await, "miss");
}

#[tokio::test]
async fn the_answer_of_a_second_target_is_kept_as_its_own() {
    let slow = Behaviour::text("slow").delay(Duration::from_secs(20));
    let upstreams: Vec<Upstream> = [slow, Behaviour::text("quick")]
        .map(|behaviour| Upstream::start(Script::new().otherwise(behaviour)).unwrap())
        .into();
    let rows: Vec<_> = upstreams.iter().map(|up| row(&up.base_url())).collect();
    let stage = Stage::arranged(&rows, upstreams, |mut parts| {
        let usual = Hedging {
            after: HedgeAfter::Time(Duration::from_millis(20)),
            most_extra: Share::of(1.0).unwrap(),
        };
        parts.settings.hedging = HedgeRules {
            usual,
            ..HedgeRules::default()
        };
        parts
    });
    let got = stage.ask(ask(&fallback())).await;
    assert_eq!(got.header("x-orchestra-provider"), "two");
    assert_eq!(got.header("x-orchestra-cache"), "miss");
    let only = json!({ "provider": "two", "cache": "simple" });
    let kept = stage.ask(ask(&only)).await;
    assert_eq!(kept.header("x-orchestra-cache"), "hit");
    assert_eq!(kept.text(), got.text());
}

#[tokio::test]
async fn an_explanation_says_what_is_kept() {
    let kitchen = Kitchen::new([Behaviour::answer()]);
    let config = json!({ "provider": "one", "cache": { "max_age": 60 } });
    for expected in ["miss", "hit"] {
        let got = kitchen
            .ask(ask(&config).header("x-orchestra-explain", "true"))
            .await;
        let plan: Value = serde_json::from_str(got.header("x-orchestra-plan")).unwrap();
        assert_eq!(plan["targets"][0]["cache"], json!({ "max_age": 60 }));
        assert_eq!(plan["cache"], expected);
    }
    let plain =
        kitchen.ask(ask(&json!({ "provider": "one" })).header("x-orchestra-explain", "true"));
    let plan: Value = serde_json::from_str(plain.await.header("x-orchestra-plan")).unwrap();
    assert_eq!(
        (&plan["cache"], &plan["targets"][0]["cache"]),
        (&Value::Null, &Value::Null)
    );
}
