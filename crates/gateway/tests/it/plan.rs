//! Who is asked, in which order, and what is said when nobody can be.

use std::sync::Arc;
use std::time::Duration;

use orchestra_dialects::Endpoint;
use orchestra_gateway::{Ending, PooledTransport, Settings};
use orchestra_testkit::{Behaviour, Script, Upstream};

use crate::harness::{Ask, EVERYONE, HandClock, MODEL, NAMES, Stage, patient, row};
use crate::wire;

const CHAT: Endpoint = Endpoint::ChatCompletions;

#[tokio::test]
async fn a_target_that_fails_five_times_in_a_row_goes_last() {
    let stage = Stage::new([Behaviour::error(500), Behaviour::answer()]);
    for call in 1..=8 {
        let got = stage.ask(Ask::new(CHAT, EVERYONE, false)).await;
        let expected: &[&str] = if call <= 5 { &["server", "-"] } else { &["-"] };
        assert_eq!(got.faults(), expected, "call {call}");
        assert_eq!(got.header("x-orchestra-provider"), NAMES[1]);
    }
    assert_eq!(stage.requests(), [5, 8]);
}

#[tokio::test]
async fn a_success_in_between_starts_the_count_again() {
    let every_third_is_well = Script::new()
        .on(orchestra_testkit::When::any().every(3), Behaviour::answer())
        .otherwise(Behaviour::error(500));
    let stage = Stage::with(patient(), [every_third_is_well, Script::new()]);
    for _ in 0..12 {
        stage.ask(Ask::new(CHAT, EVERYONE, false)).await;
    }
    assert_eq!(stage.requests(), [12, 8]);
}

#[tokio::test]
async fn a_target_that_asks_for_a_pause_goes_last_at_once() {
    let stage = Stage::new([Behaviour::error(429).retry_after(60), Behaviour::answer()]);
    let first = stage.ask(Ask::new(CHAT, EVERYONE, true)).await;
    let second = stage.ask(Ask::new(CHAT, EVERYONE, true)).await;
    assert_eq!(
        (first.faults(), second.faults()),
        (vec!["rate_limited", "-"], vec!["-"])
    );
}

#[tokio::test]
async fn what_the_client_did_wrong_sends_nobody_to_rest() {
    let stage = Stage::new([Behaviour::error(400), Behaviour::answer()]);
    for _ in 0..7 {
        assert_eq!(stage.ask(Ask::new(CHAT, EVERYONE, false)).await.status, 400);
    }
    assert_eq!(stage.requests(), [7, 0]);
}

#[tokio::test]
async fn with_everyone_at_rest_somebody_is_still_asked() {
    let stage = Stage::new([Behaviour::error(500), Behaviour::error(503)]);
    for call in 1..=6 {
        let mut faults = stage.ask(Ask::new(CHAT, EVERYONE, false)).await.faults();
        if call == 6 {
            // They rest, for times that differ by chance; the one that would be back first is asked first.
            faults.sort_unstable_by_key(|fault| *fault == "overloaded");
        }
        assert_eq!(faults, ["server", "overloaded"], "call {call}");
    }
    for upstream in &stage.upstreams {
        upstream.set_script(Script::new());
    }
    let got = stage.ask(Ask::new(CHAT, EVERYONE, false)).await;
    assert_eq!((got.status.as_u16(), got.faults()), (200, vec!["-"]));
}

#[tokio::test]
async fn a_resting_target_that_recovered_helps_when_the_others_fail() {
    let stage = Stage::new([Behaviour::error(500), Behaviour::answer()]);
    for _ in 0..5 {
        stage.ask(Ask::new(CHAT, EVERYONE, false)).await;
    }
    stage.upstreams[0].set_script(Script::new());
    stage.upstreams[1].set_script(Script::new().otherwise(Behaviour::error(500)));
    let ask = || stage.ask(Ask::new(CHAT, EVERYONE, false));
    assert_eq!(ask().await.faults(), ["server", "-"]);
    assert_eq!(
        ask().await.faults(),
        ["-"],
        "its success has called it back"
    );
}

