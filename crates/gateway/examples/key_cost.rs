//! What keys cost: making a header of one, and looking for all of a pool in every event of a stream. Without a
//! network, in wall-clock time of one thread:
//!
//! `cargo run --release -p orchestra-gateway --example key_cost`

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use orchestra_dialects::Endpoint;
use orchestra_gateway::{
    Directions, Gateway, Incoming, KeyName, Keys, NoRecords, OutgoingBody, Parts, ProviderKey,
    Providers, Roster, SendFuture, Settings, Transport, UpstreamBody,
};
use orchestra_providers::{AuthScheme, Catalogue, Provider, Registry, Row};
use orchestra_secrets::Secret;
use orchestra_types::{ProviderId, SeededRng, SystemClock};

const ROUNDS: usize = 5;
const HEADERS: u32 = 1_000_000;
const CALLS: u32 = 200;
const EVENTS: usize = 1_000;
const EVENT: &[u8] = b"data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" Quite a few words\"},\"finish_reason\":null}]}\n\n";
const END: &[u8] = b"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
/// As long as a project's key at OpenAI.
const KEY_BYTES: usize = 164;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    for _ in 0..ROUNDS {
        println!("a header: {:.0} ns", header());
        for keys in [1, 5] {
            let gateway = gateway(keys)?;
            let began = Instant::now();
            for _ in 0..CALLS {
                let body = gateway.call(call()).await.into_body().collect().await;
                black_box(body.map_err(|error| error.to_string())?.to_bytes());
            }
            let each = began.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS) / EVENTS as f64;
            println!("an event, {keys} keys: {each:.0} ns");
        }
    }
    Ok(())
}

/// Nanoseconds for the header with a key, from the secret to its end.
fn header() -> f64 {
    let secret = Secret::new(key(0));
    let began = Instant::now();
    for _ in 0..HEADERS {
        let mut headers = HeaderMap::with_capacity(8);
        let signed = AuthScheme::Bearer.authorize(&mut headers, secret.expose());
        assert!(signed.is_ok());
        black_box(headers);
    }
    began.elapsed().as_secs_f64() * 1e9 / f64::from(HEADERS)
}

/// Letters and digits without a pattern.
fn key(number: u64) -> String {
    let rng = SeededRng::new(number);
    let letter = || {
        char::from(
            b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
                [usize::from(orchestra_types::Rng::next_u64(&rng).to_le_bytes()[0] >> 2)],
        )
    };
    (0..KEY_BYTES).map(|_| letter()).collect()
}

fn gateway(keys: u64) -> Result<Gateway, Box<dyn Error>> {
    let row = Row {
        base_url: Some("http://127.0.0.1:9/v1".to_owned()),
        endpoints: Some(vec!["chat_completions".to_owned()]),
        ..Row::default()
    };
    let provider = Provider::build(ProviderId::new("p")?, &row)?;
    let registry = Registry::build(vec![provider], &Catalogue::embedded(), &BTreeMap::new())?;
    let pool: Vec<ProviderKey> = (0..keys)
        .map(|number| {
            Ok(ProviderKey::new(
                KeyName::new(&format!("key-{number}"))?,
                Secret::new(key(number)),
            ))
        })
        .collect::<Result<_, Box<dyn Error>>>()?;
    Ok(Gateway::new(Parts {
        providers: Arc::new(Roster::from(Providers::new(registry, |_| {
            Keys::Ready(pool.clone())
        })?)),
        transport: Arc::new(Stream),
        sink: Arc::new(NoRecords),
        clock: Arc::new(SystemClock::new()),
        rng: Arc::new(SeededRng::new(1)),
        conversations: None,
        keys: None,
        routes: Arc::default(),
        settings: Settings::default(),
    }))
}

fn call() -> Incoming {
    Incoming {
        endpoint: Endpoint::ChatCompletions,
        provider: None,
        client: None,
        headers: HeaderMap::new(),
        query: None,
        directions: Directions::default(),
        body: Bytes::from_static(br#"{"model":"p/m","messages":[],"stream":true,"stream_options":{"include_usage":true}}"#),
    }
}

/// A transport whose every answer is one stream, whose events come one by one.
#[derive(Debug)]
struct Stream;

impl Transport for Stream {
    fn send(&self, _: Request<OutgoingBody>) -> SendFuture {
        let frames = stream::unfold(0, |sent| async move {
            let event = match sent {
                0..EVENTS => EVENT,
                EVENTS => END,
                _ => return None,
            };
            // What is there at once would be one piece.
            tokio::task::yield_now().await;
            Some((
                Ok::<_, Infallible>(Frame::data(Bytes::from_static(event))),
                sent + 1,
            ))
        });
        let body: UpstreamBody = Box::pin(StreamBody::new(frames).map_err(Into::into));
        let mut answer = Response::new(body);
        answer.headers_mut().insert(
            "content-type",
            HeaderValue::from_static("text/event-stream"),
        );
        Box::pin(std::future::ready(Ok(answer)))
    }
}
