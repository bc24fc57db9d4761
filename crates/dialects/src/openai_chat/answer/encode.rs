//! Writes answers in the form that the strictest of the SDKs' types ask for.

use super::super::finish::{self, Held};
use super::super::inner;
use super::super::tool_calls::ClientTools;
use super::ANSWER;
use super::message::Message;
use crate::canonical::{Answer, Choice, Extras, Finish, Place};
use crate::codec::AnswerContext;
use crate::json::{ListWriter, ObjectWriter, Writer};
use crate::{Dialect, Losses, RawJson, usage};

/// Writes an answer.
pub(in super::super) fn encode(
    answer: &Answer,
    context: &AnswerContext<'_>,
    losses: &mut Losses,
) -> String {
    let own = losses.within_one_dialect();
    let tools = ClientTools::of(context);
    Writer::object(|object| {
        object.text("id", &id(&answer.id, context.id, own));
        object.text("object", "chat.completion");
        object.count("created", answer.created.unwrap_or(context.created));
        object.text("model", model(&answer.model, context));
        object.list("choices", |list| {
            for (index, choice) in answer.choices.iter().enumerate() {
                write_choice(list, index, choice, &tools, losses);
            }
        });
        if let Some(usage) = &answer.usage {
            object.object("usage", |object| usage::openai_chat(object, usage));
        }
        if let Some(tier) = &answer.service_tier {
            object.text_if("service_tier", tier_word(tier, losses));
        }
        if own {
            inner::write_outer(object, &answer.extras, &[]);
        } else {
            losses.dropped_extras(&[ANSWER], &answer.extras);
        }
    })
}

/// The answer's id: made from the call's, unless the provider speaks this dialect.
pub(in super::super) fn id(given: &str, call: &str, own: bool) -> String {
    if own && !given.is_empty() {
        given.to_owned()
    } else {
        format!("chatcmpl-{call}")
    }
}

/// The model that the provider says it ran, or else the one that was asked for.
fn model<'a>(given: &'a str, context: &AnswerContext<'a>) -> &'a str {
    if given.is_empty() {
        &context.request.model
    } else {
        given
    }
}

/// The tier in one of the words that the types allow.
pub(in super::super) fn tier_word<'a>(tier: &'a str, losses: &mut Losses) -> Option<&'a str> {
    let place = [
        ANSWER,
        Place::member(match losses.from() {
            Dialect::AnthropicMessages => "usage.service_tier",
            Dialect::Gemini => "usageMetadata.serviceTier",
            _ => "service_tier",
        }),
    ];
    match tier {
        "auto" | "default" | "flex" | "scale" | "priority" | "fast" => Some(tier),
        _ if losses.within_one_dialect() => Some(tier),
        // Anthropic's and Gemini's word for the same.
        "standard" => Some("default"),
        _ => {
            losses.dropped(&place);
            None
        }
    }
}

/// Where the finish reason of a choice stands in the words of the provider's dialect.
pub(in super::super) fn finish_place(from: Dialect, index: usize, finish: &Finish) -> [Place; 3] {
    let member = match (from, finish) {
        (Dialect::AnthropicMessages, Finish::StopSequence(_)) => "stop_sequence",
        (Dialect::AnthropicMessages, _) => "stop_reason",
        (Dialect::OpenAiResponses, Finish::Other(_)) => "incomplete_details.reason",
        (Dialect::OpenAiResponses, _) => "status",
        (Dialect::Gemini, _) => "finishReason",
        _ => "finish_reason",
    };
    [ANSWER, choice_place(from, index), Place::member(member)]
}

/// The place of a choice in the words of the provider's dialect.
fn choice_place(from: Dialect, index: usize) -> Place {
    match from {
        Dialect::Gemini => Place::item("candidates", index),
        Dialect::OpenAiChat => Place::item("choices", index),
        _ => Place::default(),
    }
}

fn write_choice(
    list: &mut ListWriter<'_>,
    index: usize,
    choice: &Choice,
    tools: &ClientTools,
    losses: &mut Losses,
) {
    let own = losses.within_one_dialect();
    let message = Message::gather(&choice.parts, tools, losses);
    let held = Held::of(&choice.parts, tools.old);
    let word = finish::word(index, choice.finish.as_ref(), held, losses);
    list.object(|object| {
        object.count("index", u64::try_from(index).unwrap_or(u64::MAX));
        object.object("message", |writer| {
            message.write(writer, tools, own);
            if own {
                for name in ["annotations", "reasoning"] {
                    writer.raw_if(name, inner::noted(&choice.extras, name));
                }
                inner::write(writer, &choice.extras, "message");
            }
        });
        write_logprobs(object, choice.logprobs.as_ref(), &choice.extras, own);
        object.text("finish_reason", &word);
        if own {
            inner::write_outer(object, &choice.extras, &["message", "logprobs"]);
        }
    });
    if !own {
        let place = choice_place(losses.from(), index);
        losses.dropped_extras(&[ANSWER, place], &choice.extras);
    }
}

fn write_logprobs(
    object: &mut ObjectWriter<'_>,
    content: Option<&RawJson>,
    extras: &Extras,
    own: bool,
) {
    let own = own && inner::any(extras, "logprobs");
    if content.is_none() && !own {
        object.null("logprobs");
        return;
    }
    object.object("logprobs", |logprobs| {
        logprobs.raw_if("content", content);
        if own {
            inner::write(logprobs, extras, "logprobs");
        } else {
            logprobs.null("refusal");
        }
    });
}
