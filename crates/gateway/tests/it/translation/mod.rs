//! Clients of every conversation endpoint at providers of every other.

mod answers;
mod dialogue;
mod envelopes;
mod errors;
mod faults;
mod losses;
mod passing;
mod reading;
mod streams;
mod tokens;
mod tools;

use futures_util::future::join_all;
use orchestra_dialects::Endpoint;
use orchestra_gateway::Settings;
use orchestra_providers::Row;
use orchestra_testkit::{Behaviour, Script, Upstream};

use crate::harness::{Stage, patient, row};
use crate::wire::SPOKEN;

/// A row that speaks nothing but this endpoint.
fn speaking(endpoint: Endpoint, base_url: &str) -> Row {
    Row {
        endpoints: Some(vec![endpoint.name().to_owned()]),
        ..row(base_url)
    }
}

/// One provider for each endpoint and script, which speaks nothing else.
fn stage_with(settings: Settings, scripts: impl IntoIterator<Item = (Endpoint, Script)>) -> Stage {
    let (mut rows, mut upstreams) = (Vec::new(), Vec::new());
    for (endpoint, script) in scripts {
        let upstream = Upstream::start(script).unwrap();
        rows.push(speaking(endpoint, &upstream.base_url()));
        upstreams.push(upstream);
    }
    Stage::of(settings, &rows, upstreams)
}

/// One provider for each endpoint and behaviour, which speaks nothing else.
fn stage(behaviours: impl IntoIterator<Item = (Endpoint, Behaviour)>) -> Stage {
    let script = |(endpoint, behaviour)| (endpoint, Script::new().otherwise(behaviour));
    stage_with(patient(), behaviours.into_iter().map(script))
}

/// The endpoints of clients, each with every endpoint that its provider may speak instead.
fn pairs() -> impl Iterator<Item = (Endpoint, Endpoint)> {
    let upstreams = |client| {
        UPSTREAMS
            .into_iter()
            .map(move |upstream| (client, upstream))
    };
    SPOKEN
        .into_iter()
        .flat_map(upstreams)
        .filter(|(client, upstream)| client != upstream)
}

/// Runs `check` for every pair, all at the same time, since it mostly waits.
async fn for_all_pairs<F: Future<Output = ()>>(check: impl Fn(Endpoint, Endpoint) -> F) {
    join_all(pairs().map(|(client, upstream)| check(client, upstream))).await;
}

/// The endpoints that providers have conversations at.
const UPSTREAMS: [Endpoint; 4] = [
    Endpoint::ChatCompletions,
    Endpoint::Responses,
    Endpoint::Messages,
    Endpoint::GenerateContent,
];
