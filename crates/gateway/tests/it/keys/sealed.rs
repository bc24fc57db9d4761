//! Providers whose keys cannot be had.

use std::time::Duration;

use orchestra_dialects::{Endpoint, Family};
use orchestra_gateway::{Ending, KeyStanding, Keys, ProviderCheck};
use orchestra_testkit::{Behaviour, Script};
use orchestra_types::ProviderId;

use super::{CHAT, Pools, key, keys};
use crate::harness::{Ask, EVERYONE, Got, MODEL, soon};
use crate::wire;

const REASON: &str = "secret `openai-a` is bound to another origin";

fn missing() -> Keys {
    Keys::Missing {
        reason: REASON.to_owned(),
    }
}

/// The stable code of an error, wherever the dialect has it.
fn code(endpoint: Endpoint, got: &Got) -> String {
    let error = &got.json()["error"];
    let code = match endpoint.dialect().family() {
        Family::Anthropic => &error["details"]["error_code"],
        Family::OpenAi | Family::Google => &error["code"],
    };
    code.as_str().unwrap_or_default().to_owned()
}

/// One provider without usable keys: what a call of each dialect is told.
async fn check(unusable: Keys, status: u16, expected: &str, retry: &str, said: &[&str]) {
    for endpoint in Endpoint::SERVED {
        for stream in [false, true] {
            let pools = Pools::new([Script::new()]);
            pools.member().set_keys(unusable.clone()).unwrap();
            let got = pools.stage.ask(Ask::new(endpoint, EVERYONE, stream)).await;
            let told = format!("{endpoint}, stream {stream}: {}", got.text());
            assert_eq!(
                (got.status.as_u16(), &*code(endpoint, &got)),
                (status, expected),
                "{told}"
            );
            assert_eq!(got.header("x-should-retry"), retry, "{told}");
            assert!(said.iter().all(|part| got.text().contains(part)), "{told}");
            assert_eq!(
                (got.record.ending, pools.stage.requests()),
                (Ending::Refused, vec![0]),
                "{told}"
            );
            assert!(
                pools.targets().is_empty(),
                "nothing was wrong with the provider"
            );
        }
    }
}

#[tokio::test]
async fn sealed_is_told_in_every_dialect() {
    check(
        Keys::Sealed,
        503,
        "sealed",
        "",
        &["`one`", "operator", "unseal"],
    )
    .await;
}

#[tokio::test]
async fn a_missing_key_is_told_with_its_reason_in_every_dialect() {
    let said = ["`one`", REASON];
    check(missing(), 401, "provider_key_missing", "false", &said).await;
    let none = Keys::Ready(Vec::new());
    check(none, 401, "provider_key_missing", "false", &["`one`"]).await;
}

#[tokio::test]
async fn calls_that_are_passed_through_are_told_too() {
    let pools = Pools::new([Script::new()]);
    for (keys, status, code) in [
        (Keys::Sealed, 503, "sealed"),
        (missing(), 401, "provider_key_missing"),
    ] {
        pools.member().set_keys(keys).unwrap();
        let got = pools.pass().await;
        assert_eq!(
            (got.status.as_u16(), &got.json()["error"]["code"]),
            (status, &code.into())
        );
        assert_eq!(got.record.ending, Ending::Refused);
    }
    assert_eq!(pools.stage.requests(), [0]);
}

#[tokio::test]
async fn another_target_serves_meanwhile() {
    for unusable in [Keys::Sealed, missing()] {
        for stream in [false, true] {
            let pools = Pools::new([Script::new(), Script::new()]);
            pools.member().set_keys(unusable.clone()).unwrap();
            let got = pools.stage.ask(Ask::new(CHAT, EVERYONE, stream)).await;
            assert_eq!(
                (got.status.as_u16(), got.header("x-orchestra-attempts")),
                (200, "1")
            );
            assert_eq!(pools.stage.requests(), [0, 1]);
        }
    }
}

#[tokio::test]
async fn what_an_operator_can_mend_at_once_is_told_first() {
    let pools = Pools::new([Script::new(), Script::new()]);
    pools.member().set_keys(missing()).unwrap();
    let two = pools
        .stage
        .gateway
        .providers()
        .member("two")
        .cloned()
        .unwrap();
    two.set_keys(Keys::Sealed).unwrap();
    let got = pools.stage.ask(Ask::new(CHAT, EVERYONE, false)).await;
    assert_eq!((got.status.as_u16(), &*code(CHAT, &got)), (503, "sealed"));
}

#[tokio::test]
async fn a_provider_serves_again_as_soon_as_it_is_unsealed() {
    let pools = Pools::new([Script::new()]);
    pools.member().set_keys(Keys::Sealed).unwrap();
    assert_eq!(pools.member().key_standing(), KeyStanding::Sealed);
    assert_eq!(pools.ask().await.status, 503);
    pools.set(vec![key("a", 3, 1)]);
    assert_eq!(pools.member().key_standing(), KeyStanding::Ready);
    assert_eq!(keys(&pools.ask().await.record), ["a3 -"]);
}

#[tokio::test]
async fn a_stream_that_has_begun_goes_on_to_its_end() {
    let whole = wire::recorded(CHAT).whole();
    let pools = Pools::new([Script::new().otherwise(Behaviour::sse(whole.clone()))])
        .holding(vec![key("a", 1, 1)]);
    let call = pools
        .stage
        .gateway
        .call(Ask::new(CHAT, MODEL, true).into_incoming());
    let answer = soon(call).await;
    pools.member().set_keys(Keys::Sealed).unwrap();
    let got = soon(pools.stage.read(answer)).await;
    assert_eq!(
        (got.text(), got.record.ending),
        (&*whole, Ending::Completed)
    );
}

#[tokio::test]
async fn a_call_that_is_sealed_between_two_attempts_tells_what_it_has_seen() {
    let late = Behaviour::error(500).delay(Duration::from_millis(100));
    let pools = Pools::new([Script::new().otherwise(late), Script::new()]);
    let seal = async {
        pools.stage.upstreams[0].wait_for(1).await;
        let two = pools
            .stage
            .gateway
            .providers()
            .member("two")
            .cloned()
            .unwrap();
        two.set_keys(Keys::Sealed).unwrap();
    };
    let ask = pools.stage.ask(Ask::new(CHAT, EVERYONE, false));
    let (got, ()) = tokio::join!(ask, seal);
    assert_eq!((got.status.as_u16(), got.faults()), (500, vec!["server"]));
    assert_eq!(pools.stage.requests(), [1, 0]);
}

#[tokio::test]
async fn a_check_says_why_there_is_no_list() {
    let pools = Pools::new([Script::new()]);
    for (keys, part) in [(Keys::Sealed, "sealed"), (missing(), REASON)] {
        pools.member().set_keys(keys).unwrap();
        let checked = pools
            .stage
            .gateway
            .check(&ProviderId::new("one").unwrap())
            .await;
        assert!(
            matches!(&checked, ProviderCheck::Failing { reason } if reason.contains(part)),
            "{checked:?}"
        );
    }
    assert_eq!(pools.stage.requests(), [0]);
}
