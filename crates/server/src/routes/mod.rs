//! What the server answers, path by path.

pub(crate) mod access;
pub(crate) mod body;
mod endpoints;
mod health;
mod metrics;
mod models;
mod raw;
mod reply;
mod reserve;
mod responses;
mod rest;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Router;
use axum::routing::{any, get};
use orchestra_dialects::Endpoint;
use orchestra_gateway::{Compat, Gateway};

use crate::connection::Load;
use crate::health::Probes;
use crate::metrics::Metrics;
use crate::portkey::rest::Rest;
use crate::secrets::Keeper;

/// What every handler needs.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) gateway: Gateway,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) probes: Probes,
    pub(crate) load: Arc<Load>,
    pub(crate) keeper: Arc<Keeper>,
    /// Whether a call may bring a provider's key of its own.
    pub(crate) caller_keys: bool,
    /// Portkey's own interface.
    pub(crate) rest: Rest,
    pub(crate) max_body_bytes: usize,
    /// The longest pause within a client's body.
    pub(crate) body_patience: Duration,
    /// Set when the server has begun to stop.
    pub(crate) stopping: AtomicBool,
}

impl App {
    /// Whether clients of Portkey's get errors as its own gateway writes them.
    fn says_it_as_portkey(&self) -> bool {
        self.gateway.routes().compat == Compat::Portkey
    }
}

pub(crate) type Shared = Arc<App>;

/// All routes. Whatever is not listed here is a provider's own endpoint, or nothing.
pub(crate) fn router(app: Shared) -> Router {
    let mut router = watching()
        .route(
            "/v1/models",
            get(models::list).fallback(reply::method_not_allowed),
        )
        .route(
            "/v1/models/{*id}",
            get(models::one).fallback(reply::method_not_allowed),
        )
        .route(
            "/models",
            get(models::list).fallback(reply::method_not_allowed),
        );
    // Clients differ in whether the base URL holds the version.
    for root in ["/v1/responses", "/responses"] {
        let one = get(responses::one).delete(responses::delete);
        let items = get(responses::input_items);
        router = router
            .route(&format!("{root}/{{id}}"), one.fallback(raw::pass))
            .route(
                &format!("{root}/{{id}}/input_items"),
                items.fallback(raw::pass),
            );
    }
    for path in crate::portkey::rest::paths() {
        router = router.route(&path, any(rest::serve));
    }
    for endpoint in Endpoint::SERVED {
        let path = endpoint.path();
        let short = path.strip_prefix("/v1").unwrap_or(path);
        router = router
            .route(path, endpoints::route(endpoint))
            .route(short, endpoints::route(endpoint));
    }
    router.fallback(raw::pass).with_state(app)
}

/// What is answered on connections of the reserve: who asks how the server fares, and operators. All else is told that there
/// is no room.
pub(crate) fn reserve_router(app: Shared) -> Router {
    let mut router = watching();
    for path in crate::portkey::rest::operators_paths() {
        router = router.route(&path, any(rest::serve));
    }
    router.fallback(reserve::no_room).with_state(app)
}

/// How the server and its providers fare.
fn watching() -> Router<Shared> {
    Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route(
            "/health",
            get(health::summary).fallback(reply::method_not_allowed),
        )
        .route(
            "/health/providers",
            get(health::providers).fallback(reply::method_not_allowed),
        )
        .route(
            "/health/portkey",
            get(health::portkey).fallback(reply::method_not_allowed),
        )
        .route(
            "/health/{provider}",
            get(health::provider).fallback(reply::method_not_allowed),
        )
        .route(
            "/metrics",
            get(metrics::metrics).fallback(reply::method_not_allowed),
        )
}
