//! Blocks that only Anthropic knows, held back until they are whole.

use crate::RawJson;
use crate::json::{Raw, Writer};

/// A block on its way.
#[derive(Debug)]
pub(super) struct Held {
    block: RawJson,
    /// The pieces of its `input`.
    input: String,
    /// Members that came later.
    later: Vec<(String, RawJson)>,
}

impl Held {
    pub(super) fn new(block: Raw<'_>) -> Self {
        Self {
            block: block.into(),
            input: String::new(),
            later: Vec::new(),
        }
    }

    /// Takes a delta: a piece of the input, or members that replace what there was.
    pub(super) fn add(&mut self, kind: &str, delta: Raw<'_>) {
        if kind == "input_json_delta" {
            let piece = delta.member("partial_json").and_then(Raw::text);
            self.input.push_str(&piece.unwrap_or_default());
            return;
        }
        for (name, value) in delta.members().filter(|(name, _)| name != "type") {
            self.later.retain(|(known, _)| *known != name);
            self.later.push((name.into_owned(), value.into()));
        }
    }

    /// The block as it would stand in an answer of one piece.
    pub(super) fn whole(self) -> RawJson {
        let input = Raw::parse(&self.input, crate::json::Rules::ANSWER).ok();
        let input = input.map(|input| ("input".to_owned(), input.into()));
        let later: Vec<_> = self.later.into_iter().chain(input).collect();
        if later.is_empty() {
            return self.block;
        }
        let written = Writer::object(|object| {
            for (name, value) in self.block.raw().members() {
                if later.iter().all(|(later, _)| *later != name) {
                    object.raw(&name, value.json());
                }
            }
            object.extras(&later);
        });
        RawJson::of_written(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Raw<'_> {
        Raw::parse(text, crate::json::Rules::ANSWER).expect("sound")
    }

    #[test]
    fn pieces_of_input_and_later_members_make_it_whole() {
        let mut held = Held::new(raw(
            r#"{"type":"server_tool_use","input":{},"name":"web_search"}"#,
        ));
        for piece in [r#"{"partial_json":"{\"q\":"}"#, r#"{"partial_json":"1}"}"#] {
            held.add("input_json_delta", raw(piece));
        }
        let expected = r#"{"type":"server_tool_use","name":"web_search","input":{"q":1}}"#;
        assert_eq!(held.whole().as_str(), expected);

        let mut held = Held::new(raw(r#"{"type":"compaction","content":null}"#));
        held.add(
            "compaction_delta",
            raw(r#"{"type":"compaction_delta","content":"So far"}"#),
        );
        let expected = r#"{"type":"compaction","content":"So far"}"#;
        assert_eq!(held.whole().as_str(), expected);
    }
}
