//! Calls that go by way of another gateway: `one`, for the models of `two` and `three`.

use std::sync::Arc;

use http::HeaderName;
use orchestra_dialects::Endpoint;
use orchestra_gateway::{
    KeyName, Keys, Parts, ProviderKey, Relay, RelayMode, RetryRules, Routes, Settings,
};
use orchestra_providers::{ErrorClass, ErrorRule, ModelFactsRow, Row};
use orchestra_secrets::Secret;
use orchestra_testkit::{Behaviour, Script, Upstream};
use orchestra_types::ProviderId;

use crate::harness::{Ask, EVERYONE, MODEL, Stage, patient, row};

const CHAT: Endpoint = Endpoint::ChatCompletions;
const CONFIG: &str = "pc-canary-config";

fn policy() -> ErrorRule {
    ErrorRule {
        status: Some(412),
        code: None,
        kind: None,
        message: None,
        class: ErrorClass::Policy,
    }
}

fn relay_row(upstream: &Upstream) -> Row {
    Row {
        errors: Some(vec![policy()]),
        retries_itself: Some(true),
        call_id_header: Some("x-trace".to_owned()),
        models: None,
        ..row(&upstream.base_url())
    }
}

/// A row whose models take so many tokens.
fn known(row: Row, context: u64) -> Row {
    let facts = ModelFactsRow {
        models: vec![MODEL.to_owned()],
        context: Some(context),
        price: None,
    };
    Row {
        facts: Some(vec![facts]),
        ..row
    }
}

/// The relay's key, with its config or without.
fn keys(config: Option<&str>) -> Keys {
    let name = KeyName::new("env:RELAY").unwrap();
    let mut key = ProviderKey::new(name, Secret::new("the-key-of-one".to_owned()));
    let header = HeaderName::from_static("x-portkey-config");
    let value = config.map(|config| Arc::new(Secret::new(config.to_owned())));
    key.companions = value.map(|value| (header, value)).into_iter().collect();
    Keys::Ready(vec![key])
}

fn stage(mode: RelayMode, slugs: &[(&str, &str)], behaviours: [Behaviour; 3]) -> Stage {
    let upstreams = behaviours.map(|b| Upstream::start(Script::new().otherwise(b)).unwrap());
    let [relay, two, three] = &upstreams;
    let rows = [
        relay_row(relay),
        known(row(&two.base_url()), 8_000),
        known(row(&three.base_url()), 16_000),
    ];
    let slug = |(name, slug): &(&str, &str)| (ProviderId::new(name).unwrap(), (*slug).to_owned());
    let routes = Routes {
        relay: Some(Relay {
            provider: ProviderId::new("one").unwrap(),
            mode,
            slugs: slugs.iter().map(slug).collect(),
        }),
        ..Routes::default()
    };
    let stage = Stage::arranged(&rows, upstreams.into(), |parts| Parts {
        routes: Arc::new(routes),
        settings: Settings {
            retries: RetryRules::default(),
            ..patient()
        },
        ..parts
    });
    let member = stage.gateway.providers().member("one").cloned().unwrap();
    member
        .set_keys(keys(slugs.is_empty().then_some(CONFIG)))
        .unwrap();
    stage
}

fn by_config(mode: RelayMode, behaviours: [Behaviour; 3]) -> Stage {
    stage(mode, &[], behaviours)
}

fn well() -> Behaviour {
    Behaviour::answer()
}

fn ask() -> Ask {
    Ask::new(CHAT, &format!("two/{MODEL}"), false)
}

/// An error of a provider's own, as the relay passes it on.
fn passed_on(status: u16, provider: &str) -> Behaviour {
    let body = format!(
        r#"{{"error":{{"message":"{provider} error: no","type":null}},"provider":"{provider}"}}"#
    );
    Behaviour::json(status, body)
}

#[tokio::test]
async fn the_relay_comes_first_with_its_config_and_the_calls_identity() {
    let stage = by_config(RelayMode::First, [well(), well(), well()]);
    let got = stage.ask(ask()).await;
    assert_eq!(
        (got.status.as_u16(), stage.requests()),
        (200, vec![1, 0, 0])
    );
    let sent = stage.upstreams[0].log().remove(0);
    assert_eq!(sent.header("x-portkey-config"), Some(CONFIG));
    assert_eq!(
        sent.header("x-trace"),
        Some(got.header("x-orchestra-call-id"))
    );
    assert_eq!(sent.json().unwrap()["model"], MODEL);
}

#[tokio::test]
async fn what_is_too_long_by_way_of_the_relay_is_too_long_for_the_same_model_directly() {
    let too_long = || Behaviour::error_with(400, "context_length_exceeded", "too long");
    for slugs in [&[][..], &[("two", "my-two")]] {
        let stage = stage(RelayMode::First, slugs, [too_long(), well(), well()]);
        let got = stage.ask(ask()).await;
        assert_eq!(
            (got.status.as_u16(), stage.requests()),
            (400, vec![1, 0, 0])
        );
        // A model that takes more does so wherever it is.
        let got = stage.ask(Ask::new(CHAT, EVERYONE, false)).await;
        assert_eq!(got.status, 200);
        assert_eq!(stage.requests(), [2, 0, 1]);
    }
}

