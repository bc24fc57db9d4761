//! Text streams that die and are gone on with at another target.

mod deaths;
mod every_cut;
mod kept;
mod lulls;
mod refused;
mod said;
mod speakers;
mod streams;

use std::sync::Arc;
use std::time::Duration;

use orchestra_dialects::{Continues, Endpoint};
use orchestra_gateway::{RecoveryRules, Settings};
use orchestra_providers::{ProfileRow, Row};
use serde_json::{Value, json};

use crate::harness::{Ask, EVERYONE, Got, Stage, patient, row};
use crate::wire::{self, SPOKEN};
use speakers::{Asked, Speakers, Speaks};

/// Upstream number `at`, which speaks this endpoint alone and goes on from a beginning in this way.
fn speaking(at: usize, endpoint: Endpoint, continues: Continues) -> Row {
    let profile = ProfileRow {
        continues: Some(continues),
        ..ProfileRow::default()
    };
    Row {
        endpoints: Some(vec![endpoint.name().to_owned()]),
        profile: Some(profile),
        ..row(&format!("http://{at}.test"))
    }
}

/// Every stream is gone on with.
fn recovering() -> Settings {
    Settings {
        recovery: RecoveryRules {
            enabled: true,
            ..RecoveryRules::default()
        },
        idle: Duration::from_secs(5),
        ..patient()
    }
}

struct World {
    stage: Stage,
    speakers: Speakers,
}

impl World {
    fn new(settings: Settings, rows: &[Row], speak: impl IntoIterator<Item = Speaks>) -> Self {
        let speakers = Speakers::new(speak);
        let transport = Arc::new(speakers.clone());
        Self {
            stage: Stage::over(transport, settings, rows),
            speakers,
        }
    }

    /// A stream of the first upstream, with what was asked of all.
    async fn ask(&self, client: Endpoint) -> (Got, Vec<Asked>) {
        self.send(Ask::body(client, question(client).to_string()))
            .await
    }

    async fn send(&self, ask: Ask) -> (Got, Vec<Asked>) {
        // Time stands still but for silences.
        let answer = self.stage.gateway.call(ask.into_incoming()).await;
        let got = self.stage.read(answer).await;
        (got, self.speakers.asked())
    }
}

/// A question that wants usage wherever it can be wanted. Responses keeps nothing.
fn question(client: Endpoint) -> Value {
    let user = json!([{"role": "user", "content": "How is it in Bergen?"}]);
    match client {
        Endpoint::ChatCompletions => {
            json!({"model": EVERYONE, "stream": true, "max_completion_tokens": 500,
            "stream_options": {"include_usage": true}, "messages": user})
        }
        Endpoint::Responses => {
            json!({"model": EVERYONE, "stream": true, "store": false, "max_output_tokens": 500, "input": user})
        }
        _ => json!({"model": EVERYONE, "stream": true, "max_tokens": 500, "messages": user}),
    }
}

/// The text of a stream as the client reads it, which must be one answer.
fn text(client: Endpoint, got: &Got) -> String {
    let parsed = wire::parse(client, &got.body);
    assert_eq!(
        (parsed.unreadable, parsed.closed),
        (0, true),
        "{}",
        got.text()
    );
    said::text(client, got)
}

/// Checks that a client has the whole text once, in one answer that ended properly.
fn whole(client: Endpoint, got: &Got, told: &str) {
    assert_eq!(text(client, got), speakers::TEXT, "{told}: {}", got.text());
    let parsed = wire::parse(client, &got.body);
    assert_eq!(
        (parsed.terminals, parsed.errors),
        (1, 0),
        "{told}: {}",
        got.text()
    );
}

/// Checks that a client has a beginning of the text, and was told that it is not whole.
fn broken(client: Endpoint, got: &Got, told: &str) {
    let text = text(client, got);
    assert!(speakers::TEXT.starts_with(&text), "{told}: {}", got.text());
    let parsed = wire::parse(client, &got.body);
    assert_eq!(
        (parsed.terminals, parsed.errors),
        (0, 1),
        "{told}: {}",
        got.text()
    );
}

/// Where an upstream's stream has shown some of its text and not all.
fn within(endpoint: Endpoint) -> usize {
    streams::stream(endpoint, speakers::TEXT).len() * 6 / 10
}

/// Every client's endpoint with every endpoint of the upstream that dies and of the one that goes on.
fn ways() -> impl Iterator<Item = (Endpoint, Endpoint, Endpoint)> {
    let on = [Endpoint::ChatCompletions, Endpoint::Messages];
    SPOKEN.into_iter().flat_map(move |client| {
        let firsts = SPOKEN.into_iter();
        firsts.flat_map(move |first| on.into_iter().map(move |on| (client, first, on)))
    })
}
