//! The cheapest first.

use std::sync::Arc;

use orchestra_gateway::{Parts, Routes};
use orchestra_providers::{ModelFactsRow, PriceRow, Row};
use orchestra_testkit::{Behaviour, Script, TokenCounts, Upstream};
use serde_json::{Value, json};

use super::{CHAT, ask, paths, tree};
use crate::harness::{Ask, EVERYONE, MODEL, Stage, row};

/// A provider for each price, as `{ input, output }` in dollars for a million tokens.
fn stage(prices: &[Option<Value>]) -> Stage {
    stage_of(prices, &Behaviour::answer())
}

/// The first of them behaves like this.
fn stage_of(prices: &[Option<Value>], first: &Behaviour) -> Stage {
    let start = |at: usize| {
        let behaviour = if at == 0 {
            first.clone()
        } else {
            Behaviour::answer()
        };
        Upstream::start(Script::new().otherwise(behaviour)).unwrap()
    };
    priced(prices, (0..prices.len()).map(start).collect(), |parts| {
        parts
    })
}

fn priced(
    prices: &[Option<Value>],
    upstreams: Vec<Upstream>,
    arrange: impl FnOnce(Parts) -> Parts,
) -> Stage {
    let rows = upstreams.iter().zip(prices).map(|(upstream, price)| {
        let price = price.clone();
        let price = price.map(|price| serde_json::from_value::<PriceRow>(price).unwrap());
        Row {
            facts: Some(vec![ModelFactsRow {
                models: vec![MODEL.to_owned()],
                context: None,
                price,
            }]),
            ..row(&upstream.base_url())
        }
    });
    let rows: Vec<Row> = rows.collect();
    Stage::arranged(&rows, upstreams, arrange)
}

fn cheapest() -> Value {
    json!({
        "strategy": { "mode": "least_cost" },
        "targets": [{ "provider": "one" }, { "provider": "two" }, { "provider": "three" }],
    })
}

/// A prompt of some 2,000 tokens, and at most so many for the answer.
fn long(most: u64) -> Ask {
    let body = json!({
        "model": MODEL, "max_tokens": most,
        "messages": [{ "role": "user", "content": "word ".repeat(2_000) }],
    });
    super::asking(Ask::body(CHAT, body.to_string()), &cheapest())
}

#[tokio::test]
async fn what_the_call_is_like_decides_what_is_cheap() {
    let stage = stage(&[
        None,
        Some(json!({ "input": 1, "output": 10 })),
        Some(json!({ "input": 3, "output": 1 })),
    ]);
    // 2,000 in, 10 out: 0.0021 against 0.00601.
    let got = stage.ask(long(10)).await;
    assert_eq!(paths(&got), ["targets[1]"]);
    // The same with an answer of a usual length, however long it might become: 0.012 against 0.007.
    for most in [1_000, 100_000] {
        let got = stage.ask(long(most)).await;
        assert_eq!(paths(&got), ["targets[2]"], "{most}");
    }
    // Nobody says a limit: as with the usual one.
    let got = stage.ask(ask(&cheapest())).await;
    assert_eq!(paths(&got), ["targets[2]"]);
}

#[tokio::test]
async fn who_asks_is_told_the_estimates() {
    let stage = stage(&[
        None,
        Some(json!({ "input": 2, "output": 10 })),
        Some(json!({ "input": 1, "output": 5 })),
    ]);
    let got = stage
        .ask(long(100).header("x-orchestra-explain", "true"))
        .await;
    let plan: Value = serde_json::from_str(got.header("x-orchestra-plan")).unwrap();
    assert_eq!(plan["choices"][0]["order"], json!(["2", "1", "0"]));
    let reason = plan["choices"][0]["reason"].as_str().unwrap();
    let cost = |at: usize| plan["targets"][at]["estimated_cost"].as_str();
    assert!(
        reason.contains(&format!(
            "2 ${}, 1 ${}, 0 unknown",
            cost(0).unwrap(),
            cost(1).unwrap()
        )),
        "{reason}"
    );
    assert_eq!(cost(2), None);
    let dollars: f64 = cost(0).unwrap().parse().unwrap();
    // 2,000 tokens and 100: 0.0025.
    assert!((0.0020..0.0030).contains(&dollars), "{dollars}");
    // However long an answer may become, a usual one is reckoned with.
    let estimate = |most: u64| {
        let plan = stage.gateway.explain(long(most).into_incoming()).unwrap();
        plan.targets[0].estimated_cost.unwrap()
    };
    assert_eq!(estimate(100_000), estimate(1_000));
    assert!(estimate(1_000) > estimate(999));
}

