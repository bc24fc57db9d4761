//! Reads the conversation, and finds for every result the call that it answers.

use crate::canonical::{Extras, Part, PartBody, Place, Role, ToolResult, ToolUse, Turn};
use crate::json::{Invalid, Locate, Raw};
use crate::{Dialect, RawJson};

use super::super::carry::{ID, NAME, ROLE, keep, note, note_absence, noted};
use super::super::name::{fields, items};
use super::super::part;

/// What has been read so far.
#[derive(Default)]
struct Conversation {
    turns: Vec<Turn>,
    calls: Vec<Call>,
}

/// A call that was made.
struct Call {
    id: String,
    name: String,
    /// Its id was made here.
    made: bool,
    answered: bool,
}

pub(super) fn read(list: Raw<'_>) -> Result<Vec<Turn>, Invalid> {
    let mut conversation = Conversation::default();
    for (index, item) in items(list) {
        conversation.take(index, item).at_index(index)?;
    }
    Ok(conversation.turns)
}

impl Conversation {
    fn take(&mut self, index: usize, content: Raw<'_>) -> Result<(), Invalid> {
        let mut turn = Turn::new(Role::User, Vec::new()).at(Place::item("contents", index));
        let mut parts = None;
        let mut role = None;
        for field in fields(content)? {
            match &*field.name {
                "role" => role = Some(field.value),
                "parts" => parts = Some(field.value),
                _ => keep(&mut turn.extras, "", &field),
            }
        }
        turn.role = read_role(role, &mut turn.extras).at("role")?;
        if let Some(parts) = parts {
            turn.parts = self.parts(index, turn.role, parts).at("parts")?;
        }
        self.turns.push(turn);
        Ok(())
    }

    fn parts(&mut self, turn: usize, role: Role, list: Raw<'_>) -> Result<Vec<Part>, Invalid> {
        let mut parts = Vec::new();
        for (index, item) in items(list) {
            let at = Place::item("parts", index);
            let read = part::read(item, at).at_index(index)?;
            if let Some(proof) = read.proof {
                parts.push(Part::from(PartBody::Reasoning(proof)).at(at));
            }
            let Some(mut part) = read.part else { continue };
            self.identify(&mut part, role, (turn, index))
                .at_index(index)?;
            if !proves_last(&part, &mut parts) {
                parts.push(part);
            }
        }
        Ok(parts)
    }

    /// Gives calls an id where they have none, and results the id of their call.
    fn identify(
        &mut self,
        part: &mut Part,
        role: Role,
        place: (usize, usize),
    ) -> Result<(), Invalid> {
        match (&mut part.body, role) {
            (PartBody::ToolUse(call), Role::Assistant) => {
                self.call(call, &mut part.extras, place);
                Ok(())
            }
            (PartBody::ToolResult(result), Role::User) => {
                self.result(result, &mut part.extras, place);
                Ok(())
            }
            (PartBody::ToolUse(_), _) => Err(Invalid::here(
                "calls a function; that is for a content of role `model`",
            )),
            (PartBody::ToolResult(_), _) => Err(Invalid::here(
                "is the result of a function; that is for a content of role `user`",
            )),
            _ => Ok(()),
        }
    }

    fn call(&mut self, call: &mut ToolUse, extras: &mut Extras, place: (usize, usize)) {
        let made = call.id.is_empty();
        if made {
            call.id = made_id(place);
            note_absence(extras, ID);
        }
        self.calls.push(Call {
            id: call.id.clone(),
            name: call.name.clone(),
            made,
            answered: false,
        });
    }

    /// A result belongs to the call of its id; without one, to the first call of its name that no result
    /// has answered yet, as the API itself takes them.
    fn result(&mut self, result: &mut ToolResult, extras: &mut Extras, place: (usize, usize)) {
        let given = !result.id.is_empty();
        let by_id = self
            .calls
            .iter_mut()
            .find(|call| given && call.id == result.id);
        if let Some(call) = by_id {
            call.answered = true;
            return;
        }
        let name = noted(extras, NAME).and_then(|name| name.raw().text());
        let mut open = self
            .calls
            .iter_mut()
            .filter(|call| !call.answered && (call.made || !given));
        let by_name = open.find(|call| name.as_deref() == Some(&*call.name));
        if let Some(call) = by_name {
            call.answered = true;
            remember(result, extras);
            result.id.clone_from(&call.id);
        } else if !given {
            remember(result, extras);
            result.id = made_id(place);
        }
    }
}

