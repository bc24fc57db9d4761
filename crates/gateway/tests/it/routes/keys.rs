//! Keys that come with a call.

use std::collections::BTreeMap;

use orchestra_gateway::{CallersKey, Routes};
use orchestra_providers::Provider;
use orchestra_testkit::{Behaviour, Script, Upstream};
use orchestra_types::ProviderId;
use serde_json::json;

use super::{CHAT, ask, behaving, stage};
use crate::harness::{Ask, MODEL, row};

fn with_key(key: &str) -> Ask {
    let mut call = Ask::new(CHAT, MODEL, false);
    call.provider = Some("one");
    call.directions.key = Some(CallersKey::new(key.to_owned()));
    call
}

#[tokio::test]
async fn a_callers_key_is_used_for_its_call_alone() {
    let stage = behaving([Behaviour::answer()]);
    let got = stage.ask(with_key("the-callers-own-key")).await;
    assert_eq!(got.status, 200);
    let key = got.record.attempts[0].key.as_ref().unwrap();
    assert_eq!(key.name.as_str(), "caller");
    stage.ask(Ask::new(CHAT, MODEL, false)).await;
    let log = stage.upstreams[0].log();
    let keys: Vec<_> = log
        .iter()
        .map(|request| request.header("authorization").unwrap())
        .collect();
    assert_eq!(
        keys,
        ["Bearer the-callers-own-key", "Bearer the-key-of-one"]
    );
}

#[tokio::test]
async fn a_callers_bad_key_hurts_nobody_else() {
    let stage = behaving([Behaviour::error(401)]);
    for _ in 0..10 {
        let got = stage.ask(with_key("no-such-key")).await;
        assert_eq!((got.status.as_u16(), got.record.attempts.len()), (401, 1));
    }
    stage.upstreams[0].set_script(Script::new());
    let got = stage.ask(Ask::new(CHAT, MODEL, false)).await;
    assert_eq!((got.status.as_u16(), got.record.attempts.len()), (200, 1));
    let reports = stage.gateway.key_reports();
    assert!(
        reports.iter().all(|report| report.refusals == 0),
        "{reports:?}"
    );
}

#[tokio::test]
async fn a_callers_key_is_not_repeated_to_anybody() {
    let echo = Behaviour::json(500, r#"{"error":{"message":"bad: the-callers-own-key"}}"#);
    let stage = behaving([echo]);
    let got = stage.ask(with_key("the-callers-own-key")).await;
    assert!(
        !got.text().contains("the-callers-own-key"),
        "{}",
        got.text()
    );
    assert!(!format!("{:?}", got.record).contains("the-callers-own-key"));
}

#[tokio::test]
async fn a_key_that_no_header_carries_is_refused() {
    let stage = behaving([Behaviour::answer()]);
    let got = stage.ask(with_key("a\nkey")).await;
    assert_eq!((got.status.as_u16(), stage.requests()), (401, vec![0]));
    assert_eq!(got.json()["error"]["code"], "invalid_provider_key");
}

#[tokio::test]
async fn a_key_may_stand_in_the_tree() {
    let stage = behaving([Behaviour::answer()]);
    let config = json!({ "provider": "one", "api_key": "the-key-in-the-tree" });
    assert_eq!(stage.ask(ask(&config)).await.status, 200);
    let log = stage.upstreams[0].log();
    assert_eq!(
        log[0].header("authorization"),
        Some("Bearer the-key-in-the-tree")
    );
}

#[tokio::test]
async fn a_provider_that_is_not_configured_takes_callers_keys_alone() {
    let upstream = Upstream::start(Script::new()).unwrap();
    let guest = Provider::build(
        ProviderId::new("guest").unwrap(),
        &row(&upstream.base_url()),
    )
    .unwrap();
    let routes = Routes {
        guests: BTreeMap::from([("guest".to_owned(), guest)]),
        ..Routes::default()
    };
    let stage = stage([Script::new()], routes);
    let mut call = with_key("the-callers-own-key");
    call.provider = Some("guest");
    assert_eq!(stage.ask(call).await.status, 200);
    assert_eq!(upstream.requests(), 1);
    let mut without = Ask::new(CHAT, MODEL, false);
    without.provider = Some("guest");
    assert_eq!(stage.ask(without).await.status, 404);
    assert_eq!(upstream.requests(), 1);
}
