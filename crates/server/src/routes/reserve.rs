//! What calls are told that come on a connection of the reserve.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use orchestra_dialects::{Endpoint, ErrorKind, Family};
use orchestra_gateway::Refusal;

use super::raw::split;
use super::reply::{family_of, marked, wrap};
use super::{App, Shared};
use crate::portkey::Marks;

/// How much of a call is read, and for how long, before its client is told: with unread bytes the connection would be
/// reset, and the answer lost with it.
const MOST_READ: usize = 64 * 1024;
const LONGEST_READ: Duration = Duration::from_secs(1);

/// There are too many connections for a call, in its dialect.
pub(super) async fn no_room(State(app): State<Shared>, request: Request<Body>) -> Response {
    let marks = Marks::of(request.headers());
    let (family, endpoint) = asked(&app, &request);
    let read = Limited::new(request.into_body(), MOST_READ).collect();
    let _ = tokio::time::timeout(LONGEST_READ, read).await;
    let answer = wrap(app.gateway.refuse(refusal(), family, endpoint));
    marked(&app, answer, marks).await
}

fn refusal() -> Refusal {
    let mut refusal = Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Overloaded,
        "gateway_overloaded",
        "the gateway has as many connections as it takes, and this one is of the few that are kept for health, metrics and \
         operators; close idle ones or try again later. The operator's bound is max_connections in [server].",
    );
    refusal.retry_after = Some(Duration::from_secs(1));
    refusal
}

/// Whose errors the caller reads, and the endpoint of its path.
fn asked(app: &App, request: &Request<Body>) -> (Family, Option<Endpoint>) {
    let path = request.uri().path();
    let is_at = |endpoint: &Endpoint| {
        let full = endpoint.path();
        path == full || full.strip_prefix("/v1") == Some(path)
    };
    let member = split(app, path).and_then(|(provider, rest)| {
        let member = app.gateway.providers().member(provider.as_str()).cloned()?;
        Some((member, rest))
    });
    let of_member = member
        .as_ref()
        .and_then(|(member, rest)| member.provider.endpoint_for(request.method(), rest));
    let endpoint = Endpoint::SERVED.into_iter().find(is_at).or(of_member);
    let family = match (endpoint, member) {
        (Some(endpoint), _) => endpoint.dialect().family(),
        (None, Some((member, _))) => member.family(),
        (None, None) => family_of(request.headers()),
    };
    (family, endpoint)
}
