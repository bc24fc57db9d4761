//! Events of Chat Completions and of the older Completions, which differ in where text stands.

use super::seen::{Malformed, Seen};
use super::usage;
use crate::json::{Raw, pick};

/// The members of a `delta` that bring a piece of the answer. `reasoning_content` is DeepSeek's,
/// `reasoning` and `reasoning_details` are OpenRouter's.
const CONTENT: [&str; 8] = [
    "content",
    "tool_calls",
    "reasoning_content",
    "reasoning",
    "reasoning_details",
    "refusal",
    "function_call",
    "audio",
];

pub(super) fn event(seen: &mut Seen, name: Option<&str>, data: &str) -> Result<(), Malformed> {
    let members = pick(data, ["model", "choices", "usage", "error"])?;
    let [model, choices, usage, error] = members.ok_or(Malformed::NotAnObject)?;
    seen.note_model(model);
    seen.report_member(error);
    if name == Some("error") {
        seen.report_event(data);
    }
    if let Some(usage) = usage.and_then(usage::of_openai) {
        seen.usage = Some(usage);
    }
    for choice in choices.into_iter().flat_map(Raw::items) {
        read_choice(seen, choice);
    }
    Ok(())
}

fn read_choice(seen: &mut Seen, choice: Raw<'_>) {
    let [finish, delta, text] = choice.pick(["finish_reason", "delta", "text"]);
    seen.note_finish(finish);
    if !seen.content {
        let pieces = delta.map_or([None; CONTENT.len()], |delta| delta.pick(CONTENT));
        seen.content = pieces
            .into_iter()
            .chain([text])
            .flatten()
            .any(Raw::says_something);
    }
}
