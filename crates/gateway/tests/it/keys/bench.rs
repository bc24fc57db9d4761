//! A key that is refused is passed over for a while, and reported.

use std::sync::Arc;

use orchestra_gateway::{Keys, Parts, ProviderCheck, Settings};
use orchestra_testkit::{Behaviour, Script, When};
use orchestra_types::ProviderId;

use super::{CHAT, HEAVY, Pools, key, keys, refusing, secret};
use crate::harness::{Ask, EVERYONE, MODEL, patient};
use crate::wire;

fn two_keys(script: Script) -> Pools {
    Pools::new([script]).holding(vec![key("a", 1, HEAVY), key("b", 1, 1)])
}

#[tokio::test]
async fn a_refused_key_costs_no_call_while_another_works() {
    for (status, word) in [(401, "authentication"), (402, "billing")] {
        for endpoint in wire::SPOKEN {
            for stream in [false, true] {
                let pools = two_keys(refusing(status, &[("a", 1)]));
                let ask = || pools.stage.ask(Ask::new(endpoint, MODEL, stream));
                let first = ask().await;
                let told = format!("{status} {endpoint} {stream}: {}", first.text());
                assert_eq!(first.status, 200, "{told}");
                assert_eq!(
                    keys(&first.record),
                    [&*format!("a1 {word}"), "b1 -"],
                    "{told}"
                );
                assert_eq!(keys(&ask().await.record), ["b1 -"], "{told}");
                assert_eq!((pools.benched("a"), pools.benched("b")), (Some(60), None));
            }
        }
    }
}

#[tokio::test]
async fn a_key_comes_back_and_is_benched_for_longer_each_time() {
    let pools = two_keys(refusing(401, &[("a", 1)]));
    for (number, expected) in [60, 120, 240, 480, 600, 600].into_iter().enumerate() {
        assert_eq!(
            keys(&pools.ask().await.record),
            ["a1 authentication", "b1 -"]
        );
        assert_eq!(pools.benched("a"), Some(expected));
        assert_eq!(pools.report("a").refusals, number as u64 + 1);
        pools.advance(expected - 1);
        assert_eq!(keys(&pools.ask().await.record), ["b1 -"], "{expected}");
        pools.advance(1);
    }
    pools.stage.upstreams[0].set_script(Script::new());
    assert_eq!(keys(&pools.ask().await.record), ["a1 -"]);
    assert_eq!((pools.benched("a"), pools.report("a").refusals), (None, 6));
    pools.stage.upstreams[0].set_script(refusing(401, &[("a", 1)]));
    pools.ask().await;
    assert_eq!(pools.benched("a"), Some(60), "a success has cleared it");
}

#[tokio::test]
async fn the_target_stays_well_while_one_key_works() {
    let pools = two_keys(refusing(401, &[("a", 1)]));
    for _ in 0..6 {
        assert_eq!(pools.ask().await.status, 200);
        pools.advance(600);
    }
    assert!(pools.is_well());
    pools.stage.upstreams[0].set_script(refusing(401, &[("a", 1), ("b", 1)]));
    for call in 1..=5 {
        assert!(pools.is_well(), "before call {call}");
        let got = pools.ask().await;
        assert_eq!((got.status.as_u16(), got.record.attempts.len()), (401, 2));
        pools.advance(600);
    }
    pools.ask().await;
    assert!(!pools.is_well());
}

/// Four failures, behind which one more sends the target to rest; then `last` for calls with the first key.
fn on_the_brink(last: Behaviour, max_attempts: usize) -> Pools {
    let with_a = When::header("authorization", format!("Bearer {}", secret("a", 1)));
    let script = Script::new()
        .on(When::any().first(4), Behaviour::error(500))
        .on(with_a, last);
    let settings = Settings {
        max_attempts,
        ..patient()
    };
    Pools::with([script], |parts| Parts { settings, ..parts })
        .holding(vec![key("a", 1, HEAVY), key("b", 1, 1)])
}

#[tokio::test]
async fn a_refused_key_weighs_nothing_while_another_is_left() {
    let refused = Behaviour::error(401);
    let event = wire::event(
        CHAT,
        r#"{"error":{"message":"no","code":"invalid_api_key"}}"#,
    );
    let (before, _) = wire::recorded(CHAT).at_content();
    let interrupted = Behaviour::sse([before, event].concat());
    for (last, raw, well) in [
        (refused.clone(), false, true),
        (refused, true, true),
        (interrupted, false, true),
        (Behaviour::error(500), false, false),
        (Behaviour::error(500), true, false),
    ] {
        let pools = on_the_brink(last, 1);
        let is_well = || pools.is_well_with(if raw { "" } else { MODEL }, "a");
        for _ in 0..5 {
            assert!(is_well());
            if raw {
                pools.pass().await;
            } else {
                pools.stage.ask(Ask::new(CHAT, MODEL, true)).await;
            }
        }
        assert_eq!(
            (is_well(), pools.benched("a").is_some()),
            (well, well),
            "raw {raw}"
        );
        assert!(
            pools.is_well_with(MODEL, "b"),
            "each key is judged by itself"
        );
    }
}

