//! Events of Chat Completions and of the older Completions, which differ in where text stands.

use super::seen::{Malformed, Seen};
use crate::json::{Cursor, Raw, Rules, Syntax, pick};
use crate::sse::SseReader;
use crate::usage;

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
    // All events of a stream begin alike (id, object, created, model): what the last one said
    // before its choices need not be read again.
    let repeated = seen.repeated_head(data);
    let mut json = match repeated {
        Some(length) => Cursor::within_object(data, length, Rules::ANSWER),
        None => Cursor::new(data, Rules::ANSWER),
    };
    if repeated.is_none() && !json.enter_object()? {
        return Err(Malformed::NotAnObject);
    }
    // Every event of every stream comes through here, so it is walked once, without `pick`.
    while let Some(key) = json.next_key()? {
        match &*json.name(&key) {
            "choices" => {
                if repeated.is_none() {
                    seen.keep_head(&data[..key.span.start]);
                }
                read_choices(seen, &mut json)?;
            }
            "model" => seen.note_model(Raw::pass(&mut json)?.unless_null()),
            "error" => seen.report_member(Raw::pass(&mut json)?.unless_null()),
            "usage" => {
                let usage = Raw::pass(&mut json)?.unless_null();
                seen.usage = usage.and_then(usage::of_openai).or(seen.usage);
            }
            _ => {
                json.skip()?;
            }
        }
    }
    json.end()?;
    if name == Some("error") {
        seen.report_event(data);
    }
    Ok(())
}

fn read_choices(seen: &mut Seen, json: &mut Cursor<'_>) -> Result<(), Syntax> {
    if json.enter_list()? {
        while json.next_item()? {
            read_choice(seen, json)?;
        }
    }
    Ok(())
}

fn read_choice(seen: &mut Seen, json: &mut Cursor<'_>) -> Result<(), Syntax> {
    if !json.enter_object()? {
        return Ok(());
    }
    while let Some(key) = json.next_member()? {
        let value = Raw::pass(json)?;
        match &*key {
            "finish_reason" => seen.note_finish(value.unless_null()),
            "delta" if seen.content.are_counted() => {
                let pieces = value.pick(CONTENT);
                let says = pieces.into_iter().flatten().any(Raw::says_something);
                seen.content.note(says);
            }
            "text" if seen.content.are_counted() => seen.content.note(value.says_something()),
            _ => {}
        }
    }
    Ok(())
}

/// Whole events of a Chat stream without the chunk that only reports the usage, which comes when a stream is asked
/// for it with `stream_options.include_usage`. All other bytes stay as they are.
///
/// For a client that did not ask, where the gateway did.
#[must_use]
pub fn without_usage_chunk(events: &[u8]) -> Vec<u8> {
    let mut reader = SseReader::new(usize::MAX);
    let mut kept = Vec::with_capacity(events.len());
    let mut event = 0..0;
    for line in events.split_inclusive(|byte| *byte == b'\n') {
        event.end += line.len();
        let mut only_usage = false;
        let fed = reader.feed(line, |frame| only_usage = reports_only_usage(frame.data));
        if fed.is_ok_and(|complete| complete > 0) {
            if !only_usage {
                kept.extend_from_slice(&events[event.clone()]);
            }
            event.start = event.end;
        }
    }
    kept.extend_from_slice(&events[event]);
    kept
}

fn reports_only_usage(data: &[u8]) -> bool {
    let members = std::str::from_utf8(data)
        .ok()
        .and_then(|data| pick(data, ["choices", "usage"]).ok()?);
    let [choices, usage] = members.unwrap_or_default();
    choices.is_some_and(|choices| !choices.says_something())
        && usage.is_some_and(Raw::says_something)
}
