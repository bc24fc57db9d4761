//! What requests and answers write alike.

use std::borrow::Cow;

use crate::JsonKind;
use crate::canonical::{Part, ToolInput, portable_name};
use crate::json::{Raw, Rules, json_string};

use super::carry::{ID, noted};

/// The id of a call or result, unless it had none in this dialect.
pub(super) fn id_of<'i>(part: &'i Part, id: &'i str) -> Option<Cow<'i, str>> {
    match noted(&part.extras, ID) {
        Some(given) => given.raw().text(),
        None => Some(Cow::Borrowed(id)),
    }
}

/// The name by which a tool goes here, which other dialects' tools may have to be given.
pub(super) fn tool_name(own: bool, name: &str) -> Cow<'_, str> {
    if own {
        Cow::Borrowed(name)
    } else {
        portable_name(name)
    }
}

/// The arguments of a call as the object that they must be here.
pub(super) struct Arguments<'a> {
    pub(super) json: Cow<'a, str>,
    /// They were no object before.
    pub(super) approximated: bool,
}

impl<'a> Arguments<'a> {
    /// JSON that is an object stays as it stands; everything else becomes a member of one.
    pub(super) fn of(input: &'a ToolInput) -> Self {
        let (json, approximated) = match input {
            ToolInput::Json(text) if text.trim_ascii().is_empty() => (Cow::Borrowed("{}"), false),
            ToolInput::Json(text) if is_object(text) => (Cow::Borrowed(&**text), false),
            ToolInput::Json(text) => (single("arguments", text), true),
            ToolInput::Text(text) => (single("input", text), true),
        };
        Self { json, approximated }
    }
}

/// Whether a text is a JSON object.
pub(super) fn is_object(text: &str) -> bool {
    Raw::parse(text, Rules::ANSWER).is_ok_and(|value| value.kind() == Some(JsonKind::Object))
}

/// Valid JSON without the blanks between its tokens.
pub(super) fn without_blanks(json: &str) -> String {
    let mut plain = String::with_capacity(json.len());
    let (mut quoted, mut escaped) = (false, false);
    for char in json.chars() {
        if quoted {
            quoted = escaped || char != '"';
            escaped = char == '\\' && !escaped;
        } else if matches!(char, ' ' | '\t' | '\n' | '\r') {
            continue;
        } else {
            quoted = char == '"';
        }
        plain.push(char);
    }
    plain
}

fn single(name: &str, text: &str) -> Cow<'static, str> {
    Cow::Owned(format!("{{{}:{}}}", json_string(name), json_string(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_go_and_texts_stay() {
        let json = "{\n  \"a b\" : [ 1.50 , \"c \\\" d\\\\\" ],\r\n\t\"e\": \" \"}";
        assert_eq!(
            without_blanks(json),
            "{\"a b\":[1.50,\"c \\\" d\\\\\"],\"e\":\" \"}"
        );
    }

    #[test]
    fn arguments_are_always_an_object() {
        let json = |text: &str| ToolInput::Json(text.into());
        for (input, expected, approximated) in [
            (json(r#"{"a": 1e2}"#), r#"{"a": 1e2}"#, false),
            (json("  "), "{}", false),
            (json(r#"{"a":"#), r#"{"arguments":"{\"a\":"}"#, true),
            (json("[1]"), r#"{"arguments":"[1]"}"#, true),
            (
                ToolInput::Text("*** Begin\n".into()),
                r#"{"input":"*** Begin\n"}"#,
                true,
            ),
        ] {
            let arguments = Arguments::of(&input);
            assert_eq!(
                (&*arguments.json, arguments.approximated),
                (expected, approximated)
            );
        }
    }
}