#[tokio::test]
async fn a_key_that_is_followed_by_another_weighs_nothing() {
    let pools = on_the_brink(Behaviour::error(401), 3);
    for _ in 0..4 {
        pools.ask().await;
    }
    let with_b = When::header("authorization", format!("Bearer {}", secret("b", 1)));
    pools.stage.upstreams[0]
        .set_script(refusing(401, &[("a", 1)]).on(with_b, Behaviour::error(400)));
    // What the client did wrong is no success that would hide a failure before it.
    let answer = pools
        .stage
        .gateway
        .call(Ask::new(CHAT, MODEL, false).into_incoming());
    assert_eq!(answer.await.status(), 400);
    assert!(pools.is_well());
}

#[tokio::test]
async fn with_all_keys_benched_the_one_that_is_back_first_is_tried() {
    let pools = two_keys(refusing(401, &[("a", 1), ("b", 1)]));
    assert_eq!(
        keys(&pools.ask().await.record),
        ["a1 authentication", "b1 authentication"]
    );
    let got = pools.ask().await;
    assert_eq!(keys(&got.record), ["a1 authentication"]);
    assert_eq!(got.json()["error"]["code"], "provider_key_rejected");
    assert_eq!(pools.benched("a"), Some(60), "one bench at a time");
    pools.stage.upstreams[0].set_script(Script::new());
    assert_eq!(keys(&pools.ask().await.record), ["a1 -"]);
    assert_eq!((pools.benched("a"), pools.benched("b")), (None, Some(60)));
}

#[tokio::test]
async fn what_is_not_about_the_key_benches_none() {
    for status in [400, 403, 404, 408, 429, 500, 503] {
        let pools = two_keys(Script::new().otherwise(Behaviour::error(status)));
        let got = pools.ask().await;
        // What is too much with one key may not be with the other.
        let attempts = 1 + usize::from(status == 429);
        assert_eq!(
            (got.status.as_u16(), got.record.attempts.len()),
            (status, attempts)
        );
        assert_eq!((pools.benched("a"), pools.benched("b")), (None, None));
    }
}

#[tokio::test]
async fn an_account_without_credit_benches_whatever_its_status() {
    let empty = Behaviour::error_with(429, "insufficient_quota", "pay first");
    let with_a = When::header("authorization", format!("Bearer {}", secret("a", 1)));
    let pools = two_keys(Script::new().on(with_a, empty));
    assert_eq!(keys(&pools.ask().await.record), ["a1 billing", "b1 -"]);
}

#[tokio::test]
async fn an_error_within_a_stream_benches_too() {
    let event = wire::event(
        CHAT,
        r#"{"error":{"message":"no","code":"invalid_api_key"}}"#,
    );
    let (before, _) = wire::recorded(CHAT).at_content();
    for (events, expected) in [
        (event.clone(), vec!["a1 authentication", "b1 -"]),
        // Nothing is sent twice once the client has content.
        ([before, event].concat(), vec!["a1 authentication"]),
    ] {
        let with_a = When::header("authorization", format!("Bearer {}", secret("a", 1)));
        let pools = two_keys(Script::new().on(with_a, Behaviour::sse(events)));
        let got = pools.stage.ask(Ask::new(CHAT, MODEL, true)).await;
        assert_eq!(keys(&got.record), expected);
        assert_eq!(pools.benched("a"), Some(60));
        assert!(pools.is_well());
    }
}

#[tokio::test]
async fn an_exchange_keeps_the_bench_of_keys_that_stay() {
    let pools = two_keys(refusing(401, &[("a", 1)]));
    pools.ask().await;
    pools.advance(10);
    pools.set(vec![key("a", 1, 7), key("c", 1, 1)]);
    assert_eq!(
        (pools.benched("a"), pools.report("a").refusals),
        (Some(50), 1)
    );
    assert_eq!(keys(&pools.ask().await.record), ["c1 -"]);
    pools.set(vec![key("a", 2, 1), key("c", 1, 1)]);
    assert_eq!((pools.benched("a"), pools.report("a").refusals), (None, 0));
}

#[tokio::test]
async fn another_value_under_the_same_name_is_another_key() {
    let unversioned = |name: &str| orchestra_gateway::ProviderKey {
        name: key("a", 1, 1).name,
        version: None,
        ..key(name, 1, 1)
    };
    let pools = Pools::new([refusing(401, &[("old", 1)])]).holding(vec![unversioned("old")]);
    assert_eq!(pools.ask().await.status, 401);
    pools.set(vec![unversioned("old")]);
    assert_eq!(pools.benched("a"), Some(60));
    pools.set(vec![unversioned("new")]);
    assert_eq!(pools.benched("a"), None);
    assert_eq!(pools.ask().await.status, 200);
}

