//! Which targets are tried, in which order, and where a failure leads.

use std::collections::{BTreeMap, BTreeSet};

use orchestra_gateway::Routes;
use orchestra_testkit::{Behaviour, Script};
use serde_json::{Value, json};

use super::{CHAT, ask, asking, behaving, faithful, metadata, paths, stage, tree};
use crate::harness::{Ask, EVERYONE, MODEL};

fn fallback() -> Value {
    json!({
        "strategy": { "mode": "fallback" },
        "targets": [{ "provider": "one" }, { "provider": "two" }, { "provider": "three" }],
    })
}

#[tokio::test]
async fn a_fallback_goes_on_until_somebody_answers() {
    let stage = behaving([
        Behaviour::error(500),
        Behaviour::error(503),
        Behaviour::answer(),
    ]);
    let got = stage.ask(ask(&fallback())).await;
    assert_eq!(got.faults(), ["server", "overloaded", "-"]);
    assert_eq!(paths(&got), ["targets[0]", "targets[1]", "targets[2]"]);
    assert_eq!(got.header("x-orchestra-route"), "targets[2]");
    assert_eq!(got.header("x-orchestra-provider"), "three");
}

#[tokio::test]
async fn what_every_target_would_refuse_leads_nowhere_but_in_portkeys_manner() {
    let behaviours = || {
        [
            Behaviour::error(400),
            Behaviour::answer(),
            Behaviour::answer(),
        ]
    };
    let correct = behaving(behaviours()).ask(ask(&fallback())).await;
    assert_eq!(
        (correct.status.as_u16(), correct.faults()),
        (400, vec!["invalid_request"])
    );
    let faithful = faithful(behaviours()).ask(ask(&fallback())).await;
    assert_eq!(
        (faithful.status.as_u16(), faithful.faults()),
        (200, vec!["invalid_request", "-"])
    );
}

#[tokio::test]
async fn only_the_statuses_that_are_named_lead_on() {
    let config = |statuses: &[u16]| {
        let mut config = fallback();
        config["strategy"]["on_status_codes"] = json!(statuses);
        config
    };
    for (status, statuses, answered) in [
        (500, &[500][..], 200),
        (500, &[429], 500),
        (429, &[429, 503], 200),
        (400, &[400], 200),
        (401, &[500], 401),
    ] {
        let stage = behaving([
            Behaviour::error(status),
            Behaviour::answer(),
            Behaviour::answer(),
        ]);
        let got = stage.ask(ask(&config(statuses))).await;
        assert_eq!(got.status.as_u16(), answered, "{status} with {statuses:?}");
    }
}

#[tokio::test]
async fn a_tree_within_a_tree_is_left_by_the_ways_of_both() {
    let config = json!({
        "strategy": { "mode": "fallback", "on_status_codes": [503] },
        "targets": [
            {
                "strategy": { "mode": "fallback", "on_status_codes": [429] },
                "targets": [{ "provider": "one" }, { "provider": "two" }],
            },
            { "provider": "three" },
        ],
    });
    for (statuses, expected) in [
        (
            [429, 503, 200],
            vec![
                "targets[0].targets[0]",
                "targets[0].targets[1]",
                "targets[1]",
            ],
        ),
        ([503, 200, 200], vec!["targets[0].targets[0]", "targets[1]"]),
        (
            [429, 429, 200],
            vec!["targets[0].targets[0]", "targets[0].targets[1]"],
        ),
        ([500, 200, 200], vec!["targets[0].targets[0]"]),
    ] {
        let behaviours = statuses.map(|status| match status {
            200 => Behaviour::answer(),
            status => Behaviour::error(status),
        });
        let got = behaving(behaviours).ask(ask(&config)).await;
        assert_eq!(paths(&got), expected, "{statuses:?}");
    }
}

#[tokio::test]
async fn weights_share_calls_out_and_a_failure_goes_to_the_others() {
    let config = json!({
        "strategy": { "mode": "loadbalance" },
        "targets": [
            { "provider": "one", "weight": 8 }, { "provider": "two", "weight": 2 }, { "provider": "three", "weight": 0 },
        ],
    });
    let stage = behaving([
        Behaviour::answer(),
        Behaviour::answer(),
        Behaviour::answer(),
    ]);
    for _ in 0..200 {
        assert_eq!(stage.ask(ask(&config)).await.status, 200);
    }
    let requests = stage.requests();
    assert!((135..=185).contains(&requests[0]), "{requests:?}");
    assert_eq!((requests[0] + requests[1], requests[2]), (200, 0));

    let failing = || {
        [
            Behaviour::error(500),
            Behaviour::answer(),
            Behaviour::answer(),
        ]
    };
    let correct = behaving(failing());
    let portkeys = faithful(failing());
    let mut failed = 0;
    for _ in 0..40 {
        assert_eq!(correct.ask(ask(&config)).await.status, 200);
        failed += u32::from(portkeys.ask(ask(&config)).await.status == 500);
    }
    // Portkey 1.x draws one target and leaves it at that.
    assert!(failed > 20, "{failed}");
    // Who fails five times in a row is drawn no more.
    assert_eq!(correct.requests()[0], 5);
}

