//! What an operator may ask for.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode, Uri};
use orchestra_secrets::{
    Credential, InvalidName, InvalidOrigin, Name, NewSecret, RecoveryKey, Secret, Store, StoreError,
};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::answer::{Refusal, done};
use super::body::{Wiped, read};
use super::peer::{Peer, Stranger};
use super::{needs, shown};
use crate::routes::App;
use crate::secrets::Standing;

/// What every handler needs.
pub(super) struct Desk {
    pub(super) app: Arc<App>,
    peer: Result<Peer, Stranger>,
}

type Shared = Arc<Desk>;
type Answer = Result<Response, Refusal>;

/// The paths. A secret may be called as one of them is, so those that change secrets stand on all.
pub(super) fn router(app: Arc<App>, peer: Result<Peer, Stranger>) -> Router {
    let named = || axum::routing::put(set).delete(remove);
    let desk = Arc::new(Desk { app, peer });
    Router::new()
        .route("/v1/secrets", get(list))
        .route("/v1/secrets/status", named().get(status))
        .route("/v1/secrets/check", named().get(check))
        .route("/v1/secrets/seal", named().post(seal))
        .route("/v1/secrets/unseal", named().post(unseal))
        .route("/v1/secrets/{name}", named())
        .route("/v1/secrets/{name}/rotate", post(rotate))
        .route("/v1/secrets/{name}/revoke", post(revoke))
        .fallback(no_such_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(Arc::clone(&desk), admit))
        .with_state(desk)
}

/// Strangers learn nothing, not even which paths there are.
async fn admit(State(desk): State<Shared>, request: Request, next: Next) -> Response {
    match &desk.peer {
        Ok(_) => next.run(request).await,
        Err(_) => Refusal::new(
            StatusCode::FORBIDDEN,
            "foreign_user",
            "only the user that runs the server, and root, may control it",
        )
        .into_response(),
    }
}

async fn no_such_route(uri: Uri) -> Refusal {
    let told = format!("there is nothing at {}", uri.path());
    Refusal::new(StatusCode::NOT_FOUND, "route_not_found", told)
}

async fn wrong_method(method: Method, uri: Uri) -> Refusal {
    let told = format!("{} does not take {method}", uri.path());
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", told)
}

impl Desk {
    /// The store as this operator uses it: the audit log has their name.
    pub(super) fn store(&self) -> Result<Store, Refusal> {
        let keeper = &self.app.keeper;
        match (keeper.vault().store(), &self.peer) {
            (Some(store), Ok(peer)) => Ok(store.acting_as(peer.actor())),
            _ => Err(match keeper.standing() {
                Standing::Sealed(sealing) => Refusal::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    sealing.why.code(),
                    sealing.detail,
                ),
                Standing::NoStore | Standing::Unsealed => StoreError::NoStore.into(),
            }),
        }
    }

    /// What was changed is used at once.
    async fn follow(&self) {
        self.app.keeper.refresh_or_tell().await;
    }
}

async fn status(State(desk): State<Shared>) -> Answer {
    let keeper = &desk.app.keeper;
    let (sealed, why) = match keeper.standing() {
        Standing::Sealed(sealing) => (true, Some(sealing)),
        Standing::NoStore | Standing::Unsealed => (false, None),
    };
    // A database that does not answer is part of the answer.
    let store = match keeper.vault().store() {
        Some(store) => store.status().await.ok(),
        None => None,
    };
    let reports = desk.app.gateway.key_reports();
    let providers = desk.app.gateway.providers();
    let members = providers.members();
    let providers: Vec<Value> = members
        .map(|member| shown::member(member, &reports))
        .collect();
    Ok(done(&json!({
        "place": keeper.vault().place().map(|place| place.describe()),
        "sealed": sealed,
        "why": why.as_ref().map(|sealing| sealing.why.code()),
        "detail": why.as_ref().map(|sealing| sealing.detail.as_str()),
        "failure": keeper.failure(),
        "store": store.as_ref().map(shown::store),
        "providers": providers,
    })))
}

async fn list(State(desk): State<Shared>) -> Answer {
    let entries = desk.store()?.entries(None).await?;
    let secrets: Vec<Value> = entries.iter().map(shown::entry).collect();
    Ok(done(&json!({ "secrets": secrets })))
}

async fn check(State(desk): State<Shared>, uri: Uri) -> Answer {
    let needed = needs::check(&desk, uri.query().unwrap_or_default()).await?;
    Ok(done(&needed))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

async fn seal(State(desk): State<Shared>, body: Body) -> Answer {
    let Nothing {} = read(body).await?;
    desk.app.keeper.seal(&desk.store()?).await?;
    Ok(done(&json!({ "sealed": true })))
}

/// What opens the store. A passphrase and a key file together are one credential.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unseal {
    passphrase: Option<Wiped>,
    /// The file's content in base64.
    key_file: Option<Wiped>,
    recovery_key: Option<Wiped>,
    /// The epoch of an older state that is to count from now on.
    accept_epoch: Option<u64>,
}