#[tokio::test]
async fn what_is_the_relays_own_trouble_is_gone_round() {
    let failure = r#"{"status":"failure","message":"Portkey Error: no such key. Error Code: 03"}"#;
    for trouble in [
        Behaviour::error(500),
        Behaviour::error(503),
        Behaviour::json(401, failure),
        Behaviour::json(403, failure),
    ] {
        let stage = by_config(RelayMode::First, [trouble, well(), well()]);
        let got = stage.ask(ask()).await;
        assert_eq!(
            (got.status.as_u16(), stage.requests()),
            (200, vec![1, 1, 0])
        );
        assert_eq!(got.header("x-orchestra-provider"), "two");
        // The direct call takes nothing of the relay's along.
        assert_eq!(stage.upstreams[1].log()[0].header("x-portkey-config"), None);
    }
}

#[tokio::test]
async fn what_the_provider_itself_said_is_not_asked_of_it_again() {
    for status in [429, 500, 529] {
        let stage = by_config(RelayMode::First, [passed_on(status, "two"), well(), well()]);
        let got = stage.ask(ask()).await;
        assert_eq!(
            (got.status.as_u16(), stage.requests()),
            (status, vec![1, 0, 0])
        );
    }
    // Another provider may do better, and another account may be known to this one.
    let stage = by_config(RelayMode::First, [passed_on(500, "three"), well(), well()]);
    assert_eq!(stage.ask(ask()).await.status, 200);
    let stage = by_config(RelayMode::First, [passed_on(401, "two"), well(), well()]);
    assert_eq!(stage.ask(ask()).await.status, 200);
    assert_eq!(stage.requests(), [1, 1, 0]);
    // It was not the relay's key that was refused.
    let reports = stage.gateway.key_reports();
    assert!(
        reports.iter().all(|report| report.refusals == 0),
        "{reports:?}"
    );
}

#[tokio::test]
async fn a_policy_is_not_gone_round() {
    let stage = by_config(RelayMode::First, [Behaviour::error(412), well(), well()]);
    let got = stage.ask(ask()).await;
    assert_eq!(
        (got.status.as_u16(), stage.requests()),
        (412, vec![1, 0, 0])
    );
    assert_eq!(got.faults(), ["policy"]);
}

#[tokio::test]
async fn the_relay_may_be_the_backup_the_only_way_or_none() {
    let failing = || [well(), Behaviour::error(500), well()];
    for (mode, behaviours, expected) in [
        (RelayMode::Fallback, [well(), well(), well()], [0, 1, 0]),
        (RelayMode::Fallback, failing(), [1, 1, 0]),
        (RelayMode::Only, failing(), [1, 0, 0]),
        (RelayMode::Off, [well(), well(), well()], [0, 1, 0]),
    ] {
        let stage = by_config(mode, behaviours);
        assert_eq!(stage.ask(ask()).await.status, 200, "{mode:?}");
        assert_eq!(stage.requests(), expected, "{mode:?}");
    }
}

#[tokio::test]
async fn slugs_say_who_answers_and_without_any_the_relay_is_no_way() {
    let slugs = [("two", "prod")];
    let stage = stage(RelayMode::First, &slugs, [well(), well(), well()]);
    stage.ask(ask()).await;
    let sent = stage.upstreams[0].log().remove(0);
    assert_eq!(sent.json().unwrap()["model"], format!("@prod/{MODEL}"));
    stage
        .ask(Ask::new(CHAT, &format!("three/{MODEL}"), false))
        .await;
    assert_eq!(stage.requests(), [1, 0, 1]);
}

#[tokio::test]
async fn a_model_that_nobody_else_has_is_asked_of_the_relay() {
    let stage = by_config(RelayMode::First, [well(), well(), well()]);
    let got = stage.ask(Ask::new(CHAT, "gpt-5-mini", false)).await;
    assert_eq!(
        (got.status.as_u16(), stage.requests()),
        (200, vec![1, 0, 0])
    );
}

#[tokio::test]
async fn who_tries_again_by_itself_is_not_asked_again() {
    let stage = by_config(RelayMode::Only, [Behaviour::error(503), well(), well()]);
    let got = stage.ask(ask()).await;
    assert_eq!(
        (got.status.as_u16(), stage.requests()),
        (503, vec![1, 0, 0])
    );
}

#[tokio::test]
async fn a_config_is_kept_as_secret_as_a_key() {
    let stage = by_config(RelayMode::First, [well(), well(), well()]);
    let member = stage.gateway.providers().member("one").cloned().unwrap();
    assert!(!format!("{member:?}").contains(CONFIG));
    assert!(!format!("{:?}", keys(Some(CONFIG))).contains(CONFIG));
}
