//! What well-behaved HTTP/1.1 clients may do: pipelining, `Expect`, half a request at a time.

use orchestra_dialects::Endpoint;
use orchestra_testkit::{Behaviour, Script, When};

use crate::client::{Client, chunked_request, request, request_with};
use crate::endpoints::sound_body;
use crate::stage::{CLIENT_KEY, Stage, soon};

fn quoting(text: &str) -> Vec<u8> {
    let body = sound_body(Endpoint::ChatCompletions).replace("Hi", text);
    request("POST", "/v1/chat/completions", body.as_bytes())
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let slow = Behaviour::quote().delay(std::time::Duration::from_millis(100));
    let script = Script::new()
        .on(When::body("first"), slow)
        .otherwise(Behaviour::quote());
    let stage = Stage::open(script).await;
    let mut bytes = quoting("first");
    bytes.extend(request("GET", "/health/live", b""));
    bytes.extend(chunked_request("/v1/chat/completions", b"{", 1));
    bytes.extend(quoting("second"));
    bytes.extend(request("GET", "/openai/v1/files/third", b""));
    let mut client = Client::to(stage.address).await;
    client.send(&bytes).await;
    for (status, words) in [
        (200, "first"),
        (200, "live"),
        (400, "invalid_json"),
        (200, "second"),
        (200, "files/third"),
    ] {
        let answer = client.answer().await;
        assert_eq!(answer.status, status, "{words}: {}", answer.text());
        assert!(answer.text().contains(words), "{words}: {}", answer.text());
    }
    assert_eq!(stage.upstream.requests(), 3);
}

#[tokio::test]
async fn one_connection_serves_one_call_after_the_other() {
    let stage = Stage::open(Script::new()).await;
    let mut client = Client::to(stage.address).await;
    for endpoint in Endpoint::SERVED.into_iter().cycle().take(60) {
        client
            .send(&request(
                "POST",
                endpoint.path(),
                sound_body(endpoint).as_bytes(),
            ))
            .await;
        assert_eq!(client.answer().await.status, 200, "{endpoint}");
    }
}

#[tokio::test]
async fn a_client_that_expects_a_go_ahead_gets_it() {
    let stage = Stage::open(Script::new()).await;
    for path in ["/v1/chat/completions", "/openai/v1/files"] {
        let body = sound_body(Endpoint::ChatCompletions);
        let headers = format!(
            "x-api-key: {CLIENT_KEY}\r\nexpect: 100-continue\r\ncontent-length: {}\r\n",
            body.len()
        );
        let mut client = Client::to(stage.address).await;
        client
            .send(&request_with("POST", path, &headers, b""))
            .await;
        assert_eq!(client.answer().await.status, 100, "{path}");
        client.send(body.as_bytes()).await;
        assert_eq!(client.answer().await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_client_without_a_key_is_refused_before_it_sends_its_body() {
    let stage = Stage::open(Script::new()).await;
    for path in ["/v1/chat/completions", "/openai/v1/files"] {
        let headers = "expect: 100-continue\r\ncontent-length: 1000000\r\n";
        let mut client = Client::to(stage.address).await;
        client.send(&request_with("POST", path, headers, b"")).await;
        assert_eq!(client.answer().await.status, 401, "{path}");
    }
    assert_eq!(stage.upstream.requests(), 0);
}

#[tokio::test]
async fn a_request_that_comes_byte_by_byte_is_served() {
    let stage = Stage::open(Script::new()).await;
    for endpoint in Endpoint::SERVED {
        let body = sound_body(endpoint).as_bytes();
        for bytes in [
            request("POST", endpoint.path(), body),
            chunked_request(endpoint.path(), body, 1),
        ] {
            let mut client = Client::to(stage.address).await;
            for byte in bytes {
                client.send(&[byte]).await;
                tokio::task::yield_now().await;
            }
            assert_eq!(
                soon("an answer", client.answer()).await.status,
                200,
                "{endpoint}"
            );
        }
    }
}
