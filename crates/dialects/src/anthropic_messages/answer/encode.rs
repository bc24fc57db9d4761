//! Writes an answer.

use std::borrow::Cow;

use orchestra_types::Usage;

use crate::canonical::{
    Answer, Choice, Citation, Field, Finish, Part, PartBody, Place, Reasoning, ToolInput,
};
use crate::codec::AnswerContext;
use crate::json::{JsonKind, ListWriter, ObjectWriter, Raw, Rules, Writer};
use crate::{Dialect, Losses, RawJson, envelope, usage};

use super::super::{citation, nested};
use super::Told;

/// Where losses of answers begin.
const ANSWER: Place = Place::member("answer");

/// Writes an answer for a client.
pub(in super::super) fn encode(
    answer: &Answer,
    context: &AnswerContext<'_>,
    losses: &mut Losses,
) -> String {
    let own = losses.within_one_dialect();
    let nothing = Choice::default();
    let choice = answer.choices.first().unwrap_or(&nothing);
    lost_beside(answer, choice, losses);
    Writer::object(|object| {
        object.text("id", &message_id(&answer.id, context, own));
        object.text("type", "message");
        object.text("role", "assistant");
        object.text("model", model(&answer.model, context));
        object.list("content", |list| {
            for (index, part) in choice.parts.iter().enumerate() {
                write_part(
                    list,
                    part,
                    &Around {
                        context,
                        index,
                        own,
                    },
                    losses,
                );
            }
        });
        write_stop(object, choice, losses);
        object.object("usage", |object| {
            let counts = answer.usage.unwrap_or_default();
            if answer.usage.is_none() && !own {
                losses.defaulted("answer.usage");
            }
            let tier = answer.service_tier.as_deref();
            write_usage(object, &counts, tier, losses);
            if own {
                nested::restore(object, "usage", &answer.extras);
            }
        });
        if own {
            nested::restore_plain(object, &answer.extras);
        }
    })
}

/// What a part stands in.
struct Around<'a> {
    context: &'a AnswerContext<'a>,
    index: usize,
    own: bool,
}

/// The id of the message: the provider's, or one made for the call.
pub(in super::super) fn message_id<'a>(
    id: &'a str,
    context: &AnswerContext<'_>,
    own: bool,
) -> Cow<'a, str> {
    if own && !id.is_empty() {
        return Cow::Borrowed(id);
    }
    Cow::Owned(format!("msg_{}", context.id))
}

fn model<'a>(model: &'a str, context: &AnswerContext<'a>) -> &'a str {
    if model.is_empty() {
        &context.request.model
    } else {
        model
    }
}

/// What Messages has no place for beside the parts of the first choice.
fn lost_beside(answer: &Answer, choice: &Choice, losses: &mut Losses) {
    let from = losses.from();
    for index in 1..answer.choices.len() {
        lost_choices(index, losses);
    }
    let first = choice_place(from, 0);
    if choice.logprobs.is_some() {
        losses.dropped(&[ANSWER, first, Place::member("logprobs")]);
    }
    if !losses.within_one_dialect() {
        losses.dropped_extras(&[ANSWER, first], &choice.extras);
        losses.dropped_extras(&[ANSWER], &answer.extras);
    }
}

/// Answers beside the first are gone.
pub(in super::super) fn lost_choices(index: usize, losses: &mut Losses) {
    let place = choice_place(losses.from(), index);
    losses.dropped(&[ANSWER, place]);
}

/// Where a choice stands in an answer of a dialect.
fn choice_place(from: Dialect, index: usize) -> Place {
    match from {
        Dialect::OpenAiChat => Place::item("choices", index),
        Dialect::Gemini => Place::item("candidates", index),
        _ => Place::default(),
    }
}

fn write_part(list: &mut ListWriter<'_>, part: &Part, around: &Around<'_>, losses: &mut Losses) {
    let places = [ANSWER, part.at];
    let extras: &[(String, RawJson)] = if around.own { &part.extras } else { &[] };
    match &part.body {
        PartBody::Text { text, citations } => {
            if !text.is_empty() || !citations.is_empty() {
                list.object(|object| {
                    write_text(object, text, citations, &places, losses);
                    object.extras(extras);
                });
            }
        }
        PartBody::Refusal { text } => {
            losses.approximated(&places);
            list.object(|object| write_text(object, text, &[], &places, losses));
        }
        PartBody::ToolUse(call) => list.object(|object| {
            object.text("type", "tool_use");
            object.text("id", &call_id(&call.id, around));
            object.text("name", &call.name);
            write_input(object, &call.input, &places, losses);
            object.extras(extras);
        }),
        PartBody::Reasoning(thoughts) => write_thoughts(list, thoughts, around.own, extras),
        PartBody::Opaque { origin, raw, .. } if *origin == Dialect::AnthropicMessages => {
            list.raw(raw.as_str());
        }
        PartBody::Image(_)
        | PartBody::Audio(_)
        | PartBody::Document(_)
        | PartBody::ToolResult(_)
        | PartBody::Opaque { .. } => return losses.dropped(&places),
    }
    if !around.own {
        losses.dropped_extras(&places, &part.extras);
    }
}

