//! Reads an answer in one piece.
//!
//! Providers are read leniently: what is of the wrong kind counts as absent, and what is unknown is kept as it came.

use super::Echo;
use super::finish::{self, Held};
use crate::canonical::{Answer, Choice, Extras, Part, PartBody, Place, ToolInput, ToolUse};
use crate::error::error_member;
use crate::json::{Raw, Writer};
use crate::openai_responses::members::others;
use crate::openai_responses::{reasoning, request};
use crate::sniff::answer_object;
use crate::{AnswerError, Dialect, RawJson, UpstreamError, usage};

/// Members that say nothing beside what is read: fixed words, times of the provider's own clock.
const FIXED: [&str; 12] = [
    "id",
    "object",
    "model",
    "created_at",
    "completed_at",
    "status",
    "error",
    "incomplete_details",
    "output",
    "output_text",
    "usage",
    "service_tier",
];

/// Reads an answer.
pub(in crate::openai_responses) fn answer(body: &str) -> Result<Answer, AnswerError> {
    let response = answer_object(body)?;
    let [status, details, error] = response.pick(["status", "incomplete_details", "error"]);
    if status.and_then(Raw::text).as_deref() == Some("failed") {
        return Err(AnswerError::Reported(failure(error)));
    }
    let [output, usage, tier] = response.pick(["output", "usage", "service_tier"]);
    let [id, model, created] = response.pick(["id", "model", "created_at"]);
    let parts = parts(output);
    let mut held = Held::default();
    parts.iter().for_each(|part| held.note(part));
    Ok(Answer {
        id: text(id),
        model: text(model),
        created: created.and_then(seconds),
        choices: vec![Choice {
            parts,
            finish: finish::read(status, details, held),
            logprobs: logprobs(output),
            extras: Extras::new(),
        }],
        usage: usage.and_then(usage::of_openai),
        service_tier: tier.and_then(Raw::text).map(Into::into),
        extras: extras(response),
    })
}

/// The error of an answer that failed.
pub(in crate::openai_responses) fn failure(error: Option<Raw<'_>>) -> UpstreamError {
    error
        .and_then(error_member)
        .unwrap_or_else(|| UpstreamError {
            message: "the provider reported that the answer failed, and not why".into(),
            ..UpstreamError::default()
        })
}

/// What is told of the answer and repeats nothing.
fn extras(response: Raw<'_>) -> Extras {
    let mut rest = others(response, &FIXED);
    rest.retain(|(name, _)| !Echo::repeats(name));
    rest
}

/// The text of a string; empty if it is none.
pub(in crate::openai_responses) fn text(value: Option<Raw<'_>>) -> String {
    value
        .and_then(Raw::text)
        .map(Into::into)
        .unwrap_or_default()
}

/// Seconds since 1970, which some servers write with a fraction.
pub(in crate::openai_responses) fn seconds(value: Raw<'_>) -> Option<u64> {
    value.want_count().ok().or_else(|| {
        let whole = value.json().split('.').next()?;
        whole.parse().ok()
    })
}

fn parts(output: Option<Raw<'_>>) -> Vec<Part> {
    let items = output.into_iter().flat_map(Raw::items);
    items
        .enumerate()
        .flat_map(|(index, item)| item_parts(item, index))
        .collect()
}

/// The parts that one item holds.
pub(in crate::openai_responses) fn item_parts(item: Raw<'_>, index: usize) -> Vec<Part> {
    let kind = text(item.member("type"));
    let mut parts = match &*kind {
        "message" => message(item),
        "function_call" => vec![call(item, index, "arguments", ToolInput::Json)],
        "custom_tool_call" => vec![call(item, index, "input", ToolInput::Text)],
        "reasoning" => thoughts(item).unwrap_or_else(|| vec![opaque(&kind, item)]),
        _ => vec![opaque(&kind, item)],
    };
    for part in &mut parts {
        if part.at.member.is_empty() {
            part.at = Place::item("output", index);
        }
    }
    parts.iter_mut().for_each(|part| {
        // Whether an item is whole follows from how the answer ended.
        part.extras.retain(|(name, _)| name != "status");
    });
    parts
}

