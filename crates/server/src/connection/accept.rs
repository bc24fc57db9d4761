//! The accept loop.
//!
//! Our own on top of hyper, because the ready-made one sets no timer: a client that sends
//! half a head would hold its connection for ever.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admission::{Admission, Admitted, Bounds, Place};
use super::load::{Counted, Load};
use super::watch::{Haste, Patience, SWEEP, Watch, Watched, Watches};
use crate::config::ServerConfig;

/// Enough for a head of 32 KiB and for reading a large body in few steps.
const READ_BUFFER_BYTES: usize = 64 * 1024;
/// After a failed `accept` (no free descriptors, mostly) the loop rests, instead of spinning.
const ACCEPT_REST: Duration = Duration::from_millis(50);
/// Clients that are told at one time that there is no room.
const REFUSALS_AT_ONCE: usize = 64;
/// How long a refused client may take to read why.
const REFUSAL_PATIENCE: Duration = Duration::from_secs(1);

/// How long a connection of the reserve lives: longer than `/health` waits for probes.
const RESERVE_LIFE: Duration = Duration::from_secs(10);

/// The bounds of the accept loop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    bounds: Bounds,
    patience: Patience,
    drain: Duration,
}

impl From<&ServerConfig> for Limits {
    fn from(config: &ServerConfig) -> Self {
        Self {
            bounds: Bounds {
                usual: config.max_connections,
                per_ip: config.max_connections_per_ip,
                reserve: config.reserve_connections,
            },
            patience: Patience {
                head: config.header_seconds.duration(),
                idle: config.keep_alive_seconds.duration(),
                write: config.write_seconds.duration(),
            },
            drain: config.drain_seconds.duration(),
        }
    }
}

/// Who answers on which connections.
pub(crate) struct Routers {
    /// On all that are there for calls.
    pub(crate) usual: axum::Router,
    /// On those of the reserve.
    pub(crate) reserve: axum::Router,
}

/// Serves until `stop` is cancelled, then lets running calls end, for as long as the limits
/// allow. Returns how many calls had to be cut.
pub(crate) async fn serve(
    listener: TcpListener,
    routers: Routers,
    limits: Limits,
    load: Arc<Load>,
    stop: CancellationToken,
) -> usize {
    let door = Door {
        admission: Admission::new(limits.bounds),
        refusals: Arc::new(Semaphore::new(REFUSALS_AT_ONCE)),
        watches: Watches::new(),
        connections: TaskTracker::new(),
        routers,
        load,
        stop: stop.clone(),
    };
    let mut sweeps = interval(SWEEP);
    sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = sweeps.tick() => door.watches.sweep(&limits.patience),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => door.admit(stream, peer),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(ACCEPT_REST).await;
                }
            },
        }
    }
    drop(listener);
    drain(&door.connections, &door.watches, &limits).await
}

/// What every new connection passes.
struct Door {
    admission: Arc<Admission>,
    /// Places for those who are told that there is no room.
    refusals: Arc<Semaphore>,
    watches: Arc<Watches>,
    connections: TaskTracker,
    routers: Routers,
    load: Arc<Load>,
    stop: CancellationToken,
}

impl Door {
    fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        match self.admission.admit(peer.ip()) {
            Some(admitted) => self.take_in(stream, peer, admitted),
            None => self.refuse(stream),
        }
    }

    /// In a flood most are dropped without a word: telling everyone costs descriptors.
    fn refuse(&self, stream: TcpStream) {
        self.load.turned_away();
        if let Ok(place) = Arc::clone(&self.refusals).try_acquire_owned() {
            self.connections.spawn(async move {
                let _place = place;
                turn_away(stream).await
            });
        }
    }

    fn take_in(&self, stream: TcpStream, peer: SocketAddr, admitted: Admitted) {
        // Events leave as they come: without this a burst waits for the client's acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        let (router, haste) = match admitted.place {
            Place::Usual => (&self.routers.usual, Haste::Usual),
            Place::Reserve => (&self.routers.reserve, Haste::Reserve),
        };
        let watch = self.watches.watch(haste);
        let service = Handler {
            router: router.clone(),
            watch: Arc::clone(&watch),
            load: Arc::clone(&self.load),
        };
        let io = Watched {
            stream,
            watch: Arc::clone(&watch),
        };
        let stop = self.stop.clone();
        let counted = self.load.connection(admitted.place);
        let task = self.connections.spawn(async move {
            let ended = match admitted.place {
                Place::Usual => converse(io, service, stop).await,
                Place::Reserve => say_once(io, service, stop).await,
            };
            drop((admitted, counted));
            if let Err(error) = ended {
                tracing::debug!(%peer, %error, "connection ended");
            }
        });
        self.watches.add(watch, task.abort_handle());
    }
}

