//! The items of the conversation, one function for each kind.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::{To, format, message, part, result};
use crate::canonical::{
    Part, PartBody, Place, Reasoning, ReasoningForm, Role, ToolInput, ToolUse, Turn,
};
use crate::json::{ListWriter, ObjectWriter, Raw, Writer, json_string};
use crate::{Dialect, Losses};

/// `input`: a text, or a list of items. `None` if there is nothing to tell.
pub(super) fn input(to: &To<'_>, losses: &mut Losses) -> Option<String> {
    let words = format::in_words(to, losses);
    if let ([turn], true, None) = (&*to.request.turns, to.own, &words)
        && let Some(text) = lone_text(turn)
    {
        return Some(json_string(text));
    }
    let mut empty = true;
    let list = Writer::list(|list| {
        for turn in &to.request.turns {
            write(list, turn, to, losses);
        }
        empty = list.is_empty();
    });
    (!empty).then(|| match words {
        Some(words) => behind(&words, &list),
        None => list,
    })
}

/// The items behind a message of the application.
fn behind(words: &str, items: &str) -> String {
    Writer::list(|list| {
        list.object(|message| {
            message.text("role", "system");
            message.text("content", words);
        });
        for item in Raw::of_validated(items).items() {
            list.raw(item.json());
        }
    })
}

/// The text, if the whole input was one.
fn lone_text(turn: &Turn) -> Option<&str> {
    let bare = turn.at.index.is_none() && turn.role == Role::User && turn.extras.is_empty();
    match &*turn.parts {
        [part] if bare && part.at.member.is_empty() => part::plain(part),
        _ => None,
    }
}

fn write(list: &mut ListWriter<'_>, turn: &Turn, to: &To<'_>, losses: &mut Losses) {
    if turn.name.is_some() {
        losses.dropped(&[turn.at, Place::member("name")]);
    }
    if !to.own {
        losses.dropped_extras(&[turn.at], &turn.extras);
    } else if turn.parts.is_empty() {
        message::write(list, turn, &[], to, losses);
    }
    for parts in turn.parts.chunk_by(one_item) {
        let Some(first) = parts.first() else { continue };
        match &first.body {
            PartBody::Reasoning(_) => reasoning(list, turn, parts, to, losses),
            PartBody::ToolUse(call) => tool_use(list, turn, (first, call), to, losses),
            PartBody::ToolResult(result) => {
                result::write(list, turn, (first, result), to, losses);
            }
            PartBody::Opaque { origin, raw, .. } if !in_message(first) => match origin {
                Dialect::OpenAiResponses => list.raw(raw.as_str()),
                _ => losses.dropped(&[turn.at, first.at]),
            },
            _ => message::write(list, turn, parts, to, losses),
        }
    }
}

/// Whether two parts stand in one item: those of a message, and a summary with the thoughts it is of.
fn one_item(a: &Part, b: &Part) -> bool {
    let same_thoughts = || {
        let id = a.as_reasoning()?.id.as_deref()?;
        Some(b.as_reasoning()?.id.as_deref()? == id)
    };
    (in_message(a) && in_message(b)) || same_thoughts() == Some(true)
}

fn in_message(part: &Part) -> bool {
    match &part.body {
        PartBody::Text { .. }
        | PartBody::Image(_)
        | PartBody::Audio(_)
        | PartBody::Document(_)
        | PartBody::Refusal { .. } => true,
        // An unknown part of a message stood in its content, an unknown item stood alone.
        PartBody::Opaque { .. } => part.at.member == "content",
        PartBody::ToolUse(_) | PartBody::ToolResult(_) | PartBody::Reasoning(_) => false,
    }
}

