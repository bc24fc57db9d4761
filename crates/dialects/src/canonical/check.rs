//! What must hold of a conversation in every dialect.

use std::collections::HashSet;

use super::{Part, PartBody, Place, Request, Role, Turn, path};
use crate::json::Raw;
use crate::{BodyError, Dialect, Inexpressible, RawJson};

impl Request {
    /// Checks that calls are the assistant's and results the user's, and that results answer calls that were made,
    /// each once.
    ///
    /// A target's own complaint would name fields that the client never wrote. A conversation of which only
    /// the newest part is here (`previous_response_id`, a message thread, a reference to an earlier item) may
    /// answer calls that are not.
    ///
    /// # Errors
    /// [`BodyError::Invalid`] with the path of the result or call.
    pub fn check(&self) -> Result<(), BodyError> {
        let mut ids = Ids {
            called: HashSet::new(),
            answered: HashSet::new(),
            elsewhere: self.began_elsewhere(),
        };
        for turn in &self.turns {
            for part in &turn.parts {
                let sound = match &part.body {
                    PartBody::ToolUse(call) => ids.call(&call.id, turn.role),
                    PartBody::ToolResult(result) => ids.result(&result.id, turn.role),
                    _ => Ok(()),
                };
                sound.map_err(|problem| invalid(&[turn.at, part.at], problem))?;
            }
        }
        Ok(())
    }

    fn began_elsewhere(&self) -> bool {
        self.state.previous.is_some()
            || self.state.conversation.is_some()
            || self.in_thread()
            || self.reference().is_some()
    }

    fn in_thread(&self) -> bool {
        self.origin == Dialect::AnthropicMessages && self.extra("thread").is_some()
    }

    /// Checks that a target of the dialect `to` can be asked at all: that no part of the conversation lies at a
    /// provider of the origin, and nothing is asked for that only the origin can give.
    ///
    /// # Errors
    /// [`Inexpressible`] with the field. Its code is `thread_unsupported_request` for a message thread, which
    /// Anthropic's SDK answers by sending the whole conversation (`protocols`, point 3), and
    /// `stateful_unsupported` for what goes on from an earlier answer.
    pub fn check_foreign(&self, to: Dialect) -> Result<(), Inexpressible> {
        if self.origin == to {
            return Ok(());
        }
        self.check_threads()?;
        self.check_state()?;
        self.check_background()?;
        self.check_audio()
    }

    fn check_threads(&self) -> Result<(), Inexpressible> {
        if !self.in_thread() {
            return Ok(());
        }
        Err(Inexpressible {
            path: "thread".into(),
            problem: "asks for a conversation kept at Anthropic, which this model's provider cannot keep; send the whole conversation in `messages`".into(),
            code: "thread_unsupported_request",
        })
    }

    fn check_state(&self) -> Result<(), Inexpressible> {
        let path = if self.state.previous.is_some() {
            "previous_response_id".into()
        } else if self.state.conversation.is_some() {
            "conversation".into()
        } else if let Some(places) = self.reference() {
            path(&places)
        } else {
            return Ok(());
        };
        Err(Inexpressible {
            path,
            problem: "goes on from something that this model's provider does not keep; send the whole conversation in `input`".into(),
            code: "stateful_unsupported",
        })
    }

    fn check_background(&self) -> Result<(), Inexpressible> {
        let background = self.extra("background");
        if background.and_then(|value| value.raw().flag()) != Some(true) {
            return Ok(());
        }
        Err(Inexpressible::new(
            "background",
            "cannot be had from this model's provider; leave it out and wait for the answer or stream it",
        ))
    }

    fn check_audio(&self) -> Result<(), Inexpressible> {
        const ASKS: [&str; 3] = [
            "modalities",
            "responseModalities",
            "generationConfig.responseModalities",
        ];
        let is_audio = |kind: Raw<'_>| {
            kind.text()
                .is_some_and(|kind| kind.eq_ignore_ascii_case("audio"))
        };
        let asks = |name: &&str| {
            self.extra(name)
                .is_some_and(|kinds| kinds.raw().items().any(is_audio))
        };
        match ASKS.into_iter().find(asks) {
            None => Ok(()),
            Some(path) => Err(Inexpressible::new(
                path,
                "asks for audio, which this model's provider cannot answer with; ask for text alone",
            )),
        }
    }

    fn extra(&self, name: &str) -> Option<&RawJson> {
        let mut extras = self.extras.iter();
        extras
            .find(|(found, _)| found == name)
            .map(|(_, value)| value)
    }

    /// Where the request refers to an item that the provider keeps.
    fn reference(&self) -> Option<[Place; 2]> {
        let in_turn = |turn: &Turn| {
            let refers = |part: &&Part| matches!(&part.body, PartBody::Opaque { kind, .. } if kind == "item_reference");
            turn.parts
                .iter()
                .find(refers)
                .map(|part| [turn.at, part.at])
        };
        self.turns.iter().find_map(in_turn)
    }
}

/// The ids of the calls and results so far.
struct Ids<'r> {
    called: HashSet<&'r str>,
    answered: HashSet<&'r str>,
    /// Whether calls may have been made before this request.
    elsewhere: bool,
}

impl<'r> Ids<'r> {
    fn call(&mut self, id: &'r str, role: Role) -> Result<(), String> {
        if role != Role::Assistant {
            return Err("is a call of a tool, which only the assistant makes; move it into an assistant's message".into());
        }
        if self.called.insert(id) {
            return Ok(());
        }
        Err(format!(
            "repeats the id `{id}` of an earlier call; give each call an id of its own"
        ))
    }

