//! What is tried, in which order.

use std::time::Duration;

use orchestra_routing::{
    Author, Compat, Failures, Hedge, HedgeAfter, HoldBack, Node, NodeKind, Plan, PlanError,
    Planner, Share, Target, View,
};
use orchestra_types::Money;
use serde_json::{Value, json};

use crate::call::{Call, Known, Setting, providers};

fn call() -> Call {
    Call::new(json!({}))
}

fn plan(tree: &Value) -> Plan {
    Setting::new(Compat::Correct).plan(tree, &call()).unwrap()
}

/// Where a failure with this status leads from a step, or nowhere.
fn leads(plan: &Plan, from: usize, status: Option<u16>, usual: bool) -> Option<usize> {
    let exits = plan.steps[from].exits.iter();
    exits
        .filter(|exit| exit.on.fit(status, usual))
        .map(|exit| exit.to)
        .next()
}

#[test]
fn a_target_alone_is_a_plan() {
    let plan = plan(&json!({ "provider": "a", "override_params": { "model": "m" } }));
    assert_eq!(providers(&plan), ["a"]);
    assert_eq!(plan.steps[0].settings.override_params["model"], "m");
    assert!(plan.steps[0].exits.is_empty() && plan.choices.is_empty());
}

#[test]
fn an_address_holds_for_all_targets_below_that_have_none_of_their_own() {
    let plan = plan(&json!({
        "strategy": { "mode": "fallback" },
        "targets": [
            {
                "strategy": { "mode": "fallback" },
                "custom_host": "https://a",
                "targets": [{ "provider": "x", "custom_host": "https://b" }, { "provider": "y" }],
            },
            { "provider": "z" },
        ],
    }));
    let hosts: Vec<_> = plan
        .steps
        .iter()
        .map(|step| step.target.host.as_deref())
        .collect();
    assert_eq!(hosts, [Some("https://b"), Some("https://a"), None]);
}

#[test]
fn nested_fallbacks_lead_out_level_by_level() {
    let plan = plan(&json!({
        "strategy": { "mode": "fallback", "on_status_codes": [500] },
        "targets": [
            {
                "strategy": { "mode": "fallback", "on_status_codes": [429] },
                "targets": [{ "provider": "a" }, { "provider": "b" }],
            },
            { "provider": "c" },
        ],
    }));
    assert_eq!(providers(&plan), ["a", "b", "c"]);
    assert_eq!(leads(&plan, 0, Some(429), true), Some(1));
    assert_eq!(leads(&plan, 0, Some(500), true), Some(2));
    assert_eq!(leads(&plan, 0, Some(503), true), None);
    // The inner one has no third: its 429 is its answer, which the outer does not name.
    assert_eq!(leads(&plan, 1, Some(429), true), None);
    assert_eq!(leads(&plan, 1, Some(500), true), Some(2));
    assert_eq!(leads(&plan, 2, Some(500), true), None);
    // What has no status at all always leads on.
    assert_eq!(leads(&plan, 1, None, true), Some(2));
}

#[test]
fn a_fallback_without_codes_leaves_alone_what_every_target_would_say() {
    let tree = json!({ "strategy": { "mode": "fallback" }, "targets": [{ "provider": "a" }, { "provider": "b" }] });
    let ours = plan(&tree);
    assert_eq!(leads(&ours, 0, Some(400), false), None);
    assert_eq!(leads(&ours, 0, Some(503), true), Some(1));
    let theirs = Setting::new(Compat::Portkey).plan(&tree, &call()).unwrap();
    assert_eq!(leads(&theirs, 0, Some(400), false), Some(1));
    assert_eq!(theirs.steps[0].exits[0].on, Failures::Any);
}

#[test]
fn settings_are_handed_down() {
    let plan = plan(&json!({
        "strategy": { "mode": "single" },
        "retry": { "attempts": 3, "use_retry_after_headers": true },
        "request_timeout": 5000,
        "recover": true,
        "hold_back": { "tokens": 20 },
        "override_params": { "temperature": 0, "user": "x" },
        "targets": [{
            "provider": "a",
            "retry": { "attempts": 1 },
            "override_params": { "temperature": 1 },
        }],
    }));
    let settings = &plan.steps[0].settings;
    let retry = settings.retry.as_ref().unwrap();
    assert_eq!((retry.attempts, retry.use_retry_after), (1, false));
    assert_eq!(settings.request_timeout.unwrap().as_secs(), 5);
    assert_eq!(settings.override_params["temperature"], 1);
    assert_eq!(settings.override_params["user"], "x");
    assert_eq!(settings.recover, Some(true));
    assert_eq!(settings.hold_back, HoldBack::of(Some(20), None));
}