/// Thoughts return to the vendor that can read them. Those of others, and those that nobody signed, are
/// nothing to it.
fn reasoning(
    list: &mut ListWriter<'_>,
    turn: &Turn,
    parts: &[Part],
    to: &To<'_>,
    losses: &mut Losses,
) {
    let readable = |part: &Part| match part.as_reasoning().and_then(|thoughts| thoughts.origin) {
        Some(origin) => origin == Dialect::OpenAiResponses,
        // The other form of thoughts that stand before it, or a client of this dialect that kept nothing but the id.
        None => to.own,
    };
    if !parts.iter().all(readable) {
        for part in parts {
            losses.dropped(&[turn.at, part.at]);
        }
        return;
    }
    let thoughts: Vec<&Reasoning> = parts.iter().filter_map(Part::as_reasoning).collect();
    list.object(|item| {
        item.text("type", "reasoning");
        let id = thoughts.iter().find_map(|one| one.id.as_deref());
        item.text_if("id", id);
        thought_texts(item, &thoughts, to);
        let encrypted = thoughts.iter().find_map(|one| one.encrypted.as_deref());
        item.text_if("encrypted_content", encrypted);
        for part in parts {
            to.extras(item, &[turn.at, part.at], &part.extras, losses);
        }
    });
}

/// A summary, which is required, and the thoughts themselves, if they were told. What comes back from clients of other
/// dialects was a summary: encrypted thoughts are never shown whole.
fn thought_texts(item: &mut ObjectWriter<'_>, thoughts: &[&Reasoning], to: &To<'_>) {
    let write = |list: &mut ListWriter<'_>, full: bool, kind: &str| {
        for one in thoughts {
            if full == (to.own && one.form == ReasoningForm::Full) {
                for text in &one.texts {
                    list.object(|part| {
                        part.text("type", kind);
                        part.text("text", text);
                    });
                }
            }
        }
    };
    item.list("summary", |list| write(list, false, "summary_text"));
    super::list_if(item, "content", |list| write(list, true, "reasoning_text"));
}

fn tool_use(
    list: &mut ListWriter<'_>,
    turn: &Turn,
    (part, call): (&Part, &ToolUse),
    to: &To<'_>,
    losses: &mut Losses,
) {
    let places = [turn.at, part.at];
    let id = call_id(&call.id, &places, to, losses);
    let name = to.tool_name(&call.name);
    if *name != call.name {
        losses.approximated(&places);
    }
    part::losses_beside(&places, part, to, losses);
    list.object(|item| {
        let native = to.profile.custom_tools;
        let custom = matches!(call.input, ToolInput::Text(_)) && native;
        let kind = if custom {
            "custom_tool_call"
        } else {
            "function_call"
        };
        item.text("type", kind);
        item.text_if("id", call.item_id.as_deref().filter(|_| to.own));
        item.text("call_id", &id);
        item.text("name", &name);
        match &call.input {
            ToolInput::Text(text) if native => item.text("input", text),
            ToolInput::Text(text) => {
                losses.approximated(&places);
                let arguments = Writer::object(|object| object.text("input", text));
                item.text("arguments", &arguments);
            }
            ToolInput::Json(text) => item.text("arguments", text),
        }
        if to.own {
            item.extras(&part.extras);
        }
    });
}

/// OpenAI takes ids of calls up to 64 characters; other vendors' may be longer. A longer one is cut in
/// the same way wherever it stands.
pub(super) fn call_id<'i>(
    id: &'i str,
    places: &[Place],
    to: &To<'_>,
    losses: &mut Losses,
) -> Cow<'i, str> {
    const LONGEST: usize = 64;
    match shortened(id, LONGEST).filter(|_| !to.own) {
        None => Cow::Borrowed(id),
        Some(shorter) => {
            losses.approximated(places);
            Cow::Owned(shorter)
        }
    }
}

/// A text of so many characters that stands for a longer one, always the same; `None` if it is short enough.
pub(super) fn shortened(text: &str, longest: usize) -> Option<String> {
    const HASH: usize = 17;
    if text.chars().count() <= longest {
        return None;
    }
    let mut hash = DefaultHasher::new();
    text.hash(&mut hash);
    let start: String = text.chars().take(longest - HASH).collect();
    Some(format!("{start}_{:016x}", hash.finish()))
}
