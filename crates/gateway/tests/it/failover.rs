//! Whatever goes wrong before the first content, the next target's answer arrives whole.

use std::time::Duration;

use orchestra_dialects::Endpoint;
use orchestra_gateway::{Ending, Settings};
use orchestra_testkit::{At, Behaviour, How, Script, Upstream};

use crate::harness::{Ask, EVERYONE, Got, NAMES, Stage, impatient, limits, patient, row};
use crate::wire;

/// Which calls a fault can befall.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Calls {
    Both,
    Unary,
    Streamed,
}

impl Calls {
    fn streamed(self) -> &'static [bool] {
        match self {
            Self::Both => &[false, true],
            Self::Unary => &[false],
            Self::Streamed => &[true],
        }
    }
}

/// The answer of a target that is well.
fn good(endpoint: Endpoint, stream: bool) -> Behaviour {
    if stream {
        Behaviour::sse(wire::recorded(endpoint).whole())
    } else {
        Behaviour::json(200, wire::answer(endpoint))
    }
}

fn check_answer(stage: &Stage, got: &Got, endpoint: Endpoint, stream: bool, told: &str) {
    let expected = if stream {
        wire::recorded(endpoint).whole()
    } else {
        wire::answer(endpoint).to_owned()
    };
    assert_eq!(got.status, 200, "{told}: {}", got.text());
    assert_eq!(got.text(), expected, "{told}");
    assert_eq!(got.header("x-orchestra-attempts"), "2", "{told}");
    assert_eq!(got.header("x-orchestra-provider"), NAMES[1], "{told}");
    assert_eq!(got.record.ending, Ending::Completed, "{told}");
    assert_eq!(stage.upstreams.last().unwrap().requests(), 1, "{told}");
}

/// The first of two targets behaves like `faulty`; its attempt must be recorded under `word`.
async fn check(
    told: &str,
    calls: Calls,
    word: impl Fn(Endpoint) -> &'static str,
    faulty: impl Fn(Endpoint, bool) -> Behaviour,
) {
    for endpoint in wire::SPOKEN {
        for &stream in calls.streamed() {
            let told = format!("{told}, {endpoint}, stream {stream}");
            let behaviours = [faulty(endpoint, stream), good(endpoint, stream)];
            let scripts = behaviours.map(|behaviour| Script::new().otherwise(behaviour));
            let stage = Stage::with(limits(word(endpoint)), scripts);
            let got = stage.ask(Ask::new(endpoint, EVERYONE, stream)).await;
            check_answer(&stage, &got, endpoint, stream, &told);
            assert_eq!(got.faults(), [word(endpoint), "-"], "{told}");
            assert_eq!(stage.requests(), [1, 1], "{told}");
        }
    }
}

#[tokio::test]
async fn after_an_error_status() {
    for (status, word) in [
        (401, "authentication"),
        (402, "billing"),
        (403, "permission"),
        (404, "model_not_found"),
        (408, "upstream_timeout"),
        (429, "rate_limited"),
        (500, "server"),
        (502, "server"),
        (503, "overloaded"),
        (504, "upstream_timeout"),
        (529, "overloaded"),
    ] {
        let reply = |_, _| Behaviour::error(status).retry_after(3);
        check(&format!("status {status}"), Calls::Both, |_| word, reply).await;
    }
}

#[tokio::test]
async fn after_a_refused_connection() {
    for endpoint in wire::SPOKEN {
        for stream in [false, true] {
            let well = Upstream::start(Script::new().otherwise(good(endpoint, stream))).unwrap();
            let rows = [row(&nobody()), row(&well.base_url())];
            let stage = Stage::of(patient(), &rows, vec![well]);
            let got = stage.ask(Ask::new(endpoint, EVERYONE, stream)).await;
            check_answer(&stage, &got, endpoint, stream, "refused");
            assert_eq!(got.faults(), ["connect", "-"]);
        }
    }
}

/// An address where nobody listens.
fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn after_a_connection_that_ends_without_an_answer() {
    for (told, how) in [("close", How::Close), ("reset", How::Reset)] {
        let broken = |_, _| Behaviour::answer().interrupt(At::BeforeHeaders, how);
        check(told, Calls::Both, |_| "broken", broken).await;
    }
    let garbage = |_, _| Behaviour::garbage("220 mail.example ESMTP\r\n");
    check("no HTTP", Calls::Both, |_| "broken", garbage).await;
}

#[tokio::test]
async fn after_silence() {
    check(
        "before headers",
        Calls::Streamed,
        |_| "timeout_first_byte",
        |_, _| Behaviour::hang(),
    )
    .await;
    let hang = |endpoint, stream| good(endpoint, stream).interrupt(At::AfterHeaders, How::Hang);
    check("after headers", Calls::Both, |_| "timeout_idle", hang).await;
    let half_way =
        |endpoint, stream| good(endpoint, stream).interrupt(At::AfterBytes(9), How::Hang);
    check("half-way", Calls::Both, |_| "timeout_idle", half_way).await;
}

#[tokio::test]
async fn after_a_body_that_breaks_off() {
    for at in [At::AfterHeaders, At::AfterBytes(9)] {
        let cut = |how| move |endpoint, stream| good(endpoint, stream).interrupt(at, how);
        check("close", Calls::Both, |_| "broken", cut(How::Close)).await;
        check("reset", Calls::Both, |_| "broken", cut(How::Reset)).await;
        check("end", Calls::Streamed, |_| "truncated", cut(How::End)).await;
    }
    let opening = |how| {
        move |endpoint, _| {
            let length = wire::recorded(endpoint).events[0].len() as u64;
            good(endpoint, true).interrupt(At::AfterBytes(length), how)
        }
    };
    check(
        "opening, close",
        Calls::Streamed,
        |_| "broken",
        opening(How::Close),
    )
    .await;
    check(
        "opening, end",
        Calls::Streamed,
        |_| "truncated",
        opening(How::End),
    )
    .await;
}