    fn result(&mut self, id: &'r str, role: Role) -> Result<(), String> {
        if role == Role::Assistant {
            return Err("is the result of a tool, which the assistant cannot give; move it into the message that follows".into());
        }
        if !self.called.contains(id) && !self.elsewhere {
            return Err(format!(
                "answers the call `{id}`, which no message before it makes; add the assistant's message with that call, or remove this result"
            ));
        }
        if self.answered.insert(id) {
            return Ok(());
        }
        Err(format!(
            "answers the call `{id}` a second time; keep one result"
        ))
    }
}

fn invalid(places: &[Place], problem: String) -> BodyError {
    BodyError::Invalid {
        path: path(places),
        problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::{ToolResult, ToolUse};

    fn refusal(request: &Request, to: Dialect) -> Option<(String, &'static str)> {
        let refusal = request.check_foreign(to).err();
        refusal.map(|refusal| (refusal.path, refusal.code))
    }

    fn with_extra(origin: Dialect, name: &str, value: &str) -> Request {
        let mut request = Request::new(origin, "m");
        let value = RawJson::parse(value).expect("sound");
        request.extras.push((name.into(), value));
        request
    }

    /// A conversation of calls (`a!`) and results (`a?`), each with its role.
    fn conversation(parts: &[(Role, &str)]) -> Request {
        let mut request = Request::new(Dialect::AnthropicMessages, "m");
        let places = (0..).map(|index| Place::item("messages", index));
        let turn = |((role, part), at): (&(Role, &str), Place)| {
            let id = part.trim_end_matches(['!', '?']).to_owned();
            let body = if part.ends_with('!') {
                PartBody::ToolUse(ToolUse {
                    id,
                    ..ToolUse::default()
                })
            } else {
                PartBody::ToolResult(ToolResult {
                    id,
                    parts: Vec::new(),
                    is_error: false,
                    custom: false,
                    object: None,
                })
            };
            Turn::new(*role, vec![body.into()]).at(at)
        };
        request.turns = parts.iter().zip(places).map(turn).collect();
        request
    }

    #[test]
    fn calls_are_the_assistants_and_each_is_answered_once() {
        use Role::{Assistant, User};
        for (parts, expected) in [
            (&[(Assistant, "a!"), (User, "a?")][..], ""),
            (&[(Assistant, "a!"), (Assistant, "b!"), (User, "b?")], ""),
            (&[(User, "a?")], "`messages[0]` answers"),
            (&[(User, "a!")], "`messages[0]` is a call"),
            (
                &[(Assistant, "a!"), (Assistant, "a?")],
                "`messages[1]` is the result",
            ),
            (
                &[(Assistant, "a!"), (Assistant, "a!")],
                "`messages[1]` repeats",
            ),
            (
                &[(Assistant, "a!"), (User, "a?"), (User, "a?")],
                "`messages[2]` answers the call `a` a second",
            ),
        ] {
            let problem = conversation(parts).check().err();
            let problem = problem.map_or_else(String::new, |problem| problem.to_string());
            assert!(problem.starts_with(expected), "{problem}");
            assert_eq!(problem.is_empty(), expected.is_empty(), "{problem}");
        }
        let mut thread = with_extra(Dialect::AnthropicMessages, "thread", "{}");
        thread.turns = conversation(&[(User, "a?")]).turns;
        assert_eq!(thread.check(), Ok(()));
    }

    #[test]
    fn what_lies_at_one_provider_is_not_asked_of_another() {
        use Dialect::{AnthropicMessages, Gemini, OpenAiChat, OpenAiResponses};
        let thread = with_extra(AnthropicMessages, "thread", r#"{"type":"create"}"#);
        let code = "thread_unsupported_request";
        assert_eq!(refusal(&thread, OpenAiChat), Some(("thread".into(), code)));
        assert_eq!(refusal(&thread, AnthropicMessages), None);

        let mut next = Request::new(OpenAiResponses, "m");
        next.state.previous = Some("resp_1".into());
        let found = refusal(&next, AnthropicMessages);
        let expected = ("previous_response_id".into(), "stateful_unsupported");
        assert_eq!(found, Some(expected));

        let mut pointing = Request::new(OpenAiResponses, "m");
        let reference = PartBody::Opaque {
            origin: OpenAiResponses,
            kind: "item_reference".into(),
            raw: RawJson::parse(r#"{"type":"item_reference","id":"msg_1"}"#).expect("sound"),
        };
        let turn = Turn::new(Role::Assistant, vec![reference.into()]);
        pointing.turns = vec![turn.at(Place::item("input", 1))];
        let found = refusal(&pointing, AnthropicMessages);
        assert_eq!(found, Some(("input[1]".into(), "stateful_unsupported")));

        for (origin, name, value, refused) in [
            (OpenAiResponses, "background", "true", true),
            (OpenAiResponses, "background", "false", false),
            (OpenAiChat, "modalities", r#"["text","audio"]"#, true),
            (OpenAiChat, "modalities", r#"["text"]"#, false),
            (
                Gemini,
                "generationConfig.responseModalities",
                r#"["AUDIO"]"#,
                true,
            ),
        ] {
            let request = with_extra(origin, name, value);
            let path = refusal(&request, AnthropicMessages).map(|(path, _)| path);
            assert_eq!(path.is_some(), refused, "{name} {value}");
            assert_eq!(refusal(&request, origin), None);
        }
    }
}