#[tokio::test]
async fn the_same_caller_stays_where_it_was() {
    let config = json!({
        "strategy": { "mode": "loadbalance", "sticky": { "enabled": true, "hash_fields": ["metadata.user"] } },
        "targets": [{ "provider": "one" }, { "provider": "two" }, { "provider": "three" }],
    });
    let stage = behaving([
        Behaviour::answer(),
        Behaviour::answer(),
        Behaviour::answer(),
    ]);
    let mut places = BTreeMap::<usize, String>::new();
    for round in 0..3 {
        for user in 0..12 {
            let mut ask = ask(&config);
            ask.directions.metadata = metadata(&[("user", &user.to_string())]);
            let provider = stage
                .ask(ask)
                .await
                .header("x-orchestra-provider")
                .to_owned();
            let place = places.entry(user).or_insert_with(|| provider.clone());
            assert_eq!(*place, provider, "user {user} in round {round}");
        }
    }
    assert!(stage.requests().iter().all(|requests| *requests > 0));
}

#[tokio::test]
async fn a_conversation_stays_where_its_beginning_is_known() {
    let config = json!({
        "strategy": { "mode": "loadbalance", "sticky": { "enabled": true, "hash_fields": ["conversation"] } },
        "targets": [{ "provider": "one" }, { "provider": "two" }, { "provider": "three" }],
    });
    let stage = behaving([
        Behaviour::answer(),
        Behaviour::answer(),
        Behaviour::answer(),
    ]);
    for conversation in 0..12 {
        let mut places = BTreeSet::new();
        let mut said =
            vec![json!({ "role": "user", "content": format!("Question {conversation}") })];
        for _ in 0..3 {
            let mut ask = ask(&config);
            ask.body = json!({ "model": "m", "messages": said }).to_string().into();
            let answer = stage.ask(ask).await;
            places.insert(answer.header("x-orchestra-provider").to_owned());
            said.push(json!({ "role": "assistant", "content": "Well" }));
            said.push(json!({ "role": "user", "content": "And?" }));
        }
        assert_eq!(places.len(), 1, "conversation {conversation}: {places:?}");
    }
    assert!(stage.requests().iter().all(|requests| *requests > 0));
}

#[tokio::test]
async fn conditions_look_at_metadata_body_headers_and_path() {
    let conditional = |query: Value| {
        json!({
            "strategy": {
                "mode": "conditional",
                "conditions": [{ "query": query, "then": "b" }],
                "default": "a",
            },
            "targets": [{ "name": "a", "provider": "one" }, { "name": "b", "provider": "two" }],
        })
    };
    let stage = behaving([
        Behaviour::answer(),
        Behaviour::answer(),
        Behaviour::answer(),
    ]);
    for (query, holds) in [
        (json!({ "metadata.plan": { "$eq": "paid" } }), true),
        (json!({ "metadata.plan": { "$eq": "free" } }), false),
        (json!({ "metadata.missing": { "$ne": "x" } }), false),
        (json!({ "params.model": { "$regex": "^m-" } }), true),
        (json!({ "params.max_tokens": { "$gt": 10 } }), false),
        (
            json!({ "headers.x-tier": { "$in": ["gold", "silver"] } }),
            true,
        ),
        (
            json!({ "url.pathname": { "$eq": "/v1/chat/completions" } }),
            true,
        ),
        (
            json!({ "$or": [{ "metadata.plan": "free" }, { "params.stream": { "$ne": true } }] }),
            true,
        ),
    ] {
        let mut ask = ask(&conditional(query.clone())).header("x-tier", "gold");
        ask.directions.metadata = metadata(&[("plan", "paid")]);
        let got = stage.ask(ask).await;
        let expected = if holds { "two" } else { "one" };
        assert_eq!(got.header("x-orchestra-provider"), expected, "{query}");
    }
}

