//! Writes a stream.

use std::collections::BTreeMap;

use orchestra_types::Usage;

use crate::canonical::{Citation, Extras, Finish, Part, PartBody, Place};
use crate::codec::StreamEncode;
use crate::event::StreamEvent;
use crate::json::{ObjectWriter, Writer};
use crate::{AnswerContext, Dialect, ErrorView, Family, LossKind, Losses, RawJson, render_error};

use super::super::answer::{
    Said, content, from_openai, head, is_sayable, placed, tier_word, write_citations, write_finish,
    write_usage,
};
use super::super::time;
use super::queue::{Queue, flows};

/// Writes a stream: text as it comes, everything else when it is whole, usage and the reasons of the end last.
#[derive(Debug)]
pub(in crate::gemini) struct Encoder {
    id: String,
    /// The model that was asked for, and answers unless the provider names another.
    model: String,
    created: Option<u64>,
    choices: BTreeMap<u32, Choice>,
    usage: Option<Usage>,
    tier: Option<String>,
    /// What is said of the prompt.
    feedback: Option<RawJson>,
    over: bool,
}

#[derive(Debug, Default)]
struct Choice {
    queue: Queue,
    said: Said,
    finish: Option<Finish>,
    text: Running,
}

/// The text that a client sees as one: citations count in it.
#[derive(Debug, Default)]
struct Running {
    whole: String,
    /// Where the part that is being written begins in it, in bytes.
    from: usize,
}

impl Running {
    fn go_on(&mut self, text: &str, is_thought: bool) {
        if is_thought {
            *self = Self::default();
        } else {
            self.whole.push_str(text);
        }
    }

    /// A part is whole: what it rests on, if another dialect says so and nothing beside the text tells it.
    fn stop(&mut self, part: &Part, losses: &mut Losses) -> Option<Vec<Citation>> {
        let (before, text) = self.whole.split_at_checked(self.from)?;
        let mut part = part.clone();
        match &mut part.body {
            PartBody::Text { text: said, .. } => text.clone_into(said),
            PartBody::Refusal { .. } => {}
            _ => {
                *self = Self::default();
                return None;
            }
        }
        let mut citations = placed(&part, before.chars().count() as u64);
        self.from = self.whole.len();
        if losses.within_one_dialect() {
            return None;
        }
        citations.retain(|citation| is_sayable(part.at, citation, losses));
        (!citations.is_empty()).then_some(citations)
    }
}

impl Encoder {
    pub(in crate::gemini) fn new(context: &AnswerContext<'_>) -> Self {
        Self {
            id: context.id.to_owned(),
            model: context.request.model.clone(),
            created: None,
            choices: BTreeMap::new(),
            usage: None,
            tier: None,
            feedback: None,
            over: false,
        }
    }
}

impl StreamEncode for Encoder {
    fn event(&mut self, event: &StreamEvent, out: &mut String, losses: &mut Losses) {
        if self.over {
            return;
        }
        match event {
            StreamEvent::Start { model, created, .. } => self.start(model, *created),
            StreamEvent::PartStart {
                choice, content, ..
            } => {
                self.choice(*choice).queue.start((**content).clone());
                self.flush(*choice, out, losses);
            }
            StreamEvent::PartDelta {
                choice,
                part,
                delta,
            } => {
                self.choice(*choice).queue.add(*part, delta);
                self.flush(*choice, out, losses);
            }
            StreamEvent::PartStop { choice, part } => {
                self.choice(*choice).queue.stop(*part);
                self.flush(*choice, out, losses);
            }
            StreamEvent::Logprobs { choice, tokens } => self.logprobs(*choice, tokens, out),
            StreamEvent::Usage(usage) => self.usage = Some(*usage),
            StreamEvent::ServiceTier(tier) => {
                self.tier = tier_word(tier, losses).map(str::to_owned);
            }
            StreamEvent::Finish { choice, reason } => {
                self.choice(*choice).finish = Some(reason.clone());
            }
            StreamEvent::End => self.end(out, losses),
            StreamEvent::Fault(_) | StreamEvent::Ping => {}
            StreamEvent::Opaque { origin, kind, raw } => {
                self.opaque(*origin, kind, raw, out, losses);
            }
        }
    }

    fn fault(&mut self, view: &ErrorView<'_>, out: &mut String) {
        self.over = true;
        event_of(&render_error(Family::Google, view), out);
    }
}

impl Encoder {
    fn start(&mut self, model: &str, created: Option<u64>) {
        self.created = created;
        if !model.is_empty() {
            model.clone_into(&mut self.model);
        }
    }

    fn choice(&mut self, index: u32) -> &mut Choice {
        self.choices.entry(index).or_default()
    }

