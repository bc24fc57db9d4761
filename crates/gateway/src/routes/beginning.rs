//! How a conversation begins, which is the same on each of its turns.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::Value;

use crate::call::Call;

/// Members that say what the model is told before anybody speaks.
const INSTRUCTIONS: [&str; 4] = [
    "system",
    "instructions",
    "systemInstruction",
    "system_instruction",
];
/// Members that hold what is said.
const TURNS: [&str; 3] = ["messages", "input", "contents"];

/// The instructions and what is said up to the first words of a user, as JSON; `None` if the call has none of that.
pub(super) fn beginning(call: &Call) -> Option<String> {
    let instructions = INSTRUCTIONS.iter().filter_map(|name| call.member(name));
    let said = TURNS.iter().find_map(|name| call.member(name));
    let said = said.map(first_words).unwrap_or_default();
    let mut text: String = instructions.collect();
    text.push_str(&said);
    (!text.is_empty()).then_some(text)
}

/// Of a list the items up to the first that is a user's; all of anything else.
fn first_words(turns: &str) -> String {
    let mut json = serde_json::Deserializer::from_str(turns);
    let read = UpToUser.deserialize(&mut json);
    read.unwrap_or_else(|_| turns.to_owned())
}

struct UpToUser;

impl<'de> DeserializeSeed<'de> for UpToUser {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, turns: D) -> Result<String, D::Error> {
        turns.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for UpToUser {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of what was said")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut turns: A) -> Result<String, A::Error> {
        let mut text = String::new();
        while let Some(turn) = turns.next_element::<Value>()? {
            text.push_str(&turn.to_string());
            if turn["role"] == "user" {
                while turns.next_element::<IgnoredAny>()?.is_some() {}
            }
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_follows_the_first_words_of_a_user_changes_nothing() {
        let turns = |turns: Value| first_words(&turns.to_string());
        let system = json!({ "role": "system", "content": "Be kind." });
        let user = |text: &str| json!({ "role": "user", "content": text });
        let first = turns(json!([system, user("Hi")]));
        let answer = json!({ "role": "assistant", "content": "Hello" });
        assert_eq!(
            first,
            turns(json!([system, user("Hi"), answer, user("Bye")]))
        );
        assert_ne!(first, turns(json!([system, user("Hey")])));
        assert_ne!(first, turns(json!([user("Hi")])));
        assert_eq!(turns(json!("Hi")), "\"Hi\"");
    }
}