/// Thoughts from this dialect's provider, told in the same way whether or not they turn out to be encrypted.
fn thoughts(item: Raw<'_>) -> Option<Vec<Part>> {
    let mut parts = reasoning::parts(item)?;
    for part in &mut parts {
        if let PartBody::Reasoning(thoughts) = &mut part.body {
            thoughts.origin = Some(Dialect::OpenAiResponses);
        }
    }
    Some(parts)
}

fn message(item: Raw<'_>) -> Vec<Part> {
    let [content] = item.pick(["content"]);
    let mut parts: Vec<Part> = content
        .into_iter()
        .flat_map(Raw::items)
        .map(content_part)
        .collect();
    if let Some(first) = parts.first_mut() {
        first.extras.extend(message_extras(item));
    }
    parts
}

/// The members of a message beside its content: the phase, and whatever comes next.
pub(in crate::openai_responses) fn message_extras(item: Raw<'_>) -> Extras {
    others(item, &["type", "id", "role", "content", "status"])
}

/// A text, a refusal, or something unknown.
pub(in crate::openai_responses) fn content_part(part: Raw<'_>) -> Part {
    let [kind, said, refusal, annotations] = part.pick(["type", "text", "refusal", "annotations"]);
    let kind = text(kind);
    let (body, known): (_, &[&str]) = match &*kind {
        "output_text" => {
            let annotations = annotations.into_iter().flat_map(Raw::items);
            let body = PartBody::Text {
                text: text(said),
                citations: annotations.map(request::citation).collect(),
            };
            (body, &["type", "text", "annotations", "logprobs"])
        }
        "refusal" => {
            let text = text(refusal);
            (PartBody::Refusal { text }, &["type", "refusal"])
        }
        _ => return opaque_content(&kind, part),
    };
    Part {
        extras: others(part, known),
        ..body.into()
    }
}

/// A part of a message that is neither a text nor a refusal.
pub(in crate::openai_responses) fn opaque_content(kind: &str, part: Raw<'_>) -> Part {
    opaque(kind, part).at(Place::member("content"))
}

/// An item that only this dialect knows.
pub(in crate::openai_responses) fn opaque(kind: &str, item: Raw<'_>) -> Part {
    PartBody::Opaque {
        origin: Dialect::OpenAiResponses,
        kind: kind.to_owned(),
        raw: item.into(),
    }
    .into()
}

/// A call. Servers that leave its id out mostly have one for the item.
pub(in crate::openai_responses) fn call(
    item: Raw<'_>,
    index: usize,
    member: &str,
    input: fn(String) -> ToolInput,
) -> Part {
    let [id, call_id, name, arguments] = item.pick(["id", "call_id", "name", member]);
    let optional = |value: Option<Raw<'_>>| Some(text(value)).filter(|text| !text.is_empty());
    let item_id = optional(id);
    let body = PartBody::ToolUse(ToolUse {
        id: optional(call_id)
            .or_else(|| item_id.clone())
            .unwrap_or_else(|| format!("call_{index}")),
        name: text(name),
        input: input(text(arguments)),
        item_id,
    });
    Part {
        extras: others(item, &["type", "id", "call_id", "name", "status", member]),
        ..body.into()
    }
}

/// The probabilities of the tokens of all texts, in their order.
fn logprobs(output: Option<Raw<'_>>) -> Option<RawJson> {
    let items = output.into_iter().flat_map(Raw::items);
    let contents = items.flat_map(|item| item.member("content"));
    let lists = contents
        .flat_map(Raw::items)
        .filter_map(|part| read_logprobs(part));
    let tokens: Vec<Raw<'_>> = lists.flat_map(Raw::items).collect();
    (!tokens.is_empty()).then(|| Writer::list_of(tokens.into_iter().map(Raw::json)))
}

/// The probabilities in a text or in an event of one, if there are any.
pub(in crate::openai_responses) fn read_logprobs(object: Raw<'_>) -> Option<Raw<'_>> {
    object
        .member("logprobs")
        .filter(|list| list.says_something())
}
