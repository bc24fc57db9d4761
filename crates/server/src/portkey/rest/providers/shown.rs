//! How providers are shown: without their keys.

use orchestra_gateway::{KeyStanding, Member};
use orchestra_types::ProviderId;
use serde_json::{Value, json};

use crate::portkey::rest::answer::time;
use crate::routes::App;
use crate::secrets::added::Definition;

/// Those of the configuration, then those that were made here, each by name.
pub(super) fn all(app: &App) -> Vec<Value> {
    let providers = app.gateway.providers();
    let members = providers.members();
    let configured = members.filter(|member| !providers.is_added(member));
    let mut all: Vec<Value> = configured.map(|member| of_file(member)).collect();
    let definitions = app.keeper.definitions();
    let is_hidden = |slug: &ProviderId| {
        let member = providers.member(slug.as_str());
        member.is_some_and(|member| !providers.is_added(member))
    };
    let made = definitions.iter().filter(|(slug, _)| !is_hidden(slug));
    all.extend(made.map(|(slug, definition)| made_here(app, slug, definition)));
    all
}

/// The one that is called so.
pub(super) fn one(app: &App, name: &str) -> Option<Value> {
    let providers = app.gateway.providers();
    let member = providers.member(name);
    if let Some(member) = member.filter(|member| !providers.is_added(member)) {
        return Some(of_file(member));
    }
    let definitions = app.keeper.definitions();
    let (slug, definition) = definitions.get_key_value(name)?;
    Some(made_here(app, slug, definition))
}

fn of_file(member: &Member) -> Value {
    let mut shown = provider(member.provider.id(), Some(member));
    shown["source"] = "file".into();
    shown
}

fn made_here(app: &App, slug: &ProviderId, definition: &Definition) -> Value {
    let member = app.gateway.providers().member(slug.as_str()).cloned();
    let mut shown = provider(slug, member.as_deref());
    let more = json!({
        "name": definition.name.as_deref().unwrap_or(slug.as_str()),
        "provider": definition.kind,
        "ai_provider_name": definition.kind,
        "integration_id": definition.kind,
        "custom_host": definition.base_url,
        "note": definition.note,
        "owner_id": definition.made_by,
        "updated_by": definition.changed_by,
        "created_at": time(definition.made_ms),
        "last_updated_at": time(definition.changed_ms),
        "expires_at": definition.expires_ms.map(time),
        "source": "saved",
    });
    if let (Value::Object(shown), Value::Object(more)) = (&mut shown, more) {
        shown.extend(more);
    }
    if let Some(reason) = app.keeper.why_unusable(slug) {
        shown["reason"] = reason.into();
    }
    shown
}

/// A key is not shown, not even in part: only whether there is one.
fn provider(slug: &ProviderId, member: Option<&Member>) -> Value {
    let standing = member.map(Member::key_standing);
    let (key, status) = match standing {
        Some(KeyStanding::Ready) => ("********", "active"),
        _ => ("", "inactive"),
    };
    let id = slug.as_str();
    json!({
        "id": id,
        "slug": id,
        "name": id,
        "provider": id,
        "ai_provider_name": id,
        "key": key,
        "masked_api_key": key,
        "status": status,
        "note": Value::Null,
        "usage_limits": Value::Null,
        "rate_limits": Value::Null,
        "object": "provider",
    })
}
