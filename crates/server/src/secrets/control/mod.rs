//! How an operator speaks to a running server: HTTP over a Unix socket that only the server's own user and root can
//! use. See `docs/decisions/0010-control-socket.md`.

mod answer;
mod body;
mod needs;
mod peer;
mod routes;
mod shown;
mod socket;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::routes::App;
pub(crate) use answer::of_store;
use peer::{Peer, Trusted};
use socket::Socket;

/// Operators that are served at one time.
const AT_ONCE: usize = 16;
/// How long an operator may take to send a request's head.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// How long a whole conversation may take: the largest passphrase costs take a few seconds, a database ten.
const PATIENCE: Duration = Duration::from_secs(60);
/// After a socket could not be made, most often because the server before this one still has it.
const REST: Duration = Duration::from_secs(2);

/// Serves operators until `stop` is cancelled. A socket that cannot be made now is tried again.
pub(crate) async fn serve(app: Arc<App>, path: &Path, stop: &CancellationToken) {
    let serving = async {
        let mut told = false;
        loop {
            match Socket::bind(path).await {
                Ok(socket) => {
                    tracing::info!("operators are served at {}", path.display());
                    told = false;
                    accept(&app, socket).await;
                }
                Err(error) if !told => {
                    told = true;
                    let words = super::standing::chain(&error);
                    tracing::error!("no operator can reach this server: {words}");
                }
                Err(_) => {}
            }
            sleep(REST).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = serving => {}
    }
}

/// Serves connections until the socket breaks.
async fn accept(app: &Arc<App>, socket: Socket) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    // Dropped with this, which ends what still runs.
    let connections = Connections::default();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let stream = match socket.accept().await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "an operator could not be served");
                return;
            }
        };
        let app = Arc::clone(app);
        let talking = async move {
            let _place = place;
            if timeout(PATIENCE, converse(stream, app, Trusted::own()))
                .await
                .is_err()
            {
                tracing::warn!("an operator took too long");
            }
        };
        connections
            .tasks
            .spawn(connections.end.clone().run_until_cancelled_owned(talking));
    }
}

/// The conversations that are under way. Dropped, they end.
#[derive(Default)]
struct Connections {
    tasks: TaskTracker,
    end: CancellationToken,
}

impl Drop for Connections {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

/// One request, and its answer.
async fn converse(stream: UnixStream, app: Arc<App>, trusted: Trusted) {
    let peer = Peer::of(&stream, trusted);
    if let Err(stranger) = &peer {
        tracing::warn!("{stranger} tried to control this server and was refused");
    }
    let router = routes::router(app, peer);
    let service = service_fn(move |request| {
        let mut router = router.clone();
        async move { tower_service::Service::call(&mut router, request).await }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a conversation with an operator ended");
    }
}

#[cfg(test)]
mod tests;
