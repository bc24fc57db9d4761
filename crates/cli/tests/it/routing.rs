//! `orchestra route explain`: nothing is sent, and what would be is said.

use serde_json::Value;

use crate::canary::VALUE;
use crate::place::Place;

const CONFIG: &str = r#"
[[providers]]
kind = "openai"
key = "env:OPENAI_API_KEY"

[[providers]]
kind = "anthropic"
key = "env:ANTHROPIC_API_KEY"

[models.assistant]
strategy = { mode = "conditional", conditions = [{ query = { "metadata.plan" = "paid" }, then = "best" }], default = "cheap" }
targets = [
  { name = "cheap", model = "openai/gpt-5-mini" },
  { name = "best", strategy = { mode = "fallback" }, targets = [{ model = "anthropic/claude-sonnet-5-5" }, { model = "openai/gpt-6.1-sol" }] },
]
"#;

fn place() -> Place {
    let place = Place::new();
    place.write("orchestra.toml", CONFIG);
    place.write(
        ".env",
        &format!("OPENAI_API_KEY={VALUE}\nANTHROPIC_API_KEY={VALUE}\n"),
    );
    place
}

#[test]
fn the_rule_that_decides_and_the_targets_are_shown() {
    let place = place();
    let shown = place.run(["route", "explain", "assistant"]).succeeds();
    shown.says("no condition holds").says("openai/gpt-5-mini");
    let paid = [
        "route",
        "explain",
        "assistant",
        "--metadata",
        "plan=paid",
        "--json",
    ];
    let told = place.run(paid).succeeds().json();
    assert_eq!(told["choices"][0]["reason"], "condition 0 holds");
    let targets: Vec<&Value> = told["targets"].as_array().unwrap().iter().collect();
    assert_eq!(targets.len(), 2);
    assert_eq!(
        (&targets[0]["provider"], &targets[0]["translated"]),
        (&Value::from("anthropic"), &Value::from(true))
    );
}

#[test]
fn a_tree_may_be_tried_before_it_is_used() {
    let place = place();
    let tree = r#"{"strategy":{"mode":"conditional","conditions":[{"query":{"params.max_tokens":{"$gt":100}},"then":"b"}],"default":"a"},
        "targets":[{"name":"a","provider":"openai"},{"name":"b","provider":"anthropic","model":"claude-sonnet-5-5"}]}"#;
    let call = [
        "route",
        "explain",
        "gpt-5-mini",
        "--tree",
        tree,
        "--param",
        "max_tokens=200",
    ];
    place
        .run(call)
        .succeeds()
        .says("anthropic/claude-sonnet-5-5");
}

#[test]
fn where_second_targets_are_asked_is_shown() {
    let place = place();
    let tree = r#"{"strategy":{"mode":"fallback"},"hedge":{"most_extra":0.01},
        "targets":[{"provider":"openai"},{"provider":"anthropic","model":"claude-sonnet-5-5"}]}"#;
    let call = ["route", "explain", "gpt-5-mini", "--tree", tree];
    place
        .run(call)
        .succeeds()
        .says("ready, hedged after p95")
        .says("ready, translated");
    let told = place.run([&call[..], &["--json"]].concat()).succeeds();
    let targets = &told.json()["targets"];
    assert_eq!(targets[0]["hedge"]["most_extra"], 0.01);
    assert_eq!(targets[1]["hedge"], Value::Null);
}

#[test]
fn what_cannot_be_is_an_error_with_its_place() {
    let place = place();
    let wrong = r#"{"strategy":{"mode":"fallback"},"targets":[{"provider":"nobody"}]}"#;
    for (arguments, words) in [
        (vec!["no-such-model-x"], "no configured provider"),
        (vec!["gpt-5-mini", "--tree", wrong], "targets[0]"),
        (vec!["gpt-5-mini", "--tree", "{"], "no JSON"),
        (vec!["gpt-5-mini", "--tree", "unknown"], "unknown"),
    ] {
        let all = ["route", "explain"].into_iter().chain(arguments);
        place.run(all).refuses(words);
    }
}
