//! Whether the process lives, and whether it should get calls.

use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::json;

use super::Shared;
use super::reply::json;

/// The process answers.
pub(super) async fn live() -> Response {
    json(StatusCode::OK, &json!({ "status": "live" }))
}

/// The gateway can serve calls: it has a provider and is not shutting down.
pub(super) async fn ready(State(app): State<Shared>) -> Response {
    let providers = app.gateway.providers().members().count();
    let reason = if app.stopping.load(Ordering::Relaxed) {
        Some("the server is shutting down")
    } else if providers == 0 {
        Some("no provider has a key: set one such as OPENAI_API_KEY, or configure a provider")
    } else {
        None
    };
    match reason {
        None => json(
            StatusCode::OK,
            &json!({ "status": "ready", "providers": providers }),
        ),
        Some(reason) => {
            let body = json!({ "status": "not_ready", "reason": reason, "providers": providers });
            json(StatusCode::SERVICE_UNAVAILABLE, &body)
        }
    }
}