#[test]
fn hedges_are_handed_down_and_switched_off_below() {
    let plan = plan(&json!({
        "strategy": { "mode": "fallback" },
        "hedge": { "most_extra": 0.05 },
        "targets": [
            { "provider": "a" },
            { "provider": "b", "hedge": { "after": 800 } },
            { "provider": "c", "hedge": { "after": "never" } },
        ],
    }));
    let hedges: Vec<_> = plan
        .steps
        .iter()
        .map(|step| step.settings.hedge.unwrap())
        .collect();
    let after = |after| Hedge {
        after: Some(after),
        most_extra: None,
        author: Author::Operator,
    };
    assert_eq!(
        hedges,
        [
            Hedge {
                after: Some(HedgeAfter::Percentile(95)),
                most_extra: Share::of(0.05),
                author: Author::Operator,
            },
            after(HedgeAfter::Time(Duration::from_millis(800))),
            after(HedgeAfter::Never),
        ]
    );
}

#[test]
fn weights_share_the_calls_and_a_failing_target_comes_last() {
    let tree = json!({
        "strategy": { "mode": "loadbalance" },
        "targets": [
            { "provider": "a", "weight": 3 },
            { "provider": "b", "weight": 1 },
            { "provider": "off", "weight": 0 },
        ],
    });
    let mut setting = Setting::new(Compat::Correct);
    let mut first = 0;
    for _ in 0..10_000 {
        let plan = setting.plan(&tree, &call()).unwrap();
        assert_eq!(plan.steps.len(), 2);
        first += u32::from(providers(&plan)[0] == "a");
    }
    assert!((7_300..7_700).contains(&first), "{first}");
    setting.known = Known(vec![("a", 0.0, 0.0, None)]);
    for _ in 0..1000 {
        assert_eq!(
            providers(&setting.plan(&tree, &call()).unwrap()),
            ["b", "a"]
        );
    }
}

#[test]
fn portkeys_balancer_draws_one_and_falls_over_to_nobody() {
    let tree = json!({ "strategy": { "mode": "loadbalance" }, "targets": [{ "provider": "a" }, { "provider": "b" }] });
    let plan = Setting::new(Compat::Portkey).plan(&tree, &call()).unwrap();
    assert_eq!(plan.steps.len(), 1);
}

#[test]
fn a_sticky_caller_stays_and_others_are_spread() {
    let tree = json!({
        "strategy": { "mode": "loadbalance", "sticky": { "enabled": true, "hash_fields": ["metadata.user"] } },
        "targets": [{ "provider": "a" }, { "provider": "b" }],
    });
    let mut setting = Setting::new(Compat::Correct);
    let mut first = 0;
    for user in 0..1000 {
        let call = Call::new(json!({ "metadata": { "user": user.to_string() } }));
        let plans = [0, 1].map(|_| setting.plan(&tree, &call).unwrap());
        assert_eq!(providers(&plans[0]), providers(&plans[1]));
        first += u32::from(providers(&plans[0])[0] == "a");
    }
    assert!((430..570).contains(&first), "{first}");
}

#[test]
fn a_variant_is_the_callers_for_good() {
    let tree = json!({
        "strategy": { "mode": "experiment", "name": "tone", "hash_fields": ["metadata.user"] },
        "targets": [{ "name": "old", "provider": "a", "weight": 9 }, { "name": "new", "provider": "b", "weight": 1 }],
    });
    let mut setting = Setting::new(Compat::Correct);
    let mut fresh = 0;
    for user in 0..2000 {
        let call = Call::new(json!({ "metadata": { "user": user.to_string() } }));
        let plan = setting.plan(&tree, &call).unwrap();
        assert_eq!(plan.steps.len(), 1);
        fresh += u32::from(providers(&plan)[0] == "b");
    }
    assert!((140..260).contains(&fresh), "{fresh}");
}

#[test]
fn the_fast_and_the_cheap_come_first() {
    let tree = |mode: &str| {
        json!({
            "strategy": { "mode": mode },
            "targets": [{ "provider": "a" }, { "provider": "b" }, { "provider": "c" }],
        })
    };
    let mut setting = Setting::new(Compat::Correct);
    setting.known = Known(vec![
        ("a", 1.0, 9.0, Some(1)),
        ("b", 1.0, 0.3, Some(3)),
        ("c", 1.0, 0.4, None),
    ]);
    let mut slow = 0;
    for _ in 0..1000 {
        let plan = setting.plan(&tree("least_latency"), &call()).unwrap();
        slow += u32::from(providers(&plan)[0] == "a");
    }
    assert!(slow < 100, "{slow}");
    let cheapest = setting.plan(&tree("least_cost"), &call()).unwrap();
    assert_eq!(providers(&cheapest), ["a", "b", "c"]);
    setting.known.0[0].1 = 0.0;
    let without = setting.plan(&tree("least_cost"), &call()).unwrap();
    assert_eq!(providers(&without), ["b", "c", "a"]);
}

