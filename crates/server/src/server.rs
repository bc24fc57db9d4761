//! A gateway that listens.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use orchestra_gateway::{Conversations, Gateway, Parts, PooledTransport, Sink};
use orchestra_store::OpenError;
use orchestra_types::{SeededRng, SystemClock};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::{Built, Config, RestSettings};
use crate::connection::{self, Limits, Routers};
use crate::conversations;
use crate::health::Probes;
use crate::metrics::{MeteredSink, Metrics};
use crate::portkey::rest::{Rest, RestError};
use crate::routes::{App, reserve_router, router};
use crate::secrets::{CountingSink, Keeper, Standing, control};

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// A public address, and nothing that tells callers apart.
    #[error(
        "{0} can be reached from other machines, and no client key is set: anyone could spend on your provider keys. \
         Set ORCHESTRA_CLIENT_KEY or [server] client_keys, or listen on 127.0.0.1"
    )]
    PublicWithoutKeys(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// What the system said; mostly that another program has the port.
        source: io::Error,
    },
    /// The operating system gave no randomness.
    #[error("the operating system gave no random bytes")]
    Entropy(#[source] getrandom::Error),
    /// The file of conversations cannot be used.
    #[error("conversations cannot be kept as [responses] says")]
    Conversations(#[from] OpenError),
    /// The file of saved configs, feedback and logs cannot be used.
    #[error("saved configs, feedback and logs cannot be kept as [portkey] says")]
    Kept(#[source] OpenError),
    /// The saved configs cannot be read.
    #[error("saved configs cannot be read from the file that [portkey] names")]
    SavedConfigs(#[source] orchestra_store::Failed),
}

impl From<RestError> for ServerError {
    fn from(error: RestError) -> Self {
        match error {
            RestError::Open(error) => Self::Kept(error),
            RestError::Read(error) => Self::SavedConfigs(error),
        }
    }
}

/// A gateway on the machine's clock and network, with a place for conversations or without.
///
/// # Errors
/// [`ServerError::Entropy`] if there is no seed for identities.
pub fn gateway(
    built: Built,
    sink: Arc<dyn Sink>,
    conversations: Option<Arc<dyn Conversations>>,
) -> Result<Gateway, ServerError> {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).map_err(ServerError::Entropy)?;
    let transport = Arc::new(PooledTransport::new(built.settings.connect));
    if built
        .providers
        .now()
        .members()
        .any(|member| member.provider.origin().starts_with("https"))
    {
        warm_up(&transport);
    }
    Ok(Gateway::new(Parts {
        providers: built.providers,
        transport,
        sink: Arc::new(CountingSink {
            keeper: Arc::clone(&built.keeper),
            inner: sink,
        }),
        clock: Arc::new(SystemClock::new()),
        rng: Arc::new(SeededRng::new(u64::from_le_bytes(seed))),
        conversations,
        keys: Some(built.keeper),
        routes: built.routes,
        settings: built.settings,
    }))
}

/// Portkey's own interface, on the machine's clock.
async fn rest(settings: RestSettings) -> Result<Rest, ServerError> {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).map_err(ServerError::Entropy)?;
    let rng = Arc::new(SeededRng::new(u64::from_le_bytes(seed)));
    Ok(Rest::open(settings, Arc::new(SystemClock::new()), rng).await?)
}

/// Reads the trusted roots while the server starts, so that the first call need not wait.
fn warm_up(transport: &Arc<PooledTransport>) {
    let transport = Arc::clone(transport);
    // Without a runtime (a library's user may build a gateway first) the first call does it.
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn_blocking(move || {
            if let Err(error) = transport.warm_up() {
                tracing::error!(%error, "TLS cannot be used");
            }
        });
    }
}

/// A server that is bound to its address.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    app: Arc<App>,
    limits: Limits,
}

impl Server {
    /// Takes the address; calls are served once [`Server::run`] is polled.
    ///
    /// # Errors
    /// [`ServerError`] if the address is public without client keys, or taken.
    pub async fn bind(
        config: &Config,
        built: Built,
        sink: Arc<dyn Sink>,
    ) -> Result<Self, ServerError> {
        let wanted = config.server.address();
        if !wanted.ip().is_loopback() && !built.keeper.clients().required() {
            return Err(ServerError::PublicWithoutKeys(wanted));
        }
        let refused = |source| ServerError::Listen {
            address: wanted,
            source,
        };
        let listener = TcpListener::bind(wanted).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let keeper = Arc::clone(&built.keeper);
        let kept = conversations::open(built.conversations.clone()).await?;
        let rest = rest(built.rest.clone()).await?;
        let names: Vec<_> = {
            let providers = built.providers.now();
            let members = providers.members();
            members.map(|member| member.provider.id().clone()).collect()
        };
        let metrics = Arc::new(Metrics::new(names));
        let sink = Arc::new(MeteredSink {
            metrics: Arc::clone(&metrics),
            inner: sink,
        });
        let gateway = gateway(built, sink, kept)?;
        metrics.learn(&gateway.known_models());
        let app = App {
            probes: Probes::default(),
            gateway,
            metrics,
            load: Arc::default(),
            caller_keys: config.portkey.caller_keys,
            rest,
            keeper,
            max_body_bytes: config.limits.body_bytes(),
            body_patience: config.server.body_seconds.duration(),
            stopping: AtomicBool::new(false),
        };
        Ok(Self {
            listener,
            address,
            app: Arc::new(app),
            limits: Limits::from(&config.server),
        })
    }

    /// Where it listens; the port is the real one where 0 was asked for.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The gateway behind it.
    #[must_use]
    pub fn gateway(&self) -> &Gateway {
        &self.app.gateway
    }

    /// Who gives the providers their keys.
    #[must_use]
    pub fn keeper(&self) -> &Keeper {
        &self.app.keeper
    }

    #[cfg(test)]
    pub(crate) fn into_app(self) -> Arc<App> {
        self.app
    }

    /// Serves until `stop` completes, and unseals the secret store meanwhile. Then no connection is accepted, `/health/ready` says so
    /// on those that are open, and running calls may end within the drain time. Returns the
    /// number of connections that had to be cut.
    pub async fn run(self, stop: impl Future<Output = ()>) -> usize {
        let stopping = CancellationToken::new();
        let serving = connection::serve(
            self.listener,
            Routers {
                usual: router(Arc::clone(&self.app)),
                reserve: reserve_router(Arc::clone(&self.app)),
            },
            self.limits,
            Arc::clone(&self.app.load),
            stopping.clone(),
        );
        let mut serving = std::pin::pin!(serving);
        // Keys are followed as long as calls may run.
        let done = CancellationToken::new();
        let aside = tokio::spawn(beside(Arc::clone(&self.app), done.clone()));
        let done = done.drop_guard();
        let cut = tokio::select! {
            cut = serving.as_mut() => cut,
            () = stop => {
                self.app.stopping.store(true, Ordering::Relaxed);
                stopping.cancel();
                serving.await
            }
        };
        drop(done);
        if aside.await.is_err() {
            tracing::error!("the secret store was not followed to the end");
        }
        cut
    }
}

/// What a server does beside serving calls: it follows its secret store, and serves operators.
async fn beside(app: Arc<App>, done: CancellationToken) {
    let keeper = Arc::clone(&app.keeper);
    let operators = async {
        if let Some(place) = keeper.vault().place()
            && keeper.standing() != Standing::NoStore
        {
            control::serve(Arc::clone(&app), place.control(), &done).await;
        }
    };
    tokio::join!(keeper.watch(&done), operators);
}
