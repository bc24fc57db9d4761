//! What a script can have go wrong.

use crate::support::{
    CHAT, Client, End, MESSAGES, RESPONSES, Reply, chat, message, response, soon,
};
use orchestra_testkit::{At, Behaviour, How, Outcome, Script, Upstream};
use serde_json::Value;

fn upstream(behaviour: Behaviour) -> Upstream {
    Upstream::start(Script::new().otherwise(behaviour)).unwrap()
}

/// Plays a behaviour to a chat call and returns the reply and the recorded outcome.
async fn played(behaviour: Behaviour, stream: bool) -> (Result<Reply, End>, Outcome) {
    let upstream = upstream(behaviour);
    let mut client = Client::new(&upstream).await;
    client
        .send("POST", CHAT, &[], chat("m", stream).to_string().as_bytes())
        .await;
    let reply = client.try_reply().await;
    let ended = soon(upstream.wait_until(|request| request.outcome != Outcome::Open)).await;
    (reply, ended.outcome)
}

fn cut(at: At, how: How) -> Behaviour {
    Behaviour::answer().chunks(30).interrupt(at, how)
}

#[tokio::test]
async fn a_body_is_cut_at_the_very_byte() {
    let whole = played(cut(At::AfterBytes(u64::MAX), How::Close), false)
        .await
        .0
        .unwrap();
    let length = whole.body().len();
    for how in [How::Close, How::Reset] {
        for bytes in [0, 1, 100, length - 1] {
            let (reply, outcome) = played(cut(At::AfterBytes(bytes as u64), how), false).await;
            let reply = reply.unwrap();
            assert_eq!(reply.body(), whole.body()[..bytes]);
            assert_eq!(
                reply.end,
                if how == How::Close {
                    End::Closed
                } else {
                    End::Reset
                }
            );
            assert_eq!(
                outcome,
                Outcome::Cut {
                    after_bytes: bytes as u64
                }
            );
        }
    }
}

#[tokio::test]
async fn a_stream_is_cut_at_the_very_byte() {
    let whole = played(cut(At::AfterBytes(u64::MAX), How::Close), true)
        .await
        .0
        .unwrap();
    let length = whole.body().len();
    for bytes in [0, 1, 250, 1_000, length - 1, length] {
        let (reply, outcome) = played(cut(At::AfterBytes(bytes as u64), How::Close), true).await;
        let reply = reply.unwrap();
        assert_eq!(
            (reply.body(), reply.end),
            (whole.body()[..bytes].to_vec(), End::Closed)
        );
        assert_eq!(
            outcome,
            Outcome::Cut {
                after_bytes: bytes as u64
            }
        );
    }
    let (reply, outcome) = played(cut(At::AfterBytes(length as u64 + 1), How::Close), true).await;
    assert_eq!(
        (reply.unwrap().end, outcome),
        (End::Whole, Outcome::Completed)
    );
}