#[test]
fn what_is_cheap_is_told_with_its_costs() {
    let tree = json!({
        "strategy": { "mode": "least_cost" },
        "targets": [
            { "provider": "a" },
            { "name": "dear", "provider": "b" },
            { "name": "group", "strategy": { "mode": "fallback" }, "targets": [{ "provider": "c" }, { "provider": "d" }] },
            { "provider": "e" },
        ],
    });
    let mut setting = Setting::new(Compat::Correct);
    setting.known = Known(vec![
        ("a", 1.0, 0.0, None),
        ("b", 1.0, 0.0, Some(2_000_000_000)),
        // Cheaper, but left alone: what the group costs now is what the other one costs.
        ("c", 0.0, 0.0, Some(1)),
        ("d", 1.0, 0.0, Some(1_500_000_000)),
        ("e", 0.0, 0.0, Some(1)),
    ]);
    let plan = setting.plan(&tree, &call()).unwrap();
    assert_eq!(plan.choices[0].order, ["group", "dear", "0", "3"]);
    assert_eq!(
        plan.choices[0].reason,
        "by estimated cost, the cheapest first: group $0.0015, dear $0.002, 0 unknown, 3 $0.000000000001 (left alone)"
    );
    setting.known = Known::default();
    let plan = setting.plan(&tree, &call()).unwrap();
    assert_eq!(plan.choices[0].order, ["0", "dear", "group", "3"]);
    assert!(plan.choices[0].reason.starts_with("no price is known"));
}

#[test]
fn alternatives_hold_for_what_is_below_and_the_lowest_wins() {
    let tree = json!({
        "on_context_length": "long", "on_content_policy": "lenient",
        "strategy": { "mode": "fallback" },
        "targets": [{ "provider": "a" }, { "provider": "b", "on_context_length": "longer" }],
    });
    let plan = Setting::new(Compat::Correct).plan(&tree, &call()).unwrap();
    let said = |at: usize| {
        let settings = &plan.steps[at].settings;
        (
            settings.on_context_length.as_deref(),
            settings.on_content_policy.as_deref(),
        )
    };
    assert_eq!(said(0), (Some("long"), Some("lenient")));
    assert_eq!(said(1), (Some("longer"), Some("lenient")));
}

#[test]
fn a_condition_chooses_a_whole_branch() {
    let tree = json!({
        "strategy": {
            "mode": "conditional",
            "conditions": [{ "query": { "metadata.plan": "paid" }, "then": "best" }],
        },
        "targets": [
            { "name": "best", "strategy": { "mode": "fallback" }, "targets": [{ "provider": "a" }, { "provider": "b" }] },
        ],
    });
    let mut setting = Setting::new(Compat::Correct);
    let paid = Call::new(json!({ "metadata": { "plan": "paid" } }));
    let plan = setting.plan(&tree, &paid).unwrap();
    assert_eq!(providers(&plan), ["a", "b"]);
    assert_eq!(plan.choices[0].reason, "condition 0 holds");
    let refused = setting.plan(&tree, &call()).unwrap_err();
    assert_eq!(
        refused,
        PlanError::NoCondition {
            path: String::new()
        }
    );
}

#[test]
fn a_slug_comes_before_a_providers_plain_name() {
    for (config, provider, slug) in [
        (json!({ "provider": "openai" }), Some("openai"), None),
        (json!({ "provider": "@prod/gpt" }), None, Some("prod")),
        (json!({ "virtual_key": "prod" }), None, Some("prod")),
        (json!({ "virtual_key": "@prod" }), None, Some("prod")),
        (
            json!({ "provider": "openai", "virtual_key": "prod" }),
            None,
            Some("prod"),
        ),
        (
            json!({ "provider": "@other", "virtual_key": "prod" }),
            None,
            Some("other"),
        ),
    ] {
        let NodeKind::Target(target) = Node::parse(&config).unwrap().kind else {
            panic!("{config} is a target");
        };
        let found = (target.provider.as_deref(), target.slug.as_deref());
        assert_eq!(found, (provider, slug), "{config}");
    }
}

/// Notes with which models targets are looked at.
#[derive(Default)]
struct Looks(std::cell::RefCell<Vec<Option<String>>>);

impl Looks {
    fn note(&self, target: &Target) {
        self.0.borrow_mut().push(target.model.clone());
    }
}

impl View for Looks {
    fn share(&self, target: &Target) -> f64 {
        self.note(target);
        1.0
    }

    fn latency(&self, target: &Target) -> f64 {
        self.note(target);
        1.0
    }

    fn output(&self, target: &Target) -> Option<u64> {
        self.note(target);
        None
    }

    fn price(&self, target: &Target, _: Option<u64>) -> Option<Money> {
        self.note(target);
        None
    }
}

#[test]
fn targets_are_looked_at_with_the_model_that_they_will_be_asked_for() {
    for mode in ["loadbalance", "least_latency", "least_cost"] {
        let tree = json!({
            "override_params": { "model": "above" },
            "strategy": { "mode": mode },
            "targets": [
                { "provider": "a" },
                { "provider": "b", "model": "own" },
                { "provider": "c", "override_params": { "model": "closer" } },
                { "strategy": { "mode": "fallback" }, "targets": [{ "provider": "d" }] },
            ],
        });
        let looks = Looks::default();
        let mut planner = Planner {
            facts: &call(),
            view: &looks,
            compat: Compat::Correct,
            draw: &mut || 0.5,
        };
        planner.plan(&Node::parse(&tree).unwrap()).unwrap();
        let mut seen = looks.0.take();
        seen.sort();
        seen.dedup();
        let expected = ["above", "closer", "own"].map(|model| Some(model.to_owned()));
        assert_eq!(seen, expected, "{mode}");
    }
}
