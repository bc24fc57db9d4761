//! What is asked for when a provider is made or changed, in the words of Portkey's clients.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use orchestra_gateway::Refusal;
use orchestra_secrets::Secret;
use orchestra_types::ProviderId;
use serde_json::{Map, Value};

use crate::portkey::rest::ask::{Ask, text, wrong};
use crate::secrets::added::{self, labels};

const LONGEST_NAME: usize = 256;
const LONGEST_NOTE: usize = 1024;
const LONGEST_URL: usize = 1024;
/// What secrets may be long.
const LONGEST_KEY: usize = 64 << 10;

pub(super) const UNWRITABLE: &str = "it holds characters that cannot be kept, or all that is said of the provider is longer than 4096 bytes";

/// What belongs to providers of Azure alone.
const AZURES: [&str; 3] = ["apiVersion", "resourceName", "deploymentName"];

const NEW: [&str; 17] = [
    "name",
    "slug",
    "provider",
    "integration_id",
    "key",
    "note",
    "custom_host",
    "customHost",
    "expires_at",
    "workspace_id",
    "usage_limits",
    "rate_limits",
    "model_config",
    "apiVersion",
    "resourceName",
    "deploymentName",
    "reset_usage",
];

const CHANGE: [&str; 9] = [
    "name",
    "slug",
    "key",
    "note",
    "expires_at",
    "workspace_id",
    "usage_limits",
    "rate_limits",
    "reset_usage",
];

/// A provider that is to be made.
pub(super) struct New {
    pub(super) slug: Option<String>,
    pub(super) name: Option<String>,
    /// The vendor, by a name of Portkey's or of the catalogue's.
    pub(super) kind: String,
    pub(super) base_url: Option<String>,
    pub(super) key: Secret,
    pub(super) note: Option<String>,
    pub(super) expires_ms: Option<i64>,
}

impl New {
    pub(super) fn read(ask: &Ask<'_>) -> Result<Self, Refusal> {
        let mut members = ask.members(&NEW)?;
        refuse_unserved(&members)?;
        let key = key(&mut members)?.ok_or_else(|| {
            let missing = "it is missing: there are no integrations here that have one; a server that needs none takes any text";
            wrong("key", missing)
        })?;
        let expires_ms = expires(ask, &members)?.flatten();
        let (slug, name) = (
            text(&members, "slug", "", LONGEST_NAME)?,
            line(&members, "name")?,
        );
        if slug.is_none() && name.is_none() {
            return Err(wrong("name", "a provider needs a name, or a slug"));
        }
        Ok(Self {
            slug,
            name,
            kind: kind(&members)?,
            base_url: base_url(&members)?,
            key,
            note: text(&members, "note", "", LONGEST_NOTE)?,
            expires_ms,
        })
    }
}

/// What is to be different of a provider.
pub(super) struct Change {
    pub(super) key: Option<Secret>,
    pub(super) labels: BTreeMap<String, Option<String>>,
    pub(super) expires_ms: Option<Option<i64>>,
}

impl Change {
    pub(super) fn read(ask: &Ask<'_>, slug: &ProviderId) -> Result<Self, Refusal> {
        let mut members = ask.members(&CHANGE)?;
        refuse_unserved(&members)?;
        if let Some(named) = text(&members, "slug", "", LONGEST_NAME)?
            && named != slug.as_str()
        {
            return Err(wrong(
                "slug",
                "it stays: make another provider, and delete this one",
            ));
        }
        let key = key(&mut members)?;
        let mut said = BTreeMap::new();
        if let Some(name) = line(&members, "name")? {
            said.insert(labels::NAME.to_owned(), Some(name));
        }
        if members.contains_key("note") {
            let note = text(&members, "note", "", LONGEST_NOTE)?;
            let note = note.map(|note| added::escaped(&note));
            said.insert(labels::NOTE.to_owned(), note);
        }
        let expires_ms = expires(ask, &members)?;
        if key.is_none() && said.is_empty() && expires_ms.is_none() {
            let message = "there is nothing to change: say `key`, `name`, `note` or `expires_at`";
            return Err(wrong("", message));
        }
        Ok(Self {
            key,
            labels: said,
            expires_ms,
        })
    }
}

