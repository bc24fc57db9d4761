//! Where a call may be sent.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{ConfigError, Place, present};
use crate::node::{InlineKey, Target};

/// Fields that one kind of provider knows, by how they begin (Portkey's names).
const PROVIDER_FIELDS: &[&str] = &[
    "azure_",
    "aws_",
    "vertex_",
    "openai_",
    "anthropic_",
    "huggingface_",
    "workers_ai_",
    "snowflake_",
    "fireworks_",
    "mistral_",
    "stability_",
    "oracle_",
    "amzn_",
    "amz_",
    "resource_name",
    "deployment_id",
    "api_version",
    "ad_auth",
];

pub(super) fn is_provider_field(name: &str) -> bool {
    PROVIDER_FIELDS.iter().any(|known| name.starts_with(known))
}

pub(super) fn read(members: &Map<String, Value>, place: &Place<'_>) -> Result<Target, ConfigError> {
    let provider = place.optional_text(members, "provider")?;
    let virtual_key = place.optional_text(members, "virtual_key")?;
    let named = provider.as_deref().and_then(|name| name.strip_prefix('@'));
    // What follows a slash is a model, which Portkey ignores here.
    let named = named.map(|slug| slug.split('/').next().unwrap_or(slug));
    let lent = virtual_key.as_deref();
    let lent = lent.map(|slug| slug.strip_prefix('@').unwrap_or(slug));
    // A slug says whose key is meant, and so comes before a provider's plain name.
    let slug = named.or(lent).map(str::to_owned);
    let provider = provider.filter(|_| slug.is_none());
    let from_call = present(members, "passthrough")
        .map(|value| place.member("passthrough").flag(value))
        .transpose()?;
    Ok(Target {
        provider,
        slug,
        model: model(members, place)?,
        key: place.optional_text(members, "api_key")?.map(InlineKey),
        host: None,
        from_call: from_call.unwrap_or(false),
        provider_fields: provider_fields(members, place)?,
    })
}

/// The node's own model, in either place where one may stand.
fn model(members: &Map<String, Value>, place: &Place<'_>) -> Result<Option<String>, ConfigError> {
    let own = place.optional_text(members, "model")?;
    let set = || present(members, "override_params")?.get("model")?.as_str();
    Ok(own.or_else(|| set().map(str::to_owned)))
}

fn provider_fields(
    members: &Map<String, Value>,
    place: &Place<'_>,
) -> Result<BTreeMap<String, String>, ConfigError> {
    let fields = members
        .iter()
        .filter(|(name, value)| is_provider_field(name) && !value.is_null());
    let texts = fields.map(|(name, value)| match value {
        Value::String(text) => Ok((name.clone(), text.clone())),
        Value::Object(_) => Ok((name.clone(), value.to_string())),
        _ => Err(place.member(name).error("a text is needed")),
    });
    texts.collect()
}
