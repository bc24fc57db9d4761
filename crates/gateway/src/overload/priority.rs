//! How much a call matters, by what it says and what the operator says.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName};
use orchestra_health::Priority;
use orchestra_types::KeyId;

use crate::refusal::Refusal;

/// Says how much a call matters: `high`, `normal` or `low`.
const PRIORITY: HeaderName = HeaderName::from_static("x-orchestra-priority");

/// What an operator says of how much calls matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Priorities {
    /// The priority of a client's calls, and the highest that they can ask for.
    pub clients: BTreeMap<KeyId, Priority>,
    /// The priority of calls for a model, by the name that clients use, unless they ask for another.
    pub models: BTreeMap<String, Priority>,
}

impl Priorities {
    /// What holds for a call: what it says, else what is said of its model, else of its client; and never more than the client
    /// may have.
    ///
    /// # Errors
    /// [`Refusal`] if the call says what is no priority.
    pub(crate) fn of(
        &self,
        headers: &HeaderMap,
        client: Option<&KeyId>,
        model: &str,
    ) -> Result<Priority, Refusal> {
        let asked = asked(headers)?.or_else(|| self.models.get(model).copied());
        let most = client.and_then(|client| self.clients.get(client)).copied();
        Ok(match (asked, most) {
            // The lower one is the greater.
            (Some(asked), Some(most)) => asked.max(most),
            (one, other) => one.or(other).unwrap_or_default(),
        })
    }
}

fn asked(headers: &HeaderMap) -> Result<Option<Priority>, Refusal> {
    let Some(value) = headers.get(&PRIORITY) else {
        return Ok(None);
    };
    let word = value.to_str().unwrap_or_default().trim();
    let Some(priority) = Priority::parse(word) else {
        return Err(Refusal::invalid(
            "invalid_header",
            format!("the header {PRIORITY} is neither `high` nor `normal` nor `low`"),
        )
        .for_good());
    };
    Ok(Some(priority))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_says_its_priority_up_to_what_its_client_may_have() {
        let client = |name: &str| KeyId::new(name).unwrap();
        let priorities = Priorities {
            clients: BTreeMap::from([
                (client("batch"), Priority::Low),
                (client("app"), Priority::High),
            ]),
            models: BTreeMap::from([("report".to_owned(), Priority::Low)]),
        };
        let of = |word: &'static str, name: &str, model: &str| {
            let mut headers = HeaderMap::new();
            if !word.is_empty() {
                headers.insert(PRIORITY, word.parse().unwrap());
            }
            priorities.of(&headers, Some(&client(name)), model).unwrap()
        };
        for (word, name, model, expected) in [
            ("", "other", "m", Priority::Normal),
            ("high", "other", "m", Priority::High),
            ("", "other", "report", Priority::Low),
            ("normal", "other", "report", Priority::Normal),
            ("", "app", "m", Priority::High),
            ("", "app", "report", Priority::Low),
            ("", "batch", "m", Priority::Low),
            (" High ", "batch", "m", Priority::Low),
            ("low", "app", "m", Priority::Low),
        ] {
            assert_eq!(of(word, name, model), expected, "{word} {name} {model}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(PRIORITY, "urgent".parse().unwrap());
        let refusal = priorities.of(&headers, None, "m").unwrap_err();
        assert_eq!(refusal.code, "invalid_header");
    }
}