#[tokio::test]
async fn a_condition_that_leads_nowhere_is_said() {
    let config = json!({
        "strategy": { "mode": "conditional", "conditions": [{ "query": { "metadata.a": "b" }, "then": "x" }] },
        "targets": [{ "name": "x", "provider": "one" }],
    });
    let got = behaving([Behaviour::answer()]).ask(ask(&config)).await;
    assert_eq!(got.status, 400);
    assert_eq!(got.json()["error"]["code"], "no_condition_holds");
}

#[tokio::test]
async fn more_targets_are_tried_than_attempts_are_usual_if_somebody_wrote_them_down() {
    let config = json!({
        "strategy": { "mode": "fallback" },
        "targets": [
            { "provider": "one" }, { "provider": "one", "model": "m-small" }, { "provider": "two" },
            { "provider": "two", "model": "m-small" }, { "provider": "three" },
        ],
    });
    let stage = behaving([
        Behaviour::error(500),
        Behaviour::error(500),
        Behaviour::answer(),
    ]);
    let got = stage.ask(ask(&config)).await;
    assert_eq!((got.status.as_u16(), got.record.attempts.len()), (200, 5));
}

#[tokio::test]
async fn who_is_left_alone_is_passed_by_and_tried_if_nobody_else_is_left() {
    let stage = behaving([
        Behaviour::error(500),
        Behaviour::answer(),
        Behaviour::answer(),
    ]);
    for _ in 0..5 {
        stage.ask(ask(&fallback())).await;
    }
    assert_eq!(paths(&stage.ask(ask(&fallback())).await), ["targets[1]"]);
    // A tree with this one target has no other.
    let alone = json!({ "provider": "one" });
    let got = stage.ask(ask(&alone)).await;
    assert_eq!((got.status.as_u16(), got.faults()), (500, vec!["server"]));
}

#[tokio::test]
async fn the_faster_target_gets_the_calls() {
    let config = json!({
        "strategy": { "mode": "least_latency" },
        "targets": [{ "provider": "one" }, { "provider": "two" }],
    });
    let slow = Behaviour::answer().delay(std::time::Duration::from_millis(400));
    let stage = behaving([slow, Behaviour::answer()]);
    for _ in 0..30 {
        stage.ask(ask(&config)).await;
    }
    let requests = stage.requests();
    assert!(requests[0] <= 3, "{requests:?}");
}

#[tokio::test]
async fn a_model_of_the_operators_stands_for_a_tree_and_a_target_may_be_an_alias() {
    let config = json!({
        "strategy": { "mode": "fallback" },
        "targets": [{ "model": "three/m-small" }, { "model": EVERYONE }],
    });
    let routes = Routes {
        models: BTreeMap::from([("smart".to_owned(), tree(&config))]),
        ..Routes::default()
    };
    let behaviours = [
        Behaviour::error(500),
        Behaviour::answer(),
        Behaviour::error(500),
    ];
    let stage = stage(
        behaviours.map(|behaviour| Script::new().otherwise(behaviour)),
        routes,
    );
    let got = stage.ask(Ask::new(CHAT, "smart", false)).await;
    assert_eq!(got.status, 200);
    let tried: Vec<String> = got
        .record
        .attempts
        .iter()
        .map(|attempt| {
            format!(
                "{}/{} {}",
                attempt.provider,
                attempt.model.as_str(),
                attempt.path
            )
        })
        .collect();
    assert_eq!(
        tried,
        [
            "three/m-small targets[0]".to_owned(),
            format!("one/{MODEL} targets[1]"),
            format!("two/{MODEL} targets[1]"),
        ]
    );
    assert_eq!(got.record.model, "smart");
}

#[tokio::test]
async fn a_stream_goes_on_elsewhere_only_before_its_first_content() {
    let stage = behaving([
        Behaviour::error(529),
        Behaviour::answer().error_event(0),
        Behaviour::answer(),
    ]);
    let got = stage
        .ask(asking(Ask::new(CHAT, MODEL, true), &fallback()))
        .await;
    assert_eq!((got.status.as_u16(), got.record.attempts.len()), (200, 3));
    assert!(got.text().contains("[DONE]"));
    let stage = behaving([
        Behaviour::answer().error_event(2),
        Behaviour::answer(),
        Behaviour::answer(),
    ]);
    let got = stage
        .ask(asking(Ask::new(CHAT, MODEL, true), &fallback()))
        .await;
    assert_eq!(got.record.attempts.len(), 1);
    assert!(!got.text().contains("[DONE]"));
}