/// One request on a connection of the reserve: whoever has it must not be able to keep it.
async fn say_once(io: Watched, service: Handler, stop: CancellationToken) -> hyper::Result<()> {
    let mut builder = http();
    builder.keep_alive(false);
    let said = timeout(RESERVE_LIFE, converse_as(&builder, io, service, stop));
    said.await.unwrap_or(Ok(()))
}

async fn converse(io: Watched, service: Handler, stop: CancellationToken) -> hyper::Result<()> {
    converse_as(&http(), io, service, stop).await
}

fn http() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .max_buf_size(READ_BUFFER_BYTES)
        // The sweeper bounds the head's time, with the idle time apart from it.
        .header_read_timeout(None);
    builder
}

async fn converse_as(
    builder: &http1::Builder,
    io: Watched,
    service: Handler,
    stop: CancellationToken,
) -> hyper::Result<()> {
    let connection = builder.serve_connection(TokioIo::new(io), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    }
}

/// Tells a client that there is no room.
async fn turn_away(mut stream: TcpStream) -> io::Result<()> {
    const WHY: &str = "{\"error\":{\"message\":\"the gateway has no room for another connection; close idle ones \
        or try again\",\"type\":\"server_error\",\"param\":null,\"code\":\"too_many_connections\"}}";
    let full = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{WHY}",
        WHY.len()
    );
    let telling = async {
        stream.write_all(full.as_bytes()).await?;
        stream.shutdown().await?;
        // Closing with unread bytes resets the connection, and the answer with it.
        tokio::io::copy(
            &mut stream.take(READ_BUFFER_BYTES as u64),
            &mut tokio::io::sink(),
        )
        .await?;
        Ok(())
    };
    timeout(REFUSAL_PATIENCE, telling).await.unwrap_or(Ok(()))
}

/// Lets running calls end, and cuts those that do not in time. Clients that are overdue by the
/// usual limits are not waited for.
async fn drain(connections: &TaskTracker, watches: &Watches, limits: &Limits) -> usize {
    connections.close();
    let mut sweeps = interval(SWEEP);
    let ended = async {
        loop {
            tokio::select! {
                () = connections.wait() => break,
                _ = sweeps.tick() => watches.sweep(&limits.patience),
            }
        }
    };
    if timeout(limits.drain, ended).await.is_ok() {
        return 0;
    }
    let cut = watches.close_all();
    connections.wait().await;
    cut
}

/// The router as hyper's service, with the connection's watch kept informed.
struct Handler {
    router: axum::Router,
    watch: Arc<Watch>,
    load: Arc<Load>,
}

impl Service<Request<Incoming>> for Handler {
    type Response = Response<Tracked>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Tracked>, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.watch.request_began();
        let served = Served {
            watch: Arc::clone(&self.watch),
            _counted: self.load.request(),
        };
        let answering = tower_service::Service::call(&mut self.router.clone(), request);
        Box::pin(async move {
            Ok(answering.await?.map(|body| Tracked {
                body,
                _served: served,
            }))
        })
    }
}

/// Ends the request's phase when the answer is done, or given up.
struct Served {
    watch: Arc<Watch>,
    _counted: Counted,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.watch.request_ended();
    }
}

/// An answer's body, watched.
struct Tracked {
    body: Body,
    _served: Served,
}

impl http_body::Body for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