/// The key, which moves into memory that is wiped. No error repeats it.
fn key(members: &mut Map<String, Value>) -> Result<Option<Secret>, Refusal> {
    match members.remove("key") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(key)) => {
            let key = Secret::new(key);
            let value = key.expose();
            let is_key = value.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
            if value.trim().is_empty() || !is_key || value.len() > LONGEST_KEY {
                return Err(wrong("key", "a key is one line of printable ASCII"));
            }
            Ok(Some(key))
        }
        Some(_) => Err(wrong("key", "it must be a text")),
    }
}

/// The vendor, for which Portkey's clients have several names.
fn kind(members: &Map<String, Value>) -> Result<String, Refusal> {
    let vendor = text(members, "provider", "", LONGEST_NAME)?;
    let integration = text(members, "integration_id", "", LONGEST_NAME)?;
    match (vendor, integration) {
        (Some(vendor), Some(integration)) if vendor != integration => Err(wrong(
            "integration_id",
            "it is another vendor than `provider` says: here both are the vendor's name",
        )),
        (Some(vendor), _) | (None, Some(vendor)) => Ok(vendor),
        (None, None) => Err(wrong(
            "provider",
            "it is missing: say the vendor whose key it is, such as `openai`, here or in `integration_id`",
        )),
    }
}

fn base_url(members: &Map<String, Value>) -> Result<Option<String>, Refusal> {
    let [one, other] = ["custom_host", "customHost"];
    let one = text(members, one, "", LONGEST_URL)?;
    Ok(one.or(text(members, other, "", LONGEST_URL)?))
}

fn line(members: &Map<String, Value>, name: &str) -> Result<Option<String>, Refusal> {
    let line = text(members, name, "", LONGEST_NAME)?;
    if line
        .as_ref()
        .is_some_and(|line| line.contains(char::is_control))
    {
        return Err(wrong(name, "it must be one line"));
    }
    Ok(line)
}

/// From when on the key is not used, in milliseconds of Unix time; `Some(None)` for no end, `None` if nothing is said.
fn expires(ask: &Ask<'_>, members: &Map<String, Value>) -> Result<Option<Option<i64>>, Refusal> {
    if !members.contains_key("expires_at") {
        return Ok(None);
    }
    let Some(written) = text(members, "expires_at", "", LONGEST_NAME)? else {
        return Ok(Some(None));
    };
    let parsed = humantime::parse_rfc3339(&written).ok();
    let since = parsed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let end = since.and_then(|since| i64::try_from(since.as_millis()).ok());
    match end {
        Some(end) if end > ask.now => Ok(Some(Some(end))),
        Some(_) => Err(wrong("expires_at", "that time is over")),
        None => Err(wrong(
            "expires_at",
            "it is a time such as 2027-06-30T00:00:00Z",
        )),
    }
}

/// What would look as if it held, and does not.
fn refuse_unserved(members: &Map<String, Value>) -> Result<(), Refusal> {
    let said = |name: &&str| members.get(*name).is_some_and(|value| !value.is_null());
    if let Some(name) = AZURES.into_iter().find(said) {
        let message = "a provider of Azure has an address of its own: configure it in [[providers]], with its `base_url`";
        return Err(wrong(name, message));
    }
    if let Some(name) = ["usage_limits", "rate_limits", "model_config"]
        .into_iter()
        .find(said)
    {
        return Err(wrong(name, "nothing here would keep to it; leave it out"));
    }
    match members.get("reset_usage") {
        None | Some(Value::Null | Value::Bool(false)) => Ok(()),
        Some(_) => Err(wrong(
            "reset_usage",
            "no usage is counted that could be reset",
        )),
    }
}
