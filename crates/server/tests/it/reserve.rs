//! A server whose connections are all taken: whoever asks how it fares is answered all the same, calls are told, and nobody can
//! hold the connections that are kept for that.

use std::time::Duration;

use orchestra_testkit::{Behaviour, Script, When};
use tokio::time::{Instant, timeout};

use crate::client::{Answer, Client, call, request};
use crate::stage::{Stage, soon};

fn chat() -> Vec<u8> {
    let body = br#"{"model":"openai/gpt-5","messages":[{"role":"user","content":"Hi"}]}"#;
    request("POST", "/v1/chat/completions", body)
}

/// A server with six connections, which idle, send half a head or half a body, and wait for answers.
async fn full(limits: &str) -> (Stage, Vec<Client>) {
    let server = format!("max_connections = 6\n{limits}");
    let hanging = Script::new().on(When::model("gpt-5"), Behaviour::hang());
    let stage = Stage::with(&server, "", hanging).await;
    let mut held = Vec::new();
    for number in 0..6 {
        let mut client = Client::to(stage.address).await;
        // What has been answered certainly has its place.
        client.send(&request("GET", "/health/live", b"")).await;
        assert_eq!(client.answer().await.status, 200);
        let chat = chat();
        let begun = match number % 3 {
            0 => &b""[..],
            1 => &chat[..40 + number * 10],
            _ => &chat[..],
        };
        client.send(begun).await;
        held.push(client);
    }
    (stage, held)
}

async fn within_a_second(stage: &Stage, bytes: &[u8]) -> Answer {
    timeout(Duration::from_secs(1), call(stage, bytes))
        .await
        .expect("an answer within a second")
}

#[tokio::test]
async fn health_metrics_and_operators_are_answered_and_calls_are_told() {
    let (stage, _held) = full("").await;
    for path in [
        "/health",
        "/health/live",
        "/health/ready",
        "/health/openai?probe=false",
        "/health/providers?probe=false",
        "/metrics",
    ] {
        let answer = within_a_second(&stage, &request("GET", path, b"")).await;
        assert_ne!(answer.status, 503, "{path}: {}", answer.text());
        assert_eq!(answer.header("connection"), Some("close"), "{path}");
    }
    for path in ["/v1/configs", "/v1/providers", "/v1/virtual-keys/openai"] {
        let answer = within_a_second(&stage, &request("GET", path, b"")).await;
        // The caller is no operator.
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
    }
    let metrics = within_a_second(&stage, &request("GET", "/metrics", b"")).await;
    let says = |line: &str| metrics.text().lines().any(|one| one == line);
    assert!(
        says("orchestra_reserve_connections 1"),
        "{}",
        metrics.text()
    );
    assert!(says("orchestra_connections 7"));
    assert!(says("orchestra_connections_refused_total 0"));

    for (path, kind) in [
        ("/v1/chat/completions", None),
        ("/chat/completions", None),
        ("/v1/messages", Some("overloaded_error")),
        ("/anthropic/v1/messages", Some("overloaded_error")),
        ("/anthropic/v1/files", Some("overloaded_error")),
        ("/openai/v1/files", None),
        ("/v1/models", None),
        ("/v1/feedback", None),
    ] {
        let body = format!("{{\"padding\":\"{}\"}}", "x".repeat(30_000));
        let answer = within_a_second(&stage, &request("POST", path, body.as_bytes())).await;
        assert_eq!(answer.status, 503, "{path}");
        assert_eq!(answer.header("retry-after"), Some("1"), "{path}");
        assert_eq!(answer.header("connection"), Some("close"), "{path}");
        let error = &answer.json()["error"];
        match kind {
            Some(kind) => assert_eq!(error["type"], kind, "{path}: {}", answer.text()),
            None => assert_eq!(error["code"], "gateway_overloaded", "{path}"),
        }
        assert!(answer.text().contains("max_connections"), "{path}");
    }
}

#[tokio::test]
async fn nobody_holds_the_reserve_for_long_and_its_end_is_told() {
    let (stage, _held) = full("reserve_connections = 8").await;
    // A quarter of it for one address: one that says nothing, one that begins.
    let began = Instant::now();
    let mut silent = Client::to(stage.address).await;
    let mut slow = Client::to(stage.address).await;
    slow.send(b"GET /health HTTP/1.1\r\n").await;
    let live = request("GET", "/health/live", b"");
    soon("the reserve to be full", async {
        while call(&stage, &live).await.status == 200 {}
    })
    .await;
    let told = call(&stage, &live).await;
    assert_eq!(told.json()["error"]["code"], "too_many_connections");

    soon("the reserve to be free again", async {
        silent.closed().await;
        slow.closed().await;
    })
    .await;
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(within_a_second(&stage, &live).await.status, 200);
}

#[tokio::test]
async fn a_connection_of_the_reserve_is_good_for_one_request() {
    let (stage, mut held) = full("").await;
    let mut client = Client::to(stage.address).await;
    client.send(&request("GET", "/health/live", b"")).await;
    assert_eq!(client.answer().await.status, 200);
    client.closed().await;

    // With a place free again, calls are served as ever.
    held.pop();
    soon("the free place to be given away", async {
        let listed = request("GET", "/v1/models/openai/gpt-5", b"");
        while call(&stage, &listed).await.status == 503 {}
    })
    .await;
}
