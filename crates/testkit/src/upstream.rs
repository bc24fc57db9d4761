//! The handle of a running upstream, and the task that accepts its connections.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, JoinSet};

use crate::connection;
use crate::log::{Log, Received};
use crate::script::{Live, Script};

/// A provider that does what its script says, on a port of its own.
///
/// It stops, and all its connections with it, when it is dropped.
#[derive(Debug)]
pub struct Upstream {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

/// What the connections of one upstream have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    live: RwLock<Arc<Live>>,
    pub(crate) log: Log,
    pub(crate) connections: AtomicU64,
    pub(crate) control: AtomicBool,
}

impl Upstream {
    /// Starts on a free port of 127.0.0.1, in tasks of the current tokio runtime.
    ///
    /// # Errors
    /// If no port is free, or outside a tokio runtime.
    pub fn start(script: Script) -> io::Result<Self> {
        // Entered before the listener is made, which would panic outside a runtime.
        let _runtime = Handle::try_current().map_err(io::Error::other)?.enter();
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        Self::serve_on(TcpListener::from_std(listener)?, script)
    }

    /// Serves on this listener, in tasks of the current tokio runtime.
    ///
    /// # Errors
    /// If the listener's address cannot be told, or outside a tokio runtime.
    pub fn serve_on(listener: TcpListener, script: Script) -> io::Result<Self> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            live: RwLock::new(Arc::new(Live::new(script))),
            log: Log::new(),
            connections: AtomicU64::new(0),
            control: AtomicBool::new(false),
        });
        let accepting = runtime.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self {
            shared,
            address,
            accepting,
        })
    }

    /// Where it listens, such as `http://127.0.0.1:49152`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Replaces the script, and starts its counters anew. Replies under way go on as they began.
    pub fn set_script(&self, script: Script) {
        self.shared.set_script(script);
    }

    /// Answers `/__testkit/log`, `/__testkit/reset` and `/__testkit/script` itself from now on,
    /// for test programs that cannot call the methods here.
    pub fn enable_control(&self) {
        self.shared.control.store(true, Ordering::Relaxed);
    }

    /// The requests received since the last reset, oldest first: the newest 10,000 at most, and
    /// fewer if their bodies come to more than 64 MiB.
    #[must_use]
    pub fn log(&self) -> Vec<Received> {
        self.shared.log.entries()
    }

    /// Forgets all requests received so far, and starts counting anew.
    pub fn reset_log(&self) {
        self.shared.log.reset();
    }

    /// How many requests were received since the last reset, whether they are in the log or not.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.shared.log.requests()
    }

    /// How many connections were accepted since the start.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Waits until this many requests were received since the last reset. Without a limit of
    /// time: put one around it.
    pub async fn wait_for(&self, requests: u64) {
        self.shared
            .log
            .wait(|log| (log.requests() >= requests).then_some(()))
            .await;
    }

    /// Waits for a logged request of which this holds, and returns the first. Without a limit of
    /// time: put one around it. The closure must not call this upstream.
    pub async fn wait_until(&self, mut wanted: impl FnMut(&Received) -> bool) -> Received {
        self.shared.log.wait(|log| log.find(&mut wanted)).await
    }

    /// Waits until a client has left before the end of its reply, and returns that request.
    /// Without a limit of time: put one around it.
    pub async fn wait_for_gone(&self) -> Received {
        self.wait_until(Received::is_gone).await
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    pub(crate) fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_script(&self, script: Script) {
        let live = Arc::new(Live::new(script));
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = live;
    }
}

/// Accepts connections until it is aborted, which ends them too.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut serving = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let number = 1 + shared.connections.fetch_add(1, Ordering::Relaxed);
                    serving.spawn(connection::serve(stream, number, Arc::clone(&shared)));
                }
                // Out of file descriptors, as a rule: connections that end give some back.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = serving.join_next() => {}
        }
    }
}
