//! Streams that are kept.

use std::pin::pin;

use futures_util::future::join_all;
use http_body_util::BodyExt;
use orchestra_dialects::Endpoint;
use orchestra_gateway::CacheRules;
use orchestra_providers::Row;
use orchestra_testkit::{At, Behaviour, How, Script, Upstream};

use super::{CHAT, Kitchen, kept};
use crate::harness::{Ask, MODEL, row, soon};
use crate::wire;

fn streamed(endpoint: Endpoint) -> Ask {
    let ask = Ask::new(endpoint, MODEL, true);
    if endpoint != Endpoint::Responses {
        return kept(ask);
    }
    let text = wire::request(endpoint, MODEL, true);
    kept(Ask::body(
        endpoint,
        text.replacen('{', r#"{"store":false,"#, 1),
    ))
}

#[tokio::test]
async fn a_stream_comes_again_byte_for_byte() {
    for endpoint in wire::SPOKEN {
        let whole = wire::recorded(endpoint).whole();
        let kitchen = Kitchen::new([Behaviour::sse(whole.clone())]);
        let first = kitchen.ask(streamed(endpoint)).await;
        assert_eq!(first.header("x-orchestra-cache"), "miss", "{endpoint}");
        let again = kitchen.ask(streamed(endpoint)).await;
        assert_eq!(again.header("x-orchestra-cache"), "hit", "{endpoint}");
        assert_eq!(again.text(), whole, "{endpoint}");
        assert_eq!(again.header("content-type"), first.header("content-type"));
        assert_eq!(again.header("cache-control"), "no-store");
        assert_eq!(again.record.finish, first.record.finish);
        assert_eq!(kitchen.sent(), 1);
        assert!(again.record.streamed);
    }
}

#[tokio::test]
async fn a_translated_answer_is_kept_as_the_client_got_it() {
    let upstream = Upstream::start(Script::new()).unwrap();
    let mut only_messages: Row = row(&upstream.base_url());
    only_messages.endpoints = Some(vec!["messages".to_owned()]);
    let kitchen = Kitchen::of(CacheRules::default(), &[only_messages], vec![upstream]);
    let seeded = |stream| {
        let body = format!(
            r#"{{"model":"{MODEL}","seed":1,"stream":{stream},"messages":[{{"role":"user","content":"Hi"}}]}}"#
        );
        kept(Ask::body(CHAT, body))
    };
    for stream in [false, true] {
        let first = kitchen.ask(seeded(stream)).await;
        let again = kitchen.ask(seeded(stream)).await;
        assert_eq!(first.header("x-orchestra-cache"), "miss");
        assert_eq!(again.header("x-orchestra-cache"), "hit", "{stream}");
        assert!(first.text().contains("chat.completion"), "{}", first.text());
        assert_eq!(again.text(), first.text());
        assert_ne!(first.header("x-orchestra-losses"), "");
        assert_eq!(
            again.header("x-orchestra-losses"),
            first.header("x-orchestra-losses")
        );
    }
    assert_eq!(kitchen.sent(), 2);
}

#[tokio::test]
async fn a_stream_that_is_cut_is_never_kept() {
    for endpoint in wire::SPOKEN {
        let whole = wire::recorded(endpoint).whole();
        let ends = whole.len();
        let kitchen = Kitchen::new([Behaviour::answer()]);
        let asks = (0..ends).map(|sent| (sent, How::Close));
        for (sent, how) in asks.chain([(ends / 2, How::Reset)]) {
            let cut = Behaviour::sse(whole.clone()).interrupt(At::AfterBytes(sent as u64), how);
            kitchen.stage.upstreams[0].set_script(Script::new().otherwise(cut));
            let got = kitchen.ask(streamed(endpoint)).await;
            let terminals = wire::parse(endpoint, &whole.as_bytes()[..sent]).terminals;
            let stored = kitchen.stage.gateway.cache_report().stored;
            assert_eq!(
                stored,
                terminals as u64,
                "{endpoint} after {sent} bytes: {}",
                got.text()
            );
            if terminals > 0 {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_stream_that_reports_an_error_is_never_kept() {
    for endpoint in wire::SPOKEN {
        let (before, _) = wire::recorded(endpoint).at_content();
        let failing = Behaviour::sse(before + wire::error_event(endpoint));
        let kitchen = Kitchen::new([failing]);
        for sent in 1..=2 {
            assert_eq!(kitchen.says(streamed(endpoint)).await, "miss", "{endpoint}");
            assert_eq!(kitchen.sent(), sent);
        }
    }
}

#[tokio::test]
async fn a_stream_whose_client_left_is_not_kept() {
    let kitchen = Kitchen::new([Behaviour::sse(wire::recorded(CHAT).whole())]);
    let mut answer = soon(kitchen.stage.gateway.call(streamed(CHAT).into_incoming())).await;
    {
        let mut frame = pin!(answer.body_mut().frame());
        let _ = soon(&mut frame).await.unwrap().unwrap();
    }
    drop(answer);
    kitchen.stage.record();
    assert_eq!(kitchen.stage.gateway.cache_report().stored, 0);
    assert_eq!(kitchen.says(streamed(CHAT)).await, "miss");
}

#[tokio::test]
async fn many_at_once_get_the_same() {
    let whole = wire::recorded(CHAT).whole();
    let kitchen = Kitchen::new([Behaviour::sse(whole.clone())]);
    kitchen.ask(streamed(CHAT)).await;
    let calls = (0..50).map(|_| async {
        let answer = kitchen
            .stage
            .gateway
            .call(streamed(CHAT).into_incoming())
            .await;
        answer.into_body().collect().await.unwrap().to_bytes()
    });
    for body in soon(join_all(calls)).await {
        assert_eq!(body, whole);
    }
    assert_eq!(kitchen.sent(), 1);
}
