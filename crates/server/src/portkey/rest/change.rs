//! What a client wants to have saved as a config.

use orchestra_gateway::Refusal;
use serde_json::{Map, Value};

use super::ask::{Ask, text, wrong};

const LONGEST_NAME: usize = 256;

/// What Portkey's clients send for a config.
const MEMBERS: [&str; 6] = [
    "name",
    "config",
    "is_default",
    "workspace_id",
    "status",
    "slug",
];

/// What is to be saved.
pub(super) struct Change {
    pub(super) name: Option<String>,
    pub(super) config: Option<Value>,
    pub(super) active: Option<bool>,
}

impl Change {
    pub(super) fn read(ask: &Ask<'_>) -> Result<Self, Refusal> {
        let members = ask.members(&MEMBERS)?;
        if let Some(slug) = text(&members, "slug", "", LONGEST_NAME)?
            && slug != ask.name
        {
            return Err(wrong("slug", "it is given by the gateway, and stays"));
        }
        match members.get("is_default") {
            None | Some(Value::Null | Value::Bool(false)) => {}
            Some(number) if *number == 0 => {}
            Some(_) => {
                let message =
                    "no config holds for calls that name none; have them send x-portkey-config";
                return Err(wrong("is_default", message));
            }
        }
        Ok(Self {
            name: text(&members, "name", "", LONGEST_NAME)?,
            config: config(&members)?,
            active: active(&members)?,
        })
    }
}

/// The config, which some programs write as a text of JSON.
fn config(members: &Map<String, Value>) -> Result<Option<Value>, Refusal> {
    match members.get("config") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => {
            let parsed = serde_json::from_str(text);
            let parsed =
                parsed.map_err(|error| wrong("config", &format!("it is no JSON: {error}")));
            parsed.map(Some)
        }
        Some(config) => Ok(Some(config.clone())),
    }
}

fn active(members: &Map<String, Value>) -> Result<Option<bool>, Refusal> {
    match text(members, "status", "", LONGEST_NAME)?.as_deref() {
        None => Ok(None),
        Some("active") => Ok(Some(true)),
        Some("archived") => Ok(Some(false)),
        Some(_) => Err(wrong("status", "it is `active` or `archived`")),
    }
}
