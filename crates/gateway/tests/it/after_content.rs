//! Once the client has content, a fault becomes an error event, and nothing is sent twice.

use orchestra_dialects::Endpoint;
use orchestra_gateway::Ending;
use orchestra_testkit::{At, Behaviour, How, Script};

use crate::harness::{Ask, EVERYONE, Got, Stage, limits};
use crate::wire::{self, Parsed, Recorded};

/// Streams from a first target of two, and checks what holds for every fault in mid-stream.
async fn interrupted(told: &str, endpoint: Endpoint, faulty: Behaviour, word: &str) -> Got {
    let scripts = [faulty, Behaviour::answer()].map(|b| Script::new().otherwise(b));
    let stage = Stage::with(limits(word), scripts);
    let got = stage.ask(Ask::new(endpoint, EVERYONE, true)).await;
    assert_eq!(got.status, 200, "{told}");
    let one_error = Parsed {
        terminals: 0,
        errors: 1,
        unreadable: 0,
        closed: true,
    };
    assert_eq!(
        wire::parse(endpoint, &got.body),
        one_error,
        "{told}: {}",
        got.text()
    );
    assert_eq!(stage.requests(), [1, 0], "{told}");
    assert_eq!(got.record.ending, Ending::Interrupted, "{told}");
    assert_eq!(got.faults(), [word], "{told}");
    got
}

/// The client gets the events up to the fault, then one error event of the gateway's own.
async fn check(told: &str, word: &str, faulty: impl Fn(Endpoint, &Recorded) -> Behaviour) {
    for endpoint in wire::SPOKEN {
        let told = format!("{told}, {endpoint}");
        let recorded = wire::recorded(endpoint);
        let got = interrupted(&told, endpoint, faulty(endpoint, &recorded), word).await;
        let (before, _) = recorded.at_content();
        let added = got
            .text()
            .strip_prefix(&before)
            .unwrap_or_else(|| panic!("{told}: {}", got.text()));
        assert!(
            added.contains("`one`"),
            "{told}: the error event names the provider: {added}"
        );
    }
}

fn cut(recorded: &Recorded, how: How) -> Behaviour {
    let at = At::AfterBytes(recorded.at_content().0.len() as u64);
    Behaviour::sse(recorded.whole()).interrupt(at, how)
}

#[tokio::test]
async fn a_connection_that_breaks() {
    check("FIN", "broken", |_, recorded| cut(recorded, How::Close)).await;
    check("RST", "broken", |_, recorded| cut(recorded, How::Reset)).await;
}

#[tokio::test]
async fn a_connection_that_breaks_within_an_event() {
    for how in [How::Close, How::Reset] {
        check("within", "broken", |_, recorded| {
            let at = At::AfterBytes(recorded.at_content().0.len() as u64 + 7);
            Behaviour::sse(recorded.whole()).interrupt(at, how)
        })
        .await;
    }
}

#[tokio::test]
async fn silence() {
    check("hang", "timeout_idle", |_, recorded| {
        cut(recorded, How::Hang)
    })
    .await;
}

#[tokio::test]
async fn an_end_without_the_terminal_event() {
    check("end", "truncated", |_, recorded| cut(recorded, How::End)).await;
    check("all but the last event", "truncated", |_, recorded| {
        Behaviour::sse(recorded.at_content().0)
    })
    .await;
    check("one read", "truncated", |_, recorded| {
        at_once(recorded.at_content().0)
    })
    .await;
}

/// All events in one write, so that they come in one read.
fn at_once(stream: String) -> Behaviour {
    Behaviour::raw(200, "text/event-stream", stream)
}

#[tokio::test]
async fn an_event_that_cannot_be_read() {
    let with = |spoil: String, recorded: &Recorded| {
        let (before, behind) = recorded.at_content();
        [before, spoil, behind].concat()
    };
    let broken = |endpoint| wire::event(endpoint, "{\"type\": \"bro");
    let list = |endpoint| wire::event(endpoint, "[1]");
    let huge = |endpoint| wire::huge_event(endpoint, 20_000);
    check("broken", "malformed", |e, r| {
        Behaviour::sse(with(broken(e), r))
    })
    .await;
    check("broken, one read", "malformed", |e, r| {
        at_once(with(broken(e), r))
    })
    .await;
    check("a list", "malformed", |e, r| {
        Behaviour::sse(with(list(e), r))
    })
    .await;
    check("huge", "malformed", |e, r| Behaviour::sse(with(huge(e), r))).await;
    check("huge, one read", "malformed", |e, r| {
        at_once(with(huge(e), r))
    })
    .await;
}

#[tokio::test]
async fn the_upstreams_own_error_event_goes_through_once() {
    for endpoint in wire::SPOKEN {
        let (before, _) = wire::recorded(endpoint).at_content();
        let stream = [&before, wire::error_event(endpoint)].concat();
        let whole = At::AfterBytes(stream.len() as u64);
        // However the upstream leaves after its error, it is told once.
        for (told, faulty) in [
            ("end", Behaviour::sse(stream.clone())),
            ("one read", at_once(stream.clone())),
            (
                "close",
                Behaviour::sse(stream.clone() + ": x\n\n").interrupt(whole, How::Close),
            ),
            (
                "hang",
                Behaviour::sse(stream.clone() + ": x\n\n").interrupt(whole, How::Hang),
            ),
        ] {
            let told = format!("{told}, {endpoint}");
            let word = wire::error_event_word(endpoint);
            let got = interrupted(&told, endpoint, faulty, word).await;
            assert_eq!(got.text(), stream, "{told}");
        }
    }
}

#[tokio::test]
async fn a_terminal_event_behind_an_error_does_not_reach_the_client() {
    for endpoint in wire::SPOKEN {
        let (before, behind) = wire::recorded(endpoint).at_content();
        let stream = [&before, wire::error_event(endpoint), &behind].concat();
        let word = wire::error_event_word(endpoint);
        interrupted("apart", endpoint, Behaviour::sse(stream.clone()), word).await;
        interrupted("one read", endpoint, at_once(stream), word).await;
    }
}
