//! Exchanging and revoking the key of a configured provider, in the secret store.
//!
//! What it may be used for, and where it may be sent, stays as the operator said when it was first set: a key that is
//! exchanged here can be led nowhere else.

use std::sync::Arc;

use http::StatusCode;
use orchestra_dialects::ErrorKind;
use orchestra_gateway::{Member, Refusal};
use orchestra_secrets::{Name, Secret, Store, StoreError};
use serde_json::{Value, json};

use super::bare;
use crate::portkey::rest::ask::{Ask, conflict, not_found, wrong};
use crate::routes::App;
use crate::secrets::{Standing, chain, of_store};

const CONFIGURED: &str = "the provider stands in [[providers]] of the gateway's configuration, and is changed there: only its `key` is \
                          exchanged here, if it is in the secret store";

pub(super) async fn rotate(app: &App, ask: &Ask<'_>) -> Result<Value, Refusal> {
    member_of(app, ask)?;
    let Value::Object(mut members) = ask.json()? else {
        return Err(wrong("", "it must be an object"));
    };
    let key = members.remove("key");
    if let Some(name) = members.keys().next() {
        return Err(wrong(name, CONFIGURED));
    }
    let Some(Value::String(key)) = key else {
        return Err(wrong("key", CONFIGURED));
    };
    // The text moves there, and is wiped.
    let key = Secret::new(key);
    let name = secret_of(app, ask)?;
    let renewed = store(app, ask)?.renew(&name, &key, None).await;
    renewed.map_err(|error| refused(&error))?;
    // It is used at once.
    app.keeper.refresh_or_tell().await;
    let slug = bare(ask.name);
    Ok(json!({ "success": true, "id": slug, "slug": slug, "object": "provider" }))
}

pub(super) async fn revoke(app: &App, ask: &Ask<'_>) -> Result<Value, Refusal> {
    let name = secret_of(app, ask)?;
    let revoked = store(app, ask)?.revoke(&name, None).await;
    revoked.map_err(|error| refused(&error))?;
    app.keeper.refresh_or_tell().await;
    Ok(json!({ "success": true, "data": {} }))
}

/// The secret that holds the key of the provider in the path.
fn secret_of(app: &App, ask: &Ask<'_>) -> Result<Name, Refusal> {
    let member = member_of(app, ask)?;
    let provider = member.provider.id();
    let name = app.keeper.stored_key(provider);
    name.map_err(|error| conflict(format!("provider `{provider}`: {error}")))
}

fn member_of(app: &App, ask: &Ask<'_>) -> Result<Arc<Member>, Refusal> {
    let member = app.gateway.providers().member(bare(ask.name)).cloned();
    member.ok_or_else(|| not_found("provider", ask.name))
}

/// The store, whose audit log has the client's name.
pub(super) fn store(app: &App, ask: &Ask<'_>) -> Result<Store, Refusal> {
    match (app.keeper.standing(), app.keeper.vault().store()) {
        (Standing::Unsealed, Some(store)) => {
            Ok(store.acting_as(format!("client key {}", ask.who())))
        }
        (Standing::Sealed(_), _) => Err(refused(&StoreError::Sealed)),
        _ => Err(no_store()),
    }
}

fn no_store() -> Refusal {
    Refusal::new(
        StatusCode::NOT_IMPLEMENTED,
        ErrorKind::Server,
        "no_secret_store",
        "keys are kept in the secret store, and this gateway has none: its operator must make one with `orchestra secrets init`, \
         and start the gateway anew",
    )
    .for_good()
}

/// Store errors name secrets, places and numbers, and never a value.
pub(super) fn refused(error: &StoreError) -> Refusal {
    let (status, code) = of_store(error);
    let kind = if status.is_client_error() {
        ErrorKind::InvalidRequest
    } else {
        ErrorKind::Server
    };
    let status = match status {
        StatusCode::FORBIDDEN => StatusCode::CONFLICT,
        status => status,
    };
    Refusal::new(status, kind, code, chain(error))
}