#[tokio::test]
async fn no_more_keys_are_tried_than_attempts_are_allowed() {
    let refused = [("a", 1), ("b", 1), ("c", 1), ("d", 1)];
    let pool = || {
        vec![
            key("a", 1, 1),
            key("b", 1, 1),
            key("c", 1, 1),
            key("d", 1, 1),
        ]
    };
    for max_attempts in 1..=3 {
        let pools = Pools::with([refusing(401, &refused)], |parts| Parts {
            settings: Settings {
                max_attempts,
                ..patient()
            },
            ..parts
        })
        .holding(pool());
        let got = pools.ask().await;
        assert_eq!(pools.stage.requests(), [max_attempts as u64]);
        assert_eq!(got.header("x-orchestra-attempts"), max_attempts.to_string());
        assert!(pools.is_well(), "one key was not tried");
    }
}

#[tokio::test]
async fn many_refused_keys_leave_the_last_attempt_to_the_next_target() {
    let pools = Pools::new([
        refusing(401, &[("a", 1), ("b", 1), ("c", 1)]),
        Script::new(),
    ])
    .holding(vec![key("a", 1, 1), key("b", 1, 1), key("c", 1, 1)]);
    let got = pools.stage.ask(Ask::new(CHAT, EVERYONE, false)).await;
    assert_eq!(got.faults(), ["authentication", "authentication", "-"]);
    assert_eq!(got.header("x-orchestra-provider"), "two");
}

#[tokio::test]
async fn a_target_with_benched_keys_only_goes_last() {
    let pools =
        Pools::new([refusing(401, &[("a", 1)]), Script::new()]).holding(vec![key("a", 1, 1)]);
    let ask = || pools.stage.ask(Ask::new(CHAT, EVERYONE, false));
    assert_eq!(ask().await.faults(), ["authentication", "-"]);
    assert_eq!(ask().await.faults(), ["-"]);
    assert_eq!(pools.stage.requests(), [1, 2]);
    pools.set(vec![key("a", 2, 1)]);
    assert_eq!(keys(&ask().await.record), ["a2 -"]);
}

#[tokio::test]
async fn a_call_that_is_passed_through_benches_and_is_not_repeated() {
    let pools = two_keys(refusing(401, &[("a", 1)]));
    let got = pools.pass().await;
    assert_eq!(
        (got.status.as_u16(), keys(&got.record)),
        (401, vec!["a1 authentication".to_owned()])
    );
    assert_eq!((pools.benched("a"), pools.is_well()), (Some(60), true));
    let got = pools.pass().await;
    assert_eq!(
        (got.status.as_u16(), keys(&got.record)),
        (200, vec!["b1 -".to_owned()])
    );
}

#[tokio::test]
async fn a_list_of_models_benches_and_clears() {
    let pools = two_keys(refusing(401, &[("a", 1)]));
    let one = ProviderId::new("one").unwrap();
    let reason = match pools.stage.gateway.check(&one).await {
        ProviderCheck::Failing { reason } => reason,
        ProviderCheck::Unlisted { reason } => panic!("{reason}"),
        ProviderCheck::Working { .. } => panic!("the key is refused"),
    };
    assert!(reason.contains("401"), "{reason}");
    assert_eq!(pools.benched("a"), Some(60));
    let working = pools.stage.gateway.check(&one).await;
    assert!(
        matches!(working, ProviderCheck::Working { models: 3 }),
        "{working:?}"
    );
    pools.advance(60);
    pools.stage.upstreams[0].set_script(Script::new());
    pools.stage.gateway.check(&one).await;
    pools.stage.upstreams[0].set_script(refusing(401, &[("a", 1)]));
    pools.ask().await;
    assert_eq!(pools.benched("a"), Some(60), "the list has cleared it");
}

#[tokio::test]
async fn a_provider_without_keys_weighs_its_refusals() {
    let pools = Pools::new([Script::new().otherwise(Behaviour::error(401))]);
    pools.member().set_keys(Keys::NotNeeded).unwrap();
    for _ in 0..5 {
        let got = pools.ask().await;
        assert_eq!((got.status.as_u16(), got.record.attempts.len()), (401, 1));
        assert!(got.record.attempts[0].key.is_none());
    }
    assert!(!pools.is_well());
    assert_eq!(pools.pass().await.status, 401);
    let sent = pools.stage.upstreams[0].log();
    assert!(
        sent.iter()
            .all(|request| request.header("authorization").is_none())
    );
    assert_eq!(
        Arc::strong_count(&pools.member()),
        2,
        "besides the roster's and this one: no call holds the provider any more"
    );
    assert_eq!(pools.stage.requests(), [6]);
}
