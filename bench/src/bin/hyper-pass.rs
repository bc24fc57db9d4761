//! The reference of the bench: a pass-through on hyper that forwards every request and
//! reads nothing of it. What it costs is what HTTP costs; targets are ratios to it.
//!
//! Deliberately plain: hyper's server, hyper-util's pooled client, one thread, Nagle's
//! algorithm off on both sides, the allocator that Orchestra uses.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HOST, TRANSFER_ENCODING};
use hyper::http::uri::{Authority, InvalidUriParts, Scheme};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Forwards HTTP/1.1 requests to one upstream.
#[derive(Debug, Parser)]
struct Options {
    /// Where to listen.
    #[arg(long)]
    addr: SocketAddr,
    /// Where to send every request.
    #[arg(long)]
    upstream: SocketAddr,
}

type UpstreamClient = Client<HttpConnector, Incoming>;
type Body = BoxBody<Bytes, hyper::Error>;

/// More idle connections than any step of the bench opens.
const MAX_IDLE_CONNECTIONS: usize = 2048;
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(serve(&options))
}

async fn serve(options: &Options) -> anyhow::Result<()> {
    let upstream = Authority::try_from(options.upstream.to_string())
        .context("the upstream has no usable address")?;
    let client = client();
    let listener = TcpListener::bind(options.addr)
        .await
        .with_context(|| format!("cannot listen on {}", options.addr))?;
    loop {
        let (socket, _) = listener.accept().await.context("cannot accept")?;
        tokio::spawn(connection(socket, client.clone(), upstream.clone()));
    }
}

fn client() -> UpstreamClient {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
        .build(connector)
}

/// Serves one client until it leaves; how it left is of no interest to the bench.
async fn connection(socket: TcpStream, client: UpstreamClient, upstream: Authority) {
    if socket.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(|request| forward(request, &client, &upstream));
    let served = http1::Builder::new().serve_connection(TokioIo::new(socket), service);
    let _left = served.await;
}

async fn forward(
    mut request: Request<Incoming>,
    client: &UpstreamClient,
    upstream: &Authority,
) -> Result<Response<Body>, InvalidUriParts> {
    *request.uri_mut() = target(request.uri(), upstream)?;
    for name in [HOST, CONNECTION, TRANSFER_ENCODING] {
        request.headers_mut().remove(name);
    }
    let Ok(mut response) = client.request(request).await else {
        return Ok(bad_gateway());
    };
    for name in [CONNECTION, TRANSFER_ENCODING] {
        response.headers_mut().remove(name);
    }
    Ok(response.map(BodyExt::boxed))
}

fn target(asked: &Uri, upstream: &Authority) -> Result<Uri, InvalidUriParts> {
    let mut parts = asked.clone().into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(upstream.clone());
    Uri::from_parts(parts)
}

fn bad_gateway() -> Response<Body> {
    let body = Full::from("the upstream cannot be reached").map_err(|never| match never {});
    let mut response = Response::new(body.boxed());
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_and_query_survive_the_change_of_host() {
        let asked = Uri::from_static("/v1/models?limit=2");
        let upstream = Authority::from_static("127.0.0.1:9");
        let sent = target(&asked, &upstream).unwrap();
        assert_eq!(sent, "http://127.0.0.1:9/v1/models?limit=2");
    }
}
