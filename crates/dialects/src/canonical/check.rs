//! What must hold of a conversation in every dialect.

use std::collections::HashSet;

use super::{PartBody, Place, Request, path};
use crate::BodyError;

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
