//! Targets that are not to blame: they had less time than they may take, or were asked for too much.

use std::sync::Arc;
use std::time::Duration;

use orchestra_dialects::Endpoint;
use orchestra_gateway::{Directions, Node, RouteSettings, Settings};
use orchestra_testkit::{Behaviour, Script};
use serde_json::json;

use crate::harness::{Ask, MODEL, NAMES, Stage, patient};

const CHAT: Endpoint = Endpoint::ChatCompletions;

/// How many failures a provider's targets are charged with.
fn charged(stage: &Stage, name: &str) -> u64 {
    let gateway = &stage.gateway;
    let providers = gateway.providers();
    let member = providers.member(name).unwrap();
    let reports = member.target_reports(gateway.now());
    assert!(reports.iter().all(|target| target.report.in_flight == 0));
    reports.iter().map(|target| target.report.failures).sum()
}

/// Asks a silent target more often than a breaker bears, and says how many failures it is charged with.
async fn failures(stage: &Stage, stream: bool, directions: &Directions) -> u64 {
    for _ in 0..6 {
        let got = stage
            .ask(Ask {
                directions: directions.clone(),
                ..Ask::new(CHAT, MODEL, stream)
            })
            .await;
        assert_eq!(got.status, 504);
        let fault = got.record.attempts[0].fault.unwrap();
        assert!(fault.starts_with("timeout"), "{fault}");
    }
    charged(stage, "one")
}

fn silent() -> Stage {
    Stage::with(patient(), [Script::new().otherwise(Behaviour::hang())])
}

fn tree(callers: bool) -> Directions {
    let config = json!({ "provider": "one", "request_timeout": 5 });
    Directions {
        tree: Some(Arc::new(Node::parse(&config).unwrap())),
        callers_tree: callers,
        ..Directions::default()
    }
}

#[tokio::test]
async fn a_callers_impatience_says_nothing_of_a_target() {
    let header = Directions {
        settings: RouteSettings {
            request_timeout: Some(Duration::from_millis(5)),
            ..RouteSettings::default()
        },
        ..Directions::default()
    };
    for stream in [false, true] {
        assert_eq!(failures(&silent(), stream, &header).await, 0);
        assert_eq!(failures(&silent(), stream, &tree(true)).await, 0);
    }
}

#[tokio::test]
async fn an_operators_does() {
    for stream in [false, true] {
        assert!(failures(&silent(), stream, &tree(false)).await >= 5);
    }
}

#[tokio::test]
async fn who_comes_when_the_time_is_nearly_over_is_not_blamed_for_it() {
    let settings = Settings {
        total: Duration::from_millis(320),
        max_attempts: 6,
        ..patient()
    };
    let silent = || Script::new().otherwise(Behaviour::hang());
    let stage = Stage::with(settings, [silent(), silent(), silent()]);
    let targets = json!([
        { "provider": "one" }, { "provider": "two" }, { "provider": "three", "model": "a" },
        { "provider": "three", "model": "b" }, { "provider": "three", "model": "c" },
    ]);
    let config = json!({ "strategy": { "mode": "fallback" }, "targets": targets });
    let got = stage
        .ask(Ask {
            directions: Directions {
                tree: Some(Arc::new(Node::parse(&config).unwrap())),
                ..Directions::default()
            },
            ..Ask::new(CHAT, MODEL, false)
        })
        .await;
    assert_eq!(got.record.attempts.len(), 5);
    // A half, a quarter, an eighth and two sixteenths of the time.
    assert_eq!(NAMES.map(|name| charged(&stage, name)), [1, 1, 0]);
}

#[tokio::test]
async fn an_answer_that_is_larger_than_the_gateway_takes_is_nobodys_failure() {
    let settings = Settings {
        max_answer_bytes: 100,
        ..patient()
    };
    let long = Behaviour::text("long ".repeat(1_000));
    let stage = Stage::with(settings, [Script::new().otherwise(long)]);
    for _ in 0..6 {
        let got = stage.ask(Ask::new(CHAT, MODEL, false)).await;
        assert_eq!(
            (got.status.as_u16(), got.faults()),
            (502, vec!["malformed"])
        );
    }
    assert_eq!(charged(&stage, "one"), 0);
}
