//! Calls that a model cannot serve as they are: too long for it, or against a content policy.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use orchestra_gateway::{Parts, Routes};
use orchestra_providers::{ErrorClass, ErrorRule, ModelFactsRow, Row};
use orchestra_testkit::{Behaviour, Script, Upstream};
use serde_json::{Value, json};

use super::{CHAT, ask, asking, paths, tree};
use crate::harness::{Ask, EVERYONE, Got, MODEL, Stage, row};

fn too_long() -> Behaviour {
    Behaviour::error_with(400, "context_length_exceeded", "it is too long for m-large")
}

fn against_policy() -> Behaviour {
    Behaviour::error_with(400, "content_policy_violation", "it is against the rules")
}

/// An error as the first event of a stream, or in the place of an answer.
fn within(code: &str) -> Behaviour {
    let error =
        json!({ "error": { "message": "no", "type": "invalid_request_error", "code": code } });
    Behaviour::sse(format!("data: {error}\n\n"))
}

/// One provider for each behaviour, with the window of its models, and the ways of an operator.
fn stage(providers: &[(Behaviour, Option<u64>)], models: &[(&str, Value)]) -> Stage {
    let start = |(behaviour, _): &(Behaviour, Option<u64>)| {
        Upstream::start(Script::new().otherwise(behaviour.clone())).unwrap()
    };
    let upstreams: Vec<Upstream> = providers.iter().map(start).collect();
    let windows = providers.iter().map(|(_, window)| *window);
    let rows = upstreams
        .iter()
        .zip(windows)
        .map(|(upstream, context)| Row {
            facts: Some(vec![ModelFactsRow {
                models: vec![MODEL.to_owned()],
                context,
                price: None,
            }]),
            errors: Some(vec![ErrorRule {
                status: Some(446),
                code: None,
                kind: None,
                message: None,
                class: ErrorClass::Policy,
            }]),
            ..row(&upstream.base_url())
        });
    let rows: Vec<Row> = rows.collect();
    let named = |(name, config): &(&str, Value)| ((*name).to_owned(), tree(config));
    let routes = Routes {
        models: models.iter().map(named).collect::<BTreeMap<_, _>>(),
        ..Routes::default()
    };
    Stage::arranged(&rows, upstreams, |parts| {
        routes.check(&parts.providers.now()).unwrap();
        Parts {
            routes: Arc::new(routes),
            ..parts
        }
    })
}

fn providers(got: &Got) -> Vec<&str> {
    let attempts = got.record.attempts.iter();
    attempts.map(|attempt| attempt.provider.as_str()).collect()
}

fn rules(got: &Got) -> Vec<Option<&'static str>> {
    got.record
        .attempts
        .iter()
        .map(|attempt| attempt.led_by)
        .collect()
}

fn everyone(stream: bool) -> Ask {
    Ask::new(CHAT, EVERYONE, stream)
}

#[tokio::test]
async fn a_call_that_is_too_long_goes_to_the_next_larger_window() {
    for (windows, expected) in [
        ([Some(8), Some(32), Some(16)], &["one", "two"][..]),
        // Smaller, as large, or nobody knows: not tried.
        ([Some(8), Some(4), Some(16)], &["one", "three"]),
        ([Some(8), Some(8), Some(9)], &["one", "three"]),
        ([Some(8), None, Some(9)], &["one", "three"]),
        ([Some(8), Some(4), None], &["one"]),
        ([Some(8), Some(8), Some(8)], &["one"]),
        // Nothing is known of the one that failed: one that is known.
        ([None, None, Some(1)], &["one", "three"]),
        // The same model elsewhere, and nothing known of either: it would be the same there.
        ([None, None, None], &["one"]),
    ] {
        for stream in [false, true] {
            let behaviours = [too_long(), Behaviour::answer(), Behaviour::answer()];
            let providers_with: Vec<_> = behaviours.into_iter().zip(windows).collect();
            let stage = stage(&providers_with, &[]);
            let got = stage.ask(everyone(stream)).await;
            assert_eq!(providers(&got), expected, "{windows:?}");
            if expected.len() == 1 {
                assert_eq!(got.status, 400);
                assert_eq!(got.json()["error"]["code"], "context_length_exceeded");
            } else {
                assert_eq!(got.status, 200);
                assert_eq!(rules(&got), [None, Some("larger_context")]);
            }
        }
    }
}

