//! What is kept, and what a hit is.

use std::time::Duration;

use orchestra_dialects::Endpoint;
use orchestra_gateway::{CacheUse, CacheWish, Ending};
use orchestra_testkit::{Behaviour, Script, When};
use orchestra_types::Money;

use super::{CHAT, Kitchen, chat, kept, refreshing, wishing};
use crate::harness::{Ask, MODEL};
use crate::wire;

#[tokio::test]
async fn nothing_is_kept_where_nobody_says_so() {
    let kitchen = Kitchen::new([Behaviour::answer()]);
    for sent in 1..=2 {
        assert_eq!(kitchen.says(Ask::new(CHAT, MODEL, false)).await, "");
        assert_eq!(kitchen.sent(), sent);
    }
    assert_eq!(kitchen.stage.gateway.cache_report(), Default::default());
}

#[tokio::test]
async fn the_second_of_two_equal_calls_reaches_nobody() {
    let answer = Behaviour::json(200, wire::answer(CHAT))
        .header("x-request-id", "of-the-first")
        .header("x-ratelimit-remaining-requests", "7");
    let kitchen = Kitchen::new([answer]);
    let first = kitchen.ask(chat()).await;
    assert_eq!(first.header("x-orchestra-cache"), "miss");
    assert_eq!(first.record.cache, Some(CacheUse::Miss));
    kitchen.clock.advance(Duration::from_millis(7_900));
    let second = kitchen.ask(chat()).await;
    assert_eq!(kitchen.sent(), 1);
    assert_eq!(
        (second.status.as_u16(), second.text()),
        (200, wire::answer(CHAT))
    );
    assert_eq!(second.header("x-orchestra-cache"), "hit");
    assert_eq!(second.header("age"), "7");
    assert_eq!(second.header("content-type"), first.header("content-type"));
    assert_eq!(second.header("x-orchestra-provider"), "one");
    // What is one call's own is not the other's.
    assert_eq!(second.header("x-orchestra-attempts"), "");
    assert_eq!(second.header("x-ratelimit-remaining-requests"), "");
    let id = second.record.id.to_string();
    assert_eq!(second.header("x-request-id"), id);
    assert_ne!(first.record.id, second.record.id);

    let record = &second.record;
    assert_eq!((record.ending, record.status), (Ending::Completed, 200));
    assert_eq!(record.finish.as_deref(), Some("stop"));
    assert!(record.attempts.is_empty());
    assert_eq!((record.usage, record.cost), (None, Some(Money::ZERO)));
    let Some(CacheUse::Hit(hit)) = &record.cache else {
        panic!("{:?}", record.cache)
    };
    assert_eq!((hit.provider.as_str(), hit.model.as_str()), ("one", MODEL));
    assert_eq!(hit.age, Duration::from_millis(7_900));
    assert_eq!(hit.usage, first.record.usage);
}

#[tokio::test]
async fn every_endpoint_that_only_answers_is_kept() {
    for endpoint in [
        Endpoint::ChatCompletions,
        Endpoint::Completions,
        Endpoint::Embeddings,
        Endpoint::Messages,
    ] {
        let kitchen = Kitchen::new([Behaviour::json(200, wire::answer(endpoint))]);
        for expected in ["miss", "hit"] {
            let got = kitchen.ask(kept(Ask::new(endpoint, MODEL, false))).await;
            assert_eq!(got.header("x-orchestra-cache"), expected, "{endpoint}");
            assert_eq!(got.text(), wire::answer(endpoint));
        }
        assert_eq!(kitchen.sent(), 1);
    }
}