#[tokio::test]
async fn who_asked_for_a_pause_is_not_troubled_once_another_has_said_what_is_wrong() {
    let stage = Stage::new([Behaviour::error(429).retry_after(60), Behaviour::error(500)]);
    let ask = || stage.ask(Ask::new(CHAT, EVERYONE, false));
    assert_eq!(ask().await.faults(), ["rate_limited", "server"]);
    assert_eq!(ask().await.faults(), ["server"]);
    assert_eq!(stage.requests(), [1, 2]);
}

#[tokio::test]
async fn no_more_attempts_are_made_than_allowed() {
    for (max_attempts, expected) in [
        (1, [1, 0, 0]),
        (2, [1, 1, 0]),
        (3, [1, 1, 1]),
        (9, [1, 1, 1]),
    ] {
        let failing =
            [503, 503, 500].map(|status| Script::new().otherwise(Behaviour::error(status)));
        let stage = Stage::with(
            Settings {
                max_attempts,
                ..patient()
            },
            failing,
        );
        let got = stage.ask(Ask::new(CHAT, EVERYONE, true)).await;
        assert_eq!(stage.requests(), expected);
        let sent: u64 = expected.iter().sum();
        assert_eq!(got.header("x-orchestra-attempts"), sent.to_string());
        assert_eq!(got.record.attempts.len() as u64, sent);
    }
    let stage = Stage::with(
        Settings {
            max_attempts: 0,
            ..patient()
        },
        [Script::new()],
    );
    let got = stage.ask(Ask::new(CHAT, EVERYONE, true)).await;
    assert_eq!((got.status.as_u16(), stage.requests()), (503, vec![0]));
    assert_eq!(got.json()["error"]["code"], "no_attempt_allowed");
}

