//! What a script can have said, and when.

use std::time::{Duration, Instant, SystemTime};

use crate::support::{CHAT, Client, End, MESSAGES, RESPONSES, chat, message, response, soon};
use orchestra_testkit::{After, Behaviour, KeepAlive, Script, Upstream, When};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

const MS_30: Duration = Duration::from_millis(30);

fn upstream(behaviour: Behaviour) -> Upstream {
    Upstream::start(Script::new().otherwise(behaviour)).unwrap()
}

#[tokio::test]
async fn the_first_rule_that_fits_decides() {
    let script = Script::new()
        .on(When::model("slow*").nth(2), Behaviour::error(500))
        .on(
            When::model("slow*").and(When::header("x-tag", "a*")),
            Behaviour::error(501),
        )
        .on(When::path("/messages"), Behaviour::error(529))
        .on(When::body("needle"), Behaviour::error(503))
        .otherwise(Behaviour::error(418));
    let upstream = Upstream::start(script).unwrap();
    let mut client = Client::new(&upstream).await;
    assert_eq!(client.post(CHAT, &chat("slow-1", false)).await.status, 418);
    assert_eq!(client.post(CHAT, &chat("slow-1", false)).await.status, 500);
    client
        .send(
            "POST",
            CHAT,
            &[("X-Tag", "abc")],
            chat("slow-1", false).to_string().as_bytes(),
        )
        .await;
    assert_eq!(client.reply().await.status, 501);
    assert_eq!(client.post(MESSAGES, &message(false)).await.status, 529);
    assert_eq!(client.post(CHAT, &chat("needle", false)).await.status, 503);
    assert_eq!(client.get("/v1/models", &[]).await.status, 418);
}

#[tokio::test]
async fn errors_are_told_in_the_callers_dialect() {
    let script = Behaviour::error_with(429, "insufficient_quota", "no more").retry_after(7);
    let upstream = upstream(script);
    let mut client = Client::new(&upstream).await;
    let reply = client.post(CHAT, &chat("m", true)).await;
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (429, Some("7"))
    );
    let error = reply.json()["error"].clone();
    assert_eq!(
        (&error["message"], &error["code"]),
        (&json!("no more"), &json!("insufficient_quota"))
    );
    assert!(error.as_object().unwrap()["param"].is_null());
    let reply = client.post(MESSAGES, &message(true)).await;
    let body = reply.json();
    assert_eq!(
        (&body["type"], &body["error"]["type"]),
        (&json!("error"), &json!("rate_limit_error"))
    );
    assert_eq!(body["error"]["details"]["error_code"], "insufficient_quota");
    assert_eq!(body["request_id"].as_str(), reply.header("request-id"));
}

#[tokio::test]
async fn retry_after_can_be_a_date() {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    let upstream = upstream(Behaviour::error(503).retry_at(time));
    let reply = Client::new(&upstream)
        .await
        .post(CHAT, &chat("m", false))
        .await;
    assert_eq!(
        reply.header("retry-after"),
        Some("Sun, 06 Nov 1994 08:49:37 GMT")
    );
}

