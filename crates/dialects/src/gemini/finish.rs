//! Why a model stopped, in Gemini's words (google-genai, `types.FinishReason`).

use crate::canonical::Finish;

/// Words for what was held back by a filter, the first one standing for all that other dialects know.
const FILTERED: &[&str] = &[
    "SAFETY",
    "RECITATION",
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "ESCALATION",
    "PUP_LIMITED_DISABLED",
    "MODEL_ARMOR",
];

/// Words for what no other dialect has a word for.
const OTHERS: &[&str] = &[
    "OTHER",
    "MALFORMED_FUNCTION_CALL",
    "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
    "MISSING_THOUGHT_SIGNATURE",
    "MALFORMED_RESPONSE",
    "IMAGE_OTHER",
    "NO_IMAGE",
];

/// What a `finishReason` means; a stop behind a call waits for its result. `None` if it says nothing.
pub(super) fn read(word: &str, calls: Calls) -> Option<Finish> {
    Some(match word {
        "" | "FINISH_REASON_UNSPECIFIED" => return None,
        "STOP" if calls == Calls::Some => Finish::ToolUse,
        "STOP" => Finish::Stop,
        // The answer is cut at the limit of one request; what continues it is Google's own.
        "MAX_TOKENS" | "CONTINUATION" => Finish::Length,
        word if FILTERED.contains(&word) => Finish::ContentFilter,
        word => Finish::Other(word.to_owned()),
    })
}

/// Whether an answer calls functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Calls {
    /// It calls none.
    None,
    /// It calls at least one.
    Some,
}

impl From<bool> for Calls {
    fn from(any: bool) -> Self {
        if any { Self::Some } else { Self::None }
    }
}

/// The `finishReason` that says it, and whether it says all of it.
pub(super) fn write(finish: &Finish) -> (&str, bool) {
    match finish {
        Finish::Stop | Finish::ToolUse => ("STOP", true),
        Finish::StopSequence(text) => ("STOP", text.is_none()),
        Finish::Length => ("MAX_TOKENS", true),
        Finish::ContextWindow => ("MAX_TOKENS", false),
        Finish::ContentFilter => (FILTERED[0], true),
        Finish::Refusal => (FILTERED[0], false),
        Finish::Pause => (OTHERS[0], false),
        Finish::Other(word) if OTHERS.contains(&&**word) => (word, true),
        Finish::Other(_) => (OTHERS[0], false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_a_meaning_and_returns() {
        for (word, expected) in [
            ("STOP", Finish::Stop),
            ("MAX_TOKENS", Finish::Length),
            ("SAFETY", Finish::ContentFilter),
            ("OTHER", Finish::Other("OTHER".into())),
            ("NO_IMAGE", Finish::Other("NO_IMAGE".into())),
        ] {
            let read = read(word, Calls::None).expect("a known word");
            assert_eq!(read, expected, "{word}");
            assert_eq!(write(&read), (word, true));
        }
        assert_eq!(read("STOP", Calls::Some), Some(Finish::ToolUse));
        for filtered in FILTERED {
            assert_eq!(read(filtered, Calls::Some), Some(Finish::ContentFilter));
        }
        for silent in ["", "FINISH_REASON_UNSPECIFIED"] {
            assert_eq!(read(silent, Calls::None), None);
        }
    }

    #[test]
    fn foreign_reasons_get_the_nearest_word() {
        for (finish, expected) in [
            (Finish::StopSequence(Some("END".into())), ("STOP", false)),
            (Finish::StopSequence(None), ("STOP", true)),
            (Finish::ContextWindow, ("MAX_TOKENS", false)),
            (Finish::Refusal, ("SAFETY", false)),
            (Finish::Pause, ("OTHER", false)),
            (Finish::Other("mystery".into()), ("OTHER", false)),
        ] {
            assert_eq!(write(&finish), expected, "{finish:?}");
        }
    }
}
