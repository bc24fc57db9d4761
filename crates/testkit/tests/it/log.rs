//! What the upstream knows of the requests it received.

use std::time::Duration;

use crate::support::{CHAT, Client, End, MESSAGES, chat, message, soon, within};
use orchestra_testkit::{At, Behaviour, How, Outcome, Received, Script, Upstream, When, checksum};
use serde_json::json;
use tokio::io::AsyncWriteExt;

/// The time within which the upstream must notice that its client has gone.
const NOTICE: Duration = Duration::from_millis(100);

fn upstream(behaviour: Behaviour) -> Upstream {
    Upstream::start(Script::new().otherwise(behaviour)).unwrap()
}

async fn ended(upstream: &Upstream, seq: u64) -> Received {
    soon(upstream.wait_until(|r| r.seq == seq && r.outcome != Outcome::Open)).await
}

#[tokio::test]
async fn requests_are_kept_as_they_came() {
    let upstream = upstream(Behaviour::answer());
    let (mut one, mut two) = (Client::new(&upstream).await, Client::new(&upstream).await);
    let body = chat("m", false).to_string();
    one.send(
        "POST",
        "/x/v1/chat/completions?a=1&b",
        &[("X-Tag", "T"), ("x-tag", "U")],
        body.as_bytes(),
    )
    .await;
    one.reply().await;
    two.post(MESSAGES, &message(true)).await;
    one.get("/v1/models", &[]).await;
    ended(&upstream, 3).await;

    let log = upstream.log();
    let seen: Vec<_> = log
        .iter()
        .map(|r| (r.seq, r.method.as_str(), r.path.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            (1, "POST", "/x/v1/chat/completions"),
            (2, "POST", MESSAGES),
            (3, "GET", "/v1/models")
        ]
    );
    assert_eq!(
        (log[0].query.as_str(), log[0].body_bytes),
        ("a=1&b", body.len() as u64)
    );
    assert_eq!(
        (&log[0].body[..], log[0].json().unwrap()["model"].as_str()),
        (body.as_bytes(), Some("m"))
    );
    let tags: Vec<_> = log[0]
        .headers
        .iter()
        .filter(|(name, _)| name == "x-tag")
        .collect();
    assert_eq!(tags.len(), 2);
    assert_eq!(log[0].header("X-TAG"), Some("T"));
    assert_eq!(log[0].connection, log[2].connection);
    assert_ne!(log[0].connection, log[1].connection);
    assert!(log.iter().all(|r| r.outcome == Outcome::Completed));
    assert!(log[0].at <= log[1].at);
    assert_eq!((upstream.requests(), upstream.connections()), (3, 2));
}

#[tokio::test]
async fn a_reset_starts_anew() {
    let upstream = upstream(Behaviour::hang());
    let mut hanging = Client::new(&upstream).await;
    hanging
        .send("POST", CHAT, &[], chat("m", false).to_string().as_bytes())
        .await;
    soon(upstream.wait_for(1)).await;
    upstream.reset_log();
    assert_eq!((upstream.requests(), upstream.log().len()), (0, 0));

    upstream.set_script(Script::new());
    let mut client = Client::new(&upstream).await;
    client.get("/v1/models", &[]).await;
    assert_eq!(ended(&upstream, 1).await.path, "/v1/models");
    // The end of a request from before the reset is not taken for that of another.
    drop(hanging);
    client.get("/v1/models", &[]).await;
    ended(&upstream, 2).await;
    assert!(
        upstream
            .log()
            .iter()
            .all(|r| r.outcome == Outcome::Completed)
    );
}

#[tokio::test]
async fn without_a_log_requests_are_only_counted() {
    let upstream = Upstream::start(Script::new().without_log()).unwrap();
    Client::new(&upstream).await.get("/v1/models", &[]).await;
    soon(upstream.wait_for(1)).await;
    assert_eq!((upstream.requests(), upstream.log().len()), (1, 0));
}

#[tokio::test]
async fn the_log_keeps_the_newest() {
    let upstream = upstream(Behaviour::json(200, "{}"));
    let mut client = Client::new(&upstream).await;
    // 256 KiB of each body are kept, and 64 MiB altogether.
    let body = vec![b'x'; 300 * 1024];
    for _ in 0..260 {
        client.send("POST", "/upload", &[], &body).await;
        client.reply().await;
    }
    let log = upstream.log();
    assert_eq!((log.len(), log.last().unwrap().seq), (256, 260));
    assert_eq!(
        (log[0].body.len(), log[0].body_bytes),
        (256 * 1024, 300 * 1024)
    );
}

