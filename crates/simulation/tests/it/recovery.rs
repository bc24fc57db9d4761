//! Streams that die and are gone on with.

use std::collections::BTreeMap;
use std::sync::Arc;

use orchestra_dialects::Continues;
use orchestra_gateway::Routes;
use orchestra_providers::{
    Catalogue, Dollars, ModelFactsRow, PriceRow, ProfileRow, Provider, Registry, Row,
};
use orchestra_simulation::{
    Configured, Event, Happening, History, Measure, Outage, Over, Route, Rule, Scenario, Trouble,
    Upstream, View, World, check,
};
use orchestra_types::ProviderId;
use serde_json::Map;

use crate::secs;

fn recovered(history: &History) -> usize {
    let of = |event: &Event| match &event.what {
        Happening::Recorded { recovered, .. } => *recovered,
        _ => 0,
    };
    history.events.iter().map(of).sum()
}

/// The rules that are broken once `falsify` has been at the first view of a call whose stream was gone on with.
fn falsified(falsify: impl Fn(&mut View)) -> Vec<Rule> {
    let mut history = Scenario::GoneOn.world(9).run(9).unwrap();
    assert_eq!(check(&history), []);
    let mut views = history
        .events
        .iter_mut()
        .filter_map(|event| match &mut event.what {
            Happening::Seen { view, .. } => Some(view),
            _ => None,
        });
    falsify(views.find(|view| !view.earlier.is_empty()).unwrap());
    rules(&history)
}

fn rules(history: &History) -> Vec<Rule> {
    let mut rules: Vec<Rule> = check(history).iter().map(|found| found.rule).collect();
    rules.sort();
    rules.dedup();
    rules
}

#[test]
fn a_silent_or_wrong_change_of_hands_is_found() {
    assert_eq!(falsified(|view| view.marks = 0), [Rule::BytesOnce]);
    let foreign = falsified(|view| view.earlier[0].exchange += 1_000);
    assert_eq!(foreign, [Rule::BytesOnce]);
    let more = falsified(|view| {
        view.earlier[0].tokens += 100;
        view.tokens += 100;
    });
    assert_eq!(more, [Rule::BytesOnce]);
    let repeated = falsified(|view| view.disorder = Some("a blank came twice".to_owned()));
    assert_eq!(repeated, [Rule::BytesOnce]);
}

#[test]
fn going_on_with_a_stream_that_lives_is_found() {
    let mut history = Scenario::GoneOn.world(9).run(9).unwrap();
    let earlier = history.events.iter().find_map(|event| match &event.what {
        Happening::Seen { view, .. } => Some(view.earlier.first()?.exchange),
        _ => None,
    });
    for event in &mut history.events {
        if let Happening::Over { exchange, how, .. } = &mut event.what
            && Some(*exchange) == earlier
        {
            *how = Over::Whole;
        }
    }
    assert!(rules(&history).contains(&Rule::BytesOnce));
}

/// Half of the streams of everybody are cut, and every target can go on.
fn cut(world: &mut World) {
    world.traffic.streamed = 1.0;
    world.traffic.leaving = 0.0;
    world.settings.recovery.enabled = true;
    world.settings.max_attempts = 6;
    let outage = |target| Outage {
        target,
        from: secs(0),
        until: secs(600),
        share: 0.5,
        trouble: Trouble::Cut,
    };
    world.outages = (0..world.upstreams.len()).map(outage).collect();
}

#[test]
fn going_on_is_worth_what_breaks_off_without_it() {
    let upstreams = ["one", "two", "three"].map(Upstream::new);
    let mut world = World::new(upstreams.into());
    cut(&mut world);
    let with = world.measure(1).unwrap();
    world.without = vec![Measure::Recovery];
    let without = world.measure(1).unwrap();
    assert!(
        without.broken > 20 && with.broken * 2 < without.broken,
        "{with}{without}"
    );
    assert_eq!(world.run(1).map(|history| recovered(&history)).unwrap(), 0);
    assert!(world.takes(Measure::Recovery));
    world.settings.recovery.enabled = false;
    assert!(!world.takes(Measure::Recovery));
}

/// Each at a price of its own: its name's length in dollars, for input and output.
fn provider(name: &str, endpoint: &str, continues: Continues) -> Provider {
    let dollars = name.len().to_string().parse().ok().map(Dollars);
    let row = Row {
        base_url: Some(format!("http://{name}.example/v1")),
        endpoints: Some(vec![endpoint.to_owned()]),
        key_required: Some(false),
        models: Some(vec!["m".to_owned()]),
        facts: Some(vec![ModelFactsRow {
            models: vec!["m".to_owned()],
            context: None,
            price: Some(PriceRow {
                input: dollars,
                output: dollars,
                ..PriceRow::default()
            }),
        }]),
        profile: Some(ProfileRow {
            continues: Some(continues),
            ..ProfileRow::default()
        }),
        ..Row::default()
    };
    Provider::build(ProviderId::new(name).unwrap(), &row).unwrap()
}

fn configured(continues: [Continues; 3]) -> World {
    let [repeats, claude, chat] = continues;
    let providers = [
        provider("mistral", "chat_completions", repeats),
        provider("anthropic", "messages", claude),
        provider("chat", "chat_completions", chat),
        provider("gemini", "generate_content", Continues::Never),
    ];
    let names = ["gemini/m", "anthropic/m", "mistral/m", "chat/m"];
    let aliases = BTreeMap::from([("every".to_owned(), names.map(str::to_owned).into())]);
    let configured = Configured {
        registry: Registry::build(providers.into(), &Catalogue::embedded(), &aliases).unwrap(),
        keys: BTreeMap::new(),
        routes: Arc::new(Routes::default()),
        model: "every".to_owned(),
        metadata: BTreeMap::new(),
        params: Map::new(),
    };
    let mut world = World::new(configured.upstreams().unwrap());
    world.route = Route::Configured(Box::new(configured));
    cut(&mut world);
    world
}

/// Text that is repeated is not repeated to the client, and what dead streams have told is charged with the rest.
#[test]
fn targets_of_every_dialect_go_on_and_are_charged_once() {
    let able = [
        Continues::PrefixRepeated,
        Continues::Assistant,
        Continues::Prefix,
    ];
    let mut world = configured(able);
    assert_eq!(world.upstreams.iter().filter(|one| one.repeats).count(), 1);
    for seed in 0..4 {
        let history = world.run(seed).unwrap();
        assert_eq!(check(&history), [], "{history}");
        assert!(recovered(&history) > 20, "{}", recovered(&history));
    }
    assert!(world.takes(Measure::Recovery));
    world.traffic.streamed = 0.0;
    assert!(!world.takes(Measure::Recovery));
    let unable = configured([Continues::Never; 3]);
    assert!(!unable.takes(Measure::Recovery));
    assert_eq!(unable.run(1).map(|history| recovered(&history)).unwrap(), 0);
}
