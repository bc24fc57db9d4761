//! A stop lets running calls end, for a while, and takes nothing new.

use std::time::{Duration, Instant};

use orchestra_dialects::Endpoint;
use orchestra_testkit::{At, Behaviour, How, Script};
use tokio::net::TcpStream;

use crate::client::{Client, request};
use crate::endpoints::{sound_body, streamed_body};
use crate::stage::{Stage, soon};

/// Waits until the server no longer accepts connections.
async fn closed_door(stage_address: std::net::SocketAddr) {
    soon("new connections to be refused", async {
        while TcpStream::connect(stage_address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn running_calls_end_whole_and_nothing_new_begins() {
    let slow = Behaviour::answer()
        .chunks(10)
        .gap(Duration::from_millis(50));
    let stage = Stage::open(Script::new().otherwise(slow)).await;
    let address = stage.address;
    let mut streaming = Client::to(address).await;
    streaming
        .send(&request(
            "POST",
            "/v1/messages",
            streamed_body(Endpoint::Messages).as_bytes(),
        ))
        .await;
    let head = streaming.head().await.expect("an answer");
    assert_eq!(head.status, 200);
    let mut text = streaming
        .chunk()
        .await
        .expect("the stream goes on")
        .expect("an event");

    let mut idle = Client::to(address).await;
    idle.send(&request("GET", "/health/ready", b"")).await;
    assert_eq!(idle.answer().await.json()["status"], "ready");
    let mut silent = Client::to(address).await;
    let mut midway = Client::to(address).await;
    let ready = request("GET", "/health/ready", b"");
    midway.send(&ready[..10]).await;
    // Behind one more answer on another connection the halves above have been read.
    idle.send(&request("GET", "/health/live", b"")).await;
    assert_eq!(idle.answer().await.status, 200);

    let (serving, upstream) = stage.stop();
    closed_door(address).await;
    let (rest, took) = idle.closed().await;
    assert!(
        rest.is_empty() && took < Duration::from_millis(300),
        "{took:?}"
    );
    assert!(silent.closed().await.1 < Duration::from_millis(300));
    midway.send(&ready[10..]).await;
    let answer = midway.answer().await;
    assert_eq!(
        (answer.status, &answer.json()["status"]),
        (503, &"not_ready".into())
    );
    midway.closed().await;

    while let Some(chunk) = streaming.chunk().await.expect("the stream ends whole") {
        text.extend(chunk);
    }
    let text = String::from_utf8(text).expect("events are text");
    assert!(text.contains("message_stop"), "{text}");
    assert_eq!(
        soon("the server to stop", serving)
            .await
            .expect("it does not panic"),
        0
    );
    assert_eq!(upstream.requests(), 1);
}

#[tokio::test]
async fn a_call_that_begins_on_an_open_connection_during_the_stop_is_served() {
    let stage = Stage::open(Script::new()).await;
    let address = stage.address;
    let bytes = request(
        "POST",
        "/v1/chat/completions",
        sound_body(Endpoint::ChatCompletions).as_bytes(),
    );
    let mut client = Client::to(address).await;
    client.send(&bytes[..40]).await;
    let mut other = Client::to(address).await;
    other.send(&request("GET", "/health/live", b"")).await;
    other.answer().await;
    let (serving, _upstream) = stage.stop();
    closed_door(address).await;
    client.send(&bytes[40..]).await;
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(
        soon("the server to stop", serving)
            .await
            .expect("it does not panic"),
        0
    );
}

#[tokio::test]
async fn what_does_not_end_in_time_is_cut_and_counted() {
    let hanging = Behaviour::answer()
        .chunks(10)
        .interrupt(At::AfterEvents(6), How::Hang);
    let stage = Stage::with("drain_seconds = 0.4", "", Script::new().otherwise(hanging)).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = Client::to(stage.address).await;
        client
            .send(&request(
                "POST",
                "/v1/chat/completions",
                streamed_body(Endpoint::ChatCompletions).as_bytes(),
            ))
            .await;
        client.head().await.expect("an answer");
        client
            .chunk()
            .await
            .expect("the stream goes on")
            .expect("an event");
        clients.push(client);
    }
    let began = Instant::now();
    let (serving, upstream) = stage.stop();
    assert_eq!(
        soon("the server to stop", serving)
            .await
            .expect("it does not panic"),
        3
    );
    let took = began.elapsed();
    assert!(
        took >= Duration::from_millis(400) && took < Duration::from_millis(1_900),
        "{took:?}"
    );
    for mut client in clients {
        // No end of the body: the client can tell that its answer is not whole.
        let (rest, _) = client.closed().await;
        assert!(!rest.ends_with(b"0\r\n\r\n"));
    }
    soon(
        "the calls upstream to be given up",
        upstream.wait_for_gone(),
    )
    .await;
}

#[tokio::test]
async fn a_stop_without_connections_takes_no_time() {
    let stage = Stage::open(Script::new()).await;
    let began = Instant::now();
    let (serving, _upstream) = stage.stop();
    assert_eq!(
        soon("the server to stop", serving)
            .await
            .expect("it does not panic"),
        0
    );
    assert!(began.elapsed() < Duration::from_millis(300));
}
