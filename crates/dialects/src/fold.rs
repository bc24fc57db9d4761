//! From events to the answer they tell, and the laws of events.

use std::collections::BTreeMap;

use orchestra_types::Usage;

use crate::canonical::{Answer, Choice, Part, PartBody};
use crate::event::{Delta, StreamEvent};
use crate::json::Writer;
use crate::{RawJson, UpstreamError};

/// Puts a streamed answer together.
#[derive(Debug, Default)]
pub struct Fold {
    answer: Answer,
    choices: BTreeMap<u32, OpenChoice>,
    usage: Option<Usage>,
    ended: bool,
    fault: Option<UpstreamError>,
}

#[derive(Debug, Default)]
struct OpenChoice {
    choice: Choice,
    logprobs: Vec<RawJson>,
}

impl Fold {
    /// Adds an event.
    pub fn add(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::Start { id, model, created } => {
                self.answer.id.clone_from(id);
                self.answer.model.clone_from(model);
                self.answer.created = *created;
            }
            StreamEvent::PartStart {
                choice, content, ..
            } => self.choice(*choice).choice.parts.push((**content).clone()),
            StreamEvent::PartDelta {
                choice,
                part,
                delta,
            } => {
                let parts = &mut self.choice(*choice).choice.parts;
                if let Some(part) = parts.get_mut(*part as usize) {
                    extend(part, delta);
                }
            }
            StreamEvent::Logprobs { choice, tokens } => {
                self.choice(*choice).logprobs.push(tokens.clone());
            }
            StreamEvent::Usage(usage) => self.usage = Some(*usage),
            StreamEvent::ServiceTier(tier) => self.answer.service_tier = Some(tier.clone()),
            StreamEvent::Finish { choice, reason } => {
                self.choice(*choice).choice.finish = Some(reason.clone());
            }
            StreamEvent::End => self.ended = true,
            StreamEvent::Fault(error) => self.fault = Some(error.clone()),
            StreamEvent::PartStop { .. } | StreamEvent::Ping | StreamEvent::Opaque { .. } => {}
        }
    }

    /// Whether the provider ended the stream properly.
    #[must_use]
    pub const fn ended(&self) -> bool {
        self.ended
    }

    /// The error that ended the stream.
    #[must_use]
    pub const fn fault(&self) -> Option<&UpstreamError> {
        self.fault.as_ref()
    }

    /// The answer as far as it has come.
    #[must_use]
    pub fn finish(mut self) -> Answer {
        self.answer.usage = self.usage;
        self.answer.choices = self.choices.into_values().map(OpenChoice::finish).collect();
        self.answer
    }

    fn choice(&mut self, index: u32) -> &mut OpenChoice {
        self.choices.entry(index).or_default()
    }
}

impl OpenChoice {
    fn finish(mut self) -> Choice {
        if !self.logprobs.is_empty() {
            let tokens = self.logprobs.iter().flat_map(|list| list.raw().items());
            self.choice.logprobs = Some(Writer::list_of(tokens.map(|token| token.json())));
        }
        self.choice
    }
}

/// Adds a delta to its part. One that does not fit its part says nothing.
pub(crate) fn extend(part: &mut Part, delta: &Delta) {
    match (&mut part.body, delta) {
        (PartBody::Text { text, .. } | PartBody::Refusal { text }, Delta::Text(more)) => {
            text.push_str(more);
        }
        (PartBody::Text { citations, .. }, Delta::Citation(citation)) => {
            citations.push((**citation).clone());
        }
        (PartBody::ToolUse(call), Delta::Input(more)) => call.input.text_mut().push_str(more),
        (PartBody::Reasoning(reasoning), Delta::Text(more)) => match reasoning.texts.last_mut() {
            Some(last) => last.push_str(more),
            None => reasoning.texts.push(more.clone()),
        },
        (PartBody::Reasoning(reasoning), Delta::Section) => reasoning.texts.push(String::new()),
        (PartBody::Reasoning(reasoning), Delta::Signature(more)) => {
            reasoning.signature.get_or_insert_default().push_str(more);
        }
        (PartBody::Reasoning(reasoning), Delta::Encrypted(whole)) => {
            reasoning.encrypted = Some(whole.clone());
        }
        _ => {}
    }
}

/// Checks the laws of [`StreamEvent`] along a stream. Decoders are held to them in tests and debug builds.
#[derive(Debug, Default)]
pub struct LawKeeper {
    started: bool,
    over: bool,
    /// Of each choice: for each part whether it is open.
    parts: BTreeMap<u32, Vec<bool>>,
    finished: Vec<u32>,
}

impl LawKeeper {
    /// Takes the next event.
    ///
    /// # Errors
    /// The law that it breaks, in words.
    pub fn check(&mut self, event: &StreamEvent) -> Result<(), &'static str> {
        if self.over {
            return Err("an event follows the terminal one");
        }
        match event {
            StreamEvent::Start { .. } if self.started => return Err("the answer starts twice"),
            StreamEvent::Start { .. } => self.started = true,
            StreamEvent::Fault(_) => self.over = true,
            StreamEvent::Ping => {}
            _ if !self.started => return Err("an event precedes the start"),
            StreamEvent::PartStart { choice, part, .. } => {
                let parts = self.parts.entry(*choice).or_default();
                if *part as usize != parts.len() {
                    return Err("a part starts out of order");
                }
                parts.push(true);
            }
            StreamEvent::PartDelta { choice, part, .. } => {
                self.open(*choice, *part)
                    .ok_or("a part that is not open goes on")?;
            }
            StreamEvent::PartStop { choice, part } => {
                *self
                    .open(*choice, *part)
                    .ok_or("a part that is not open stops")? = false;
            }
            StreamEvent::Finish { choice, .. } => {
                if self.finished.contains(choice) {
                    return Err("a choice finishes twice");
                }
                self.finished.push(*choice);
            }
            StreamEvent::End => {
                if self.parts.values().flatten().any(|open| *open) {
                    return Err("the stream ends within a part");
                }
                self.over = true;
            }
            StreamEvent::Logprobs { .. }
            | StreamEvent::Usage(_)
            | StreamEvent::ServiceTier(_)
            | StreamEvent::Opaque { .. } => {}
        }
        Ok(())
    }

    fn open(&mut self, choice: u32, part: u32) -> Option<&mut bool> {
        let parts = self.parts.get_mut(&choice)?;
        parts.get_mut(part as usize).filter(|open| **open)
    }
}
