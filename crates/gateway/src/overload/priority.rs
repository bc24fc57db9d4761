//! How much a call matters, by what it says and what the operator says.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName};
use orchestra_health::Priority;
use orchestra_types::KeyId;

use crate::refusal::Refusal;

/// Says how much a call matters: `high`, `normal` or `low`.
pub(crate) const PRIORITY: HeaderName = HeaderName::from_static("x-orchestra-priority");

/// What an operator says of how much calls matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Priorities {
    /// The priority of a client's calls, and the highest that they can ask for.
    pub clients: BTreeMap<KeyId, Priority>,
    /// The highest that a client's calls can ask for, where it is another.
    pub may_ask: BTreeMap<KeyId, Priority>,
    /// The highest that the calls of all other clients can ask for: normal, unless an operator says otherwise, so that nobody
    /// gets before others by saying so.
    pub most: Priority,
    /// The priority of calls for a model, by the name that clients use, unless they ask for another.
    pub models: BTreeMap<String, Priority>,
}

/// How much a call matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) priority: Priority,
    /// Whether it asked for a higher one.
    pub(crate) lowered: bool,
}

impl Priorities {
    /// What holds for a call: what it says, as far as its client may, else what is said of its model, else of its client; and
    /// never more than the client may have.
    ///
    /// # Errors
    /// [`Refusal`] if the call says what is no priority.
    pub(crate) fn of(
        &self,
        headers: &HeaderMap,
        client: Option<&KeyId>,
        model: &str,
    ) -> Result<Given, Refusal> {
        let of = |clients: &BTreeMap<KeyId, Priority>| clients.get(client?).copied();
        let of_client = of(&self.clients);
        // The lower one is the greater.
        let usual = match (self.models.get(model).copied(), of_client) {
            (Some(of_model), Some(of_client)) => of_model.max(of_client),
            (one, other) => one.or(other).unwrap_or_default(),
        };
        let Some(asked) = asked(headers)? else {
            return Ok(Given {
                priority: usual,
                lowered: false,
            });
        };
        // What a call has unasked it may ask for.
        let most = of(&self.may_ask).or(of_client);
        let most = most.unwrap_or(self.most).min(usual);
        Ok(Given {
            priority: asked.max(most),
            lowered: asked < most,
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

    fn client(name: &str) -> KeyId {
        KeyId::new(name).unwrap()
    }

    fn priorities(most: Priority) -> Priorities {
        Priorities {
            clients: BTreeMap::from([
                (client("batch"), Priority::Low),
                (client("app"), Priority::High),
            ]),
            may_ask: BTreeMap::from([(client("careful"), Priority::High)]),
            most,
            models: BTreeMap::from([
                ("report".to_owned(), Priority::Low),
                ("chat".to_owned(), Priority::High),
            ]),
        }
    }

    fn given(
        priorities: &Priorities,
        word: &'static str,
        name: &str,
        model: &str,
    ) -> (Priority, bool) {
        let mut headers = HeaderMap::new();
        if !word.is_empty() {
            headers.insert(PRIORITY, word.parse().unwrap());
        }
        let given = priorities.of(&headers, Some(&client(name)), model);
        let given = given.unwrap();
        (given.priority, given.lowered)
    }

    #[test]
    fn a_call_says_its_priority_up_to_what_its_client_may_have() {
        use Priority::{High, Low, Normal};
        let priorities = priorities(Normal);
        for (word, name, model, expected, lowered) in [
            ("", "other", "m", Normal, false),
            ("high", "other", "m", Normal, true),
            ("low", "other", "m", Low, false),
            ("", "other", "report", Low, false),
            ("normal", "other", "report", Normal, false),
            ("high", "other", "report", Normal, true),
            // It would be that unasked.
            ("high", "other", "chat", High, false),
            ("", "app", "m", High, false),
            ("", "app", "report", Low, false),
            ("high", "app", "report", High, false),
            ("", "batch", "m", Low, false),
            ("", "batch", "chat", Low, false),
            (" High ", "batch", "m", Low, true),
            ("high", "batch", "chat", Low, true),
            ("low", "app", "m", Low, false),
            ("", "careful", "m", Normal, false),
            ("high", "careful", "m", High, false),
        ] {
            let found = given(&priorities, word, name, model);
            assert_eq!(found, (expected, lowered), "{word} {name} {model}");
        }
    }

    #[test]
    fn an_operator_may_let_everybody_ask_for_more_or_less() {
        use Priority::{High, Low, Normal};
        for (most, word, expected, lowered) in [
            (High, "high", High, false),
            (Low, "high", Normal, true),
            (Low, "normal", Normal, false),
            (Low, "low", Low, false),
        ] {
            let found = given(&priorities(most), word, "other", "m");
            assert_eq!(found, (expected, lowered), "{most:?} {word}");
        }
        // Who is named is not everybody.
        let found = given(&priorities(High), "high", "batch", "m");
        assert_eq!(found, (Low, true));
    }

    #[test]
    fn a_word_that_is_none_is_refused() {
        let mut headers = HeaderMap::new();
        headers.insert(PRIORITY, "urgent".parse().unwrap());
        let refusal = Priorities::default().of(&headers, None, "m").unwrap_err();
        assert_eq!(refusal.code, "invalid_header");
    }
}