#[tokio::test]
async fn after_a_body_that_is_no_answer() {
    let malformed = |_| "malformed";
    let json = |body: &'static str| move |_, _| Behaviour::json(200, body);
    check("a page", Calls::Both, malformed, |_, _| {
        Behaviour::html(200, "<html>Hi</html>")
    })
    .await;
    check("broken JSON", Calls::Both, malformed, json("{\"id\":")).await;
    check("a list", Calls::Both, malformed, json("[]")).await;
    check("nothing", Calls::Both, malformed, json("")).await;
    check("no UTF-8", Calls::Unary, malformed, |_, _| {
        Behaviour::answer().invalid_utf8(0)
    })
    .await;
    let longer = |endpoint, _| good(endpoint, false).misstate_length(7);
    check("too short", Calls::Unary, |_| "broken", longer).await;
    // Without its line end the body would be whole all the same.
    let shorter = |endpoint, _| good(endpoint, false).misstate_length(-4);
    check("too long", Calls::Unary, malformed, shorter).await;
    let error = r#"{"error":{"message":"no","type":"server_error"}}"#;
    check(
        "an error in disguise",
        Calls::Both,
        |_| "server",
        json(error),
    )
    .await;
    check(
        "an empty stream",
        Calls::Streamed,
        |_| "truncated",
        |_, _| Behaviour::sse(""),
    )
    .await;
}

#[tokio::test]
async fn after_a_stream_that_goes_wrong_before_its_content() {
    let with = |spoil: fn(Endpoint) -> String| {
        move |endpoint, _| {
            let events = wire::recorded(endpoint).events;
            let stream = [events[0], &spoil(endpoint), &events[1..].concat()].concat();
            (
                Behaviour::sse(stream.clone()),
                Behaviour::raw(200, "text/event-stream", stream),
            )
        }
    };
    // Events in writes of their own, and all that comes in one.
    let apart = |spoil| move |endpoint, stream| with(spoil)(endpoint, stream).0;
    let at_once = |spoil| move |endpoint, stream| with(spoil)(endpoint, stream).1;
    let error: fn(Endpoint) -> String = |endpoint| wire::error_event(endpoint).to_owned();
    let broken: fn(Endpoint) -> String = |endpoint| wire::event(endpoint, "{\"id\": \"bro");
    let huge: fn(Endpoint) -> String = |endpoint| wire::huge_event(endpoint, 20_000);
    check(
        "error",
        Calls::Streamed,
        wire::error_event_word,
        apart(error),
    )
    .await;
    check(
        "error at once",
        Calls::Streamed,
        wire::error_event_word,
        at_once(error),
    )
    .await;
    check("malformed", Calls::Streamed, |_| "malformed", apart(broken)).await;
    check(
        "malformed at once",
        Calls::Streamed,
        |_| "malformed",
        at_once(broken),
    )
    .await;
    check("huge", Calls::Streamed, |_| "malformed", apart(huge)).await;
    check(
        "huge at once",
        Calls::Streamed,
        |_| "malformed",
        at_once(huge),
    )
    .await;
    let no_text = |_, _| Behaviour::answer().invalid_utf8(0);
    check("no UTF-8", Calls::Streamed, |_| "malformed", no_text).await;
}

#[tokio::test]
async fn a_redirect_is_never_followed() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Upstream::start(Script::new()).unwrap();
        let location = format!("{}/v1/chat/completions", elsewhere.base_url());
        let redirect = |_, _| Behaviour::json(status, "{}").header("location", location.clone());
        check("redirect", Calls::Both, |_| "malformed", redirect).await;
        assert_eq!(
            (elsewhere.requests(), elsewhere.connections()),
            (0, 0),
            "status {status}"
        );
    }
}

/// Limits under which a silent unary call is soon given up.
fn short() -> Settings {
    Settings {
        total: Duration::from_millis(1000),
        ..impatient()
    }
}

#[tokio::test]
async fn after_half_the_time_in_silence() {
    for endpoint in wire::SPOKEN {
        let behaviours = [Behaviour::hang(), good(endpoint, false)];
        let scripts = behaviours.map(|behaviour| Script::new().otherwise(behaviour));
        let stage = Stage::with(short(), scripts);
        let got = stage.ask(Ask::new(endpoint, EVERYONE, false)).await;
        check_answer(&stage, &got, endpoint, false, "half the time");
        assert_eq!(got.faults(), ["timeout_first_byte", "-"]);
    }
}

#[tokio::test]
async fn a_silent_last_target_ends_the_call_with_its_total_time() {
    for endpoint in wire::SPOKEN {
        let scripts = [1, 2].map(|_| Script::new().otherwise(Behaviour::hang()));
        let stage = Stage::with(short(), scripts);
        let got = stage.ask(Ask::new(endpoint, EVERYONE, false)).await;
        assert_eq!(got.status, 504, "{endpoint}");
        assert_eq!(got.faults(), ["timeout_first_byte", "timeout_total"]);
        assert_eq!(got.record.ending, Ending::Failed);
        assert_eq!(stage.requests(), [1, 1]);
    }
}
