//! What a client hears while somebody is sought who goes on with its stream.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use orchestra_dialects::{Continues, Endpoint};
use orchestra_gateway::{Ending, Settings};
use orchestra_providers::Row;
use tokio::time::Instant;

use super::speakers::{Death, Speaks};
use super::{World, broken, question, recovering, speaking, whole, within};
use crate::harness::{Ask, Got};
use crate::wire::SPOKEN;

const CHAT: Endpoint = Endpoint::ChatCompletions;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Two that speak the client's endpoint or Chat Completions, the second of which goes on.
fn rows(first: Endpoint) -> [Row; 2] {
    [
        speaking(0, first, Continues::Never),
        speaking(1, CHAT, Continues::Assistant),
    ]
}

/// What nobody takes for a piece of an answer.
const fn sign(client: Endpoint) -> &'static str {
    match client {
        Endpoint::Messages => "event: ping\ndata: {\"type\":\"ping\"}\n\n",
        _ => ": orchestra recovering\n\n",
    }
}

/// A call whose answer is read frame by frame, and when signs of life came, in seconds.
async fn ask(world: &World, client: Endpoint) -> (Got, Vec<u64>) {
    let began = Instant::now();
    let call = Ask::body(client, question(client).to_string());
    let answer = world.stage.gateway.call(call.into_incoming()).await;
    let (head, mut body) = answer.into_parts();
    let (mut all, mut signs) = (Vec::new(), Vec::new());
    while let Some(frame) = body.frame().await {
        let bytes: Bytes = frame.unwrap().into_data().unwrap();
        if bytes == sign(client) {
            signs.push(began.elapsed().as_secs());
        }
        all.extend_from_slice(&bytes);
    }
    let body = Bytes::from(all);
    // Whole, and nowhere else.
    let text = std::str::from_utf8(&body).unwrap();
    assert_eq!(text.matches(sign(client)).count(), signs.len(), "{text}");
    let got = Got {
        status: head.status,
        headers: head.headers,
        body,
        record: world.stage.record(),
    };
    (got, signs)
}

/// While the headers of the next one are awaited, and while its first word is.
#[tokio::test(start_paused = true)]
async fn a_client_hears_every_five_seconds_that_somebody_is_sought() {
    for client in SPOKEN {
        for (successor, expected) in [
            (Speaks::WHOLE, vec![]),
            (Speaks::WHOLE.late(seconds(4)), vec![]),
            (Speaks::WHOLE.late(seconds(17)), vec![5, 10, 15]),
            (Speaks::WHOLE.thinking(seconds(11)), vec![5, 10]),
            (
                Speaks::WHOLE.thinking(seconds(9)).late(seconds(8)),
                vec![5, 10, 15],
            ),
        ] {
            let told = format!("{client} {successor:?}");
            let settings = Settings {
                idle: seconds(20),
                ..recovering()
            };
            let cut = Speaks::cut(within(client), Death::Break);
            let world = World::new(settings, &rows(client), [cut, successor]);
            let (got, signs) = ask(&world, client).await;
            whole(client, &got, &told);
            assert_eq!(signs, expected, "{told}");
            assert_eq!(got.record.ending, Ending::Completed, "{told}");
        }
    }
}

/// Whoever heard nothing for long hears at once that something is done.
#[tokio::test(start_paused = true)]
async fn the_silence_that_the_stream_died_of_counts() {
    for client in SPOKEN {
        let settings = Settings {
            idle: seconds(12),
            ..recovering()
        };
        let cut = Speaks::cut(within(client), Death::Silence);
        let successor = Speaks::WHOLE.late(seconds(8));
        let world = World::new(settings, &rows(client), [cut, successor]);
        let (got, signs) = ask(&world, client).await;
        whole(client, &got, "silence");
        assert_eq!(signs, [12, 17]);
    }
}

/// The rhythm goes on over several who do not go on, and ends with the error event.
#[tokio::test(start_paused = true)]
async fn nothing_is_heard_once_nobody_goes_on() {
    let rows = [
        speaking(0, CHAT, Continues::Never),
        speaking(1, CHAT, Continues::Assistant),
        speaking(2, CHAT, Continues::Assistant),
    ];
    let refuses = || Speaks::Status(500).late(seconds(4));
    let cut = Speaks::cut(within(CHAT), Death::Break);
    let world = World::new(recovering(), &rows, [cut, refuses(), refuses()]);
    let (got, signs) = ask(&world, CHAT).await;
    broken(CHAT, &got, "refused");
    assert_eq!(signs, [5]);
    assert_eq!(got.faults(), ["broken", "server", "server"]);
}

/// The second dies before it has said anything, or behind some words, with which a new silence begins.
#[tokio::test(start_paused = true)]
async fn the_rhythm_outlasts_a_second_death() {
    let rows = [
        speaking(0, CHAT, Continues::Never),
        speaking(1, CHAT, Continues::Assistant),
        speaking(2, CHAT, Continues::Assistant),
    ];
    for (said, expected) in [(0, vec![5, 10]), (400, vec![7])] {
        let cut = Speaks::cut(within(CHAT) / 2, Death::Break);
        let dies = Speaks::cut(said, Death::Silence);
        let settings = Settings {
            idle: seconds(7),
            ..recovering()
        };
        let successor = Speaks::WHOLE.late(seconds(4));
        let world = World::new(settings, &rows, [cut, dies, successor]);
        let (got, signs) = ask(&world, CHAT).await;
        whole(CHAT, &got, "a second death");
        assert_eq!(signs, expected, "{said}");
    }
}

/// A stream that is only slow is the provider's own, and says what the provider says.
#[tokio::test(start_paused = true)]
async fn a_stream_that_did_not_die_has_no_signs_of_life() {
    for client in SPOKEN {
        let settings = Settings {
            idle: seconds(20),
            ..recovering()
        };
        let slow = Speaks::WHOLE.thinking(seconds(18));
        let world = World::new(settings, &rows(client), [slow, Speaks::WHOLE]);
        let (got, signs) = ask(&world, client).await;
        whole(client, &got, "slow");
        assert_eq!(signs, [0_u64; 0]);
    }
}

/// Before the first event there is no status yet, so that nothing can be said at all.
#[tokio::test(start_paused = true)]
async fn who_waits_for_the_first_event_hears_nothing_not_even_a_status() {
    let slow = || Speaks::WHOLE.thinking(seconds(3));
    let refuses = Speaks::Status(500).late(seconds(8));
    let world = World::new(recovering(), &rows(CHAT), [refuses, slow()]);
    let began = Instant::now();
    let call = Ask::body(CHAT, question(CHAT).to_string()).into_incoming();
    let answer = world.stage.gateway.call(call).await;
    assert_eq!(began.elapsed(), seconds(11));
    let got = world.stage.read(answer).await;
    whole(CHAT, &got, "before the first event");
    assert!(!got.text().contains(sign(CHAT)), "{}", got.text());
}