/// Waits for silence of the given kind, leaves, and returns what was recorded in time.
async fn left(behaviour: Behaviour, stream: bool, events: usize, reset: bool) -> Received {
    let upstream = upstream(behaviour);
    let mut client = Client::new(&upstream).await;
    client
        .send("POST", CHAT, &[], chat("m", stream).to_string().as_bytes())
        .await;
    soon(upstream.wait_for(1)).await;
    if events > 0 {
        soon(client.head()).await.unwrap();
        for _ in 0..events {
            soon(client.chunk()).await.unwrap().unwrap();
        }
    }
    assert_eq!(upstream.log()[0].outcome, Outcome::Open);
    if reset {
        client.stream.set_zero_linger().unwrap();
    }
    drop(client);
    within(NOTICE, upstream.wait_for_gone()).await
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_within_100_ms() {
    let hour = Duration::from_secs(3_600);
    let nothing = Outcome::ClientGone { after_bytes: 0 };
    for reset in [false, true] {
        assert_eq!(
            left(Behaviour::hang(), false, 0, reset).await.outcome,
            nothing
        );
        assert_eq!(
            left(Behaviour::answer().delay(hour), true, 0, reset)
                .await
                .outcome,
            nothing
        );
        let after_headers = Behaviour::answer().interrupt(At::AfterHeaders, How::Hang);
        assert_eq!(left(after_headers, true, 0, reset).await.outcome, nothing);
        let silent = Behaviour::answer().interrupt(At::AfterEvents(3), How::Hang);
        let gone = left(silent, true, 3, reset).await;
        assert!(matches!(gone.outcome, Outcome::ClientGone { after_bytes } if after_bytes > 100));
        let slow = Behaviour::answer().gap(hour);
        assert!(left(slow, true, 1, reset).await.is_gone());
        let dripping = Behaviour::answer().drip(hour);
        assert_eq!(
            left(dripping, true, 1, reset).await.outcome,
            Outcome::ClientGone { after_bytes: 1 }
        );
    }
}

#[tokio::test]
async fn a_hang_at_a_byte_sends_what_precedes_it() {
    let upstream =
        upstream(Behaviour::sse("data: 1\n\ndata: 2\n\n").interrupt(At::AfterBytes(12), How::Hang));
    let mut client = Client::new(&upstream).await;
    client
        .send("POST", CHAT, &[], chat("m", true).to_string().as_bytes())
        .await;
    soon(client.head()).await.unwrap();
    assert_eq!(soon(client.chunk()).await.unwrap().unwrap(), b"data: 1\n\n");
    assert_eq!(soon(client.chunk()).await.unwrap().unwrap(), b"dat");
    drop(client);
    let gone = within(NOTICE, upstream.wait_for_gone()).await;
    assert_eq!(gone.outcome, Outcome::ClientGone { after_bytes: 12 });
}

#[tokio::test]
async fn a_client_that_leaves_while_it_sends_is_noticed() {
    let upstream = upstream(Behaviour::answer());
    let mut client = Client::new(&upstream).await;
    let half = "POST /v1/files HTTP/1.1\r\ncontent-length: 100\r\n\r\nonly this";
    client.stream.write_all(half.as_bytes()).await.unwrap();
    drop(client);
    let gone = within(NOTICE, upstream.wait_for_gone()).await;
    assert_eq!(
        (gone.outcome, gone.body_bytes),
        (Outcome::ClientGone { after_bytes: 0 }, 9)
    );
}

#[tokio::test]
async fn a_dropped_upstream_takes_its_connections_along() {
    let upstream = upstream(Behaviour::hang());
    let address = upstream.address();
    let mut client = Client::new(&upstream).await;
    client
        .send("POST", CHAT, &[], chat("m", false).to_string().as_bytes())
        .await;
    soon(upstream.wait_for(1)).await;
    drop(upstream);
    assert_eq!(client.rest().await.0, b"");
    // The accepting task ends at its next turn, which the read above has given it.
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn bodies_of_any_kind_and_size_are_echoed_by_checksum() {
    let upstream = upstream(Behaviour::answer());
    let mut client = Client::new(&upstream).await;
    let body: Vec<u8> = (0..5_000_000_u32)
        .map(|n| n.to_le_bytes()[n as usize % 3])
        .collect();
    let multipart = [("Content-Type", "multipart/form-data; boundary=x")];
    client
        .send("PUT", "/v1/files?purpose=batch", &multipart, &body)
        .await;
    let echo = client.reply().await.json();
    let expected = json!({
        "method": "PUT", "path": "/v1/files", "query": "purpose=batch",
        "headers": ["host", "content-type", "content-length"],
        "body_bytes": body.len(), "checksum": format!("{:016x}", checksum(&body)),
    });
    assert_eq!(echo, expected);

    let chunked =
        "POST /x HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    client.stream.write_all(chunked.as_bytes()).await.unwrap();
    let echo = client.reply().await.json();
    assert_eq!(
        (&echo["body_bytes"], &echo["checksum"]),
        (&json!(5), &json!(format!("{:016x}", checksum(b"abcde"))))
    );
    assert_eq!(&ended(&upstream, 2).await.body[..], b"abcde");
}

#[tokio::test]
async fn http_is_taken_as_it_may_come() {
    let upstream = upstream(Behaviour::answer());
    let mut client = Client::new(&upstream).await;
    // Two requests in one write, the second in the middle of a word.
    let pipelined = "GET /v1/models HTTP/1.1\r\n\r\nGET /v1/models HT";
    client.stream.write_all(pipelined.as_bytes()).await.unwrap();
    assert_eq!(client.reply().await.status, 200);
    client.stream.write_all(b"TP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(client.reply().await.status, 200);
    // A client that waits to be told to go on.
    let waiting = "POST /x HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n";
    client.stream.write_all(waiting.as_bytes()).await.unwrap();
    assert_eq!(soon(client.head()).await.unwrap().status, 100);
    client.stream.write_all(b"ok").await.unwrap();
    assert_eq!(client.reply().await.json()["body_bytes"], 2);
    // An answer to HEAD has no body, whatever its headers say.
    client.send("HEAD", "/x", &[], b"").await;
    assert_ne!(
        soon(client.head()).await.unwrap().header("content-length"),
        Some("0")
    );
    assert_eq!(client.get("/v1/models", &[]).await.status, 200);
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let upstream = upstream(Behaviour::answer());
    for request in [
        "\x16\x03\x01\r\n\r\n",
        "POST /x HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let mut client = Client::new(&upstream).await;
        client.stream.write_all(request.as_bytes()).await.unwrap();
        assert_eq!(client.reply().await.status, 400);
        assert_eq!(client.rest().await.1, End::Closed);
    }
    let mut client = Client::new(&upstream).await;
    let huge = "POST /v1/messages HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n";
    client.stream.write_all(huge.as_bytes()).await.unwrap();
    assert_eq!(client.reply().await.status, 413);
}

#[tokio::test]
async fn the_control_endpoints_serve_other_languages() {
    let upstream = upstream(Behaviour::answer());
    let mut client = Client::new(&upstream).await;
    // Without leave they are paths like any other.
    assert_eq!(
        client.get("/__testkit/log", &[]).await.json()["path"],
        "/__testkit/log"
    );
    upstream.enable_control();
    upstream.reset_log();
    let script = json!({"default": {"reply": {"error": {"status": 503}}}});
    assert_eq!(client.post("/__testkit/script", &script).await.status, 200);
    assert_eq!(client.post(CHAT, &chat("m", false)).await.status, 503);
    ended(&upstream, 1).await;
    let state = client.get("/__testkit/log", &[]).await.json();
    assert_eq!(
        (&state["requests"], &state["log"][0]["path"]),
        (&json!(1), &json!(CHAT))
    );
    assert_eq!(state["log"][0]["outcome"], "completed");
    assert_eq!(
        client.post("/__testkit/reset", &json!({})).await.status,
        200
    );
    assert_eq!(upstream.requests(), 0);
    let reply = client
        .post("/__testkit/script", &json!({"defualt": {}}))
        .await;
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("defualt"));
    let large = json!({"models": ["x".repeat(300 * 1024)]});
    assert_eq!(client.post("/__testkit/script", &large).await.status, 413);
    assert_eq!(client.get("/__testkit/other", &[]).await.status, 404);
}

#[tokio::test]
async fn a_new_script_counts_from_the_start() {
    let script = || Script::new().on(When::any().nth(1), Behaviour::error(500));
    let upstream = Upstream::start(script()).unwrap();
    let mut client = Client::new(&upstream).await;
    assert_eq!(client.get("/v1/models", &[]).await.status, 500);
    assert_eq!(client.get("/v1/models", &[]).await.status, 200);
    upstream.set_script(script());
    assert_eq!(client.get("/v1/models", &[]).await.status, 500);
}

#[test]
fn outside_a_runtime_it_does_not_start() {
    assert!(Upstream::start(Script::new()).is_err());
}
