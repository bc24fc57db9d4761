//! The providers, as far as Portkey's clients may see them. They are made in the configuration.

use http::StatusCode;
use orchestra_dialects::ErrorKind;
use orchestra_gateway::{KeyStanding, Member, Refusal};
use serde_json::{Value, json};

use super::answer::list as listed;
use super::ask::{Ask, not_found};
use crate::routes::App;

pub(super) fn list(app: &App, ask: &Ask<'_>) -> Result<Value, Refusal> {
    let (skip, limit) = ask.page()?;
    let members: Vec<Value> = app
        .gateway
        .providers()
        .members()
        .map(|m| shown(m))
        .collect();
    let total = u64::try_from(members.len()).unwrap_or(u64::MAX);
    let [skip, limit] = [skip, limit].map(|number| usize::try_from(number).unwrap_or(usize::MAX));
    let part = members.into_iter().skip(skip).take(limit);
    Ok(listed(total, part.collect()))
}

pub(super) fn read(app: &App, ask: &Ask<'_>) -> Result<Value, Refusal> {
    let slug = ask.name.strip_prefix('@').unwrap_or(ask.name);
    let member = app.gateway.providers().member(slug);
    let member = member.ok_or_else(|| not_found("provider", ask.name))?;
    let mut shown = shown(member);
    shown["success"] = Value::Bool(true);
    Ok(shown)
}

/// A key is not shown, not even in part: only whether there is one.
fn shown(member: &Member) -> Value {
    let id = member.provider.id().as_str();
    let (key, status) = match member.key_standing() {
        KeyStanding::Ready => ("********", "active"),
        _ => ("", "inactive"),
    };
    json!({
        "id": id,
        "slug": id,
        "name": id,
        "provider": id,
        "key": key,
        "status": status,
        "note": Value::Null,
        "usage_limits": Value::Null,
        "rate_limits": Value::Null,
        "object": "provider",
    })
}

/// A provider's address and kind are the operator's.
pub(super) fn configured() -> Refusal {
    Refusal::new(
        StatusCode::NOT_IMPLEMENTED,
        ErrorKind::InvalidRequest,
        "providers_are_configured",
        "providers are not made here: write them in [[providers]] of orchestra.toml, with `key = \"store:NAME\"`; that key is \
         set with `orchestra secrets set NAME`, and can be exchanged here",
    )
    .for_good()
}
