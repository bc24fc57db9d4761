//! Errors in the middle of streams, for clients who know them by their name alone.

use orchestra_dialects::Endpoint;
use orchestra_gateway::Directions;
use orchestra_testkit::{At, Behaviour, How};

use super::behaving;
use crate::harness::{Ask, MODEL, Stage};
use crate::wire::recorded;

const NAMED: &str = "event: error\n";

async fn streamed(stage: &Stage, endpoint: Endpoint, from_portkey: bool) -> String {
    let ask = Ask {
        directions: Directions {
            from_portkey,
            ..Directions::default()
        },
        ..Ask::new(endpoint, MODEL, true)
    };
    let got = stage.ask(ask).await;
    assert_eq!(got.status, 200);
    got.text().to_owned()
}

/// A name for the one error, and not a byte else.
#[tokio::test]
async fn an_error_gets_a_name_for_who_asks_for_it() {
    for endpoint in [Endpoint::ChatCompletions, Endpoint::Completions] {
        let (begun, _) = recorded(endpoint).at_content();
        let told = format!("{begun}data: {{\"error\":{{\"message\":\"overloaded\"}}}}\n\n");
        let at = At::AfterBytes(begun.len() as u64);
        let cut = Behaviour::sse(begun.clone() + "data: {}\n\n").interrupt(at, How::Close);
        for behaviour in [cut, Behaviour::sse(told)] {
            let stage = behaving([behaviour]);
            let plain = streamed(&stage, endpoint, false).await;
            let named = streamed(&stage, endpoint, true).await;
            let (before, after) = named.split_once(NAMED).unwrap();
            assert_eq!(before, begun);
            assert!(after.contains("\"error\":{") && !plain.contains(NAMED));
            // Each has its call's id in what the gateway says itself.
            assert_eq!(plain.len(), named.len() - NAMED.len(), "{plain}");
        }
    }
}

#[tokio::test]
async fn a_whole_stream_keeps_its_bytes() {
    let endpoint = Endpoint::ChatCompletions;
    let whole = recorded(endpoint).whole();
    let stage = behaving([Behaviour::sse(whole.clone())]);
    assert_eq!(streamed(&stage, endpoint, true).await, whole);
}

/// Where the dialect has a name for it already, it stays the only one.
#[tokio::test]
async fn other_dialects_name_their_errors_themselves() {
    for endpoint in [Endpoint::Responses, Endpoint::Messages] {
        let (begun, _) = recorded(endpoint).at_content();
        let at = At::AfterBytes(begun.len() as u64);
        let cut = Behaviour::sse(begun + "data: {}\n\n").interrupt(at, How::Close);
        let stage = behaving([cut]);
        let text = streamed(&stage, endpoint, true).await;
        assert_eq!(text.matches(NAMED).count(), 1, "{text}");
    }
}