/// Another provider's proof stands behind the thoughts that it proves: they are whose it is.
fn proves_last(part: &Part, parts: &mut [Part]) -> bool {
    let Some(proof) = part.as_reasoning() else {
        return false;
    };
    match parts.last_mut().map(|part| &mut part.body) {
        Some(PartBody::Reasoning(thoughts))
            if proof.origin != Some(Dialect::Gemini)
                && proof.texts.is_empty()
                && thoughts.signature.is_none()
                && thoughts.encrypted.is_none() =>
        {
            let texts = std::mem::take(&mut thoughts.texts);
            *thoughts = proof.clone();
            thoughts.texts = texts;
            true
        }
        _ => false,
    }
}

/// Notes which id a result had, if it had one.
fn remember(result: &ToolResult, extras: &mut Extras) {
    if result.id.is_empty() {
        note_absence(extras, ID);
    } else {
        note(extras, ID, RawJson::string(&result.id));
    }
}

fn made_id((turn, part): (usize, usize)) -> String {
    format!("call_{turn}_{part}")
}

/// The role is optional, and results of functions once had one of their own.
fn read_role(role: Option<Raw<'_>>, extras: &mut Extras) -> Result<Role, Invalid> {
    let Some(role) = role else {
        note_absence(extras, ROLE);
        return Ok(Role::User);
    };
    match &*role.want_text()? {
        "user" => Ok(Role::User),
        "model" => Ok(Role::Assistant),
        "function" => {
            note(extras, ROLE, role.into());
            Ok(Role::User)
        }
        other => Err(Invalid::here(format!(
            "is `{other}`; make it `user` or `model`"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(contents: &str) -> Vec<String> {
        let turns = read(Raw::of_validated(contents)).expect("sound contents");
        let parts = turns.iter().flat_map(|turn| &turn.parts);
        let id = |part: &Part| match &part.body {
            PartBody::ToolUse(call) => Some(format!("{} {}", call.name, call.id)),
            PartBody::ToolResult(result) => Some(format!("-> {}", result.id)),
            _ => None,
        };
        parts.filter_map(id).collect()
    }

    #[test]
    fn results_without_ids_find_their_calls_by_name_in_order() {
        let contents = r#"[
            {"role":"model","parts":[{"functionCall":{"name":"a"}},{"functionCall":{"name":"b"}},{"functionCall":{"name":"a"}}]},
            {"role":"function","parts":[{"functionResponse":{"name":"b","response":{}}},{"functionResponse":{"name":"a","response":{}}},{"functionResponse":{"name":"a","response":{}}}]}
        ]"#;
        assert_eq!(
            ids(contents),
            [
                "a call_0_0",
                "b call_0_1",
                "a call_0_2",
                "-> call_0_1",
                "-> call_0_0",
                "-> call_0_2"
            ]
        );
    }

    #[test]
    fn ids_go_before_names() {
        let contents = r#"[
            {"role":"model","parts":[{"functionCall":{"id":"x","name":"a"}},{"functionCall":{"id":"y","name":"a"}}]},
            {"role":"user","parts":[{"functionResponse":{"id":"y","name":"a","response":{}}},{"functionResponse":{"name":"a","response":{}}}]}
        ]"#;
        assert_eq!(ids(contents), ["a x", "a y", "-> y", "-> x"]);
    }

    #[test]
    fn a_result_of_no_call_keeps_what_it_says() {
        let of = |response: &str| {
            ids(&format!(
                r#"[{{"parts":[{{"functionResponse":{response}}}]}}]"#
            ))
        };
        assert_eq!(of(r#"{"name":"a","response":{}}"#), ["-> call_0_0"]);
        assert_eq!(of(r#"{"id":"z","name":"a","response":{}}"#), ["-> z"]);
    }

    #[test]
    fn calls_and_results_keep_to_their_roles() {
        for (contents, expected) in [
            (
                r#"[{"role":"user","parts":[{"functionCall":{"name":"a"}}]}]"#,
                "`[0].parts[0]` calls a function; that is for a content of role `model`",
            ),
            (
                r#"[{"role":"model","parts":[{"functionResponse":{"name":"a","response":{}}}]}]"#,
                "`[0].parts[0]` is the result of a function; that is for a content of role `user`",
            ),
            (
                r#"[{"role":"tool","parts":[]}]"#,
                "`[0].role` is `tool`; make it `user` or `model`",
            ),
            (
                r#"[{"role":"model","parts":[{"functionCall":{"name":"a","args":"{}"}}]}]"#,
                "`[0].parts[0].functionCall.args` is a string; make it an object",
            ),
            (
                r#"[{"parts":[{"inline_data":{"mime_type":"image/png","data":"!"}}]}]"#,
                "`[0].parts[0].inline_data.data` is not valid base64; encode the bytes with the standard alphabet and no line breaks",
            ),
        ] {
            let error = read(Raw::of_validated(contents)).expect_err("unsound contents");
            assert_eq!(crate::BodyError::from(error).to_string(), expected);
        }
    }
}