#[tokio::test]
async fn what_acts_or_is_kept_elsewhere_is_asked_each_time() {
    let tools = r#""tools":[{"type":"mcp"}],"messages":[{"role":"user","content":"Hi"}]"#;
    let stored = r#""store":true,"messages":[{"role":"user","content":"Hi"}]"#;
    for (endpoint, more) in [
        (Endpoint::CountTokens, wire_body()),
        (Endpoint::Responses, r#""input":"Hi""#),
        (CHAT, tools),
        (CHAT, stored),
    ] {
        let kitchen = Kitchen::new([Behaviour::json(200, wire::answer(endpoint))]);
        for sent in 1..=2 {
            let body = format!(r#"{{"model":"{MODEL}",{more}}}"#);
            assert_eq!(
                kitchen.says(kept(Ask::body(endpoint, body))).await,
                "",
                "{endpoint}"
            );
            assert_eq!(kitchen.sent(), sent, "{endpoint}");
        }
        assert_eq!(kitchen.stage.gateway.cache_report().stored, 0);
    }
    let kitchen = Kitchen::new([Behaviour::json(200, wire::answer(Endpoint::Responses))]);
    let body = format!(r#"{{"model":"{MODEL}","input":"Hi","store":false}}"#);
    for expected in ["miss", "hit"] {
        let ask = kept(Ask::body(Endpoint::Responses, body.clone()));
        assert_eq!(kitchen.says(ask).await, expected);
    }
}

const fn wire_body() -> &'static str {
    r#""messages":[{"role":"user","content":"Hi"}]"#
}

#[tokio::test]
async fn only_genuine_answers_are_kept() {
    let wrong = [
        Behaviour::error(400),
        Behaviour::error(500),
        Behaviour::json(200, r#"{"error":{"message":"no","type":"t"}}"#),
        Behaviour::json(200, "<html>"),
        Behaviour::json(203, wire::answer(CHAT)),
        Behaviour::json(200, wire::answer(CHAT)).misstate_length(5),
    ];
    for behaviour in wrong {
        let told = format!("{behaviour:?}");
        let kitchen = Kitchen::new([behaviour]);
        for sent in 1..=2 {
            assert_eq!(kitchen.says(chat()).await, "miss", "{told}");
            assert_eq!(kitchen.sent(), sent, "{told}");
        }
        assert_eq!(kitchen.stage.gateway.cache_report().stored, 0, "{told}");
    }
}

#[tokio::test]
async fn a_kept_answer_lives_as_long_as_its_call_said() {
    let kitchen = Kitchen::new([Behaviour::answer()]);
    assert_eq!(kitchen.says(chat()).await, "miss");
    kitchen.clock.advance(Duration::from_millis(599_999));
    assert_eq!(kitchen.says(chat()).await, "hit");
    kitchen.clock.advance(Duration::from_millis(1));
    assert_eq!(kitchen.says(chat()).await, "miss");
    let report = kitchen.stage.gateway.cache_report();
    assert_eq!((report.entries, report.stored, report.expired), (1, 2, 1));
    assert_eq!(kitchen.says(chat()).await, "hit");
}

#[tokio::test]
async fn whoever_wants_a_fresher_one_gets_it() {
    let kitchen = Kitchen::new([Behaviour::answer()]);
    let bare = |seconds| {
        let wish = CacheWish {
            usual: Some(orchestra_gateway::Cache {
                mode: orchestra_gateway::CacheMode::Semantic,
                max_age: None,
            }),
            max_age: Some(Duration::from_secs(seconds)),
            ..CacheWish::default()
        };
        wishing(Ask::new(CHAT, MODEL, false), wish)
    };
    assert_eq!(kitchen.says(bare(600)).await, "miss");
    kitchen.clock.advance(Duration::from_secs(100));
    assert_eq!(kitchen.says(bare(101)).await, "hit");
    assert_eq!(kitchen.says(bare(100)).await, "miss");
    // The newer one took its place, for as long as its own call said.
    assert_eq!(kitchen.says(bare(600)).await, "hit");
    kitchen.clock.advance(Duration::from_secs(100));
    assert_eq!(kitchen.says(bare(600)).await, "miss");
    assert_eq!(kitchen.says(bare(0)).await, "miss");
}

#[tokio::test]
async fn a_refresh_takes_the_place_of_what_was_there() {
    let kitchen = Kitchen::new([Behaviour::text("old")]);
    assert_eq!(kitchen.says(chat()).await, "miss");
    let set = |behaviour| kitchen.stage.upstreams[0].set_script(Script::new().otherwise(behaviour));
    set(Behaviour::error(500));
    // One that fails takes nothing away.
    assert_eq!(kitchen.says(refreshing(chat())).await, "refresh");
    assert!(kitchen.ask(chat()).await.text().contains("old"));
    set(Behaviour::text("new"));
    assert_eq!(kitchen.says(refreshing(chat())).await, "refresh");
    let got = kitchen.ask(chat()).await;
    assert!(got.text().contains("new"), "{}", got.text());
    assert_eq!(got.header("x-orchestra-cache"), "hit");
    assert_eq!(kitchen.sent(), 3);
    let report = kitchen.stage.gateway.cache_report();
    assert_eq!((report.entries, report.replaced, report.evicted), (1, 1, 0));
}

#[tokio::test]
async fn a_call_that_failed_first_is_answered_from_what_came_later() {
    let script = Script::new()
        .on(When::any().first(1), Behaviour::error(500))
        .otherwise(Behaviour::answer());
    let kitchen = Kitchen::new([Behaviour::answer()]);
    kitchen.stage.upstreams[0].set_script(script);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(kitchen.ask(chat()).await.status.as_u16());
    }
    assert_eq!((statuses, kitchen.sent()), (vec![500, 200, 200], 2));
}
