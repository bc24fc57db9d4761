//! Writes streams.

use orchestra_types::Usage;

use super::super::answer;
use super::super::finish;
use super::super::tool_calls::ClientTools;
use super::form::Teller;
use super::frames::Frames;
use super::told::Choice;
use crate::canonical::Finish;
use crate::codec::{AnswerContext, StreamEncode};
use crate::event::StreamEvent;
use crate::{Dialect, ErrorView, Family, LossKind, Losses, RawJson, render_error};

/// Writes a stream of Chat Completions.
#[derive(Debug)]
pub(in super::super) struct Encoder {
    /// From which the answer's id is made.
    call: String,
    created: u64,
    model: String,
    include_usage: bool,
    tools: ClientTools,
    frames: Frames,
    usage: Option<Usage>,
    choices: Vec<Choice>,
}

impl Encoder {
    /// A writer at the start of the answer to `context.request`.
    pub(in super::super) fn new(context: &AnswerContext<'_>) -> Self {
        Self {
            call: context.id.to_owned(),
            created: context.created,
            model: context.request.model.clone(),
            include_usage: context.request.include_usage,
            tools: ClientTools::of(context),
            frames: Frames::default(),
            usage: None,
            choices: Vec::new(),
        }
    }
}

impl StreamEncode for Encoder {
    fn event(&mut self, event: &StreamEvent, out: &mut String, losses: &mut Losses) {
        match event {
            StreamEvent::Start { id, model, created } => {
                let own = losses.within_one_dialect();
                self.start(&answer::id(id, &self.call, own), model, *created, out);
            }
            StreamEvent::PartStart {
                choice, content, ..
            } => {
                let (choice, mut teller) = self.at(*choice, out, losses);
                choice.begin(content, &mut teller);
            }
            StreamEvent::PartDelta {
                choice,
                part,
                delta,
            } => {
                let (choice, mut teller) = self.at(*choice, out, losses);
                choice.go_on(*part, delta, &mut teller);
            }
            StreamEvent::PartStop { choice, part } => {
                let (choice, mut teller) = self.at(*choice, out, losses);
                choice.stop(*part, &mut teller);
            }
            StreamEvent::Logprobs { choice, tokens } => {
                self.at(*choice, out, losses);
                self.frames.logprobs(out, *choice, tokens);
            }
            StreamEvent::Usage(usage) => self.usage = Some(*usage),
            StreamEvent::ServiceTier(tier) => {
                if let Some(tier) = answer::tier_word(tier, losses) {
                    self.frames.set_tier(tier);
                }
            }
            StreamEvent::Finish { choice, reason } => {
                self.finish(*choice, Some(reason), out, losses);
            }
            StreamEvent::End => self.end(out, losses),
            StreamEvent::Fault(_) => {}
            // As DeepSeek does; SDKs pass over comments.
            StreamEvent::Ping => out.push_str(": keep-alive\n\n"),
            StreamEvent::Opaque { origin, kind, raw } => {
                self.opaque(*origin, kind, raw, out, losses);
            }
        }
    }

    fn fault(&mut self, view: &ErrorView<'_>, out: &mut String) {
        out.push_str("data: ");
        out.push_str(&render_error(Family::OpenAi, view));
        out.push_str("\n\n");
    }
}

impl Encoder {
    fn start(&mut self, id: &str, model: &str, created: Option<u64>, out: &mut String) {
        let model = if model.is_empty() { &self.model } else { model };
        let created = created.unwrap_or(self.created);
        self.frames = Frames::new(id, created, model, self.include_usage);
        self.choice(0, out);
    }

    /// The choice of this index. A new one begins by saying who speaks.
    fn choice(&mut self, index: u32, out: &mut String) -> usize {
        let found = self.choices.iter().position(|choice| choice.index == index);
        found.unwrap_or_else(|| {
            self.frames.delta(out, index, |delta| {
                delta.text("role", "assistant");
                delta.null("content");
            });
            self.choices.push(Choice::new(index, self.tools.old));
            self.choices.len() - 1
        })
    }

    /// A choice, and what it needs to speak.
    fn at<'a>(
        &'a mut self,
        index: u32,
        out: &'a mut String,
        losses: &'a mut Losses,
    ) -> (&'a mut Choice, Teller<'a>) {
        let at = self.choice(index, out);
        let teller = Teller {
            frames: &self.frames,
            tools: &self.tools,
            out,
            losses,
        };
        (&mut self.choices[at], teller)
    }

    fn finish(
        &mut self,
        index: u32,
        reason: Option<&Finish>,
        out: &mut String,
        losses: &mut Losses,
    ) {
        let (choice, mut teller) = self.at(index, out, losses);
        choice.end(&mut teller);
        if std::mem::replace(&mut choice.finished, true) {
            return;
        }
        let held = choice.held;
        let at = usize::try_from(index).unwrap_or_default();
        let word = finish::word(at, reason, held, losses);
        self.frames.finish(out, index, &word);
    }

    /// Clients wait for a finish of every choice.
    fn end(&mut self, out: &mut String, losses: &mut Losses) {
        let begun = |choice: &&Choice| !choice.finished && choice.began();
        let open: Vec<u32> = self
            .choices
            .iter()
            .filter(begun)
            .map(|choice| choice.index)
            .collect();
        for index in open {
            self.finish(index, None, out, losses);
        }
        if let Some(usage) = self.usage.filter(|_| self.include_usage) {
            self.frames.usage(out, &usage);
        }
        out.push_str("data: [DONE]\n\n");
    }

    /// Members of deltas that came from this dialect return to it.
    fn opaque(
        &self,
        origin: Dialect,
        kind: &str,
        raw: &RawJson,
        out: &mut String,
        losses: &mut Losses,
    ) {
        if origin == Dialect::OpenAiChat && losses.within_one_dialect() {
            self.frames
                .delta(out, 0, |delta| delta.raw(kind, raw.as_str()));
        } else {
            losses.add(format!("answer.{kind}"), LossKind::Dropped);
        }
    }
}