#[tokio::test]
async fn a_tree_of_which_no_price_is_known_is_refused() {
    let stage = stage(&[None, None, Some(json!({ "input": 1 }))]);
    let check = |config: &Value| {
        let routes = Routes {
            models: std::iter::once(("cheap".to_owned(), tree(config))).collect(),
            ..Routes::default()
        };
        routes
            .check(&stage.gateway.providers())
            .map_err(|error| error.to_string())
    };
    let among = |providers: &[&str]| {
        let target = |provider: &&str| json!({ "provider": provider, "model": MODEL });
        let targets: Vec<Value> = providers.iter().map(target).collect();
        json!({ "strategy": { "mode": "single" }, "targets": [{ "strategy": { "mode": "least_cost" }, "targets": targets }] })
    };
    let message = check(&among(&["one", "two"])).unwrap_err();
    assert!(
        message.starts_with("[models] cheap: targets[0].strategy.mode: `least_cost` needs"),
        "{message}"
    );
    assert_eq!(check(&among(&["one", "three"])), Ok(()));
    // Whose model the call says can only be seen then, and is told.
    let got = stage
        .ask(
            super::asking(Ask::new(CHAT, "m-small", false), &cheapest())
                .header("x-orchestra-explain", "true"),
        )
        .await;
    assert!(got.header("x-orchestra-plan").contains("no price is known"));
    assert_eq!(paths(&got), ["targets[0]"]);
}

#[tokio::test]
async fn a_dear_one_serves_while_the_cheap_one_fails() {
    let price = |input: u32| Some(json!({ "input": input, "output": input }));
    let stage = stage_of(&[price(1), price(2)], &Behaviour::error(500));
    let config = json!({
        "strategy": { "mode": "least_cost" },
        "targets": [{ "provider": "two" }, { "provider": "one" }],
    });
    for _ in 0..5 {
        let got = stage.ask(ask(&config)).await;
        assert_eq!(paths(&got), ["targets[1]", "targets[0]"]);
    }
    // By now it rests.
    let got = stage.ask(ask(&config)).await;
    assert_eq!(paths(&got), ["targets[0]"]);
}

#[tokio::test]
async fn what_is_listed_has_the_price_of_its_first_target() {
    let of = |input: u32| Some(json!({ "input": input }));
    let upstreams = [(); 3].map(|()| Upstream::start(Script::new()).unwrap());
    let trees = [("dear", "two"), ("free", "three")];
    let models = trees.map(|(name, provider)| {
        let config = json!({ "strategy": { "mode": "fallback" }, "override_params": { "model": MODEL },
            "targets": [{ "provider": provider }, { "provider": "one" }] });
        (name.to_owned(), tree(&config))
    });
    let stage = priced(&[of(1), of(2), None], upstreams.into(), |parts| Parts {
        routes: Arc::new(Routes {
            models: models.into(),
            ..Routes::default()
        }),
        ..parts
    });
    for (name, expected) in [
        ("two/m-large", Some("2")),
        ("m-large", Some("1")),
        (EVERYONE, Some("1")),
        ("three/m-large", None),
        ("dear", Some("2")),
        ("free", None),
        ("nobodys", None),
    ] {
        let price = stage.gateway.list_price(name);
        let input = price.and_then(|price| price.usual.input);
        let told = input.map(|rate| rate.to_string());
        assert_eq!(told.as_deref(), expected, "{name}");
    }
    assert!(
        stage
            .gateway
            .list_price("dear")
            .unwrap()
            .usual
            .output
            .is_none()
    );
}

/// What a target says is measured from its twentieth answer on.
#[tokio::test]
async fn who_says_little_is_cheaper_once_that_is_known() {
    for stream in [false, true] {
        let prices = [
            json!({ "input": 1, "output": 10 }),
            json!({ "input": 60, "output": 9 }),
        ];
        let says = |output| {
            let usage = TokenCounts {
                input: 10,
                output,
                ..TokenCounts::default()
            };
            Script::new().otherwise(Behaviour::answer().usage(usage))
        };
        let upstreams = [says(100), says(100)].map(|script| Upstream::start(script).unwrap());
        let stage = priced(&prices.map(Some), upstreams.into(), |parts| parts);
        let config = json!({
            "strategy": { "mode": "least_cost" },
            "targets": [{ "provider": "one" }, { "provider": "two" }],
        });
        // At 1,000 tokens of output the second is cheaper, at 100 the first.
        let body = json!({ "model": MODEL, "stream": stream, "stream_options": stream.then(|| json!({ "include_usage": true })),
            "messages": [{ "role": "user", "content": "hi" }] });
        let mut places = Vec::new();
        for _ in 0..22 {
            let got = stage
                .ask(super::asking(Ask::body(CHAT, body.to_string()), &config))
                .await;
            places.push(paths(&got)[0] == "targets[1]");
        }
        let second: Vec<bool> = (0..22).map(|call| call < 20).collect();
        assert_eq!(places, second, "{stream}");
    }
}
