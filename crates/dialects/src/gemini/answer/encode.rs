//! Writes an answer in one piece.

use std::borrow::Cow;

use orchestra_types::Usage;

use crate::canonical::{Answer, Choice, Citation, Extras, Finish, Part, PartBody, Place};
use crate::json::{ObjectWriter, Writer};
use crate::{AnswerContext, Dialect, Losses};

use super::super::carry::{BLOCKED, CREATED, FINISH, LOGPROBS, USAGE, noted, write};
use super::super::{finish, time, usage};
use super::{Said, citations, from_openai};

/// Writes an answer.
pub(in crate::gemini) fn encode(
    answer: &Answer,
    context: &AnswerContext<'_>,
    losses: &mut Losses,
) -> String {
    let own = losses.within_one_dialect();
    if !own {
        losses.dropped_extras(&[Place::member("answer")], &answer.extras);
    }
    let tier = answer.service_tier.as_deref();
    let tier = tier.and_then(|tier| tier_word(tier, losses));
    let candidates: Vec<String> = answer
        .choices
        .iter()
        .enumerate()
        .map(|(index, choice)| candidate(index, choice, losses))
        .collect();
    Writer::object(|object| {
        if noted(&answer.extras, BLOCKED).is_none() {
            object.list("candidates", |list| {
                candidates.iter().for_each(|one| list.raw(one))
            });
        }
        match noted(&answer.extras, USAGE) {
            Some(metadata) => object.raw("usageMetadata", metadata.as_str()),
            None => write_usage(object, answer.usage.as_ref(), tier),
        }
        let model = [&answer.model, &context.request.model]
            .into_iter()
            .find(|name| !name.is_empty());
        head(object, model.map_or("", String::as_str), context.id);
        created(object, answer);
        if own {
            write(object, "", &answer.extras);
        }
    })
}

fn created(object: &mut ObjectWriter<'_>, answer: &Answer) {
    match noted(&answer.extras, CREATED) {
        Some(time) => object.raw("createTime", time.as_str()),
        None => {
            let time = answer.created.and_then(time::write);
            object.text_if("createTime", time.as_deref());
        }
    }
}

/// Writes which model answers, and the answer's id.
pub(in crate::gemini) fn head(object: &mut ObjectWriter<'_>, model: &str, id: &str) {
    object.text("modelVersion", model);
    object.text("responseId", id);
}

/// Writes the counts, and the tier that served the call among them.
pub(in crate::gemini) fn write_usage(
    object: &mut ObjectWriter<'_>,
    counts: Option<&Usage>,
    tier: Option<&str>,
) {
    if counts.is_none() && tier.is_none() {
        return;
    }
    object.object("usageMetadata", |object| {
        if let Some(counts) = counts {
            usage::write(object, counts);
        }
        object.text_if("serviceTier", tier);
    });
}

/// The tier in Google's words.
pub(in crate::gemini) fn tier_word<'t>(tier: &'t str, losses: &mut Losses) -> Option<&'t str> {
    match tier {
        _ if losses.within_one_dialect() => Some(tier),
        "default" | "standard" => Some("standard"),
        "flex" | "priority" => Some(tier),
        _ => {
            let name = match losses.from() {
                Dialect::AnthropicMessages => "usage.service_tier",
                _ => "service_tier",
            };
            losses.dropped(&[Place::member("answer"), Place::member(name)]);
            None
        }
    }
}

fn candidate(index: usize, choice: &Choice, losses: &mut Losses) -> String {
    let own = losses.within_one_dialect();
    if !own {
        let choices = match losses.from() {
            Dialect::OpenAiChat => Place::item("choices", index),
            _ => Place::member(""),
        };
        losses.dropped_extras(&[Place::member("answer"), choices], &choice.extras);
    }
    let parts = if own {
        Cow::Borrowed(&*choice.parts)
    } else {
        Cow::Owned(joined(&choice.parts, losses))
    };
    let mut said = Said::default();
    let mut texts = Vec::new();
    for part in &*parts {
        said.part(part, losses);
        if let Some((text, citations)) = cited(part) {
            texts.push((said.parts.len().saturating_sub(1), text, citations));
        }
    }
    said.flush_proof();
    Writer::object(|candidate| {
        if !(own && choice.parts.is_empty()) {
            content(candidate, &said.parts);
        }
        write_finish(
            candidate,
            index,
            choice.finish.as_ref(),
            &choice.extras,
            losses,
        );
        candidate.count("index", index as u64);
        if own {
            write(candidate, "", &choice.extras);
        } else if !texts.is_empty() {
            candidate.object("groundingMetadata", |metadata| {
                citations::write(metadata, &texts)
            });
        }
        probabilities(candidate, choice);
    })
}

