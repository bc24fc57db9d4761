//! One record for each call, whenever and however it ends.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::join_all;
use http_body_util::BodyExt;
use orchestra_dialects::Endpoint;
use orchestra_gateway::{Ending, Settings};
use orchestra_testkit::{At, Behaviour, How, Script, When};

use crate::harness::{Ask, EVERYONE, MODEL, Stage, faults, patient, soon, within};
use crate::wire;

/// An upstream must notice within this time that nobody listens any more.
const NOTICED: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_client_that_leaves_before_the_headers() {
    for stream in [false, true] {
        let stage = Stage::with(patient(), [Script::new().otherwise(Behaviour::hang())]);
        let ask = Ask::new(Endpoint::ChatCompletions, MODEL, stream);
        {
            let mut call = pin!(stage.gateway.call(ask.into_incoming()));
            tokio::select! {
                _ = &mut call => panic!("nobody answers"),
                () = soon(stage.upstreams[0].wait_for(1)) => {}
            }
        }
        let record = stage.record();
        assert_eq!((record.ending, record.status), (Ending::ClientGone, 0));
        assert_eq!((record.model.as_str(), record.streamed), (MODEL, stream));
        within(NOTICED, stage.upstreams[0].wait_for_gone()).await;
        // What was sent is part of the record, or nobody could reconcile it with a bill.
        assert_eq!(record.attempts.len(), 1);
    }
}

#[tokio::test]
async fn a_client_that_leaves_between_two_attempts() {
    let scripts = [Behaviour::error(500), Behaviour::hang()].map(|b| Script::new().otherwise(b));
    let stage = Stage::with(patient(), scripts);
    let ask = Ask::new(Endpoint::Messages, EVERYONE, true);
    {
        let mut call = pin!(stage.gateway.call(ask.into_incoming()));
        tokio::select! {
            _ = &mut call => panic!("nobody answers"),
            () = soon(stage.upstreams[1].wait_for(1)) => {}
        }
    }
    let record = stage.record();
    assert_eq!(record.ending, Ending::ClientGone);
    assert_eq!(faults(&record)[0], "server");
    assert_eq!(record.attempts.len(), 2);
    within(NOTICED, stage.upstreams[1].wait_for_gone()).await;
}

#[tokio::test]
async fn a_client_that_leaves_in_mid_stream() {
    let recorded = wire::recorded(Endpoint::Messages);
    let (before, _) = recorded.at_content();
    let hang =
        Behaviour::sse(recorded.whole()).interrupt(At::AfterBytes(before.len() as u64), How::Hang);
    let stage = Stage::with(patient(), [Script::new().otherwise(hang)]);
    let ask = Ask::new(Endpoint::Messages, MODEL, true);
    let mut answer = soon(stage.gateway.call(ask.into_incoming())).await;
    let mut read = Vec::new();
    while read.len() < before.len() {
        let frame = soon(answer.body_mut().frame()).await.unwrap().unwrap();
        read.extend_from_slice(&frame.into_data().unwrap());
    }
    assert_eq!(read, before.as_bytes());
    assert!(
        stage.records.take().is_empty(),
        "nothing is settled while the stream runs"
    );
    drop(answer);
    let record = stage.record();
    assert_eq!((record.ending, record.status), (Ending::ClientGone, 200));
    let usage = record
        .usage
        .expect("message_start has told the prompt's tokens");
    assert_eq!((usage.input, usage.output), (3, 1));
    within(NOTICED, stage.upstreams[0].wait_for_gone()).await;
}

#[tokio::test]
async fn a_client_that_never_reads_its_stream() {
    let stage = Stage::with(
        patient(),
        [Script::new().otherwise(Behaviour::answer().endless())],
    );
    let ask = Ask::new(Endpoint::ChatCompletions, MODEL, true);
    drop(soon(stage.gateway.call(ask.into_incoming())).await);
    assert_eq!(stage.record().ending, Ending::ClientGone);
    within(NOTICED, stage.upstreams[0].wait_for_gone()).await;
}

#[tokio::test]
async fn a_call_that_is_never_polled_leaves_no_record() {
    let stage = Stage::new([Behaviour::answer()]);
    drop(
        stage
            .gateway
            .call(Ask::new(Endpoint::Messages, MODEL, true).into_incoming()),
    );
    assert!(stage.records.take().is_empty());
}

