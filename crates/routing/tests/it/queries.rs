//! Conditions, as documented and as Portkey evaluates them.

use std::time::{Duration, Instant};

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
fn a_pattern_looks_at_the_beginning_of_what_is_long() {
    let call = |text: String| Call::new(json!({ "params": { "input": text } }));
    let query = json!({ "params.input": { "$regex": "[ab]{1,900}c" } });
    let holds = |text: String| holds(&query, &call(text), Compat::Correct);
    let bits = 0x9e37_79b9_7f4a_7c15_u64;
    let random = |length: u64| -> String {
        let letter = |at: u64| {
            if bits.wrapping_mul(at) >> 40 & 1 == 0 {
                'a'
            } else {
                'b'
            }
        };
        (0..length).map(letter).collect()
    };
    assert!(holds(format!("{}c", random(8_000))));
    // To search all of it would take minutes.
    let began = Instant::now();
    assert!(!holds(format!("{}é{}c", random(8_191), random(1 << 20))));
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn queries_are_values() {
    let _: fn(&Query) -> Query = Clone::clone;
}
