//! Writes an answer.

use std::borrow::Cow;

use orchestra_types::Usage;

use crate::canonical::{Answer, Choice, Field, Finish, Place};
use crate::codec::AnswerContext;
use crate::json::{ObjectWriter, Writer};
use crate::{Dialect, Losses, usage};

use super::super::nested;
use super::Told;
use super::part::{self, Around};
use super::places::{self, ANSWER};

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
            for index in 0..choice.parts.len() {
                let parts = &choice.parts;
                part::write(
                    list,
                    &Around {
                        context,
                        parts,
                        index,
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
    match from {
        _ if choice.logprobs.is_none() => {}
        Dialect::OpenAiResponses => {
            places::logprobs_of_texts(&choice.parts).for_each(|places| losses.dropped(&places));
        }
        _ => losses.dropped(&places::logprobs(from, 0)),
    }
    let first = places::choice(from, 0);
    if !losses.within_one_dialect() {
        losses.dropped_extras(&[ANSWER, first], &choice.extras);
        losses.dropped_extras(&[ANSWER], &answer.extras);
    }
}

/// Answers beside the first are gone.
pub(in super::super) fn lost_choices(index: usize, losses: &mut Losses) {
    let place = places::choice(losses.from(), index);
    losses.dropped(&[ANSWER, place]);
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
    losses.approximated(&places::finish(losses.from()));
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
            let name = match losses.from() {
                Dialect::Gemini => "usageMetadata.serviceTier",
                from => Field::ServiceTier.path(from),
            };
            return losses.dropped(&[ANSWER, Place::member(name)]);
        }
    };
    object.text("service_tier", word);
}
