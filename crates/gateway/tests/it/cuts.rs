//! A stream that is cut at any byte never looks complete, and a whole one never looks cut.

use orchestra_dialects::Endpoint;
use orchestra_gateway::Ending;
use orchestra_testkit::{At, Behaviour, How, Script};

use crate::harness::{Ask, Got, MODEL, Stage, patient};
use crate::wire::{self, Parsed};

/// What the client must see of a stream of which `sent` bytes have come.
fn check(endpoint: Endpoint, got: &Got, sent: usize, told: &str) {
    let whole = wire::recorded(endpoint).whole();
    if got.status != 200 {
        assert!(got.status.is_server_error(), "{told}: {}", got.status);
        assert!(
            got.json()["error"]["message"].is_string(),
            "{told}: {}",
            got.text()
        );
        assert_eq!(got.record.ending, Ending::Failed, "{told}");
        return;
    }
    let upstreams = wire::parse(endpoint, &whole.as_bytes()[..sent]);
    let expected = Parsed {
        terminals: upstreams.terminals,
        errors: usize::from(upstreams.terminals == 0),
        unreadable: 0,
        closed: true,
    };
    assert_eq!(
        wire::parse(endpoint, &got.body),
        expected,
        "{told}: {}",
        got.text()
    );
    let ending = match upstreams.terminals {
        0 => Ending::Interrupted,
        _ => Ending::Completed,
    };
    assert_eq!(got.record.ending, ending, "{told}");
    if upstreams.terminals > 0 {
        assert_eq!(got.text(), whole, "{told}");
    }
}

/// Cuts the endpoint's stream at every byte, its last included.
async fn sweep(endpoint: Endpoint, how: How) {
    let whole = wire::recorded(endpoint).whole();
    let stage = Stage::with(patient(), [Script::new()]);
    for sent in 0..=whole.len() {
        // One more comment, so that there is something to cut behind the terminal event.
        let stream = whole.clone() + ": x\n\n";
        let cut = Behaviour::sse(stream).interrupt(At::AfterBytes(sent as u64), how);
        stage.upstreams[0].set_script(Script::new().otherwise(cut));
        let got = stage.ask(Ask::new(endpoint, MODEL, true)).await;
        check(
            endpoint,
            &got,
            sent,
            &format!("{endpoint}, {how:?} after {sent} bytes"),
        );
    }
}

const STREAMED: [Endpoint; 4] = [
    Endpoint::ChatCompletions,
    Endpoint::Completions,
    Endpoint::Responses,
    Endpoint::Messages,
];

#[tokio::test]
async fn chat_and_completions_closed_at_every_byte() {
    sweep(Endpoint::ChatCompletions, How::Close).await;
    sweep(Endpoint::Completions, How::Close).await;
}

#[tokio::test]
async fn chat_and_completions_ended_at_every_byte() {
    sweep(Endpoint::ChatCompletions, How::End).await;
    sweep(Endpoint::Completions, How::End).await;
}

#[tokio::test]
async fn responses_closed_at_every_byte() {
    sweep(Endpoint::Responses, How::Close).await;
}

#[tokio::test]
async fn responses_ended_at_every_byte() {
    sweep(Endpoint::Responses, How::End).await;
}

#[tokio::test]
async fn messages_closed_at_every_byte() {
    sweep(Endpoint::Messages, How::Close).await;
}

#[tokio::test]
async fn messages_ended_at_every_byte() {
    sweep(Endpoint::Messages, How::End).await;
}

#[tokio::test]
async fn a_whole_stream_raises_no_alarm() {
    for endpoint in STREAMED {
        let whole = wire::recorded(endpoint).whole();
        let stage = Stage::new([Behaviour::sse(whole.clone())]);
        let got = stage.ask(Ask::new(endpoint, MODEL, true)).await;
        check(endpoint, &got, whole.len(), endpoint.name());
        assert_eq!(
            got.record.usage.map(|usage| usage.output),
            usage_of(endpoint)
        );
    }
}

fn usage_of(endpoint: Endpoint) -> Option<u64> {
    (endpoint != Endpoint::Completions).then_some(5)
}
