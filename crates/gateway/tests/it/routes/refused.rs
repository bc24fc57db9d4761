//! Trees that cannot work are refused with the place that is wrong, before anybody is asked.

use std::collections::BTreeMap;

use orchestra_gateway::Routes;
use orchestra_testkit::Behaviour;
use serde_json::{Value, json};

use super::{ask, behaving, tree};
use crate::harness::{MODEL, Stage};

#[tokio::test]
async fn what_is_wrong_in_a_calls_tree_is_said_with_its_place() {
    let within = |target: Value| json!({ "strategy": { "mode": "fallback" }, "targets": [{ "provider": "one" }, target] });
    let stage = behaving([Behaviour::answer()]);
    for (target, place, words) in [
        (json!({ "provider": "nobody" }), "targets[1]", "nobody"),
        (json!({ "virtual_key": "nobody" }), "targets[1]", "nobody"),
        (json!({ "provider": "@nobody/m" }), "targets[1]", "nobody"),
        (
            json!({ "model": "no-such-model" }),
            "targets[1]",
            "no-such-model",
        ),
        (json!({ "api_key": "the-key" }), "targets[1]", "provider"),
        (
            json!({ "provider": "one", "custom_host": "http://evil.example" }),
            "targets[1].custom_host",
            "base_url",
        ),
        (
            json!({ "provider": "one", "azure_resource_name": "x" }),
            "targets[1]",
            "azure_resource_name",
        ),
        (
            json!({ "provider": "one", "drop_params": ["a["] }),
            "targets[1].drop_params",
            "no path",
        ),
        (
            json!({ "provider": "one", "drop_params": ["model"] }),
            "targets[1].drop_params",
            "needs its `model`",
        ),
        (
            json!({ "strategy": { "mode": "least_cost" }, "targets": [{ "provider": "one", "model": MODEL }] }),
            "targets[1].strategy.mode",
            "[prices]",
        ),
    ] {
        let got = stage.ask(ask(&within(target.clone()))).await;
        assert_eq!(got.status, 400, "{target}");
        let error = &got.json()["error"];
        assert_eq!(error["code"], "invalid_config");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains(&format!("{place}: ")) && message.contains(words),
            "{message}"
        );
        assert!(!message.contains("the-key"), "{message}");
    }
    assert_eq!(stage.requests(), [0]);
}

fn check(stage: &Stage, models: &[(&str, Value)], configs: &[(&str, Value)]) -> Result<(), String> {
    let table = |trees: &[(&str, Value)]| {
        let named = |(name, config): &(&str, Value)| ((*name).to_owned(), tree(config));
        trees.iter().map(named).collect::<BTreeMap<_, _>>()
    };
    let routes = Routes {
        models: table(models),
        configs: table(configs),
        ..Routes::default()
    };
    routes
        .check(&stage.gateway.providers())
        .map_err(|error| error.to_string())
}

#[tokio::test]
async fn what_is_wrong_in_an_operators_trees_is_said_with_their_names() {
    let stage = behaving([Behaviour::answer()]);
    let own = json!({ "provider": "one", "model": MODEL });
    let callers = json!({ "provider": "one" });
    assert_eq!(
        check(&stage, &[("a", own)], &[("b", callers.clone())]),
        Ok(())
    );
    // A model that stands for a tree cannot be what its targets are asked for.
    let message = check(&stage, &[("a", callers)], &[]).unwrap_err();
    assert!(
        message.starts_with("[models] a") && message.contains("needs a `model`"),
        "{message}"
    );
    let message = check(&stage, &[], &[("b", json!({ "provider": "nobody" }))]).unwrap_err();
    assert!(
        message.starts_with("[configs] b") && message.contains("nobody"),
        "{message}"
    );
    // A tree is no target of another.
    let circle = json!({ "model": "a" });
    assert!(check(&stage, &[("a", circle)], &[]).is_err());
}
