//! Writes an answer.

use super::Echo;
use super::finish::{self, Held, Outcome};
use crate::canonical::{Answer, Extras, Place};
use crate::codec::AnswerContext;
use crate::json::{ObjectWriter, Writer};
use crate::openai_responses::output::{Assembler, Item, Sink, Status, Tell};
use crate::{Dialect, Losses, usage};
use orchestra_types::Usage;

/// Writes an answer in one piece.
pub(in crate::openai_responses) fn answer(
    answer: &Answer,
    context: &AnswerContext<'_>,
    losses: &mut Losses,
) -> String {
    let mut sink = Sink::none();
    let mut output = Assembler::new(context);
    let mut held = Held::default();
    let choice = answer.choices.first();
    let mut tell = Tell {
        sink: &mut sink,
        losses,
    };
    for (index, part) in (0..).zip(choice.iter().flat_map(|choice| &choice.parts)) {
        held.note(part);
        output.start(index, part, &mut tell);
        output.stop(index, &mut tell);
    }
    if let Some(tokens) = choice.and_then(|choice| choice.logprobs.as_ref()) {
        output.all_logprobs(tokens, tell.losses);
    }
    let ending = Ending {
        outcome: finish::write(
            choice.and_then(|choice| choice.finish.as_ref()),
            held,
            losses,
        ),
        usage: answer.usage.as_ref(),
        service_tier: service_tier(answer.service_tier.as_deref(), losses),
        extras: extras(answer, losses),
    };
    let shell = Shell::new(context, &answer.model, answer.created);
    Writer::object(|object| shell.write(object, output.items(), Some(&ending)))
}

/// The other members, and what else of a foreign answer has no place here.
fn extras<'a>(answer: &'a Answer, losses: &mut Losses) -> &'a [(String, crate::RawJson)] {
    const EMPTY: &Extras = &Extras::new();
    let at = Place::member("answer");
    for (index, choice) in answer.choices.iter().enumerate() {
        let at = [at, Place::item(choices_name(losses.from()), index)];
        if index > 0 {
            losses.dropped(&at);
        }
        if !losses.within_one_dialect() {
            losses.dropped_extras(&at, &choice.extras);
        }
    }
    if losses.within_one_dialect() {
        return &answer.extras;
    }
    losses.dropped_extras(&[at], &answer.extras);
    EMPTY
}

/// Where the dialects keep several answers; the others have but one.
pub(in crate::openai_responses) const fn choices_name(from: Dialect) -> &'static str {
    match from {
        Dialect::Gemini => "candidates",
        Dialect::OpenAiChat => "choices",
        _ => "",
    }
}

/// The tier in the words of this dialect.
pub(in crate::openai_responses) fn service_tier<'a>(
    tier: Option<&'a str>,
    losses: &mut Losses,
) -> Option<&'a str> {
    let tier = tier?;
    match losses.from() {
        Dialect::OpenAiChat | Dialect::OpenAiResponses => Some(tier),
        from => {
            let lower = tier.to_ascii_lowercase();
            match lower.trim_start_matches("service_tier_") {
                "standard" | "default" => Some("default"),
                "priority" => Some("priority"),
                "flex" => Some("flex"),
                _ => {
                    let path = match from {
                        Dialect::AnthropicMessages => "answer.usage.service_tier",
                        _ => "answer.usageMetadata.serviceTier",
                    };
                    losses.add(path.to_owned(), crate::LossKind::Dropped);
                    None
                }
            }
        }
    }
}

/// What all objects of one answer have in common, from the first event of a stream to the last.
#[derive(Debug)]
pub(in crate::openai_responses) struct Shell {
    id: String,
    created: u64,
    model: String,
    echo: Echo,
}

/// What is known at the end.
#[derive(Debug)]
pub(in crate::openai_responses) struct Ending<'a> {
    pub(in crate::openai_responses) outcome: Outcome<'a>,
    pub(in crate::openai_responses) usage: Option<&'a Usage>,
    pub(in crate::openai_responses) service_tier: Option<&'a str>,
    pub(in crate::openai_responses) extras: &'a [(String, crate::RawJson)],
}

impl Shell {
    /// The common members of the answer to `context.request`, with what the provider says of model and time.
    pub(in crate::openai_responses) fn new(
        context: &AnswerContext<'_>,
        model: &str,
        created: Option<u64>,
    ) -> Self {
        let mut shell = Self {
            id: format!("resp_{}", context.id),
            created: context.created,
            model: context.request.model.clone(),
            echo: Echo::of(context.body),
        };
        shell.told(model, created);
        shell
    }

    /// What the provider says of model and time.
    pub(in crate::openai_responses) fn told(&mut self, model: &str, created: Option<u64>) {
        if !model.is_empty() {
            model.clone_into(&mut self.model);
        }
        self.created = created.unwrap_or(self.created);
    }

    /// Writes the whole object; without an ending, as it is while it goes on.
    pub(in crate::openai_responses) fn write(
        &self,
        object: &mut ObjectWriter<'_>,
        items: &[Item],
        ending: Option<&Ending<'_>>,
    ) {
        let status = ending.map_or("in_progress", |ending| ending.outcome.status);
        object.text("id", &self.id);
        object.text("object", "response");
        object.count("created_at", self.created);
        object.text("status", status);
        object.null("error");
        incomplete_details(object, ending);
        object.text("model", &self.model);
        object.list("output", |list| {
            for (index, item) in items.iter().enumerate() {
                let cut = status == "incomplete" && index + 1 == items.len();
                let status = if cut {
                    Status::Incomplete
                } else {
                    Status::Completed
                };
                item.write(list, status);
            }
        });
        self.echo.write(object);
        object.text_if(
            "service_tier",
            ending.and_then(|ending| ending.service_tier),
        );
        match ending.and_then(|ending| ending.usage) {
            Some(counts) => object.object("usage", |usage| usage::openai_responses(usage, counts)),
            None => object.null("usage"),
        }
        object.extras(ending.map_or(&[], |ending| ending.extras));
    }
}

fn incomplete_details(object: &mut ObjectWriter<'_>, ending: Option<&Ending<'_>>) {
    match ending.and_then(|ending| ending.outcome.reason) {
        Some(reason) => object.object("incomplete_details", |details| {
            details.text_if("reason", Some(reason).filter(|reason| !reason.is_empty()));
        }),
        None => object.null("incomplete_details"),
    }
}
