//! Events of the Messages API.

use super::seen::{Malformed, Seen};
use crate::json::{Raw, pick};

pub(super) fn event(seen: &mut Seen, name: Option<&str>, data: &str) -> Result<(), Malformed> {
    let members = pick(data, ["type", "delta", "content_block", "message", "usage"])?;
    let [kind, delta, block, message, usage] = members.ok_or(Malformed::NotAnObject)?;
    let kind = kind.and_then(Raw::text);
    match kind.as_deref().or(name).unwrap_or_default() {
        "content_block_delta" if seen.content.are_counted() => {
            seen.content.note(delta.is_some_and(brings_content));
        }
        "content_block_start" if seen.content.are_counted() => {
            seen.content.note(block.is_some_and(begins_with_content));
        }
        "message_start" => {
            let [model, usage] =
                message.map_or([None; 2], |message| message.pick(["model", "usage"]));
            seen.note_model(model);
            note_usage(seen, usage);
        }
        "message_delta" => {
            seen.note_finish(delta.and_then(|delta| delta.member("stop_reason")));
            note_usage(seen, usage);
        }
        "message_stop" => seen.ended = true,
        "error" => seen.report_event(data),
        _ => {}
    }
    Ok(())
}

fn note_usage(seen: &mut Seen, usage: Option<Raw<'_>>) {
    if let Some(usage) = usage {
        seen.counts.update(usage);
        seen.usage = Some(seen.counts.usage());
    }
}

/// Whether a delta brings a piece of text, tool input, reasoning or a citation.
fn brings_content(delta: Raw<'_>) -> bool {
    let pieces = delta.pick(["text", "partial_json", "thinking", "signature", "citation"]);
    pieces.into_iter().flatten().any(Raw::says_something)
}

/// Whether a block that begins brings something at once. Text and thinking begin empty and fill by
/// deltas; everything else, a tool call above all, tells the client what it is from the start.
fn begins_with_content(block: Raw<'_>) -> bool {
    let [kind, text, thinking] = block.pick(["type", "text", "thinking"]);
    match kind.and_then(Raw::text).as_deref() {
        Some("text") => text.is_some_and(Raw::says_something),
        Some("thinking") => thinking.is_some_and(Raw::says_something),
        Some(_) => true,
        None => false,
    }
}
