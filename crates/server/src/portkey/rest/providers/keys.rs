//! Exchanging and revoking the key of a configured provider, in the secret store.
//!
//! What it may be used for, and where it may be sent, stays as the operator said when it was first set: a key that is
//! exchanged here can be led nowhere else.

use http::StatusCode;
use orchestra_dialects::ErrorKind;
use orchestra_gateway::Refusal;
use orchestra_secrets::{Name, Secret, Store, StoreError};
use serde_json::{Value, json};

use super::ask::{Ask, conflict, not_found, wrong};
use crate::routes::App;
use crate::secrets::{Standing, chain, of_store};

pub(super) async fn rotate(app: &App, ask: &Ask<'_>) -> Result<Value, Refusal> {
    let name = secret_of(app, ask)?;
    let mut members = ask.members(&["key"])?;
    let Some(Value::String(key)) = members.remove("key") else {
        return Err(wrong(
            "key",
            "it is missing: only a provider's key is changed here",
        ));
    };
    // The text moves there, and is wiped.
    let key = Secret::new(key);
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
    let member = app.gateway.providers().member(bare(ask.name));
    let member = member.ok_or_else(|| not_found("provider", ask.name))?;
    let provider = member.provider.id();
    let name = app.keeper.stored_key(provider);
    name.map_err(|error| conflict(format!("provider `{provider}`: {error}")))
}

fn bare(slug: &str) -> &str {
    slug.strip_prefix('@').unwrap_or(slug)
}

/// The store, whose audit log has the client's name.
fn store(app: &App, ask: &Ask<'_>) -> Result<Store, Refusal> {
    match (app.keeper.standing(), app.keeper.vault().store()) {
        (Standing::Unsealed, Some(store)) => {
            Ok(store.acting_as(format!("client key {}", ask.who())))
        }
        (Standing::Sealed(_), _) => Err(refused(&StoreError::Sealed)),
        _ => Err(refused(&StoreError::NoStore)),
    }
}

/// Store errors name secrets, places and numbers, and never a value.
fn refused(error: &StoreError) -> Refusal {
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
