//! Why a model stopped, in Anthropic's words (`StopReason` of the SDK).

use std::borrow::Cow;

use crate::canonical::Finish;

/// Reads a `stop_reason`, with the `stop_sequence` beside it.
pub(super) fn read(word: &str, sequence: Option<String>) -> Finish {
    match word {
        "end_turn" => Finish::Stop,
        "stop_sequence" => Finish::StopSequence(sequence),
        "max_tokens" => Finish::Length,
        "model_context_window_exceeded" => Finish::ContextWindow,
        "tool_use" => Finish::ToolUse,
        "pause_turn" => Finish::Pause,
        "refusal" => Finish::Refusal,
        other => Finish::Other(other.to_owned()),
    }
}

/// A `stop_reason` and the `stop_sequence` beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StopReason<'a> {
    pub(super) word: Cow<'a, str>,
    pub(super) sequence: Option<&'a str>,
    /// Whether the word says as much as the finish did.
    pub(super) exact: bool,
}

impl<'a> StopReason<'a> {
    const fn exactly(word: &'static str) -> Self {
        Self {
            word: Cow::Borrowed(word),
            sequence: None,
            exact: true,
        }
    }

    /// The words for a finish, of which `own` tells that it was read from this dialect.
    pub(super) fn of(finish: &'a Finish, own: bool) -> Self {
        match finish {
            Finish::Stop => Self::exactly("end_turn"),
            Finish::StopSequence(sequence) => Self {
                sequence: sequence.as_deref(),
                ..Self::exactly("stop_sequence")
            },
            Finish::Length => Self::exactly("max_tokens"),
            Finish::ContextWindow => Self::exactly("model_context_window_exceeded"),
            Finish::ToolUse => Self::exactly("tool_use"),
            Finish::Pause => Self::exactly("pause_turn"),
            Finish::ContentFilter | Finish::Refusal => Self::exactly("refusal"),
            Finish::Other(word) if own => Self {
                word: Cow::Borrowed(word),
                ..Self::exactly("")
            },
            Finish::Other(_) => Self {
                exact: false,
                ..Self::exactly("end_turn")
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_comes_back() {
        for word in [
            "end_turn",
            "max_tokens",
            "stop_sequence",
            "tool_use",
            "pause_turn",
            "refusal",
            "model_context_window_exceeded",
            "compaction",
        ] {
            let finish = read(word, Some("###".into()));
            let written = StopReason::of(&finish, true);
            assert!(written.exact && written.word == word, "{written:?}");
            assert_eq!(written.sequence.is_some(), word == "stop_sequence");
        }
    }

    #[test]
    fn a_foreign_word_is_no_stop_reason() {
        let finish = Finish::Other("insufficient_system_resource".into());
        let written = StopReason::of(&finish, false);
        assert_eq!((&*written.word, written.exact), ("end_turn", false));
    }
}
