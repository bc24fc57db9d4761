//! What must hold of a conversation in every dialect.

use std::collections::HashSet;

use super::{PartBody, Place, Request, path};
use crate::json::Raw;
use crate::{BodyError, Dialect, Inexpressible, RawJson};

impl Request {
    /// Checks that tool results answer calls that were made, each once.
    ///
    /// A target's own complaint would name fields that the client never wrote. A conversation of which only
    /// the newest part is here (`previous_response_id`, a reference to an earlier item) may answer
    /// calls that are not.
    ///
    /// # Errors
    /// [`BodyError::Invalid`] with the path of the result or call.
    pub fn check(&self) -> Result<(), BodyError> {
        let mut called = HashSet::new();
        let mut answered = HashSet::new();
        let elsewhere = self.state.previous.is_some() || self.state.conversation.is_some();
        for turn in &self.turns {
            for part in &turn.parts {
                let places = [turn.at, part.at];
                match &part.body {
                    PartBody::ToolUse(call) if !called.insert(&*call.id) => {
                        let problem = format!(
                            "repeats the id `{}` of an earlier call; give each call an id of its own",
                            call.id
                        );
                        return Err(invalid(&places, problem));
                    }
                    PartBody::ToolResult(result) => {
                        if !called.contains(&*result.id) && !elsewhere && !self.refers_to_items() {
                            let problem = format!(
                                "answers the call `{}`, which no message before it makes; add the assistant's message with that call, or remove this result",
                                result.id
                            );
                            return Err(invalid(&places, problem));
                        }
                        if !answered.insert(&*result.id) {
                            let problem = format!(
                                "answers the call `{}` a second time; keep one result",
                                result.id
                            );
                            return Err(invalid(&places, problem));
                        }
                    }
                    _ => {}
                }
            }
        }
        Ok(())
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
        if self.origin != Dialect::AnthropicMessages || self.extra("thread").is_none() {
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
            "previous_response_id"
        } else if self.state.conversation.is_some() {
            "conversation"
        } else {
            return Ok(());
        };
        Err(Inexpressible {
            path: path.into(),
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

    fn refers_to_items(&self) -> bool {
        let mut parts = self.turns.iter().flat_map(|turn| &turn.parts);
        parts.any(
            |part| matches!(&part.body, PartBody::Opaque { kind, .. } if kind == "item_reference"),
        )
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