#[tokio::test]
async fn where_nothing_is_known_another_model_is_tried() {
    let config = json!({
        "strategy": { "mode": "fallback" },
        "targets": [{ "provider": "one" }, { "provider": "two" }, { "provider": "two", "model": "m-small" }],
    });
    let all = [(too_long(), None), (Behaviour::answer(), None)];
    let got = stage(&all, &[]).ask(ask(&config)).await;
    assert_eq!(paths(&got), ["targets[0]", "targets[2]"]);
}

#[tokio::test]
async fn a_strategy_that_leads_nowhere_leads_to_no_larger_window_either() {
    let targets = json!([{ "name": "a", "provider": "one" }, { "name": "b", "provider": "two" }]);
    for strategy in [
        json!({ "mode": "single" }),
        json!({ "mode": "conditional", "conditions": [], "default": "a" }),
        json!({ "mode": "fallback", "on_status_codes": [500] }),
    ] {
        let config = json!({ "strategy": strategy, "targets": targets });
        let all = [(too_long(), Some(8)), (Behaviour::answer(), Some(16))];
        let got = stage(&all, &[]).ask(ask(&config)).await;
        assert_eq!(
            (providers(&got), got.status.as_u16()),
            (vec!["one"], 400),
            "{config}"
        );
    }
    // Whoever names the status gets the next, whatever its window.
    let config =
        json!({ "strategy": { "mode": "fallback", "on_status_codes": [400] }, "targets": targets });
    let all = [(too_long(), Some(8)), (Behaviour::answer(), Some(4))];
    let got = stage(&all, &[]).ask(ask(&config)).await;
    assert_eq!(
        (providers(&got), rules(&got)),
        (vec!["one", "two"], vec![None, None])
    );
}

#[tokio::test]
async fn each_failure_raises_the_bar() {
    let windows = [Some(8), Some(16), Some(12)];
    let behaviours = [too_long(), too_long(), Behaviour::answer()];
    let all: Vec<_> = behaviours.into_iter().zip(windows).collect();
    let got = stage(&all, &[]).ask(everyone(false)).await;
    assert_eq!(
        (providers(&got), got.status.as_u16()),
        (vec!["one", "two"], 400)
    );

    // The larger one fails in another way: the last one is too small all the same.
    let behaviours = [too_long(), Behaviour::error(500), Behaviour::answer()];
    let windows = [Some(8), Some(16), Some(4)];
    let all: Vec<_> = behaviours.into_iter().zip(windows).collect();
    let got = stage(&all, &[]).ask(everyone(false)).await;
    assert_eq!(
        (providers(&got), got.status.as_u16()),
        (vec!["one", "two"], 500)
    );
}

#[tokio::test]
async fn a_larger_one_that_rests_is_asked_before_nobody() {
    let behaviours = [too_long(), Behaviour::error(500), Behaviour::answer()];
    let windows = [Some(8), Some(16), Some(4)];
    let all: Vec<_> = behaviours.into_iter().zip(windows).collect();
    let stage = stage(&all, &[]);
    for _ in 0..5 {
        stage.ask(Ask::new(CHAT, "two/m-large", false)).await;
    }
    let fallback = json!({
        "strategy": { "mode": "fallback" },
        "targets": [{ "provider": "one" }, { "provider": "two" }, { "provider": "three" }],
    });
    let got = stage.ask(ask(&fallback)).await;
    assert_eq!(providers(&got), ["one", "two"]);
    assert_eq!(rules(&got)[1], Some("larger_context"));
}

