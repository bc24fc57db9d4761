//! The production transport: pooled HTTP/1.1 and HTTP/2 connections.
//!
//! Built on hyper's own pooled client rather than on reqwest, which adds a URL parse, a
//! redirect layer and a second header map to every call; `docs/performance.md` has the
//! figures. Redirects are never followed and no proxy is taken from the environment.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::uri::Scheme;
use http::{Request, Uri};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower_service::Service;

use super::lanes::{Lanes, Place};
use super::{
    BoxError, OutgoingBody, SendFuture, TlsSetupError, Transport, TransportError, UpstreamBody, tls,
};

/// Idle connections are dropped after this time. Longer than the pause between two calls
/// of a chat, shorter than the minute after which load balancers silently drop theirs.
const IDLE: Duration = Duration::from_secs(50);
/// HTTP/2 connections are probed this often, so that a dead one is noticed.
const PROBE: Duration = Duration::from_secs(20);
/// Lanes of TLS connections: room for some 1,400 HTTP/2 streams to one origin.
const LANES: usize = 16;

type PlainClient = Client<Timed<HttpConnector>, OutgoingBody>;
type TlsClient = Client<Timed<HttpsConnector<HttpConnector>>, OutgoingBody>;

/// Sends over pooled connections, plain and TLS.
#[derive(Debug)]
pub struct PooledTransport {
    connect: Duration,
    plain: PlainClient,
    /// Made at the first need: reading the machine's trusted roots takes longer than all
    /// the rest of a start.
    tls: OnceLock<Result<Lanes<TlsClient>, TlsSetupError>>,
}

impl PooledTransport {
    /// A transport that gives up connecting after `connect`. Opens no connection yet.
    #[must_use]
    pub fn new(connect: Duration) -> Self {
        let plain = pool().build(Timed {
            inner: tcp(),
            limit: connect,
        });
        Self {
            connect,
            plain,
            tls: OnceLock::new(),
        }
    }

    /// Prepares for TLS ahead of the first call. Reads files, so it belongs on a blocking thread.
    ///
    /// # Errors
    /// [`TlsSetupError`], which every `https` call would meet too.
    pub fn warm_up(&self) -> Result<(), &TlsSetupError> {
        self.lanes().map(|_| ())
    }

    fn lanes(&self) -> Result<&Lanes<TlsClient>, &TlsSetupError> {
        self.tls.get_or_init(|| tls_lanes(self.connect)).as_ref()
    }
}

impl Transport for PooledTransport {
    fn send(&self, request: Request<OutgoingBody>) -> SendFuture {
        if request.uri().scheme() != Some(&Scheme::HTTPS) {
            return answer(self.plain.request(request), None);
        }
        match self.lanes() {
            Ok(lanes) => {
                let (client, place) = lanes.enter();
                answer(client.request(request), Some(place))
            }
            Err(error) => {
                let source = crate::fault::chain(error).into();
                Box::pin(std::future::ready(Err(TransportError::Connect { source })))
            }
        }
    }
}

fn answer(
    response: impl Future<Output = Result<http::Response<Incoming>, ClientError>> + Send + 'static,
    place: Option<Place>,
) -> SendFuture {
    Box::pin(async move {
        match response.await {
            Ok(response) => Ok(response.map(|body| {
                Box::pin(Held {
                    body,
                    _place: place,
                }) as UpstreamBody
            })),
            Err(error) if error.is_connect() => Err(TransportError::Connect {
                source: error.into(),
            }),
            Err(error) if is_about_the_body(&error) => Err(TransportError::RequestBody {
                source: error.into(),
            }),
            Err(error) => Err(TransportError::Broken {
                source: error.into(),
            }),
        }
    })
}

/// hyper calls an error of the body that it was given a user's error, and keeps it as the source.
fn is_about_the_body(error: &ClientError) -> bool {
    let source = error
        .source()
        .and_then(|source| source.downcast_ref::<hyper::Error>());
    source.is_some_and(|error| error.is_user() && error.source().is_some())
}

/// A body that keeps its call's place in the lane until it is dropped.
struct Held {
    body: Incoming,
    _place: Option<Place>,
}

impl Body for Held {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.body)
            .poll_frame(cx)
            .map_err(BoxError::from)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn pool() -> hyper_util::client::legacy::Builder {
    let mut pool = Client::builder(TokioExecutor::new());
    pool.pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .http2_adaptive_window(true)
        .http2_keep_alive_interval(PROBE)
        .http2_keep_alive_timeout(PROBE);
    pool
}

fn tcp() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    // Small writes must leave at once: an event held back for an acknowledgement waits 40 ms.
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(PROBE));
    // The TLS connector outside hands `https` addresses to this one.
    tcp.enforce_http(false);
    tcp
}

fn tls_lanes(connect: Duration) -> Result<Lanes<TlsClient>, TlsSetupError> {
    let config = tls::client_config()?;
    Ok(Lanes::new(LANES, || {
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(config.clone())
            .https_only()
            .enable_all_versions()
            .wrap_connector(tcp());
        pool().build(Timed {
            inner: https,
            limit: connect,
        })
    }))
}

/// A connector with one time limit for all it does: name look-up, TCP, TLS.
#[derive(Clone, Debug)]
struct Timed<C> {
    inner: C,
    limit: Duration,
}

/// The time limit passed.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {0:?}")]
struct ConnectTimeout(Duration);

impl<C> Service<Uri> for Timed<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
    C::Response: Send + 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, origin: Uri) -> Self::Future {
        let connecting = self.inner.call(origin);
        let limit = self.limit;
        Box::pin(async move {
            match tokio::time::timeout(limit, connecting).await {
                Ok(connected) => connected.map_err(Into::into),
                Err(_) => Err(ConnectTimeout(limit).into()),
            }
        })
    }
}
