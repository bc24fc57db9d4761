//! What a call to the REST interface brings along.

use bytes::Bytes;
use http::StatusCode;
use orchestra_dialects::ErrorKind;
use orchestra_gateway::Refusal;
use orchestra_types::KeyId;
use serde_json::{Map, Value};

/// The most that a list shows at once, and what it shows if nobody says.
const LONGEST_PAGE: u64 = 100;
const PAGE: u64 = 50;

/// A call whose caller is known and may do what it wants.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    /// The caller.
    pub(super) client: Option<KeyId>,
    /// Whether it may see what is others'.
    pub(super) is_admin: bool,
    /// What the path names.
    pub(super) name: &'a str,
    /// The trace that the call belongs to.
    pub(super) trace: Option<String>,
    /// Behind the question mark.
    pub(super) query: &'a str,
    pub(super) body: Bytes,
    /// Milliseconds since 1970.
    pub(super) now: i64,
}

impl Ask<'_> {
    /// The caller's name, as it is kept.
    pub(super) fn who(&self) -> &str {
        self.client.as_ref().map_or("", KeyId::as_str)
    }

    /// Whose things the caller sees: its own, or everybody's.
    pub(super) fn sees(&self) -> Option<&str> {
        (!self.is_admin).then(|| self.who())
    }

    /// The body, which must be JSON.
    pub(super) fn json(&self) -> Result<Value, Refusal> {
        let body = serde_json::from_slice(&self.body);
        body.map_err(|error| {
            Refusal::invalid("invalid_json", format!("the body is no JSON: {error}")).for_good()
        })
    }

    /// The body, which must be an object with members of these names only.
    pub(super) fn members(&self, known: &[&str]) -> Result<Map<String, Value>, Refusal> {
        members(self.json()?, "", known)
    }

    /// One or several objects. A list that Portkey's client for Node sends is an object with numbers for names.
    pub(super) fn objects(&self) -> Result<Vec<Value>, Refusal> {
        let numbered = |members: &Map<String, Value>| {
            let mut names = members.keys();
            !members.is_empty() && names.all(|name| name.parse::<u32>().is_ok())
        };
        let objects = match self.json()? {
            Value::Array(items) => items,
            Value::Object(members) if numbered(&members) => {
                let mut items: Vec<_> = members.into_iter().collect();
                items.sort_by_key(|(name, _)| name.parse::<u32>().unwrap_or(u32::MAX));
                items.into_iter().map(|(_, item)| item).collect()
            }
            other => vec![other],
        };
        match objects.len() {
            0 => Err(wrong("", "there is nothing in the list")),
            1001.. => Err(wrong("", "at most 1000 at once")),
            _ => Ok(objects),
        }
    }

    /// A value of the query.
    pub(super) fn asked(&self, name: &str) -> Option<String> {
        let mut pairs = url::form_urlencoded::parse(self.query.as_bytes());
        let found = pairs.find(|(found, _)| found == name)?.1.into_owned();
        (!found.is_empty()).then_some(found)
    }

    /// Which part of a list is asked for: how many are left out, and how many are shown.
    pub(super) fn page(&self) -> Result<(u64, u64), Refusal> {
        let number = |name: &str, usual: u64, most: u64| match self.asked(name) {
            None => Ok(usual),
            Some(text) => {
                let number = text.parse().ok().filter(|number| *number <= most);
                number.ok_or_else(|| wrong(name, &format!("it is a number from 0 to {most}")))
            }
        };
        let size = number("page_size", PAGE, LONGEST_PAGE)?;
        // SQLite's integers end at 2^63.
        let page = number("current_page", 0, 1 << 40)?;
        Ok((size * page, size))
    }
}

/// An object that stands at a place and has members of these names only.
pub(super) fn members(
    value: Value,
    place: &str,
    known: &[&str],
) -> Result<Map<String, Value>, Refusal> {
    let Value::Object(members) = value else {
        return Err(wrong(place, "it must be an object"));
    };
    if let Some(name) = members.keys().find(|name| !known.contains(&name.as_str())) {
        let message = format!(
            "nothing is known by this name; there are {}",
            known.join(", ")
        );
        return Err(wrong(&inside(place, name), &message));
    }
    Ok(members)
}

/// A text that is there and says something.
pub(super) fn text(
    members: &Map<String, Value>,
    name: &str,
    place: &str,
    most: usize,
) -> Result<Option<String>, Refusal> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.is_empty() && text.len() <= most => {
            Ok(Some(text.clone()))
        }
        Some(_) => {
            let message = format!("it must be a text of 1 to {most} bytes");
            Err(wrong(&inside(place, name), &message))
        }
    }
}

/// Where a member of an object stands.
pub(super) fn inside(place: &str, name: &str) -> String {
    if place.is_empty() {
        name.to_owned()
    } else {
        format!("{place}.{name}")
    }
}

/// Something in the body or the query that cannot be meant.
pub(super) fn wrong(place: &str, message: &str) -> Refusal {
    if place.is_empty() {
        return Refusal::invalid("invalid_request", message).for_good();
    }
    Refusal::invalid("invalid_request", format!("{place}: {message}"))
        .at(place)
        .for_good()
}

/// Nothing has the name in the path, or nothing that the caller may see.
pub(super) fn not_found(what: &str, name: &str) -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        ErrorKind::NotFound,
        "not_found",
        format!("there is no {what} {name:?}"),
    )
    .for_good()
}

/// What is asked for goes against what is there.
pub(super) fn conflict(message: impl Into<String>) -> Refusal {
    Refusal::new(
        StatusCode::CONFLICT,
        ErrorKind::InvalidRequest,
        "conflict",
        message,
    )
    .for_good()
}