#[tokio::test]
async fn an_error_that_is_the_first_event_counts_as_one_before_the_stream() {
    let all = [
        (within("context_length_exceeded"), Some(8)),
        (Behaviour::answer(), Some(9)),
    ];
    let got = stage(&all, &[]).ask(everyone(true)).await;
    assert_eq!(
        (providers(&got), got.status.as_u16()),
        (vec!["one", "two"], 200)
    );
    assert!(!got.text().contains("error"), "{}", got.text());

    let alternative = json!({ "provider": "one", "on_content_policy": "two/m-large" });
    let all = [
        (within("content_filter"), None),
        (Behaviour::answer(), None),
    ];
    let call = asking(Ask::new(CHAT, MODEL, true), &alternative);
    let got = stage(&all, &[]).ask(call).await;
    assert_eq!(
        (providers(&got), got.status.as_u16()),
        (vec!["one", "two"], 200)
    );
    assert!(!got.text().contains("error"), "{}", got.text());
    assert_eq!(rules(&got)[1], Some("on_content_policy"));
}

/// Nobody else stands ready, and still nothing is shown before there is content: what comes next may be a refusal.
#[tokio::test]
async fn a_stream_is_held_back_where_there_is_an_alternative() {
    let begin = json!({
        "id": "c", "object": "chat.completion.chunk", "created": 1, "model": MODEL,
        "choices": [{ "index": 0, "delta": { "role": "assistant", "content": "" }, "finish_reason": null }],
    });
    let error = json!({ "error": { "message": "no", "code": "content_filter" } });
    let refusal = || {
        let events = format!("data: {begin}\n\ndata: {error}\n\n");
        Behaviour::sse(events).gap(Duration::from_millis(100))
    };
    let call = |config: &Value| asking(Ask::new(CHAT, MODEL, true), config);
    let all = || [(refusal(), None), (Behaviour::answer(), None)];
    let named = json!({ "provider": "one", "on_content_policy": "two/m-large" });
    let got = stage(&all(), &[]).ask(call(&named)).await;
    assert_eq!(providers(&got), ["one", "two"]);
    assert!(!got.text().contains("content_filter"), "{}", got.text());
    let alone = json!({ "provider": "one" });
    let got = stage(&all(), &[]).ask(call(&alone)).await;
    assert_eq!(providers(&got), ["one"]);
    assert!(got.text().contains("content_filter"), "{}", got.text());
}

#[tokio::test]
async fn a_policys_refusal_goes_nowhere_unless_the_operator_says_where() {
    let fallback = json!({
        "strategy": { "mode": "fallback" },
        "targets": [{ "provider": "one" }, { "provider": "two" }],
    });
    let all = || [(against_policy(), None), (Behaviour::answer(), None)];
    let got = stage(&all(), &[]).ask(ask(&fallback)).await;
    assert_eq!((providers(&got), got.status.as_u16()), (vec!["one"], 400));
    assert_eq!(got.json()["error"]["code"], "content_policy_violation");

    let mut named = fallback;
    named["on_content_policy"] = json!("two/m-large");
    let got = stage(&all(), &[]).ask(ask(&named)).await;
    assert_eq!(paths(&got), ["targets[0]", "two/m-large"]);
    // Whatever else happens does not lead there.
    let failing = [(Behaviour::error(500), None), (Behaviour::error(500), None)];
    let got = stage(&failing, &[]).ask(ask(&named)).await;
    assert_eq!(paths(&got), ["targets[0]", "targets[1]"]);
    // A guardrail of the operator's own is no content policy.
    let guarded = [(Behaviour::error(446), None), (Behaviour::answer(), None)];
    let got = stage(&guarded, &[]).ask(ask(&named)).await;
    assert_eq!((providers(&got), got.status.as_u16()), (vec!["one"], 446));
}

