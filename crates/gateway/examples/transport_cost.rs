//! What one exchange costs through the gateway's transport and through reqwest, in processor
//! time of this process, against a scripted upstream in a process of its own:
//!
//! `orchestra-testkit --addr 127.0.0.1:9100 --no-log &`
//! `cargo run --release --example transport_cost -- 127.0.0.1:9100`

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

mod processor_time;

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::BodyExt;
use orchestra_gateway::{OutgoingBody, PooledTransport, Transport};

use processor_time::processor_time;

const EXCHANGES: usize = 20_000;
const ROUNDS: usize = 5;
const BODY: &[u8] = br#"{"model":"m","messages":[{"role":"user","content":"Hello"}]}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args()
        .nth(1)
        .ok_or("give the upstream's address")?;
    let url = format!("http://{address}/v1/chat/completions");
    // Whichever provider is installed, plain HTTP never asks it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let pooled = PooledTransport::new(Duration::from_secs(5));
    let plain = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()?;
    through_transport(&pooled, &url, EXCHANGES / 10).await?;
    through_reqwest(&plain, &url, EXCHANGES / 10).await?;
    for round in 1..=ROUNDS {
        let began = processor_time()?;
        through_transport(&pooled, &url, EXCHANGES).await?;
        let between = processor_time()?;
        through_reqwest(&plain, &url, EXCHANGES).await?;
        let ended = processor_time()?;
        let each = |time: Duration| time.as_secs_f64() * 1e6 / EXCHANGES as f64;
        let (ours, theirs) = (each(between - began), each(ended - between));
        println!(
            "round {round}: transport {ours:.1} µs, reqwest {theirs:.1} µs, ratio {:.2}",
            theirs / ours
        );
    }
    Ok(())
}

async fn through_transport(
    transport: &PooledTransport,
    url: &str,
    count: usize,
) -> Result<(), Box<dyn Error>> {
    let uri: http::Uri = url.parse()?;
    for _ in 0..count {
        let mut request = Request::new(OutgoingBody::from(Bytes::from_static(BODY)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.clone();
        let answer = transport.send(request).await?;
        answer
            .into_body()
            .collect()
            .await
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

async fn through_reqwest(
    client: &reqwest::Client,
    url: &str,
    count: usize,
) -> Result<(), Box<dyn Error>> {
    for _ in 0..count {
        client.post(url).body(BODY).send().await?.bytes().await?;
    }
    Ok(())
}