fn probabilities(candidate: &mut ObjectWriter<'_>, choice: &Choice) {
    match (noted(&choice.extras, LOGPROBS), &choice.logprobs) {
        (Some(result), _) => candidate.raw("logprobsResult", result.as_str()),
        (None, Some(list)) => candidate.object("logprobsResult", |result| {
            from_openai(result, list.raw());
        }),
        (None, None) => {}
    }
}

/// Writes the content of a candidate.
pub(in crate::gemini) fn content(candidate: &mut ObjectWriter<'_>, parts: &[String]) {
    candidate.object("content", |content| {
        content.list("parts", |list| parts.iter().for_each(|part| list.raw(part)));
        content.text("role", "model");
    });
}

/// The parts with neighbouring texts as one: a client of this dialect takes them for one anyway, streamed ones above
/// all, and what they rest on is told by places in them.
fn joined(parts: &[Part], losses: &mut Losses) -> Vec<Part> {
    let mut joined: Vec<Part> = Vec::new();
    for part in parts {
        let (PartBody::Text { .. } | PartBody::Refusal { .. }) = &part.body else {
            joined.push(part.clone());
            continue;
        };
        let more = as_text(part, losses);
        match joined.last_mut().map(|part| &mut part.body) {
            Some(PartBody::Text { text, citations }) => {
                citations.extend(placed(&more, text.chars().count() as u64));
                text.push_str(more.as_text().unwrap_or_default());
            }
            _ => {
                let mut first = more.clone();
                if let PartBody::Text { citations, .. } = &mut first.body {
                    *citations = placed(&more, 0);
                }
                joined.push(first);
            }
        }
    }
    joined
}

/// A text or refusal of another dialect as a text, without what stands beside it.
fn as_text(part: &Part, losses: &mut Losses) -> Part {
    let places = [Place::member("answer"), part.at];
    losses.dropped_extras(&places, &part.extras);
    let mut plain = match &part.body {
        PartBody::Refusal { text } => {
            losses.approximated(&places);
            Part::text(text.clone())
        }
        _ => part.clone(),
    };
    plain.extras = Extras::new();
    if let PartBody::Text { citations, .. } = &mut plain.body {
        citations.retain(|citation| citations::is_sayable(part.at, citation, losses));
    }
    plain.at(part.at)
}

/// What a text rests on, with its places counted from where the text before it began; without a place it is the
/// whole text.
pub(in crate::gemini) fn placed(part: &Part, before: u64) -> Vec<Citation> {
    let PartBody::Text { text, citations } = &part.body else {
        return Vec::new();
    };
    let whole = (0, text.chars().count() as u64);
    let shifted = |citation: &Citation| {
        let (start, end) = citation.span.unwrap_or(whole);
        let span = (start.saturating_add(before), end.saturating_add(before));
        Citation {
            span: Some(span),
            ..citation.clone()
        }
    };
    citations.iter().map(shifted).collect()
}

fn cited(part: &Part) -> Option<(&str, &[Citation])> {
    match &part.body {
        PartBody::Text { text, citations } if !citations.is_empty() => Some((text, citations)),
        _ => None,
    }
}

/// Writes why the model stopped, if it did.
pub(in crate::gemini) fn write_finish(
    candidate: &mut ObjectWriter<'_>,
    index: usize,
    finish: Option<&Finish>,
    extras: &Extras,
    losses: &mut Losses,
) {
    if let Some(word) = noted(extras, FINISH) {
        return candidate.raw("finishReason", word.as_str());
    }
    let Some(finish) = finish else { return };
    let (word, exact) = match finish {
        Finish::Other(word) if losses.within_one_dialect() => (&**word, true),
        _ => finish::write(finish),
    };
    candidate.text("finishReason", word);
    if !exact {
        lose_finish(index, finish, losses);
    }
}

fn lose_finish(index: usize, finish: &Finish, losses: &mut Losses) {
    let answer = Place::member("answer");
    if let Finish::StopSequence(_) = finish {
        return losses.dropped(&[answer, Place::member("stop_sequence")]);
    }
    match losses.from() {
        Dialect::OpenAiChat => losses.approximated(&[
            answer,
            Place::item("choices", index),
            Place::member("finish_reason"),
        ]),
        Dialect::OpenAiResponses => {
            losses.approximated(&[answer, Place::member("incomplete_details.reason")]);
        }
        _ => losses.approximated(&[answer, Place::member("stop_reason")]),
    }
}
