//! Answers that are kept for calls that ask the same.

mod apart;
mod bounds;
mod stored;
mod streams;
mod trees;

use std::sync::Arc;

use orchestra_dialects::Endpoint;
use orchestra_gateway::{CacheRules, CacheUse, CacheWish, Directions, Node, Parts};
use orchestra_providers::Row;
use orchestra_testkit::{Behaviour, Script, Upstream};
use serde_json::{Value, json};

use crate::harness::{Ask, Got, HandClock, MODEL, Stage, row};

const CHAT: Endpoint = Endpoint::ChatCompletions;

/// A gateway, its time, and upstreams of which every answer is another one.
struct Kitchen {
    stage: Stage,
    clock: Arc<HandClock>,
}

impl Kitchen {
    fn new(behaviours: impl IntoIterator<Item = Behaviour>) -> Self {
        Self::with(CacheRules::default(), behaviours)
    }

    fn with(rules: CacheRules, behaviours: impl IntoIterator<Item = Behaviour>) -> Self {
        let scripts = behaviours
            .into_iter()
            .map(|behaviour| Script::new().otherwise(behaviour));
        let upstreams: Vec<_> = scripts.map(|s| Upstream::start(s).unwrap()).collect();
        let rows: Vec<Row> = upstreams.iter().map(|up| row(&up.base_url())).collect();
        Self::of(rules, &rows, upstreams)
    }

    fn of(rules: CacheRules, rows: &[Row], upstreams: Vec<Upstream>) -> Self {
        let clock = Arc::new(HandClock::default());
        let stage = Stage::arranged(rows, upstreams, |mut parts| {
            parts.settings.cache = rules;
            Parts {
                clock: Arc::clone(&clock) as Arc<_>,
                ..parts
            }
        });
        Self { stage, clock }
    }

    async fn ask(&self, ask: Ask) -> Got {
        self.stage.ask(ask).await
    }

    /// Asks, and says what came of looking for a kept answer.
    async fn says(&self, ask: Ask) -> &'static str {
        let got = self.ask(ask).await;
        let recorded = got.record.cache.as_ref().map_or("", CacheUse::as_str);
        assert_eq!(got.header("x-orchestra-cache"), recorded);
        recorded
    }

    /// How many requests its upstreams have had.
    fn sent(&self) -> u64 {
        self.stage.requests().iter().sum()
    }
}

fn directed(tree: &Value) -> Directions {
    Directions {
        tree: Some(Arc::new(Node::parse(tree).unwrap())),
        ..Directions::default()
    }
}

/// A call whose answer is kept for ten minutes.
fn kept(ask: Ask) -> Ask {
    let tree = json!({ "provider": "one", "cache": { "mode": "simple", "max_age": 600 } });
    Ask {
        directions: directed(&tree),
        ..ask
    }
}

fn chat() -> Ask {
    kept(Ask::new(CHAT, MODEL, false))
}

/// The call with a wish of the caller's.
fn wishing(mut ask: Ask, wish: CacheWish) -> Ask {
    ask.directions.cache = Some(Box::new(wish));
    ask
}

fn refreshing(ask: Ask) -> Ask {
    let wish = CacheWish {
        refresh: true,
        ..CacheWish::default()
    };
    wishing(ask, wish)
}
