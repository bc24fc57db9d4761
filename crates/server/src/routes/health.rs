//! Whether the process lives, and whether it should get calls.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use orchestra_gateway::{KeyStanding, Member};
use serde_json::{Value, json};

use super::Shared;
use super::reply::json;
use crate::secrets::{Standing, Why};

/// The process answers.
pub(super) async fn live() -> Response {
    json(StatusCode::OK, &json!({ "status": "live" }))
}

/// The gateway can serve calls: it has a provider with a key, its secret store is not sealed, and it is not shutting down.
pub(super) async fn ready(State(app): State<Shared>) -> Response {
    let members = || app.gateway.providers().members();
    let mut body = json!({ "status": "ready", "providers": members().count() });
    let unusable: Vec<Value> = members().filter_map(unusable).collect();
    let refusal = refusal(&app, unusable.len());
    if !unusable.is_empty() {
        body["unusable"] = Value::from(unusable);
    }
    let Some((reason, detail)) = refusal else {
        return json(StatusCode::OK, &body);
    };
    body["status"] = json!("not_ready");
    body["reason"] = json!(reason);
    if let Some(why) = detail {
        body["sealed"] = json!({ "why": why.code(), "advice": why.advice() });
    }
    json(StatusCode::SERVICE_UNAVAILABLE, &body)
}

/// Why the gateway should get no calls.
fn refusal(app: &Shared, unusable: usize) -> Option<(&'static str, Option<Why>)> {
    let providers = app.gateway.providers().members().count();
    if app.stopping.load(Ordering::Relaxed) {
        return Some(("the server is shutting down", None));
    }
    if let Standing::Sealed(sealing) = app.keeper.standing() {
        return Some(("sealed", Some(sealing.why)));
    }
    if providers == 0 {
        return Some((
            "no provider has a key: set one such as OPENAI_API_KEY, or configure a provider",
            None,
        ));
    }
    (unusable == providers).then_some(("no provider has a key that may be used", None))
}

/// A provider that cannot be called, and why, if it is not that all wait for the secret store.
fn unusable(member: &Arc<Member>) -> Option<Value> {
    match member.key_standing() {
        KeyStanding::Missing { reason } => {
            Some(json!({ "provider": member.provider.id().as_str(), "reason": &*reason }))
        }
        KeyStanding::NotNeeded | KeyStanding::Sealed | KeyStanding::Ready => None,
    }
}
