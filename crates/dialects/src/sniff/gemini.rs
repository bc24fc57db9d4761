//! Events and answers of Gemini's `generateContent`: each event is a whole answer with what is new.

use super::answer::AnswerSeen;
use super::seen::{Malformed, Seen};
use crate::json::{Raw, pick};
use crate::usage::of_gemini;

const MEMBERS: [&str; 5] = [
    "candidates",
    "promptFeedback",
    "usageMetadata",
    "modelVersion",
    "error",
];

pub(super) fn event(seen: &mut Seen, data: &str) -> Result<(), Malformed> {
    let members = pick(data, MEMBERS)?.ok_or(Malformed::NotAnObject)?;
    let [candidates, feedback, usage, model, error] = members;
    seen.report_member(error);
    seen.note_model(model);
    seen.usage = usage.and_then(of_gemini).or(seen.usage);
    for candidate in candidates.into_iter().flat_map(Raw::items) {
        seen.content.note(parts(candidate).any(brings_content));
        seen.note_finish(candidate.member("finishReason"));
    }
    seen.note_finish(feedback.and_then(|feedback| feedback.member("blockReason")));
    // There is no marker: the last event of a stream is the one that says why the model stopped.
    Ok(())
}

/// What an answer in one piece tells.
pub(super) fn answer(answer: Raw<'_>) -> AnswerSeen {
    let [candidates, feedback, usage, model, _] = answer.pick(MEMBERS);
    let mut candidates = candidates.into_iter().flat_map(Raw::items);
    let finish = candidates.find_map(|candidate| candidate.member("finishReason"));
    let blocked = || feedback?.member("blockReason");
    let text = |value: Option<Raw<'_>>| Some(value?.text()?.into_owned());
    AnswerSeen {
        usage: usage.and_then(of_gemini),
        finish: text(finish.or_else(blocked)),
        model: text(model),
    }
}

fn parts<'a>(candidate: Raw<'a>) -> impl Iterator<Item = Raw<'a>> {
    let content = candidate.member("content");
    let parts = content.and_then(|content| content.member("parts"));
    parts.into_iter().flat_map(Raw::items)
}

/// Everything but an empty text, which may carry a signature at the end.
fn brings_content(part: Raw<'_>) -> bool {
    part.member("text")
        .map_or_else(|| part.says_something(), Raw::says_something)
}
