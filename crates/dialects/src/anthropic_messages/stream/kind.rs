//! What kind of block a part makes.

use crate::canonical::{PartBody, Reasoning, ToolInput, ToolUse};
use crate::event::Delta;
use crate::json::ObjectWriter;
use crate::{Dialect, RawJson};

/// The kinds of blocks, with what must be known while one is written.
#[derive(Debug)]
pub(super) enum Kind {
    Text,
    /// For which Messages has text too.
    Refusal,
    Thoughts {
        /// Signature, encryption and id as they come.
        proof: Reasoning,
        /// A new section begins with the next text.
        gap: bool,
    },
    Call {
        call: ToolUse,
        pieces: Pieces,
    },
    Opaque(RawJson),
    /// Nothing that Messages could say.
    Lost,
}

/// How the pieces of a call's input are passed on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pieces {
    /// Nothing has come yet.
    None,
    /// As they come: it is an object.
    Passed,
    /// Kept in the call, to be wrapped once they are whole: it is something else.
    Kept,
}

impl Kind {
    /// The block as it begins.
    pub(super) fn write_empty(&self, block: &mut ObjectWriter<'_>) {
        match self {
            Self::Text | Self::Refusal => {
                block.text("type", "text");
                block.text("text", "");
            }
            Self::Thoughts { .. } => {
                block.text("type", "thinking");
                block.text("thinking", "");
                // The type wants a string, and no signature may follow.
                block.text("signature", "");
            }
            Self::Call { call, .. } => {
                block.text("type", "tool_use");
                block.text("id", &call.id);
                block.text("name", &call.name);
                block.raw("input", "{}");
            }
            Self::Opaque(_) | Self::Lost => {}
        }
    }
}

/// What kind of block a part makes, and what it says from the start, as if it came piece by piece.
pub(super) fn taken_apart(body: PartBody) -> (Kind, Vec<Delta>) {
    match body {
        PartBody::Text { text, citations } => {
            let citations = citations.into_iter().map(Box::new).map(Delta::Citation);
            let deltas = std::iter::once(Delta::Text(text)).chain(citations);
            (Kind::Text, deltas.collect())
        }
        PartBody::Refusal { text } => (Kind::Refusal, vec![Delta::Text(text)]),
        PartBody::Reasoning(mut proof) => {
            let texts = std::mem::take(&mut proof.texts);
            let deltas = texts
                .into_iter()
                .flat_map(|text| [Delta::Section, Delta::Text(text)]);
            (Kind::Thoughts { proof, gap: false }, deltas.collect())
        }
        PartBody::ToolUse(mut call) => {
            let input = std::mem::take(call.input.text_mut());
            let pieces = match call.input {
                ToolInput::Json(_) => Pieces::None,
                ToolInput::Text(_) => Pieces::Kept,
            };
            (Kind::Call { call, pieces }, vec![Delta::Input(input)])
        }
        PartBody::Opaque {
            origin: Dialect::AnthropicMessages,
            raw,
            ..
        } => (Kind::Opaque(raw), Vec::new()),
        PartBody::Image(_)
        | PartBody::Audio(_)
        | PartBody::Document(_)
        | PartBody::ToolResult(_)
        | PartBody::Opaque { .. } => (Kind::Lost, Vec::new()),
    }
}
