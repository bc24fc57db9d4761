//! What a call costs that is answered from what was kept, and one that is not, beside a plain pass-through: in processor
//! time of this process, against a scripted upstream in a process of its own:
//!
//! `orchestra-testkit --addr 127.0.0.1:9100 --no-log &`
//! `cargo run --release -p orchestra-gateway --example cache_cost -- 127.0.0.1:9100`

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

mod processor_time;

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::BodyExt;
use orchestra_dialects::Endpoint;
use orchestra_gateway::{
    Directions, Gateway, Incoming, Keys, NoRecords, Node, Parts, PooledTransport, Providers,
    Settings,
};
use orchestra_providers::{Catalogue, Provider, Registry, Row};
use orchestra_types::{ProviderId, SeededRng, SystemClock};

use processor_time::processor_time;

const CALLS: usize = 20_000;
const ROUNDS: usize = 5;
/// Prompts of this many bytes.
const PROMPTS: [usize; 3] = [10, 1_000, 32_000];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args()
        .nth(1)
        .ok_or("give the upstream's address")?;
    // Whichever provider is installed, plain HTTP never asks it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let gateway = gateway(&address)?;
    let plain = tree(r#"{"provider":"p"}"#)?;
    let kept = tree(r#"{"provider":"p","cache":"simple"}"#)?;
    for bytes in PROMPTS {
        make(&gateway, &plain, bytes, CALLS / 10, None).await?;
        for round in 1..=ROUNDS {
            let pass = timed(&gateway, &plain, bytes, None).await?;
            let miss = timed(&gateway, &kept, bytes, Some(round)).await?;
            make(&gateway, &kept, bytes, 1, None).await?;
            let hit = timed(&gateway, &kept, bytes, None).await?;
            println!(
                "{bytes} bytes, round {round}: pass {pass:.1} µs, miss {miss:.1} µs ({:.2}), hit {hit:.1} µs ({:.2})",
                miss / pass,
                hit / pass
            );
        }
    }
    println!("{:?}", gateway.cache_report());
    Ok(())
}

fn tree(config: &str) -> Result<Arc<Node>, Box<dyn Error>> {
    Ok(Arc::new(Node::parse(&serde_json::from_str(config)?)?))
}

fn gateway(address: &str) -> Result<Gateway, Box<dyn Error>> {
    let row = Row {
        base_url: Some(format!("http://{address}/v1")),
        endpoints: Some(vec!["chat_completions".to_owned()]),
        ..Row::default()
    };
    let provider = Provider::build(ProviderId::new("p")?, &row)?;
    let registry = Registry::build(vec![provider], &Catalogue::embedded(), &BTreeMap::new())?;
    Ok(Gateway::new(Parts {
        providers: Arc::new(Providers::new(registry, |_| Keys::NotNeeded)?.into()),
        transport: Arc::new(PooledTransport::new(Duration::from_secs(5))),
        sink: Arc::new(NoRecords),
        clock: Arc::new(SystemClock::new()),
        rng: Arc::new(SeededRng::new(1)),
        conversations: None,
        keys: None,
        routes: Arc::default(),
        settings: Settings::default(),
    }))
}

/// Microseconds of processor time for each call.
async fn timed(
    gateway: &Gateway,
    tree: &Arc<Node>,
    bytes: usize,
    fresh: Option<usize>,
) -> Result<f64, Box<dyn Error>> {
    let began = processor_time()?;
    make(gateway, tree, bytes, CALLS, fresh).await?;
    let time = processor_time()? - began;
    Ok(time.as_secs_f64() * 1e6 / CALLS as f64)
}

/// Makes calls, each with metadata of its own if they are to be `fresh` in this round.
async fn make(
    gateway: &Gateway,
    tree: &Arc<Node>,
    bytes: usize,
    count: usize,
    fresh: Option<usize>,
) -> Result<(), Box<dyn Error>> {
    let text = "x".repeat(bytes);
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{text}"}}]}}"#);
    let body = Bytes::from(body);
    for number in 0..count {
        let user = fresh.map_or_else(String::new, |round| format!("{round} {number}"));
        let incoming = Incoming {
            endpoint: Endpoint::ChatCompletions,
            provider: None,
            client: None,
            headers: HeaderMap::new(),
            query: None,
            directions: Directions {
                tree: Some(Arc::clone(tree)),
                metadata: BTreeMap::from([("user".to_owned(), user)]),
                ..Directions::default()
            },
            body: body.clone(),
        };
        let answer = gateway.call(incoming).await.into_body().collect().await;
        answer.map_err(|error| error.to_string())?;
    }
    Ok(())
}