#[tokio::test]
async fn an_endpoint_that_no_target_speaks_is_refused_with_what_they_do() {
    let upstream = Upstream::start(Script::new()).unwrap();
    let mut row = row(&upstream.base_url());
    row.endpoints = Some(vec!["chat_completions".to_owned(), "embeddings".to_owned()]);
    let stage = Stage::of(patient(), &[row], vec![upstream]);
    let got = stage
        .ask(Ask::new(Endpoint::Completions, EVERYONE, false))
        .await;
    assert_eq!(got.status, 400);
    let message = got.json()["error"]["message"].as_str().unwrap().to_owned();
    for part in [
        EVERYONE,
        Endpoint::Completions.path(),
        "`one` serves /v1/chat/completions, /v1/embeddings",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(got.json()["error"]["code"], "endpoint_not_supported");
    assert_eq!(got.json()["error"]["param"], "model");
    assert_eq!(
        (got.record.ending, stage.requests()),
        (Ending::Refused, vec![0])
    );
}

#[tokio::test]
async fn conversations_need_a_target_that_has_some() {
    let upstream = Upstream::start(Script::new()).unwrap();
    let mut row = row(&upstream.base_url());
    row.endpoints = Some(vec!["completions".to_owned(), "embeddings".to_owned()]);
    let stage = Stage::of(patient(), &[row], vec![upstream]);
    for endpoint in [
        Endpoint::ChatCompletions,
        Endpoint::Messages,
        Endpoint::CountTokens,
        Endpoint::Responses,
    ] {
        let got = stage.ask(Ask::new(endpoint, EVERYONE, false)).await;
        assert_eq!(got.status, 400, "{endpoint}");
        assert!(got.text().contains("endpoint_not_supported"), "{endpoint}");
        assert_eq!(got.record.ending, Ending::Refused);
    }
    assert_eq!(stage.requests(), [0]);
}

#[tokio::test]
async fn a_target_that_does_not_speak_the_endpoint_is_passed_over() {
    let upstreams = [0, 1].map(|_| Upstream::start(Script::new()).unwrap());
    let mut rows = upstreams
        .each_ref()
        .map(|upstream| row(&upstream.base_url()));
    rows[0].endpoints = Some(vec!["chat_completions".to_owned()]);
    let stage = Stage::of(patient(), &rows, upstreams.into());
    let got = stage
        .ask(Ask::new(Endpoint::Completions, EVERYONE, false))
        .await;
    assert_eq!(
        (got.status.as_u16(), got.header("x-orchestra-attempts")),
        (200, "1")
    );
    assert_eq!(stage.requests(), [0, 1]);
}

#[tokio::test]
async fn an_unknown_model_is_not_found_and_its_neighbours_are_named() {
    for endpoint in wire::SPOKEN {
        let stage = Stage::new([Behaviour::answer()]);
        let got = stage.ask(Ask::new(endpoint, "m-lagre", true)).await;
        assert_eq!(
            (got.status.as_u16(), got.header("x-should-retry")),
            (404, "false")
        );
        let body = got.json();
        let message = body["error"]["message"].as_str().unwrap();
        assert!(
            message.contains("m-lagre") && message.contains("\"m-large\""),
            "{message}"
        );
        if endpoint == Endpoint::Messages {
            assert_eq!(
                (&body["type"], &body["error"]["type"]),
                (&"error".into(), &"not_found_error".into())
            );
        } else {
            assert_eq!(body["error"]["type"], "invalid_request_error");
            assert_eq!(body["error"]["code"], "model_not_found");
            assert_eq!(body["error"]["param"], "model");
        }
        assert_eq!(
            (got.record.ending, stage.requests()),
            (Ending::Refused, vec![0])
        );
    }
}

#[tokio::test]
async fn a_model_of_a_provider_without_a_key_says_which_key_is_missing() {
    for endpoint in wire::SPOKEN {
        let stage = Stage::new([Behaviour::answer()]);
        let got = stage
            .ask(Ask::new(endpoint, "claude-sonnet-5-5", false))
            .await;
        assert_eq!(
            (got.status.as_u16(), got.header("x-should-retry")),
            (401, "false")
        );
        assert!(got.text().contains("ANTHROPIC_API_KEY"), "{}", got.text());
        if endpoint != Endpoint::Messages {
            assert_eq!(got.json()["error"]["code"], "provider_key_missing");
        }
        assert_eq!(got.record.ending, Ending::Refused);
    }
}

#[tokio::test]
async fn a_provider_chosen_by_path_gets_the_model_as_it_is_written() {
    let stage = Stage::new([Behaviour::answer(), Behaviour::answer()]);
    let mut ask = Ask::new(CHAT, "one/anything", false);
    ask.provider = Some(NAMES[1]);
    let got = stage.ask(ask.clone()).await;
    assert_eq!((got.status.as_u16(), stage.requests()), (200, vec![0, 1]));
    assert_eq!(stage.upstreams[1].log()[0].body, ask.body);
    ask.provider = Some("nobody");
    let got = stage.ask(ask).await;
    assert_eq!(got.status, 404);
    assert_eq!(got.json()["error"]["code"], "provider_not_found");
}

#[tokio::test]
async fn a_bare_name_goes_to_the_first_provider_that_lists_it_and_to_no_other() {
    let stage = Stage::new([Behaviour::error(500), Behaviour::answer()]);
    let got = stage.ask(Ask::new(CHAT, MODEL, false)).await;
    assert_eq!((got.status.as_u16(), stage.requests()), (500, vec![1, 0]));
}

/// It came back half a minute ago at most: others stand ready, so it gets a part of the calls that grows.
#[tokio::test]
async fn a_target_that_has_just_come_back_starts_slowly_in_a_list_too() {
    let upstreams = [500, 200].map(|status| {
        let behaviour = match status {
            200 => Behaviour::answer(),
            status => Behaviour::error(status),
        };
        Upstream::start(Script::new().otherwise(behaviour)).unwrap()
    });
    let rows = upstreams.each_ref().map(|up| row(&up.base_url()));
    let clock = Arc::new(HandClock::default());
    let transport = Arc::new(PooledTransport::new(Duration::from_secs(2)));
    let stage = Stage::timed(transport, Arc::clone(&clock) as Arc<_>, patient(), &rows);
    let ask = || stage.ask(Ask::new(CHAT, EVERYONE, false));
    for _ in 0..5 {
        assert_eq!(ask().await.faults(), ["server", "-"]);
    }
    upstreams[0].set_script(Script::new());
    clock.advance(Duration::from_secs(40));
    let first = async |calls: u32| {
        let before = upstreams[0].requests();
        for _ in 0..calls {
            assert_eq!(ask().await.faults(), ["-"]);
        }
        upstreams[0].requests() - before
    };
    assert_eq!(first(1).await, 1, "the call that looks");
    let early = first(60).await;
    assert!((1..20).contains(&early), "{early} of 60 at a tenth");
    clock.advance(Duration::from_secs(31));
    assert_eq!(first(10).await, 10);
}
