//! A gateway as somebody configured it: its models, its trees, providers of every dialect.

use std::collections::BTreeMap;
use std::sync::Arc;

use orchestra_gateway::{Node, Routes};
use orchestra_providers::{Catalogue, Provider, Registry, Row};
use orchestra_simulation::{
    Configured, Measure, Outage, Report, Route, SetupError, Trouble, Upstream, World, check,
};
use orchestra_types::ProviderId;
use serde_json::{Map, Value, json};

use crate::secs;

fn provider(name: &str, endpoint: &str) -> Provider {
    let row = Row {
        base_url: Some(format!("http://{name}.example/v1")),
        endpoints: Some(vec![endpoint.to_owned()]),
        key_required: Some(false),
        models: Some(vec!["m".to_owned(), "n".to_owned()]),
        ..Row::default()
    };
    Provider::build(ProviderId::new(name).unwrap(), &row).unwrap()
}

fn configured(model: &str, tree: Option<Value>) -> Configured {
    let providers = [
        ("chat", "chat_completions"),
        ("claude", "messages"),
        ("answers", "responses"),
        ("gemini", "generate_content"),
    ];
    let providers = providers.map(|(name, endpoint)| provider(name, endpoint));
    let every = ["chat/m", "claude/m", "answers/m", "gemini/m"].map(str::to_owned);
    let aliases = BTreeMap::from([("every".to_owned(), every.into())]);
    let mut routes = Routes::default();
    if let Some(tree) = tree {
        let tree = Arc::new(Node::parse(&tree).unwrap());
        routes.models.insert("tree".to_owned(), tree);
    }
    Configured {
        registry: Registry::build(providers.into(), &Catalogue::embedded(), &aliases).unwrap(),
        keys: BTreeMap::new(),
        routes: Arc::new(routes),
        model: model.to_owned(),
        metadata: BTreeMap::new(),
        params: Map::new(),
    }
}

fn world(configured: Configured) -> World {
    let mut world = World::new(configured.upstreams().unwrap());
    world.route = Route::Configured(Box::new(configured));
    world.traffic.leaving = 0.0;
    world.fated = true;
    world
}

fn measured(world: &World) -> Report {
    world.measure(1).unwrap()
}

fn out(target: usize, trouble: Trouble, share: f64) -> Outage {
    Outage {
        target,
        from: secs(0),
        until: secs(600),
        share,
        trouble,
    }
}

fn labels(world: &World) -> Vec<String> {
    world.upstreams.iter().map(Upstream::label).collect()
}

#[test]
fn upstreams_answer_in_the_dialect_that_their_provider_speaks() {
    let all = world(configured("every", None));
    assert_eq!(
        labels(&all),
        ["chat/m", "claude/m", "answers/m", "gemini/m"]
    );
    for last in 0..4 {
        let mut world = all.clone();
        // Everybody but one refuses, so that this one serves all.
        let others = (0..4).filter(|target| *target != last);
        world.outages = others
            .map(|target| out(target, Trouble::Refused, 1.0))
            .collect();
        world.settings.max_attempts = 4;
        let history = world.run(1).unwrap();
        assert_eq!(check(&history), [], "{history}");
        let report = history.report();
        assert!(
            report.calls > 80 && report.served == report.calls,
            "{report}"
        );
        assert_eq!((report.oracle, report.avoidable), (1.0, Some(0)));
        assert!(report.loads[last].requests >= report.calls, "{report}");
        assert!(report.first_token_p50.is_some());
    }
}

#[test]
fn whatever_breaks_is_told_to_the_client_whatever_the_dialect() {
    for broken in [Trouble::Cut, Trouble::Stall, Trouble::NoEnd, Trouble::Page] {
        for target in 0..4 {
            let mut world = world(configured("every", None));
            let others = (0..4).filter(|other| *other != target);
            world.outages = others
                .map(|target| out(target, Trouble::Refused, 1.0))
                .collect();
            world.outages.push(out(target, broken, 0.5));
            world.settings.max_attempts = 4;
            world.traffic.lasts = secs(40);
            let history = world.run(1).unwrap();
            assert_eq!(check(&history), [], "{history}");
        }
    }
}

#[test]
fn targets_of_a_tree_are_found_wherever_they_stand() {
    let tree = json!({
        "strategy": { "mode": "conditional", "conditions": [{ "query": { "metadata.plan": "paid" }, "then": "best" }], "default": "cheap" },
        "targets": [
            { "name": "cheap", "provider": "chat", "model": "n" },
            { "name": "best", "strategy": { "mode": "loadbalance" }, "targets": [
                { "provider": "claude", "model": "m" },
                { "provider": "gemini", "model": "m", "weight": 0 },
                { "provider": "chat", "model": "m" },
            ] },
        ],
    });
    let mut configured = configured("tree", Some(tree));
    let cheap = world(configured.clone());
    assert_eq!(labels(&cheap), ["chat/n", "claude/m", "chat/m"]);
    let requests =
        |report: &Report| -> Vec<u32> { report.loads.iter().map(|load| load.requests).collect() };
    let report = measured(&cheap);
    assert_eq!(requests(&report), [report.calls, 0, 0]);
    configured
        .metadata
        .insert("plan".to_owned(), "paid".to_owned());
    let report = measured(&world(configured));
    let [cheap, best, other] = requests(&report)[..] else {
        panic!()
    };
    assert!(cheap == 0 && best > 30 && other > 30, "{report}");
}

#[test]
fn what_is_done_without_is_missed() {
    let mut world = world(configured("every", None));
    world.traffic.rate = 5.0;
    world.outages = vec![out(0, Trouble::Status(500), 1.0)];
    let without = |measures: &[Measure], world: &World| {
        let mut world = world.clone();
        world.without = measures.to_vec();
        measured(&world)
    };
    let all = without(&[], &world);
    assert_eq!((all.served, all.avoidable), (all.calls, Some(0)));
    // Nobody remembers that the first one fails: each call finds out by itself.
    let forgetful = without(&[Measure::Health], &world);
    assert_eq!(forgetful.served, forgetful.calls);
    assert_eq!(forgetful.loads[0].requests, forgetful.calls);
    assert!(all.loads[0].requests < all.calls / 10, "{all}");
    let alone = without(&[Measure::Fallback], &world);
    assert_eq!((alone.served, alone.avoidable), (0, Some(alone.calls)));
    assert_eq!(alone.loads[1].requests, 0);
    // Half of the requests fail, and there is nobody else.
    world.settings.max_attempts = 8;
    world.outages = (0..4)
        .map(|target| out(target, Trouble::Status(500), 1.0))
        .collect();
    world.outages[1].share = 0.5;
    let again = without(&[Measure::Health], &world);
    let once = without(&[Measure::Health, Measure::Retries], &world);
    assert!(
        again.availability() > once.availability() + 0.1,
        "{again}{once}"
    );
}

#[test]
fn a_call_that_would_be_refused_is_no_world() {
    let unknown = configured("nobody-has-this", None).upstreams();
    assert!(
        matches!(unknown, Err(SetupError::Refused(_))),
        "{unknown:?}"
    );
}
