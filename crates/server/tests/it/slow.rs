//! Clients that take their time, and more of them than there is room for.

use std::time::{Duration, Instant};

use orchestra_dialects::Endpoint;
use orchestra_testkit::{Behaviour, Script, When};
use tokio::time::{MissedTickBehavior, interval};

use crate::client::{Client, call, request, request_with};
use crate::endpoints::{sound_body, streamed_body};
use crate::stage::{CLIENT_KEY, PRECISION, Stage, soon};

const LIMIT: Duration = Duration::from_millis(400);

/// One limit short, the others as long as the test.
async fn stage(limit: &str) -> Stage {
    Stage::with(&format!("{limit}_seconds = 0.4"), "", Script::new()).await
}

fn assert_in_time(took: Duration) {
    assert!(took < LIMIT + PRECISION, "closed after {took:?}");
}

#[tokio::test]
async fn half_a_head_is_not_waited_for() {
    let stage = stage("header").await;
    for part in [
        "",
        "P",
        "POST /v1/messages HTTP/1.1\r\nhost: gateway\r\nx-api-",
    ] {
        let mut client = Client::to(stage.address).await;
        client.send(part.as_bytes()).await;
        assert_in_time(client.closed().await.1);
    }
    assert_eq!(stage.upstream.requests(), 0);
}

#[tokio::test]
async fn a_byte_now_and_then_buys_no_time_for_a_head() {
    let stage = stage("header").await;
    let mut client = Client::to(stage.address).await;
    let mut ticks = interval(Duration::from_millis(50));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let began = Instant::now();
    let closing = async {
        client.send(b"GET /health/live HTTP/1.1\r\nx-slow: ").await;
        // The first byte after the close is answered by a reset, a later one fails.
        while client.send(b"a").await {
            ticks.tick().await;
        }
    };
    soon("the connection to be closed", closing).await;
    assert_in_time(began.elapsed().saturating_sub(Duration::from_millis(100)));
}

#[tokio::test]
async fn the_second_head_of_a_connection_is_not_waited_for_either() {
    let stage = stage("header").await;
    let mut client = Client::to(stage.address).await;
    client.send(&request("GET", "/health/live", b"")).await;
    client.answer().await;
    client.send(b"GET /health").await;
    assert_in_time(client.closed().await.1);
}

#[tokio::test]
async fn half_a_head_behind_a_pipelined_request_is_not_waited_for_for_ever() {
    // Read together with the request before it, it looks like idling until more comes.
    let limits = "header_seconds = 0.4\nkeep_alive_seconds = 0.4";
    let stage = Stage::with(limits, "", Script::new()).await;
    let mut client = Client::to(stage.address).await;
    let mut bytes = request(
        "POST",
        "/v1/chat/completions",
        sound_body(Endpoint::ChatCompletions).as_bytes(),
    );
    bytes.extend_from_slice(b"GET /health");
    client.send(&bytes).await;
    client.answer().await;
    assert_in_time(client.closed().await.1);
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let stage = stage("keep_alive").await;
    let mut client = Client::to(stage.address).await;
    client.send(&request("GET", "/health/live", b"")).await;
    client.answer().await;
    let (rest, took) = client.closed().await;
    assert!(rest.is_empty());
    assert_in_time(took);
}

#[tokio::test]
async fn a_body_that_pauses_is_refused_and_its_connection_closed() {
    let stage = stage("body").await;
    for endpoint in Endpoint::SERVED {
        let headers = format!("x-api-key: {CLIENT_KEY}\r\ncontent-length: 100\r\n");
        let mut client = Client::to(stage.address).await;
        let began = Instant::now();
        client
            .send(&request_with("POST", endpoint.path(), &headers, b""))
            .await;
        client.send(b"{\"model\"").await;
        let answer = client.answer().await;
        assert_eq!(answer.status, 408, "{}", answer.text());
        assert!(answer.text().contains("body_timeout"), "{}", answer.text());
        client.closed().await;
        assert_in_time(began.elapsed());
    }
    assert_eq!(stage.upstream.requests(), 0);
}

