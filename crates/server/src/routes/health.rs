//! Whether the process lives, whether it should get calls, and how its providers fare.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{Path, State};
use axum::response::Response;
use futures_util::future::join_all;
use http::{HeaderMap, StatusCode, Uri};
use orchestra_dialects::ErrorKind;
use orchestra_gateway::{KeyStanding, Member, Refusal};
use serde_json::{Value, json};

use super::reply::{family_of, json, wrap};
use super::{App, Shared, access};
use crate::health::{self, Status};
use crate::secrets::{Standing, Why};

/// The process answers.
pub(super) async fn live() -> Response {
    json(StatusCode::OK, &json!({ "status": "live" }))
}

/// The gateway can serve calls: it has a provider with a key, its secret store is not sealed, and it is not shutting down.
pub(super) async fn ready(State(app): State<Shared>) -> Response {
    let providers = app.gateway.providers();
    let count = providers.members().count();
    let mut body = json!({ "status": "ready", "providers": count });
    let unusable: Vec<Value> = providers.members().filter_map(unusable).collect();
    let refusal = refusal(&app, count, unusable.len());
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
fn refusal(app: &Shared, providers: usize, unusable: usize) -> Option<(&'static str, Option<Why>)> {
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

/// How things stand, for everybody: one word and how many providers, no names.
pub(super) async fn summary(State(app): State<Shared>, headers: HeaderMap, uri: Uri) -> Response {
    let answer = async {
        let standings = standings(&app, Probing::asked(&uri)?).await;
        let status = health::status_of(&standings);
        Ok(shown(status, &health::summary(&standings)))
    };
    told(&app, &headers, answer.await)
}

/// Every provider, for those who may call.
pub(super) async fn providers(State(app): State<Shared>, headers: HeaderMap, uri: Uri) -> Response {
    let answer = async {
        let standings = standings(&app, admit(&app, &headers, &uri)?).await;
        let status = health::status_of(&standings);
        let list = health::providers(&standings, app.gateway.now());
        Ok(shown(status, &list))
    };
    told(&app, &headers, answer.await)
}

/// What those look at who came for Portkey.
pub(super) async fn portkey(State(app): State<Shared>, headers: HeaderMap, uri: Uri) -> Response {
    let answer = async {
        let standings = standings(&app, admit(&app, &headers, &uri)?).await;
        let status = health::status_of(&standings);
        let integration = health::portkey(&standings, app.gateway.now());
        Ok(shown(status, &integration))
    };
    told(&app, &headers, answer.await)
}

/// One provider and its models.
pub(super) async fn provider(
    State(app): State<Shared>,
    Path(name): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let answer = async {
        let probing = admit(&app, &headers, &uri)?;
        let member = member(&app, &name)?;
        if probing == Probing::Yes {
            app.probes.refresh(&app.gateway, &member).await;
        }
        let probe = app.probes.last(member.provider.id());
        let now = app.gateway.now();
        let standing = health::Standing::of(&member, probe, now);
        let detail = health::detail(&standing, &app.gateway.known_models(), now);
        Ok(shown(standing.status, &detail))
    };
    told(&app, &headers, answer.await)
}

/// The answer, or why there is none.
fn told(app: &App, headers: &HeaderMap, answer: Result<Response, Refusal>) -> Response {
    answer.unwrap_or_else(|refusal| wrap(app.gateway.refuse(refusal, family_of(headers), None)))
}

/// Whether providers are asked, where nothing fresh is known of them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Probing {
    Yes,
    No,
}

impl Probing {
    fn asked(uri: &Uri) -> Result<Self, Refusal> {
        let mut probing = Self::Yes;
        let pairs = uri.query().unwrap_or_default().split('&');
        for pair in pairs.filter(|pair| !pair.is_empty()) {
            match pair {
                "probe=true" => probing = Self::Yes,
                "probe=false" => probing = Self::No,
                _ => return Err(unknown_query()),
            }
        }
        Ok(probing)
    }
}

/// Who may know of providers: whoever may call.
fn admit(app: &App, headers: &HeaderMap, uri: &Uri) -> Result<Probing, Refusal> {
    access::identify(&app.keeper.clients().now(), headers)?;
    Probing::asked(uri)
}

/// All providers, asked all at once.
async fn standings(app: &App, probing: Probing) -> Vec<health::Standing> {
    if probing == Probing::Yes {
        let providers = Arc::clone(&app.gateway.providers());
        let members = providers.members();
        join_all(members.map(|member| app.probes.refresh(&app.gateway, member))).await;
    }
    health::Standing::all(&app.gateway, |provider| app.probes.last(provider))
}

/// Paths know a provider by its own name alone.
fn member(app: &App, name: &str) -> Result<Arc<Member>, Refusal> {
    let member = app.gateway.providers().member(name).cloned();
    let named = member.filter(|member| member.provider.id().as_str() == name);
    named.ok_or_else(no_such_provider)
}

/// Monitors look at the status: nothing works, or something does.
fn shown(status: Status, value: &Value) -> Response {
    let code = match status {
        Status::Healthy | Status::Degraded => StatusCode::OK,
        Status::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
    };
    json(code, value)
}

fn no_such_provider() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        ErrorKind::NotFound,
        "provider_not_found",
        "no provider of this name is configured; /health/providers lists those that are",
    )
    .for_good()
}

fn unknown_query() -> Refusal {
    Refusal::invalid(
        "invalid_query",
        "the query may be `probe=true` or `probe=false`",
    )
    .for_good()
}