#[tokio::test]
async fn given_bodies_are_sent_as_they_are() {
    let upstream = upstream(Behaviour::html(502, "<h1>Bad gateway</h1>").header("server", "proxy"));
    let reply = Client::new(&upstream)
        .await
        .post(CHAT, &chat("m", false))
        .await;
    assert_eq!(
        (reply.status, reply.text().as_str()),
        (502, "<h1>Bad gateway</h1>")
    );
    assert_eq!(
        reply.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(reply.header("server"), Some("proxy"));

    let recorded = "event: a\ndata: 1\n\n: note\n\ndata: 2\r\n\r\ndata: cut";
    upstream.set_script(Script::new().otherwise(Behaviour::sse(recorded)));
    let reply = Client::new(&upstream)
        .await
        .post(CHAT, &chat("m", true))
        .await;
    assert_eq!((reply.text().as_str(), reply.chunks.len()), (recorded, 4));

    upstream.set_script(Script::new().otherwise(Behaviour::redirect("http://elsewhere.test/v1")));
    let reply = Client::new(&upstream)
        .await
        .post(CHAT, &chat("m", false))
        .await;
    assert_eq!(
        (reply.status, reply.header("location")),
        (302, Some("http://elsewhere.test/v1"))
    );
}

#[tokio::test]
async fn a_scripted_header_replaces_the_usual_one() {
    let upstream = upstream(Behaviour::answer().header("X-Request-Id", "mine"));
    let reply = Client::new(&upstream)
        .await
        .post(CHAT, &chat("m", false))
        .await;
    let ids: Vec<_> = reply
        .headers
        .iter()
        .filter(|(name, _)| name == "x-request-id")
        .collect();
    assert_eq!(ids, [&("x-request-id".to_owned(), "mine".to_owned())]);
}

#[tokio::test]
async fn generated_texts_have_the_wanted_size() {
    let upstream = upstream(Behaviour::answer().size(640));
    let mut client = Client::new(&upstream).await;
    let text = |body: Value| {
        body["choices"][0]["message"]["content"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        text(client.post(CHAT, &chat("m", false)).await.json()).len(),
        640
    );
    let three = Behaviour::answer().chunks(3).chunk_text("ab ");
    upstream.set_script(Script::new().otherwise(three));
    assert_eq!(
        text(client.post(CHAT, &chat("m", false)).await.json()),
        "ab ab ab "
    );
    // Role, three pieces, finish and the closing mark.
    assert_eq!(client.post(CHAT, &chat("m", true)).await.chunks.len(), 6);
    upstream.set_script(Script::new().otherwise(Behaviour::text("Ab abc.").goes_on()));
    for (begun, rest) in [
        ("", "Ab abc."),
        ("Ab ab", "c."),
        ("Ab", " abc."),
        ("ab", "Ab abc."),
    ] {
        let mut body = chat("m", false);
        let turns = body["messages"].as_array_mut().unwrap();
        if !begun.is_empty() {
            turns.push(serde_json::json!({"role": "assistant", "content": begun}));
        }
        let got = client.post(CHAT, &body).await.json();
        assert_eq!(text(got), rest, "{begun:?}");
    }
    upstream.set_script(Script::new().otherwise(Behaviour::quote()));
    assert!(text(client.post(CHAT, &chat("m", false)).await.json()).ends_with("Hi"));
}

#[tokio::test]
async fn nothing_is_said_before_the_delay() {
    let upstream = upstream(Behaviour::answer().delay(MS_30));
    let mut client = Client::new(&upstream).await;
    let start = Instant::now();
    client.post(CHAT, &chat("m", false)).await;
    assert!(start.elapsed() >= MS_30);
}

#[tokio::test]
async fn headers_come_before_the_first_event_and_events_have_gaps() {
    let behaviour = Behaviour::answer()
        .chunks(2)
        .first_event_after(MS_30)
        .gap(MS_30);
    let upstream = upstream(behaviour);
    let mut client = Client::new(&upstream).await;
    client
        .send("POST", CHAT, &[], chat("m", true).to_string().as_bytes())
        .await;
    soon(client.head()).await.unwrap();
    let start = Instant::now();
    for number in 1..=5 {
        assert!(soon(client.chunk()).await.unwrap().is_some());
        // The head may have been read a little late; one pause in hand covers that.
        assert!(start.elapsed() >= MS_30 * (number - 1), "event {number}");
    }
    assert!(soon(client.chunk()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_dripping_body_comes_byte_by_byte() {
    let upstream = upstream(Behaviour::sse("data: 12345\n\n").drip(Duration::from_millis(1)));
    let reply = Client::new(&upstream)
        .await
        .post(CHAT, &chat("m", true))
        .await;
    assert!(reply.chunks.iter().all(|chunk| chunk.len() == 1));
    assert_eq!(reply.text(), "data: 12345\n\n");
}

#[tokio::test]
async fn signs_of_life_precede_the_answer() {
    let check = |kind, path, body: Value, sign: &'static str| async move {
        let upstream = upstream(Behaviour::answer().keep_alive(kind, 3, Duration::from_millis(1)));
        let reply = Client::new(&upstream).await.post(path, &body).await;
        assert_eq!(reply.end, End::Whole);
        let text = reply.text();
        let rest = text.strip_prefix(&sign.repeat(3)).expect("three signs");
        assert!(!rest.starts_with(sign));
        rest.to_owned()
    };
    check(
        KeepAlive::Comment,
        CHAT,
        chat("m", true),
        ": keep-alive\n\n",
    )
    .await;
    check(
        KeepAlive::Ping,
        MESSAGES,
        message(true),
        "event: ping\ndata: {\"type\": \"ping\"}\n\n",
    )
    .await;
    let json = check(KeepAlive::BlankLine, CHAT, chat("m", false), "\n").await;
    assert!(serde_json::from_str::<Value>(&json).is_ok());
}

/// Everything that one read returns, which is what one write sent.
async fn first_read(upstream: &Upstream, body: &Value) -> String {
    let mut client = Client::new(upstream).await;
    client
        .send("POST", CHAT, &[], body.to_string().as_bytes())
        .await;
    let mut bytes = vec![0; 256 * 1024];
    let count = soon(client.stream.read(&mut bytes)).await.unwrap();
    String::from_utf8(bytes[..count].to_vec()).unwrap()
}

#[tokio::test]
async fn whole_answers_and_coalesced_streams_are_one_write() {
    let upstream = upstream(Behaviour::answer().coalesce());
    assert!(
        first_read(&upstream, &chat("m", false))
            .await
            .ends_with('}')
    );
    let stream = first_read(&upstream, &chat("m", true)).await;
    assert!(
        stream.ends_with("data: [DONE]\n\n\r\n0\r\n\r\n"),
        "{stream}"
    );
}

#[tokio::test]
async fn connections_are_kept_unless_the_script_closes_them() {
    let upstream = upstream(Behaviour::answer());
    let mut client = Client::new(&upstream).await;
    for _ in 0..3 {
        assert_eq!(client.post(CHAT, &chat("m", true)).await.end, End::Whole);
    }
    assert_eq!(upstream.connections(), 1);

    let announced = |after| async move {
        let upstream = self::upstream(Behaviour::answer().after(after));
        let mut client = Client::new(&upstream).await;
        let reply = client.post(CHAT, &chat("m", false)).await;
        assert_eq!(
            (reply.end, client.rest().await),
            (End::Whole, (Vec::new(), End::Closed))
        );
        reply.header("connection").map(str::to_owned)
    };
    assert_eq!(announced(After::Close).await.as_deref(), Some("close"));
    assert_eq!(announced(After::CloseSilently).await, None);
    assert_eq!(
        announced(After::CloseWhenIdle(Duration::from_millis(5))).await,
        None
    );
}

#[tokio::test]
async fn a_client_that_wants_the_connection_closed_gets_it() {
    let upstream = upstream(Behaviour::answer());
    let mut client = Client::new(&upstream).await;
    client
        .send("GET", "/v1/models", &[("connection", "close")], b"")
        .await;
    assert_eq!(client.reply().await.header("connection"), Some("close"));
    assert_eq!(client.rest().await.1, End::Closed);
}

#[tokio::test]
async fn directives_in_the_body_have_their_way() {
    let upstream = Upstream::start(Script::new().with_directives()).unwrap();
    let mut client = Client::new(&upstream).await;
    let prompt = |text: &str| {
        json!({"model": "m", "messages": [
            {"role": "user", "content": "[[fake status=500]]"}, {"role": "user", "content": text}]})
    };
    let reply = client
        .post(CHAT, &prompt("[[fake status=503 retry_after=2]] hi"))
        .await;
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (503, Some("2"))
    );
    assert_eq!(
        client
            .post(CHAT, &chat("m[[fake status=404]]", false))
            .await
            .status,
        404
    );
    let reply = client.post(CHAT, &prompt("[[fake stauts=503]]")).await;
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("stauts=503"));
    let reply = client.post(CHAT, &prompt("[[fake status=9000]]")).await;
    assert_eq!(reply.status, 400);
    assert_eq!(client.post(RESPONSES, &response(false)).await.status, 200);

    upstream.set_script(Script::new());
    assert_eq!(
        client
            .post(CHAT, &prompt("[[fake status=503]]"))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn directed_faults_strike_every_kth_time() {
    let upstream = Upstream::start(Script::new().with_directives()).unwrap();
    let mut client = Client::new(&upstream).await;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        let body = chat("[[fake status=503 chunks=2 every=3]]", false);
        let reply = client.post(CHAT, &body).await;
        statuses.push(reply.status);
        assert_eq!(reply.text().contains("token2"), reply.status == 200);
    }
    assert_eq!(statuses, [200, 200, 503, 200, 200, 503]);
}

#[tokio::test]
async fn directives_make_a_script_too() {
    let upstream = Upstream::start("chunks=2 status=503 every=2".parse().unwrap()).unwrap();
    let mut client = Client::new(&upstream).await;
    assert_eq!(client.post(CHAT, &chat("m", false)).await.status, 200);
    assert_eq!(client.post(CHAT, &chat("m", false)).await.status, 503);
    assert!("status=x".parse::<Script>().is_err());
    assert!("nonsense".parse::<Script>().is_err());
}