#[tokio::test]
async fn a_stream_is_cut_after_events() {
    for (how, end) in [
        (How::Close, End::Closed),
        (How::Reset, End::Reset),
        (How::End, End::Whole),
    ] {
        for events in [0, 1, 5, 33] {
            let (reply, _) = played(cut(At::AfterEvents(events), how), true).await;
            let reply = reply.unwrap();
            assert_eq!(
                (reply.chunks.len(), reply.end),
                (events as usize, end),
                "{how:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_whole_answer_is_cut_half_way_through() {
    let (reply, outcome) = played(cut(At::AfterEvents(3), How::Close), false).await;
    let reply = reply.unwrap();
    let declared: usize = reply.header("content-length").unwrap().parse().unwrap();
    assert_eq!((reply.body().len(), reply.end), (declared / 2, End::Closed));
    assert_eq!(
        outcome,
        Outcome::Cut {
            after_bytes: declared as u64 / 2
        }
    );
}

#[tokio::test]
async fn a_connection_is_closed_around_the_headers() {
    for (how, end) in [
        (How::Close, End::Closed),
        (How::Reset, End::Reset),
        (How::End, End::Closed),
    ] {
        let (reply, outcome) = played(cut(At::BeforeHeaders, how), true).await;
        assert_eq!(reply.unwrap_err(), end);
        assert_eq!(outcome, Outcome::Cut { after_bytes: 0 });
    }
    let (reply, _) = played(cut(At::AfterHeaders, How::Reset), true).await;
    let reply = reply.unwrap();
    assert_eq!(
        (reply.status, reply.chunks.len(), reply.end),
        (200, 0, End::Reset)
    );
}

#[tokio::test]
async fn the_connection_serves_on_after_an_orderly_end() {
    let upstream = upstream(cut(At::AfterEvents(2), How::End));
    let mut client = Client::new(&upstream).await;
    for _ in 0..2 {
        assert_eq!(client.post(CHAT, &chat("m", true)).await.chunks.len(), 2);
    }
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn a_stream_without_an_end_stops_after_its_content() {
    let cases = [
        (CHAT, chat("m", true)),
        (MESSAGES, message(true)),
        (RESPONSES, response(true)),
    ];
    for (path, body) in cases {
        let upstream = upstream(Behaviour::text("only this").no_terminal());
        let reply = Client::new(&upstream).await.post(path, &body).await;
        assert_eq!(reply.end, End::Whole);
        assert!(
            reply.events().last().unwrap().data.contains("this"),
            "{path}"
        );
        assert!(
            !reply.text().contains("[DONE]")
                && !reply.text().contains("\"finish_reason\":\"stop\"")
        );
    }
}

#[tokio::test]
async fn an_error_event_ends_the_stream_in_the_callers_dialect() {
    let ended = |path, body: Value| async move {
        let upstream = upstream(Behaviour::answer().error_event(2));
        let reply = Client::new(&upstream).await.post(path, &body).await;
        let events = reply.events();
        assert_eq!((events.len(), reply.end), (3, End::Whole));
        (events[2].name.clone(), events[2].json())
    };
    let (name, body) = ended(CHAT, chat("m", true)).await;
    assert_eq!(
        (name, &body["error"]["type"]),
        (None, &Value::from("server_error"))
    );
    let (name, body) = ended(MESSAGES, message(true)).await;
    assert_eq!(
        (name.as_deref(), &body["error"]["type"]),
        (Some("error"), &Value::from("overloaded_error"))
    );
    let (name, body) = ended(RESPONSES, response(true)).await;
    assert_eq!(
        (name.as_deref(), &body["sequence_number"]),
        (Some("error"), &Value::from(2))
    );
}

#[tokio::test]
async fn malformed_events_are_inserted() {
    let reply = played(Behaviour::answer().malformed_json(2), true)
        .await
        .0
        .unwrap();
    let events = reply.events();
    let broken = |data: &str| data != "[DONE]" && serde_json::from_str::<Value>(data).is_err();
    let places: Vec<_> = (0..events.len())
        .filter(|at| broken(&events[*at].data))
        .collect();
    assert_eq!(places, [2]);
    assert_eq!(events.last().unwrap().data, "[DONE]");

    let reply = played(Behaviour::answer().invalid_utf8(1), true)
        .await
        .0
        .unwrap();
    let invalid = |chunk: &Vec<u8>| str::from_utf8(chunk).is_err();
    assert_eq!(reply.chunks.iter().position(invalid), Some(1));
    assert_eq!(
        reply.chunks.iter().filter(|chunk| invalid(chunk)).count(),
        1
    );
}

#[tokio::test]
async fn whole_answers_can_be_malformed_too() {
    let reply = played(Behaviour::answer().malformed_json(0), false)
        .await
        .0
        .unwrap();
    assert_eq!(reply.end, End::Whole);
    assert!(serde_json::from_slice::<Value>(&reply.body()).is_err());
    let reply = played(Behaviour::answer().invalid_utf8(0), false)
        .await
        .0
        .unwrap();
    assert!(str::from_utf8(&reply.body()).is_err());
    let text = String::from_utf8_lossy(&reply.body()).into_owned();
    assert!(
        serde_json::from_str::<Value>(&text).is_ok(),
        "only the byte is wrong: {text}"
    );
}

#[tokio::test]
async fn a_huge_event_is_one_legal_line() {
    let reply = played(Behaviour::answer().huge_event(3_000_000), true)
        .await
        .0
        .unwrap();
    // The first event opens the stream.
    let event = &reply.events()[1];
    assert!(event.data.len() > 3_000_000);
    assert_eq!(
        event.json()["choices"][0]["delta"]["content"]
            .as_str()
            .unwrap()
            .len(),
        3_000_000
    );
    assert_eq!(reply.events().last().unwrap().data, "[DONE]");
}

#[tokio::test]
async fn an_endless_stream_goes_on_until_the_client_leaves() {
    for behaviour in [
        Behaviour::answer().endless(),
        Behaviour::answer().coalesce().endless(),
    ] {
        let upstream = upstream(behaviour);
        let mut client = Client::new(&upstream).await;
        client
            .send(
                "POST",
                RESPONSES,
                &[],
                response(true).to_string().as_bytes(),
            )
            .await;
        soon(client.head()).await.unwrap();
        let mut last = 0;
        for _ in 0..2_000 {
            let chunk = soon(client.chunk()).await.unwrap().unwrap();
            let data = String::from_utf8(chunk).unwrap();
            let data = data.lines().nth(1).unwrap().strip_prefix("data: ").unwrap();
            let number = serde_json::from_str::<Value>(data).unwrap()["sequence_number"]
                .as_u64()
                .unwrap();
            assert!(number >= last);
            last = number;
        }
        drop(client);
        let gone = soon(upstream.wait_for_gone()).await;
        assert!(matches!(gone.outcome, Outcome::ClientGone { after_bytes } if after_bytes > 2_000));
    }
}

#[tokio::test]
async fn a_wrong_length_shows() {
    let length = |reply: &Reply| {
        reply
            .header("content-length")
            .unwrap()
            .parse::<usize>()
            .unwrap()
    };
    let right = played(Behaviour::answer(), false).await.0.unwrap().body();
    let (reply, outcome) = played(Behaviour::answer().misstate_length(5), false).await;
    let reply = reply.unwrap();
    assert_eq!(
        (length(&reply), reply.body(), reply.end),
        (right.len() + 5, right.clone(), End::Closed)
    );
    assert_eq!(outcome, Outcome::Completed);

    let upstream = upstream(Behaviour::answer().misstate_length(-5));
    let mut client = Client::new(&upstream).await;
    let reply = client.post(CHAT, &chat("m", false)).await;
    assert_eq!(length(&reply), right.len() - 5);
    // What the declared length leaves out comes after it, and nothing else does.
    assert_eq!([reply.body(), client.rest().await.0].concat(), right);
}

#[tokio::test]
async fn garbage_takes_the_place_of_http() {
    let upstream = upstream(Behaviour::garbage("\x16\x03\x01 not HTTP"));
    let mut client = Client::new(&upstream).await;
    client
        .send("POST", CHAT, &[], chat("m", false).to_string().as_bytes())
        .await;
    assert_eq!(
        client.rest().await,
        (b"\x16\x03\x01 not HTTP".to_vec(), End::Closed)
    );
}

#[tokio::test]
async fn faults_work_on_echoed_and_recorded_replies() {
    let upstream = upstream(Behaviour::error(503).interrupt(At::AfterBytes(4), How::Close));
    let mut client = Client::new(&upstream).await;
    client.send("PUT", "/v1/files/x", &[], b"abc").await;
    let reply = client.reply().await;
    assert_eq!(
        (reply.status, reply.body().len(), reply.end),
        (503, 4, End::Closed)
    );

    let recorded = Behaviour::sse("data: 1\n\ndata: 2\n\ndata: 3\n\n");
    let reply = played(recorded.clone().error_event(1), true)
        .await
        .0
        .unwrap();
    assert_eq!((reply.events().len(), reply.end), (2, End::Whole));
    let reply = played(recorded.interrupt(At::AfterEvents(2), How::Reset), true)
        .await
        .0
        .unwrap();
    assert_eq!(
        (reply.text().as_str(), reply.end),
        ("data: 1\n\ndata: 2\n\n", End::Reset)
    );
}
