//! Configurations that are refused, with the place and the remedy.

use orchestra_routing::Node;
use serde_json::{Value, json};

fn refusal(tree: &Value) -> String {
    Node::parse(tree).unwrap_err().to_string()
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let two = || json!([{ "provider": "a" }, { "provider": "b" }]);
    for (tree, words) in [
        (json!(3), "an object is needed"),
        (
            json!({ "provder": "a" }),
            "provder: there is no such member",
        ),
        (json!({ "provider": 3 }), "provider: a text is needed"),
        (
            json!({ "provider": "a", "on_context_length": ["b"] }),
            "on_context_length: a text is needed",
        ),
        (
            json!({ "strategy": { "mode": "fallback" } }),
            "targets: a strategy needs `targets`",
        ),
        (
            json!({ "targets": two() }),
            "strategy: `targets` need a `strategy`",
        ),
        (
            json!({ "strategy": { "mode": "fallback" }, "targets": [] }),
            "targets: there must be at least one",
        ),
        (
            json!({ "strategy": {}, "targets": two() }),
            "strategy.mode: a mode is needed",
        ),
        (
            json!({ "strategy": { "mode": "robin" }, "targets": two() }),
            "strategy.mode: there is no strategy `robin`",
        ),
        (
            json!({ "strategy": { "mode": "fallback", "on_status_codes": ["x"] }, "targets": two() }),
            "strategy.on_status_codes[0]: a whole number",
        ),
        (
            json!({ "strategy": { "mode": "fallback", "on_status_codes": [99_999] }, "targets": two() }),
            "100 to 999",
        ),
        (
            json!({ "strategy": { "mode": "single", "x": 1 }, "targets": two() }),
            "strategy.x: there is no such member",
        ),
        (
            json!({ "strategy": { "mode": "loadbalance" }, "targets": [{ "weight": 0 }, { "weight": 0 }] }),
            "all weights are 0",
        ),
        (
            json!({ "strategy": { "mode": "loadbalance" }, "targets": [{ "weight": -1 }] }),
            "targets[0].weight: a weight is a number",
        ),
        (
            json!({ "strategy": { "mode": "loadbalance", "sticky": { "hash_fields": ["user"] } }, "targets": two() }),
            "strategy.sticky.hash_fields[0]",
        ),
        (
            json!({ "strategy": { "mode": "conditional" }, "targets": two() }),
            "strategy.conditions: conditions are needed",
        ),
        (
            json!({ "strategy": { "mode": "conditional", "conditions": [{ "query": {}, "then": "c" }] }, "targets": [{ "name": "a" }] }),
            "strategy.conditions[0].then: no target is named `c`; there are a",
        ),
        (
            json!({ "strategy": { "mode": "conditional", "conditions": [{ "query": { "metadata.x": { "$like": 1 } }, "then": "a" }] }, "targets": [{ "name": "a" }] }),
            "query.metadata.x.$like: there is no operator `$like`",
        ),
        (
            json!({ "strategy": { "mode": "conditional", "conditions": [{ "query": { "user": 1 }, "then": "a" }] }, "targets": [{ "name": "a" }] }),
            "`user` is no field of a call",
        ),
        (
            json!({ "strategy": { "mode": "conditional", "conditions": [{ "query": { "metadata.x": { "$regex": "(" } }, "then": "a" }] }, "targets": [{ "name": "a" }] }),
            "`(` is no pattern",
        ),
        (
            json!({ "strategy": { "mode": "conditional", "conditions": [], "default": "z" }, "targets": [{ "name": "a" }] }),
            "strategy.default: no target is named `z`",
        ),
        (
            json!({ "strategy": { "mode": "experiment" }, "targets": two() }),
            "strategy.name: an experiment needs a name",
        ),
        (
            json!({ "strategy": { "mode": "experiment", "name": "x" }, "targets": two() }),
            "targets[0].name: a variant needs a name",
        ),
        (
            json!({ "retry": { "attempts": 6 } }),
            "retry.attempts: a whole number from 0 to 5",
        ),
        (
            json!({ "retry": { "tries": 6 } }),
            "retry.tries: there is no such member",
        ),
        (json!({ "hedge": true }), "hedge: an object is needed"),
        (
            json!({ "hedge": { "delay": 5 } }),
            "hedge.delay: there is no such member; there are after, most_extra",
        ),
        (
            json!({ "hedge": { "after": "95" } }),
            "hedge.after: `95` is no time for it: write a percentile such as \"p95\"",
        ),
        (
            json!({ "hedge": { "after": 0 } }),
            "hedge.after: a whole number from 1",
        ),
        (
            json!({ "hedge": { "most_extra": 2 } }),
            "hedge.most_extra: a part of the calls is needed: above 0, up to 1",
        ),
        (json!({ "recover": "yes" }), "recover: "),
        (
            json!({ "hold_back": {} }),
            "hold_back: `tokens`, `milliseconds` or both are needed",
        ),
        (
            json!({ "hold_back": { "tokens": 0 } }),
            "hold_back.tokens: a whole number from 1",
        ),
        (
            json!({ "hold_back": { "milliseconds": 60_001 } }),
            "hold_back.milliseconds: a whole number from 1",
        ),
        (json!({ "hold_back": { "words": 3 } }), "hold_back.words: "),
        (
            json!({ "request_timeout": 0 }),
            "request_timeout: a whole number",
        ),
        (
            json!({ "cache": "forever" }),
            "cache: there is no cache `forever`",
        ),
        (
            json!({ "cache": { "max_age": 5 } }),
            "cache.max_age: a whole number from 60",
        ),
        (
            json!({ "cb_config": { "treshold": 3 } }),
            "cb_config.treshold: there is no such member",
        ),
        (
            json!({ "strategy": { "mode": "fallback", "cb_config": { "failure_threshold_percentage": 101 } }, "targets": two() }),
            "strategy.cb_config.failure_threshold_percentage: a number from 0 to 100",
        ),
        (
            json!({ "input_guardrails": ["x"] }),
            "input_guardrails: it has no counterpart here",
        ),
        (
            json!({ "strategy": { "mode": "single" }, "targets": [{ "strategy": { "mode": "single" }, "targets": [{ "x": 1 }] }] }),
            "targets[0].targets[0].x: there is no such member",
        ),
    ] {
        let message = refusal(&tree);
        assert!(message.contains(words), "{tree}\n{message}");
    }
}

