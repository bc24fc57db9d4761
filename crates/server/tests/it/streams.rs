//! Streams reach the client as they come: every event at once, and a burst without waiting for
//! acknowledgements.

use std::time::{Duration, Instant};

use orchestra_dialects::Endpoint;
use orchestra_testkit::{At, Behaviour, How, Outcome, Script};

use crate::client::{Client, request};
use crate::endpoints::streamed_body;
use crate::stage::{Stage, soon};

const STREAMING: [Endpoint; 4] = [
    Endpoint::ChatCompletions,
    Endpoint::Completions,
    Endpoint::Responses,
    Endpoint::Messages,
];

async fn ask(client: &mut Client, endpoint: Endpoint) {
    client
        .send(&request(
            "POST",
            endpoint.path(),
            streamed_body(endpoint).as_bytes(),
        ))
        .await;
}

/// Reads events until the text holds these words.
async fn read_until(client: &mut Client, text: &mut String, words: &str) {
    while !text.contains(words) {
        let chunk = client.chunk().await.expect("the stream goes on");
        let chunk = chunk.unwrap_or_else(|| panic!("the stream ended without {words:?}: {text}"));
        text.push_str(std::str::from_utf8(&chunk).expect("events are text"));
    }
}

/// A write that waits for the acknowledgement of the one before costs 40 ms on Linux.
#[tokio::test]
async fn a_burst_of_events_does_not_wait_for_acknowledgements() {
    let stage = Stage::open(Script::new().otherwise(Behaviour::answer().chunks(30))).await;
    for endpoint in STREAMING {
        let mut client = Client::to(stage.address).await;
        let mut best = Duration::MAX;
        for _ in 0..10 {
            let began = Instant::now();
            ask(&mut client, endpoint).await;
            assert!(client.answer().await.text().contains(" token30"));
            best = best.min(began.elapsed());
        }
        println!("{endpoint}: a stream of 30 pieces took {best:?}");
        assert!(best < Duration::from_millis(30), "{endpoint}: {best:?}");
    }
}

/// The upstream sends a part and then nothing: whatever is held back never comes.
#[tokio::test]
async fn every_event_is_passed_on_before_the_next_one_is_sent() {
    for endpoint in STREAMING {
        // The fourth piece is certainly behind the events that open a stream.
        for events in [8, 9, 12] {
            let hanging = Behaviour::answer()
                .chunks(30)
                .interrupt(At::AfterEvents(events), How::Hang);
            let stage = Stage::open(Script::new().otherwise(hanging)).await;
            let mut client = Client::to(stage.address).await;
            ask(&mut client, endpoint).await;
            assert_eq!(client.head().await.expect("an answer").status, 200);
            let mut text = String::new();
            read_until(&mut client, &mut text, " token3").await;
            let entry = soon("the call upstream", stage.upstream.wait_until(|_| true)).await;
            assert_eq!(entry.outcome, Outcome::Open, "{endpoint}");
        }
    }
}

#[tokio::test]
async fn the_first_piece_comes_before_the_second_is_sent() {
    let gap = Duration::from_millis(400);
    let stage = Stage::open(Script::new().otherwise(Behaviour::answer().chunks(3).gap(gap))).await;
    for endpoint in [Endpoint::ChatCompletions, Endpoint::Messages] {
        let mut client = Client::to(stage.address).await;
        ask(&mut client, endpoint).await;
        client.head().await.expect("an answer");
        let mut text = String::new();
        read_until(&mut client, &mut text, " token1").await;
        assert!(!text.contains(" token2"), "two pieces at once: {text}");
        let first = Instant::now();
        read_until(&mut client, &mut text, " token2").await;
        assert!(
            first.elapsed() > gap / 2,
            "{endpoint}: {:?}",
            first.elapsed()
        );
    }
}

#[tokio::test]
async fn answers_may_not_be_kept_by_caches() {
    let stage = Stage::open(Script::new()).await;
    for endpoint in STREAMING {
        let mut client = Client::to(stage.address).await;
        ask(&mut client, endpoint).await;
        let head = client.head().await.expect("an answer");
        assert_eq!(head.header("cache-control"), Some("no-store"), "{endpoint}");
        assert!(
            head.header("content-type")
                .is_some_and(|kind| kind.starts_with("text/event-stream"))
        );
    }
}