async fn unseal(State(desk): State<Shared>, body: Body) -> Answer {
    let asked: Unseal = read(body).await?;
    let credential = asked.credential()?;
    let accepting = asked.accept_epoch;
    drop(asked);
    let store = desk.store()?;
    desk.app
        .keeper
        .unseal(&store, credential, accepting)
        .await?;
    Ok(done(&json!({ "sealed": false })))
}

impl Unseal {
    fn credential(&self) -> Result<Credential, Refusal> {
        let file = self.key_file.as_ref().map(decode).transpose()?;
        match (&self.passphrase, &file, &self.recovery_key) {
            (Some(text), None, None) => Ok(Credential::passphrase(&text.0)),
            (None, Some(file), None) => Ok(Credential::key_file(file)),
            (Some(text), Some(file), None) => {
                Ok(Credential::passphrase_and_key_file(&text.0, file))
            }
            (None, None, Some(key)) => {
                let key = RecoveryKey::parse(&key.0);
                let key = key.map_err(|error| Refusal::invalid(error.to_string()))?;
                Ok(Credential::recovery(&key))
            }
            _ => Err(Refusal::invalid(
                "give a passphrase, a key_file, both of them, or a recovery_key",
            )),
        }
    }
}

fn decode(text: &Wiped) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let mut content = Zeroizing::new(Vec::with_capacity(text.0.len()));
    let decoded = STANDARD.decode_vec(text.0.as_bytes(), &mut content);
    decoded.map_err(|_| Refusal::invalid("key_file is not base64"))?;
    Ok(content)
}

/// A new value, and all that is said about it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    value: Wiped,
    service: Option<String>,
    origin: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    expires_ms: Option<i64>,
}

async fn set(State(desk): State<Shared>, uri: Uri, body: Body) -> Answer {
    let name = name(&uri)?;
    let asked: Set = read(body).await?;
    let mut new = NewSecret::new(name);
    new.service = asked.service;
    new.expires_ms = asked.expires_ms;
    for (key, value) in &asked.labels {
        let kept = new.labels.insert(key, value);
        kept.map_err(|error| Refusal::invalid(error.to_string()))?;
    }
    let origin = asked.origin.as_deref().map(str::parse).transpose();
    new.origin = origin.map_err(|error: InvalidOrigin| Refusal::invalid(error.to_string()))?;
    keep(&desk, new, &asked.value).await
}

/// A new value for the same use.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotate {
    value: Wiped,
    expires_ms: Option<i64>,
}

async fn rotate(State(desk): State<Shared>, uri: Uri, body: Body) -> Answer {
    let name = name(&uri)?;
    let asked: Rotate = read(body).await?;
    let secret = Secret::copy_of(&asked.value.0);
    let entry = desk
        .store()?
        .renew(&name, &secret, asked.expires_ms)
        .await?;
    desk.follow().await;
    Ok(done(&json!({ "secret": shown::entry(&entry) })))
}

async fn keep(desk: &Desk, new: NewSecret, value: &Wiped) -> Answer {
    let entry = desk.store()?.set(new, &Secret::copy_of(&value.0)).await?;
    desk.follow().await;
    Ok(done(&json!({ "secret": shown::entry(&entry) })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoke {
    version: Option<u32>,
}

async fn revoke(State(desk): State<Shared>, uri: Uri, body: Body) -> Answer {
    let name = name(&uri)?;
    let asked: Revoke = read(body).await?;
    let revoked = desk.store()?.revoke(&name, asked.version).await?;
    desk.follow().await;
    let revoked: Vec<Value> = revoked.iter().map(shown::entry).collect();
    Ok(done(&json!({ "revoked": revoked })))
}

async fn remove(State(desk): State<Shared>, uri: Uri, body: Body) -> Answer {
    let name = name(&uri)?;
    let Nothing {} = read(body).await?;
    let removed = desk.store()?.remove(&name).await?;
    desk.follow().await;
    Ok(done(&json!({ "removed": removed })))
}

/// The name in the path: `NAME`, or `TENANT%2FNAME`. No other letter of a name is written otherwise in a path.
fn name(uri: &Uri) -> Result<Name, Refusal> {
    let segment = uri.path().split('/').nth(3).unwrap_or_default();
    let text = segment.replace("%2F", "/").replace("%2f", "/");
    text.parse().map_err(|error: InvalidName| {
        Refusal::new(StatusCode::BAD_REQUEST, "invalid_name", error.to_string())
    })
}
