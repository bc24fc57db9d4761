//! For which calls a second target is asked, and which one.

use std::sync::Arc;
use std::time::Duration;

use orchestra_dialects::Endpoint;
use orchestra_gateway::{Directions, HedgeAfter, HedgeOutcome, Node};
use serde_json::{Value, json};

use super::{Act, CHAT, Theatre, after_a_second, attempts, hedging};
use crate::harness::{Ask, EVERYONE, MODEL};
use crate::wire;

/// A slow target, and a fast one that could answer for it.
fn slow_and_fast() -> Theatre {
    Theatre::racing([Act::Whole(5_000), Act::Whole(10)])
}

#[tokio::test(start_paused = true)]
async fn what_would_be_kept_or_done_twice_is_asked_once() {
    let theatre = slow_and_fast();
    for (endpoint, members) in [
        (Endpoint::Responses, json!({ "input": "x" })),
        (
            Endpoint::Responses,
            json!({ "input": "x", "store": false, "background": true }),
        ),
        (CHAT, json!({ "messages": [], "store": true })),
        (
            Endpoint::Messages,
            json!({ "messages": [], "max_tokens": 9, "mcp_servers": [{ "type": "url" }] }),
        ),
        (Endpoint::CountTokens, json!({ "messages": [] })),
    ] {
        let mut body = members;
        body["model"] = json!(EVERYONE);
        theatre.call(Ask::body(endpoint, body.to_string())).await;
        assert_eq!(theatre.asked(), ["one"], "{endpoint}");
    }
    let body = json!({ "model": EVERYONE, "input": "x", "store": false }).to_string();
    theatre.call(Ask::body(Endpoint::Responses, body)).await;
    assert_eq!(theatre.asked(), ["one", "two"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_where_nobody_is_left() {
    let theatre = slow_and_fast();
    let got = theatre.call(Ask::new(CHAT, MODEL, false)).await;
    assert_eq!(got.faults().len(), 1);
    let alone = Theatre::racing([Act::Whole(5_000)]);
    assert_eq!(alone.ask(false).await.faults(), ["-"]);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_rests_or_comes_back_is_passed_by() {
    // The second one wants to be left alone for a minute.
    let slow = vec![Act::Error(1, 500), Act::Whole(5_000)];
    let tired = vec![Act::Error(1, 429), Act::Whole(10)];
    let theatre = Theatre::new(after_a_second(), [slow, tired, vec![Act::Whole(20)]]);
    theatre.ask(false).await;
    assert_eq!(theatre.asked(), ["one", "two", "three"]);
    let got = theatre.ask(false).await;
    assert_eq!(theatre.asked(), ["one", "three"]);
    let won = Some(HedgeOutcome::Won);
    assert_eq!(
        attempts(&got.record),
        [("one", "cancelled", None), ("three", "-", won)]
    );

    // The second one has failed until it was left alone, and may be tried again by one call.
    let slow = vec![Act::Error(1, 500), Act::Whole(5_000)];
    let slow: Vec<_> = std::iter::repeat_n(slow[0], 4).chain(slow).collect();
    let theatre = Theatre::new(
        after_a_second(),
        [slow, vec![Act::Error(1, 500)], vec![Act::Whole(20)]],
    );
    for _ in 0..4 {
        theatre.ask(false).await;
    }
    assert_eq!(theatre.asked().len(), 12);
    theatre
        .stage
        .gateway
        .providers()
        .member("two")
        .cloned()
        .unwrap();
    tokio::time::sleep(Duration::from_secs(11)).await;
    for _ in 0..1 {
        theatre.ask(false).await;
    }
    theatre.log();
    assert_eq!(theatre.report("two").failures, 5);
    // Its rest is over after 36 s at most.
    tokio::time::sleep(Duration::from_secs(40)).await;
    theatre.ask(false).await;
    assert_eq!(theatre.asked(), ["one", "three"]);
}

fn directed(config: &Value) -> Ask {
    let tree = Some(Arc::new(Node::parse(config).unwrap()));
    Ask {
        directions: Directions {
            tree,
            ..Directions::default()
        },
        ..Ask::new(CHAT, MODEL, false)
    }
}

#[tokio::test(start_paused = true)]
async fn a_tree_says_where_second_targets_are_asked() {
    let theatre = Theatre::new(
        hedging(HedgeAfter::Never, 0.02),
        [vec![Act::Whole(5_000)], vec![Act::Whole(10)]],
    );
    let tree = |hedge: Value, first: Value, second: &str| {
        json!({
            "strategy": { "mode": "fallback" }, "hedge": hedge,
            "targets": [{ "provider": "one", "hedge": first }, { "provider": second }],
        })
    };
    let always = json!({ "after": 300, "most_extra": 1 });
    for (config, expected) in [
        (tree(Value::Null, Value::Null, "two"), &["one"][..]),
        (tree(always.clone(), Value::Null, "two"), &["one", "two"]),
        (
            tree(always.clone(), json!({ "after": "never" }), "two"),
            &["one"],
        ),
        // The same target is no other one.
        (tree(always.clone(), Value::Null, "one"), &["one"]),
        // Two of a hundred calls, and this is the first.
        (tree(json!({ "after": 300 }), Value::Null, "two"), &["one"]),
    ] {
        let got = theatre.call(directed(&config)).await;
        assert_eq!(theatre.asked(), expected, "{config}");
        let capped = config["hedge"]["after"] == 300 && config["hedge"]["most_extra"].is_null();
        assert_eq!(got.record.hedge_capped, capped, "{config}");
        if expected.len() == 2 {
            assert_eq!(got.record.took.as_millis(), 310);
            assert_eq!(got.header("x-orchestra-route"), "targets[1]");
        }
    }
}

/// What the tree sets for the second target is what it is sent.
#[tokio::test(start_paused = true)]
async fn a_second_target_gets_what_its_place_in_the_tree_says() {
    let theatre = Theatre::new(
        hedging(HedgeAfter::Never, 0.02),
        [vec![Act::Whole(5_000)], vec![Act::Whole(10)]],
    );
    let config = json!({
        "strategy": { "mode": "fallback" }, "hedge": { "after": 300, "most_extra": 1 },
        "targets": [{ "provider": "one" }, { "provider": "two", "override_params": { "store": true } }],
    });
    // It would be kept there.
    theatre.call(directed(&config)).await;
    assert_eq!(theatre.asked(), ["one"]);
}

#[tokio::test(start_paused = true)]
async fn a_percentile_needs_answers_to_be_read_from() {
    let p95 = hedging(HedgeAfter::Percentile(95), 1.0);
    let quick = std::iter::repeat_n(Act::Whole(100), 49);
    let acts: Vec<_> = quick
        .chain([Act::Whole(5_000), Act::Whole(100), Act::Whole(5_000)])
        .collect();
    let theatre = Theatre::new(p95, [acts, vec![Act::Whole(10)]]);
    for _ in 0..49 {
        theatre.ask(false).await;
    }
    let got = theatre.ask(false).await;
    assert_eq!((got.faults(), got.record.took.as_secs()), (vec!["-"], 5));
    // An answer in one piece says nothing of streams.
    theatre.ask(false).await;
    theatre.log();
    let got = theatre.ask(false).await;
    assert_eq!(theatre.asked(), ["one", "two"]);
    // The second one was asked after as long as the slowest of twenty took, to the eighth.
    let waited = got.record.took.as_millis() - 10;
    assert!((101..=113).contains(&waited), "{waited}");
    assert_eq!(got.text(), wire::answer(CHAT));
}