#[tokio::test]
async fn an_alternative_may_be_a_tree_with_alternatives_of_its_own() {
    let long = json!({
        "strategy": { "mode": "fallback" },
        "targets": [
            { "provider": "two", "model": MODEL, "override_params": { "temperature": 0.5 } },
            { "provider": "three", "model": MODEL },
        ],
        "on_content_policy": "three/m-small",
    });
    let small = json!({ "provider": "one", "model": MODEL, "on_context_length": "long" });
    let models = [("small", small), ("long", long)];
    let call = || Ask::new(CHAT, "small", false);

    let all = [
        (too_long(), Some(8)),
        (Behaviour::error(500), None),
        (Behaviour::answer(), None),
    ];
    let got = stage(&all, &models).ask(call()).await;
    assert_eq!(paths(&got), ["", "long.targets[0]", "long.targets[1]"]);
    assert_eq!(rules(&got), [None, Some("on_context_length"), None]);

    let all = [
        (too_long(), Some(8)),
        (against_policy(), None),
        (Behaviour::answer(), None),
    ];
    let got = stage(&all, &models).ask(call()).await;
    assert_eq!(paths(&got), ["", "long.targets[0]", "three/m-small"]);
    assert_eq!(rules(&got)[2], Some("on_content_policy"));

    let all = [(too_long(), None), (too_long(), None), (too_long(), None)];
    let stage = stage(&all, &models);
    let got = stage
        .ask(call().header("x-orchestra-explain", "true"))
        .await;
    assert_eq!(got.status, 400);
    let plan: Value = serde_json::from_str(got.header("x-orchestra-plan")).unwrap();
    assert_eq!(plan["choices"][0]["path"], "long");
    assert_eq!(plan["targets"][1]["only_after"], "context_length");
    assert_eq!(plan["targets"][3]["only_after"], "content_policy");
    assert_eq!(plan["attempts"][1]["led_by"], "on_context_length");
}

#[tokio::test]
async fn the_alternative_comes_before_a_larger_window_and_after_it_nothing_is_known_better() {
    let config = json!({
        "strategy": { "mode": "fallback" },
        "targets": [{ "provider": "one", "on_context_length": "three/m-large" }, { "provider": "two" }],
    });
    let windows = [Some(8), Some(16), None];
    let behaviours = [too_long(), Behaviour::answer(), Behaviour::answer()];
    let all: Vec<_> = behaviours.into_iter().zip(windows).collect();
    let got = stage(&all, &[]).ask(ask(&config)).await;
    assert_eq!(paths(&got), ["targets[0]", "three/m-large"]);
}

#[tokio::test]
async fn alternatives_that_are_not_there_or_lead_in_a_circle_are_refused_with_their_place() {
    let stage = stage(&[(Behaviour::answer(), None)], &[]);
    let check = |models: &[(&str, Value)]| {
        let named = |(name, config): &(&str, Value)| ((*name).to_owned(), tree(config));
        let models = models.iter().map(named).collect();
        let routes = Routes {
            models,
            ..Routes::default()
        };
        routes
            .check(&stage.gateway.providers())
            .unwrap_err()
            .to_string()
    };
    let to = |member: &str, name: &str| json!({ "provider": "one", "model": MODEL, member: name });
    for (models, words) in [
        (
            vec![("assistant", to("on_context_length", "asistant"))],
            "[models] assistant: on_context_length: no model is named `asistant`: did you mean \"assistant\"?",
        ),
        (
            vec![("a", to("on_content_policy", "m-lage"))],
            "[models] a: on_content_policy: no configured provider serves the model \"m-lage\": did you mean \"m-large\"",
        ),
        (
            vec![("a", to("on_context_length", "a"))],
            "[models] a: on_context_length: it leads in a circle: `a`, `a`",
        ),
        (
            vec![
                ("a", to("on_context_length", "b")),
                (
                    "b",
                    json!({
                        "strategy": { "mode": "fallback" },
                        "targets": [to("on_content_policy", "c")],
                    }),
                ),
                ("c", to("on_context_length", "a")),
            ],
            "[models] c: on_context_length: it leads in a circle: `a`, `b`, `c`, `a`",
        ),
    ] {
        let message = check(&models);
        assert!(message.starts_with(words), "{message}");
    }
    let got = stage
        .ask(ask(&json!({ "on_context_length": "nobody/knows" })))
        .await;
    assert_eq!(got.status, 400);
    assert_eq!(got.json()["error"]["code"], "invalid_config");
}
