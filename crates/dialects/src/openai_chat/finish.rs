//! Why a model stopped, in Chat's words.

use super::answer::finish_place;
use crate::Losses;
use crate::canonical::{Finish, Part, PartBody};

/// Reads a finish reason; compatible servers have words of their own. An empty one says nothing.
pub(super) fn read(word: &str) -> Option<Finish> {
    Some(match word {
        "" => return None,
        "stop" => Finish::Stop,
        "length" => Finish::Length,
        "tool_calls" | "function_call" => Finish::ToolUse,
        "content_filter" => Finish::ContentFilter,
        other => Finish::Other(other.to_owned()),
    })
}

/// What a choice holds, as far as its finish reason depends on it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held {
    /// A call of a tool.
    pub(super) calls: bool,
    /// The model's own words for why it declines.
    pub(super) refusal: bool,
    /// The client knows only the old `function_call`.
    pub(super) old: bool,
}

impl Held {
    /// What these parts hold.
    pub(super) fn of(parts: &[Part], old: bool) -> Self {
        let mut held = Self {
            old,
            ..Self::default()
        };
        for part in parts {
            held.note(&part.body);
        }
        held
    }

    /// Adds a part.
    pub(super) const fn note(&mut self, body: &PartBody) {
        match body {
            PartBody::ToolUse(_) => self.calls = true,
            PartBody::Refusal { .. } => self.refusal = true,
            _ => {}
        }
    }

    const fn calls_word(self) -> &'static str {
        if self.old {
            "function_call"
        } else {
            "tool_calls"
        }
    }
}

/// A finish reason in one of the five words that the SDKs' types allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// The word.
    pub(super) word: &'static str,
    /// Whether it says less than the provider did.
    pub(super) approximate: bool,
}

/// The word for a finish (`protocols`, section 6).
///
/// Clients go by it: with calls it must say so, even where the provider said `STOP` (Gemini does), and
/// without calls it must not, because agents then wait for calls that never come. OpenAI's
/// models that decline in their own words finish with `stop`.
pub(super) fn write(finish: &Finish, held: Held) -> Word {
    let (word, approximate) = match finish {
        Finish::Stop | Finish::ToolUse if held.calls => (held.calls_word(), false),
        Finish::Stop | Finish::StopSequence(None) => ("stop", false),
        Finish::ToolUse => ("stop", true),
        Finish::StopSequence(Some(_)) | Finish::Pause => ("stop", true),
        Finish::Length => ("length", false),
        Finish::ContextWindow => ("length", true),
        Finish::ContentFilter => ("content_filter", false),
        Finish::Refusal if held.refusal => ("stop", false),
        Finish::Refusal => ("content_filter", false),
        // DeepSeek broke the answer off: like `length`, there is less than was asked for.
        Finish::Other(word) if word == "insufficient_system_resource" => ("length", true),
        Finish::Other(_) if held.calls => (held.calls_word(), true),
        Finish::Other(_) => ("stop", true),
    };
    Word { word, approximate }
}

/// The word for the finish of the choice at `index`, with what it loses. Clients wait for one even where the provider
/// gave none.
pub(super) fn word(
    index: usize,
    finish: Option<&Finish>,
    held: Held,
    losses: &mut Losses,
) -> String {
    let Some(finish) = finish else {
        losses.defaulted("answer.finish_reason");
        return write(&Finish::Stop, held).word.to_owned();
    };
    if let Finish::Other(word) = finish
        && losses.within_one_dialect()
    {
        return word.clone();
    }
    let word = write(finish, held);
    if word.approximate {
        losses.approximated(&finish_place(losses.from(), index, finish));
    }
    word.word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Held = Held {
        calls: false,
        refusal: false,
        old: false,
    };

    #[test]
    fn every_finish_has_a_word_that_the_types_allow() {
        let calls = Held {
            calls: true,
            ..NOTHING
        };
        let old = Held { old: true, ..calls };
        let refusal = Held {
            refusal: true,
            ..NOTHING
        };
        let other = |word: &str| Finish::Other(word.to_owned());
        for (finish, held, word, approximate) in [
            (Finish::Stop, NOTHING, "stop", false),
            (Finish::Stop, calls, "tool_calls", false),
            (Finish::ToolUse, old, "function_call", false),
            (Finish::ToolUse, NOTHING, "stop", true),
            (Finish::StopSequence(None), NOTHING, "stop", false),
            (
                Finish::StopSequence(Some("X".into())),
                NOTHING,
                "stop",
                true,
            ),
            (Finish::Length, calls, "length", false),
            (Finish::ContextWindow, NOTHING, "length", true),
            (Finish::Refusal, NOTHING, "content_filter", false),
            (Finish::Refusal, refusal, "stop", false),
            (Finish::Pause, NOTHING, "stop", true),
            (
                other("insufficient_system_resource"),
                NOTHING,
                "length",
                true,
            ),
            (other("OTHER"), NOTHING, "stop", true),
            (other("OTHER"), calls, "tool_calls", true),
        ] {
            assert_eq!(
                write(&finish, held),
                Word { word, approximate },
                "{finish:?}"
            );
        }
    }
}