#[tokio::test]
async fn an_upload_that_pauses_is_given_up_with_its_call_upstream() {
    let stage = stage("body").await;
    let headers = format!("x-api-key: {CLIENT_KEY}\r\ncontent-length: 1000000\r\n");
    let mut client = Client::to(stage.address).await;
    let began = Instant::now();
    client
        .send(&request_with("POST", "/openai/v1/files", &headers, b""))
        .await;
    client.send(&[b'a'; 1000]).await;
    client.closed().await;
    assert_in_time(began.elapsed());
    soon("the upload to be given up", async {
        while stage.upstream.log().iter().any(|entry| !entry.is_gone()) {
            stage.upstream.wait_for_gone().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_client_that_does_not_read_its_stream_is_given_up_with_its_call_upstream() {
    let endless = Behaviour::answer()
        .chunks(100)
        .chunk_text("a".repeat(8 << 10))
        .endless();
    let stage = Stage::with("write_seconds = 0.4", "", Script::new().otherwise(endless)).await;
    let mut client = Client::narrow(stage.address).await;
    let body = streamed_body(Endpoint::ChatCompletions);
    let began = Instant::now();
    client
        .send(&request("POST", "/v1/chat/completions", body.as_bytes()))
        .await;
    soon("the call to be given up", stage.upstream.wait_for_gone()).await;
    // The operating system takes some megabytes before anything stalls.
    let filling = Duration::from_millis(1_500);
    assert!(
        began.elapsed() < LIMIT + PRECISION + filling,
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_client_that_reads_slowly_is_served_to_the_end() {
    let long = Behaviour::answer()
        .chunks(60)
        .gap(Duration::from_millis(20));
    let stage = Stage::with(
        "write_seconds = 0.4\nheader_seconds = 0.4\nkeep_alive_seconds = 0.4",
        "",
        Script::new().otherwise(long),
    )
    .await;
    let body = streamed_body(Endpoint::ChatCompletions);
    let answer = call(
        &stage,
        &request("POST", "/v1/chat/completions", body.as_bytes()),
    )
    .await;
    assert!(answer.text().ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn a_call_that_takes_long_is_not_taken_for_an_idle_client() {
    let slow = Behaviour::answer().delay(Duration::from_millis(2_500));
    let limits =
        "header_seconds = 0.4\nbody_seconds = 0.4\nkeep_alive_seconds = 0.4\nwrite_seconds = 0.4";
    let stage = Stage::with(limits, "", Script::new().on(When::any(), slow)).await;
    let body = sound_body(Endpoint::ChatCompletions);
    let answer = call(
        &stage,
        &request("POST", "/v1/chat/completions", body.as_bytes()),
    )
    .await;
    assert_eq!(answer.status, 200);
}

/// A connection that has been served, so that it certainly has its place.
async fn settled(stage: &Stage) -> Client {
    let mut client = Client::to(stage.address).await;
    assert!(is_admitted(&mut client).await);
    client
}

async fn is_admitted(client: &mut Client) -> bool {
    client.send(&request("GET", "/health/live", b"")).await;
    client.answer().await.status == 200
}

async fn assert_room_for_two(limit: &str) {
    let stage = Stage::with(limit, "", Script::new()).await;
    let mut first = settled(&stage).await;
    let second = settled(&stage).await;
    for _ in 0..3 {
        let mut third = Client::to(stage.address).await;
        third.send(&request("POST", "/v1/messages", b"{}")).await;
        let answer = third.answer().await;
        assert_eq!(answer.status, 503);
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert_eq!(answer.header("connection"), Some("close"));
        assert_eq!(answer.json()["error"]["code"], "too_many_connections");
        third.closed().await;
        assert!(
            is_admitted(&mut first).await,
            "the others are not disturbed"
        );
    }
    drop(second);
    soon("the free place to be given away", async {
        while !is_admitted(&mut Client::to(stage.address).await).await {}
    })
    .await;
    assert!(is_admitted(&mut first).await);
}

#[tokio::test]
async fn further_connections_are_told_that_there_is_no_room() {
    assert_room_for_two("max_connections = 2\nreserve_connections = 0").await;
}

#[tokio::test]
async fn further_connections_from_one_address_are_told_that_there_is_no_room() {
    assert_room_for_two("max_connections_per_ip = 2").await;
}