#[test]
fn a_tree_is_bounded() {
    let mut deep = json!({ "provider": "a" });
    for _ in 0..20 {
        deep = json!({ "strategy": { "mode": "single" }, "targets": [deep] });
    }
    assert!(refusal(&deep).contains("at most 16 levels"));
    let wide: Vec<Value> = (0..600).map(|_| json!({ "provider": "a" })).collect();
    let wide = json!({ "strategy": { "mode": "fallback" }, "targets": wide });
    assert!(refusal(&wide).contains("512 nodes"));
}

#[test]
fn a_pattern_that_would_take_all_memory_is_refused() {
    let tree = json!({
        "strategy": { "mode": "conditional", "conditions": [{ "query": { "metadata.x": { "$regex": "(a{1000}){1000}" } }, "then": "a" }] },
        "targets": [{ "name": "a" }],
    });
    assert!(refusal(&tree).contains("is no pattern"));
}

#[test]
fn patterns_without_end_are_refused() {
    let tree = |count: usize| {
        let condition = || json!({ "query": { "metadata.x": { "$regex": "a+" } }, "then": "a" });
        let conditions: Vec<Value> = (0..count).map(|_| condition()).collect();
        json!({ "strategy": { "mode": "conditional", "conditions": conditions }, "targets": [{ "name": "a" }] })
    };
    assert!(Node::parse(&tree(32)).is_ok());
    assert!(refusal(&tree(33)).contains("at most 32 patterns"));
}

#[test]
fn callers_are_not_told_apart_by_fields_without_end() {
    let tree = |count: usize| {
        let fields = vec!["params.messages"; count];
        json!({
            "strategy": { "mode": "loadbalance", "sticky": { "hash_fields": fields } },
            "targets": [{ "provider": "a" }],
        })
    };
    assert!(Node::parse(&tree(32)).is_ok());
    assert!(refusal(&tree(33)).contains("at most 32 fields"));
}

#[test]
fn a_name_that_decides_is_one_targets() {
    let tree = |strategy: Value| {
        let target = |name: &str| json!({ "name": name, "provider": "p" });
        json!({ "strategy": strategy, "targets": [target("a"), target("b"), target("a")] })
    };
    for strategy in [
        json!({ "mode": "conditional", "conditions": [], "default": "a" }),
        json!({ "mode": "experiment", "name": "e" }),
        json!({ "mode": "loadbalance", "sticky": { "enabled": true } }),
    ] {
        let message = refusal(&tree(strategy));
        assert!(
            message.starts_with("targets[2].name: another target"),
            "{message}"
        );
    }
    for mode in ["fallback", "loadbalance"] {
        assert!(Node::parse(&tree(json!({ "mode": mode }))).is_ok());
    }
}

#[test]
fn a_model_that_is_set_is_a_name() {
    for member in ["override_params", "default_params"] {
        let message = refusal(&json!({ "provider": "a", member: { "model": 5 } }));
        assert_eq!(message, format!("{member}.model: a text is needed"));
    }
}

#[test]
fn a_key_in_a_configuration_is_not_printed() {
    let node = Node::parse(&json!({ "provider": "a", "api_key": "a-key-canary" })).unwrap();
    assert!(!format!("{node:?}").contains("canary"));
    let refused = refusal(&json!({ "provider": 1, "api_key": "a-key-canary" }));
    assert!(!refused.contains("canary"));
}

#[test]
fn both_spellings_and_nulls_are_taken() {
    for tree in [
        json!({ "retry": { "attempts": 1, "use_retry_after_header": true } }),
        json!({ "retry": { "attempts": 1, "use_retry_after_headers": true } }),
        json!({ "provider": "@slug/whatever", "cache": "simple", "weight": null, "retry": null }),
        json!({ "virtual_key": "slug", "cache": { "mode": "semantic", "max_age": 60 } }),
        json!({ "provider": "azure-openai", "resource_name": "r", "deployment_id": "d", "api_version": "v" }),
        json!({ "strategy": { "mode": "loadbalance", "cb_config": {} }, "targets": [{ "provider": "a" }] }),
        json!({ "strategy": { "mode": "single", "cb_config": { "failure_threshold_percentage": 0.5 } }, "targets": [{ "provider": "a" }] }),
        json!({ "passthrough": true }),
        json!({}),
    ] {
        Node::parse(&tree).unwrap();
    }
}