    /// Writes what can be written of a choice, in the order of its parts.
    fn flush(&mut self, index: u32, out: &mut String, losses: &mut Losses) {
        let choice = self.choice(index);
        let mut cited = Vec::new();
        while let Some(waiting) = choice.queue.front() {
            if flows(&waiting.part) {
                let is_thought = waiting.part.as_reasoning().is_some();
                if let Some(text) = waiting.take_text() {
                    choice.said.flow(&text, is_thought, &waiting.part, losses);
                    choice.text.go_on(&text, is_thought);
                }
            }
            let Some(stopped) = choice.queue.take_stopped() else {
                break;
            };
            if let Some(citations) = choice.text.stop(&stopped.part, losses) {
                cited.push((choice.text.whole.clone(), citations));
            }
            choice.said.stop(&stopped.part, losses);
        }
        let parts = std::mem::take(&mut choice.said.parts);
        if !parts.is_empty() {
            self.chunk(out, index, |candidate| content(candidate, &parts));
        }
        for (text, citations) in cited {
            self.cite(index, &text, &citations, out);
        }
    }

    /// Writes what a text rests on right behind it.
    fn cite(&self, index: u32, text: &str, citations: &[Citation], out: &mut String) {
        self.chunk(out, index, |candidate| {
            candidate.object("groundingMetadata", |metadata| {
                write_citations(metadata, &[(0, text, citations)]);
            });
        });
    }

    fn logprobs(&self, index: u32, tokens: &RawJson, out: &mut String) {
        self.chunk(out, index, |candidate| {
            candidate.object("logprobsResult", |result| from_openai(result, tokens.raw()));
        });
    }

    /// What this dialect alone knows is an event already. A refused prompt ends the answer, so that it is told at
    /// the end.
    fn opaque(
        &mut self,
        origin: Dialect,
        kind: &str,
        raw: &RawJson,
        out: &mut String,
        losses: &mut Losses,
    ) {
        if origin != Dialect::Gemini {
            losses.add(format!("answer.{kind}"), LossKind::Dropped);
        } else if kind == "promptFeedback" {
            self.feedback = Some(raw.clone());
        } else {
            self.verbatim(raw, out);
        }
    }

    fn verbatim(&self, raw: &RawJson, out: &mut String) {
        let event = Writer::object(|object| {
            for (name, value) in raw.raw().members() {
                object.raw(&name, value.json());
            }
            head(object, &self.model, &self.id);
        });
        event_of(&event, out);
    }

    fn chunk(&self, out: &mut String, index: u32, fill: impl FnOnce(&mut ObjectWriter<'_>)) {
        let chunk = Writer::object(|object| {
            object.list("candidates", |list| {
                list.object(|candidate| {
                    fill(candidate);
                    candidate.count("index", index.into());
                });
            });
            head(object, &self.model, &self.id);
        });
        event_of(&chunk, out);
    }

    /// The last event holds why every candidate stopped, and the tokens of the whole answer.
    fn end(&mut self, out: &mut String, losses: &mut Losses) {
        self.over = true;
        if let Some(feedback) = &self.feedback {
            self.verbatim(feedback, out);
        }
        let chunk = Writer::object(|object| {
            object.list("candidates", |list| {
                for (index, choice) in &mut self.choices {
                    list.object(|candidate| last(candidate, *index, choice, losses));
                }
            });
            write_usage(object, self.usage.as_ref(), self.tier.as_deref());
            head(object, &self.model, &self.id);
            object.text_if("createTime", self.created.and_then(time::write).as_deref());
        });
        event_of(&chunk, out);
    }
}

/// Clients read the first part of every candidate, so there is one.
fn last(candidate: &mut ObjectWriter<'_>, index: u32, choice: &mut Choice, losses: &mut Losses) {
    choice.said.flush_proof();
    let mut parts = std::mem::take(&mut choice.said.parts);
    if parts.is_empty() {
        parts.push(r#"{"text":""}"#.into());
    }
    content(candidate, &parts);
    let place = usize::try_from(index).unwrap_or(usize::MAX);
    let none = Extras::new();
    write_finish(candidate, place, choice.finish.as_ref(), &none, losses);
    candidate.count("index", index.into());
}

/// Adds an event. A line break in what was carried along would end its field; between values any whitespace is as
/// good as another.
fn event_of(json: &str, out: &mut String) {
    out.push_str("data: ");
    let mut lines = json.split(['\n', '\r']);
    out.push_str(lines.next().unwrap_or_default());
    for line in lines {
        out.push(' ');
        out.push_str(line);
    }
    out.push_str("\n\n");
}

impl Said {
    /// Adds a piece of a text or of thoughts.
    fn flow(&mut self, text: &str, is_thought: bool, part: &Part, losses: &mut Losses) {
        if is_thought {
            return self.thought(text, None, None);
        }
        if matches!(part.body, PartBody::Refusal { .. }) {
            losses.approximated(&[Place::member("answer"), part.at]);
        }
        self.text(text, None);
    }

    /// Ends a part: thoughts with their proof; what does not flow comes only now.
    fn stop(&mut self, part: &Part, losses: &mut Losses) {
        if !flows(part) {
            return self.part(part, losses);
        }
        if !losses.within_one_dialect() {
            losses.dropped_extras(&[Place::member("answer"), part.at], &part.extras);
        }
        if let PartBody::Reasoning(thoughts) = &part.body {
            self.end_thoughts(thoughts, losses.from());
        }
    }
}
