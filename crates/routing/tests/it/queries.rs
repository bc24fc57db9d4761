//! Conditions, as documented and as Portkey evaluates them.

use orchestra_routing::{Compat, Query};
use serde_json::{Value, json};

use crate::call::{Call, Setting, providers};

/// Whether a query holds, through a tree of two targets.
fn holds(query: &Value, call: &Call, compat: Compat) -> bool {
    let tree = json!({
        "strategy": { "mode": "conditional", "conditions": [{ "query": query, "then": "yes" }], "default": "no" },
        "targets": [{ "name": "yes", "provider": "yes" }, { "name": "no", "provider": "no" }],
    });
    let plan = Setting::new(compat).plan(&tree, call).unwrap();
    providers(&plan) == ["yes"]
}

#[test]
fn operators_do_what_they_say() {
    let call = Call::new(json!({
        "metadata": { "plan": "paid", "age": "42" },
        "params": { "max_tokens": 100, "stream": true, "model": "gpt-5-mini", "format": { "type": "json" } },
        "headers": { "x-team": "core" },
    }));
    for (query, expected) in [
        (json!({}), true),
        (json!({ "metadata.plan": "paid" }), true),
        (json!({ "metadata.plan": { "$eq": "free" } }), false),
        (json!({ "metadata.plan": { "$ne": "free" } }), true),
        (
            json!({ "params.max_tokens": { "$gt": 99, "$lte": 100 } }),
            true,
        ),
        (json!({ "params.max_tokens": { "$lt": "100" } }), false),
        (json!({ "metadata.age": { "$gte": 42 } }), true),
        // Types count.
        (json!({ "params.max_tokens": "100" }), false),
        (json!({ "params.max_tokens": 100.0 }), true),
        (json!({ "params.stream": true }), true),
        // Metadata has texts alone.
        (json!({ "metadata.age": 42 }), true),
        (json!({ "metadata.age": { "$nin": [41, 42] } }), false),
        (json!({ "params.format.type": "json" }), true),
        (json!({ "params.format.kind": { "$ne": "json" } }), false),
        (json!({ "params.model.type": "json" }), false),
        (
            json!({ "params.model": { "$in": ["gpt-5", "gpt-5-mini"] } }),
            true,
        ),
        (json!({ "params.model": { "$nin": ["gpt-5-mini"] } }), false),
        (json!({ "params.model": { "$regex": "^gpt-\\d" } }), true),
        (json!({ "headers.X-Team": "core" }), true),
        (json!({ "url.pathname": { "$regex": "chat" } }), true),
        (
            json!({ "$or": [{ "metadata.plan": "free" }, { "params.stream": true }] }),
            true,
        ),
        (
            json!({ "$and": [{ "metadata.plan": "paid" }, { "params.stream": false }] }),
            false,
        ),
        (json!({ "$or": [] }), false),
        (
            json!({ "metadata.plan": "free", "$or": [{ "params.stream": true }] }),
            false,
        ),
    ] {
        assert_eq!(holds(&query, &call, Compat::Correct), expected, "{query}");
    }
}

#[test]
fn time_is_a_field_too() {
    // Wednesday, 2026-11-25, 14:30 UTC.
    let call = Call {
        unix: 1_795_617_000,
        ..Call::new(json!({}))
    };
    for (query, expected) in [
        (json!({ "time.hour": 14 }), true),
        (json!({ "time.hour": { "$gte": 15 } }), false),
        (json!({ "time.weekday": 3 }), true),
    ] {
        assert_eq!(holds(&query, &call, Compat::Correct), expected, "{query}");
    }
}

#[test]
fn where_portkey_differs_it_is_followed_only_when_asked() {
    let call = Call::new(json!({ "metadata": { "plan": "paid" } }));
    for (query, ours, theirs) in [
        (json!({ "metadata.missing": { "$ne": "x" } }), false, true),
        (
            json!({ "metadata.missing": { "$nin": ["x"] } }),
            false,
            true,
        ),
        (
            json!({ "metadata.missing": { "$regex": "^undef" } }),
            false,
            true,
        ),
        (json!({ "metadata.missing": { "$eq": "x" } }), false, false),
    ] {
        assert_eq!(holds(&query, &call, Compat::Correct), ours, "{query}");
        assert_eq!(holds(&query, &call, Compat::Portkey), theirs, "{query}");
    }
}

#[test]
fn queries_are_values() {
    let _: fn(&Query) -> Query = Clone::clone;
}