fn write_text(
    object: &mut ObjectWriter<'_>,
    text: &str,
    citations: &[Citation],
    places: &[Place],
    losses: &mut Losses,
) {
    object.text("type", "text");
    object.text("text", text);
    let written: Vec<RawJson> = citations
        .iter()
        .filter_map(|citation| write_citation(citation, places, losses))
        .collect();
    if !written.is_empty() {
        object.list("citations", |list| {
            written
                .iter()
                .for_each(|citation| list.raw(citation.as_str()));
        });
    }
}

/// A citation in Anthropic's words. Of another dialect's only pages can be cited, for the block as a whole.
pub(in super::super) fn write_citation(
    citation: &Citation,
    places: &[Place],
    losses: &mut Losses,
) -> Option<RawJson> {
    if losses.within_one_dialect() {
        return citation.raw.clone();
    }
    let name = Place::member(Field::Citations.path(losses.from()));
    let places: Vec<Place> = places.iter().copied().chain([name]).collect();
    let written = citation::of_page(citation);
    match written {
        Some(_) => losses.approximated(&places),
        None => losses.dropped(&places),
    }
    written
}

/// Every call has an id, the result must name it.
fn call_id<'a>(id: &'a str, around: &Around<'_>) -> Cow<'a, str> {
    if id.is_empty() {
        return Cow::Owned(format!("toolu_{}_{}", around.context.id, around.index));
    }
    Cow::Borrowed(id)
}

/// The input as an object, which the type requires.
pub(in super::super) fn write_input(
    object: &mut ObjectWriter<'_>,
    input: &ToolInput,
    places: &[Place],
    losses: &mut Losses,
) {
    let text = match input {
        ToolInput::Text(text) => {
            return object.object("input", |object| object.text("input", text));
        }
        ToolInput::Json(text) => text.trim_ascii(),
    };
    let is_object = || {
        Raw::parse(text, Rules::ANSWER).is_ok_and(|value| value.kind() == Some(JsonKind::Object))
    };
    if text.is_empty() {
        object.raw("input", "{}");
    } else if is_object() {
        object.raw("input", text);
    } else {
        losses.approximated(places);
        object.object("input", |object| object.text("arguments", text));
    }
}

/// Thoughts; those of another provider with its proof in an envelope.
fn write_thoughts(
    list: &mut ListWriter<'_>,
    thoughts: &Reasoning,
    own: bool,
    extras: &[(String, RawJson)],
) {
    let (signature, data) = match own {
        true => (thoughts.signature.clone(), thoughts.encrypted.clone()),
        false => {
            let envelope = envelope::seal(thoughts);
            let shown = thoughts.texts.iter().any(|text| !text.is_empty());
            if shown {
                (envelope, None)
            } else {
                (None, envelope)
            }
        }
    };
    let text = joined(&thoughts.texts);
    if signature.is_none() && text.is_empty() {
        if let Some(data) = data {
            list.object(|object| {
                object.text("type", "redacted_thinking");
                object.text("data", &data);
                object.extras(extras);
            });
        }
        return;
    }
    list.object(|object| {
        object.text("type", "thinking");
        object.text("thinking", &text);
        // The type wants a string where there is no signature too.
        object.text("signature", signature.as_deref().unwrap_or_default());
        object.extras(extras);
    });
}

/// Sections become paragraphs.
fn joined(texts: &[String]) -> String {
    let said: Vec<&str> = texts
        .iter()
        .map(|text| &**text)
        .filter(|text| !text.is_empty())
        .collect();
    said.join("\n\n")
}

fn write_stop(object: &mut ObjectWriter<'_>, choice: &Choice, losses: &mut Losses) {
    let mut told = Told::default();
    choice.parts.iter().for_each(|part| told.note(part));
    let finish = choice.finish.as_ref();
    let reason = finish.map(|finish| told.stop_reason(finish, losses.within_one_dialect()));
    if reason.as_ref().is_some_and(|reason| !reason.exact) {
        lost_finish(finish, losses);
    }
    let word = reason.as_ref().map(|reason| &*reason.word);
    object.text_or_null("stop_reason", word);
    object.text_or_null("stop_sequence", reason.and_then(|reason| reason.sequence));
}

/// A finish for which Anthropic has no word.
pub(in super::super) fn lost_finish(finish: Option<&Finish>, losses: &mut Losses) {
    let Some(Finish::Other(_)) = finish else {
        return;
    };
    let from = losses.from();
    let name = match from {
        Dialect::Gemini => "finishReason",
        Dialect::OpenAiResponses => "incomplete_details.reason",
        _ => "finish_reason",
    };
    losses.approximated(&[ANSWER, choice_place(from, 0), Place::member(name)]);
}

/// Writes the counters and the tier, in Anthropic's words for it.
pub(in super::super) fn write_usage(
    object: &mut ObjectWriter<'_>,
    counts: &Usage,
    tier: Option<&str>,
    losses: &mut Losses,
) {
    usage::anthropic(object, counts);
    let own = losses.within_one_dialect();
    let word = match tier {
        None => return,
        Some(tier) if own => tier,
        Some("default" | "standard") => "standard",
        Some("priority") => "priority",
        Some(_) => {
            let name = Field::ServiceTier.path(losses.from());
            return losses.dropped(&[ANSWER, Place::member(name)]);
        }
    };
    object.text("service_tier", word);
}