#[tokio::test]
async fn a_whole_answer_is_settled_with_what_it_cost() {
    for endpoint in Endpoint::SERVED {
        let stage = Stage::new([Behaviour::json(200, wire::answer(endpoint))]);
        let record = stage.ask(Ask::new(endpoint, MODEL, false)).await.record;
        assert_eq!(
            (record.ending, record.status, record.streamed),
            (Ending::Completed, 200, false)
        );
        assert_eq!(
            (record.endpoint, record.model.as_str()),
            (Some(endpoint), MODEL)
        );
        let tokens = record.usage.map(|usage| (usage.input, usage.output));
        let (expected, finish) = match endpoint {
            Endpoint::ChatCompletions => (Some((3, 5)), Some("stop")),
            Endpoint::Completions => (None, Some("length")),
            Endpoint::Responses => (Some((3, 5)), Some("completed")),
            Endpoint::Embeddings => (Some((3, 0)), None),
            Endpoint::Messages => (Some((3, 5)), Some("end_turn")),
            Endpoint::CountTokens => (None, None),
            Endpoint::GenerateContent => unreachable!("no client calls it"),
        };
        assert_eq!(
            (tokens, record.finish.as_deref()),
            (expected, finish),
            "{endpoint}"
        );
        assert!(record.first_byte.is_some_and(|first| first <= record.took));
    }
}

#[tokio::test]
async fn a_stream_is_over_soon_after_its_terminal_event() {
    for endpoint in wire::SPOKEN {
        let whole = wire::recorded(endpoint).whole();
        let length = At::AfterBytes(whole.len() as u64);
        // The upstream keeps its connection open for no reason.
        let lingering = Behaviour::sse(whole.clone() + ": x\n\n").interrupt(length, How::Hang);
        let stage = Stage::with(patient(), [Script::new().otherwise(lingering)]);
        let answer = soon(
            stage
                .gateway
                .call(Ask::new(endpoint, MODEL, true).into_incoming()),
        )
        .await;
        let got = within(Duration::from_secs(3), stage.read(answer)).await;
        assert_eq!(
            (got.text(), got.record.ending),
            (&*whole, Ending::Completed)
        );
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_total_time() {
    let short = Settings {
        stream_total: Duration::from_millis(300),
        ..patient()
    };
    // Never silent, and never ready for long either.
    let endless = Behaviour::answer().endless().gap(Duration::from_millis(5));
    let stage = Stage::with(short, [Script::new().otherwise(endless)]);
    let got = stage
        .ask(Ask::new(Endpoint::ChatCompletions, MODEL, true))
        .await;
    assert_eq!(wire::parse(Endpoint::ChatCompletions, &got.body).errors, 1);
    assert_eq!(
        (got.record.ending, got.faults()),
        (Ending::Interrupted, vec!["timeout_total"])
    );
}

#[tokio::test]
async fn a_stream_that_is_always_ready_ends_with_its_total_time_too() {
    let short = Settings {
        stream_total: Duration::from_millis(300),
        ..patient()
    };
    let stage = Stage::with(
        short,
        [Script::new().otherwise(Behaviour::answer().endless())],
    );
    let ask = Ask::new(Endpoint::ChatCompletions, MODEL, true);
    let mut answer = soon(stage.gateway.call(ask.into_incoming())).await;
    // Counted instead of kept: it comes as fast as the machine can.
    let mut last = bytes::Bytes::new();
    within(Duration::from_secs(5), async {
        while let Some(frame) = answer.body_mut().frame().await {
            last = frame.unwrap().into_data().unwrap();
        }
    })
    .await;
    assert_eq!(wire::parse(Endpoint::ChatCompletions, &last).errors, 1);
    assert_eq!(stage.record().ending, Ending::Interrupted);
}

#[tokio::test]
async fn many_calls_at_once_settle_one_record_each() {
    let cut = Behaviour::sse(wire::recorded(Endpoint::Messages).whole())
        .interrupt(At::AfterBytes(300), How::Close);
    let script = Script::new()
        .on(When::any().every(3), Behaviour::error(500))
        .on(When::any().every(2), cut)
        .otherwise(Behaviour::answer());
    let stage = Stage::with(patient(), [script]);
    let call = |_| async {
        let answer = stage
            .gateway
            .call(Ask::new(Endpoint::Messages, MODEL, true).into_incoming())
            .await;
        answer.into_body().collect().await.unwrap()
    };
    let calls: Vec<_> = (0..60).map(call).collect();
    soon(join_all(calls)).await;
    let records = stage.records.take();
    let ids: std::collections::HashSet<_> = records.iter().map(|record| record.id).collect();
    assert_eq!(
        (records.len(), ids.len(), stage.requests()),
        (60, 60, vec![60])
    );
}
