//! Streams that are written anew: they end honestly, wherever and however the provider's ends.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::BodyExt;
use orchestra_dialects::Endpoint;
use orchestra_gateway::{Ending, OutgoingBody, PooledTransport, Settings, Transport};
use orchestra_testkit::{At, Behaviour, How, Script, Upstream};

use super::dialogue::{ask, question};
use super::reading::{events, read};
use super::{for_all_pairs, pairs, speaking, stage, stage_with};
use crate::harness::{Ask, EVERYONE, Got, MODEL, Stage, patient, short_of_idle, soon, within};
use crate::pieces::Pieces;
use crate::wire::{self, Parsed};

fn asks(client: Endpoint, model: &str) -> Ask {
    ask(client, &question(client, model, true))
}

/// The stream of a scripted provider, byte for byte.
async fn recorded(upstream: Endpoint, behaviour: Behaviour) -> String {
    let provider = Upstream::start(Script::new().otherwise(behaviour)).unwrap();
    let (path, body) = match upstream {
        Endpoint::GenerateContent => (
            format!("/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"),
            r#"{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}"#.to_owned(),
        ),
        _ => (
            upstream.path().to_owned(),
            wire::request(upstream, MODEL, true),
        ),
    };
    let mut request = Request::new(OutgoingBody::from(Bytes::from(body)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = format!("{}{path}", provider.base_url()).parse().unwrap();
    soon(async {
        let transport = PooledTransport::new(Duration::from_secs(2));
        let answer = transport.send(request).await.unwrap();
        let stream = answer.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(stream.to_vec()).unwrap()
    })
    .await
}

/// Whether the provider ended its stream properly within these bytes, if it closed it in good order behind them.
fn ended(upstream: Endpoint, sent: &str) -> bool {
    match upstream {
        Endpoint::GenerateContent => sent
            .rfind("\r\n\r\n")
            .or_else(|| sent.rfind("\n\n"))
            .is_some_and(|whole| sent[..whole].contains("\"finishReason\"")),
        _ => wire::parse(upstream, sent.as_bytes()).terminals > 0,
    }
}

/// What the client must see of a stream that ended behind `sent`, and did not go wrong before.
fn check(client: Endpoint, got: &Got, whole: bool, told: &str) {
    if got.status != 200 {
        assert!(got.status.is_server_error(), "{told}: {}", got.status);
        assert!(
            !whole && got.record.ending == Ending::Failed,
            "{told}: {}",
            got.text()
        );
        return;
    }
    let expected = Parsed {
        terminals: usize::from(whole),
        errors: usize::from(!whole),
        unreadable: 0,
        closed: true,
    };
    assert_eq!(
        wire::parse(client, &got.body),
        expected,
        "{told}: {}",
        got.text()
    );
    let ending = if whole {
        Ending::Completed
    } else {
        Ending::Interrupted
    };
    assert_eq!(got.record.ending, ending, "{told}");
    // Every event is one that a client can read.
    read(client, true, got);
}

/// A stage without a network, where this endpoint's provider sends what the transport says.
fn canned(upstream: Endpoint) -> (Stage, Arc<Pieces>) {
    let row = speaking(upstream, "http://one.example");
    let transport = Arc::new(Pieces::stream("", 1));
    let stage = Stage::over(
        Arc::clone(&transport) as Arc<dyn Transport>,
        patient(),
        &[row],
    );
    (stage, transport)
}

/// Cuts the provider's stream at every byte: it is closed in good order there, or the connection breaks.
async fn sweep(client: Endpoint, upstream: Endpoint) {
    let whole = recorded(upstream, Behaviour::text("Hi")).await;
    let (stage, transport) = canned(upstream);
    // That a break is no end needs fewer proofs.
    for (breaks, step) in [(false, 1), (true, 7)] {
        let mut completed = 0;
        for sent in (0..=whole.len()).step_by(step) {
            transport.set(&whole[..sent], 700, breaks);
            let got = stage.ask(asks(client, MODEL)).await;
            // Where a finish reason ends the stream, only a clean end behind it counts.
            let may_count = !breaks || upstream != Endpoint::GenerateContent;
            let complete = may_count && ended(upstream, &whole[..sent]);
            let told = format!("{client} to {upstream}, {sent} bytes, broken {breaks}");
            check(client, &got, complete, &told);
            completed += usize::from(complete);
        }
        assert!(completed > 0 || breaks, "{client} to {upstream}");
    }
}

#[tokio::test]
async fn chat_streams_cut_at_every_byte() {
    for (client, upstream) in pairs().filter(|pair| pair.0 == Endpoint::ChatCompletions) {
        sweep(client, upstream).await;
    }
}

#[tokio::test]
async fn responses_streams_cut_at_every_byte() {
    for (client, upstream) in pairs().filter(|pair| pair.0 == Endpoint::Responses) {
        sweep(client, upstream).await;
    }
}

#[tokio::test]
async fn messages_streams_cut_at_every_byte() {
    for (client, upstream) in pairs().filter(|pair| pair.0 == Endpoint::Messages) {
        sweep(client, upstream).await;
    }
}

#[tokio::test]
async fn an_error_before_content_leads_to_the_next_target() {
    for (client, upstream) in pairs() {
        for (faulty, word) in [
            (Behaviour::answer().error_event(1), None),
            (Behaviour::answer().malformed_json(1), Some("malformed")),
            (Behaviour::sse(""), Some("truncated")),
        ] {
            let told = format!("{client} to {upstream}, {word:?}");
            let stage = stage([
                (upstream, faulty),
                (upstream, Behaviour::text("Here I am.")),
            ]);
            let got = stage.ask(asks(client, EVERYONE)).await;
            // Gemini's first event is content already.
            if upstream == Endpoint::GenerateContent && word != Some("truncated") {
                assert_eq!(wire::parse(client, &got.body).terminals, 0, "{told}");
                continue;
            }
            assert_eq!(read(client, true, &got).text, "Here I am.", "{told}");
            assert_eq!(stage.requests(), [1, 1], "{told}");
            if let Some(word) = word {
                assert_eq!(got.faults(), [word, "-"], "{told}");
            }
        }
    }
}

/// After this many events of a scripted provider the client has content, and not all of it.
fn in_the_middle(upstream: Endpoint) -> u32 {
    match upstream {
        Endpoint::Responses | Endpoint::Messages => 6,
        _ => 3,
    }
}

#[tokio::test]
async fn an_error_after_content_is_told_once_in_the_clients_dialect() {
    for (client, upstream) in pairs() {
        let after = in_the_middle(upstream);
        let text = || Behaviour::text("a b c d e f");
        let cut = |how| text().interrupt(At::AfterEvents(after), how);
        for (faulty, word) in [
            (text().error_event(after), None),
            (text().malformed_json(after), Some("malformed")),
            (cut(How::Close), Some("broken")),
            (cut(How::End), Some("truncated")),
        ] {
            let told = format!("{client} to {upstream}, {word:?}");
            let stage = stage([(upstream, faulty), (client, Behaviour::answer())]);
            let got = stage.ask(asks(client, EVERYONE)).await;
            assert_eq!(got.status, 200, "{told}");
            check(client, &got, false, &told);
            assert!(got.text().contains("`one`"), "{told}: {}", got.text());
            assert!(read(client, true, &got).text.starts_with('a'), "{told}");
            assert_eq!(stage.requests(), [1, 0], "{told}");
            if let Some(word) = word {
                assert_eq!(got.faults(), [word], "{told}");
            }
        }
    }
}

#[tokio::test]
async fn a_silent_provider_is_told_of() {
    for_all_pairs(|client, upstream| async move {
        let at = At::AfterEvents(in_the_middle(upstream));
        let hang = Behaviour::text("a b c d e f").interrupt(at, How::Hang);
        let stage = stage_with(short_of_idle(), [(upstream, Script::new().otherwise(hang))]);
        let got = stage.ask(asks(client, MODEL)).await;
        let told = format!("{client} to {upstream}");
        check(client, &got, false, &told);
        assert_eq!(got.faults(), ["timeout_idle"], "{told}");
    })
    .await;
}

#[tokio::test]
async fn an_endless_stream_ends_with_the_calls_time() {
    for_all_pairs(|client, upstream| async move {
        let short = Settings {
            stream_total: Duration::from_millis(300),
            ..patient()
        };
        let endless = Behaviour::answer().endless().gap(Duration::from_millis(5));
        let stage = stage_with(short, [(upstream, Script::new().otherwise(endless))]);
        let got = stage.ask(asks(client, MODEL)).await;
        let told = format!("{client} to {upstream}");
        check(client, &got, false, &told);
        assert_eq!(got.faults(), ["timeout_total"], "{told}");
    })
    .await;
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_providers_stream() {
    for_all_pairs(|client, upstream| async move {
        let endless = Behaviour::answer().endless().gap(Duration::from_millis(1));
        let stage = stage([(upstream, endless)]);
        let mut answer = soon(stage.gateway.call(asks(client, MODEL).into_incoming())).await;
        for _ in 0..3 {
            soon(answer.body_mut().frame()).await.unwrap().unwrap();
        }
        drop(answer);
        let record = stage.record();
        let told = format!("{client} to {upstream}");
        assert_eq!(
            (record.ending, record.status),
            (Ending::ClientGone, 200),
            "{told}"
        );
        within(Duration::from_secs(1), stage.upstreams[0].wait_for_gone()).await;
    })
    .await;
}

#[tokio::test]
async fn a_stream_is_over_although_the_provider_lingers() {
    for_all_pairs(|client, upstream| async move {
        // Without a marker only the end of the connection ends it.
        if upstream == Endpoint::GenerateContent {
            return;
        }
        let whole = recorded(upstream, Behaviour::answer()).await;
        let length = At::AfterBytes(whole.len() as u64);
        let lingering = Behaviour::sse(whole + ": x\n\n").interrupt(length, How::Hang);
        let stage = stage([(upstream, lingering)]);
        let got = within(Duration::from_secs(3), stage.ask(asks(client, MODEL))).await;
        check(client, &got, true, &format!("{client} to {upstream}"));
    })
    .await;
}

#[tokio::test]
async fn a_stream_reads_the_same_however_it_is_cut() {
    for_all_pairs(|client, upstream| async move {
        let whole = recorded(upstream, Behaviour::text("caf\u{e9} \u{4e16}\u{1f600} ok")).await;
        let mut texts = Vec::new();
        let returns = whole.replace("\r\n", "\n").replace('\n', "\r\n");
        let (stage, transport) = canned(upstream);
        for (stream, size) in [(&whole, 100_000), (&whole, 1), (&whole, 7), (&returns, 3)] {
            transport.set(stream, size, false);
            let got = stage.ask(asks(client, MODEL)).await;
            check(client, &got, true, &format!("{client} to {upstream}"));
            let id = got.record.id.to_string();
            texts.push(without_identity(got.text(), id.trim_start_matches("call_")));
        }
        assert!(texts[0].contains("caf\u{e9}"), "{}", texts[0]);
        assert!(
            texts.windows(2).all(|pair| pair[0] == pair[1]),
            "{client} to {upstream}"
        );
    })
    .await;
}

/// The stream without what differs between two calls: ids and times.
fn without_identity(stream: &str, id: &str) -> String {
    let mut seen = String::new();
    for mut event in events(stream) {
        for name in ["created", "created_at"] {
            event[name] = serde_json::Value::Null;
            if event["response"].is_object() {
                event["response"][name] = serde_json::Value::Null;
            }
        }
        seen += &event.to_string().replace(id, "");
        seen.push('\n');
    }
    seen
}

#[tokio::test]
async fn the_first_words_do_not_wait_for_the_last() {
    for (client, upstream) in pairs() {
        let at = At::AfterEvents(in_the_middle(upstream));
        let hang = Behaviour::text("a b c d e f").interrupt(at, How::Hang);
        let stage = stage([(upstream, hang)]);
        let mut answer = soon(stage.gateway.call(asks(client, MODEL).into_incoming())).await;
        let mut seen = String::new();
        while !seen.contains("\"a") {
            let frame = soon(answer.body_mut().frame()).await.unwrap().unwrap();
            let bytes: Bytes = frame.into_data().unwrap();
            seen.push_str(std::str::from_utf8(&bytes).unwrap());
        }
        drop(answer);
        assert_eq!(stage.record().ending, Ending::ClientGone);
    }
}
