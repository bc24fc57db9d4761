//! One candidate of a stream, part by part.
//!
//! Parts come in pieces without any mark of their ends: text goes on until something else comes.

use crate::Dialect;
use crate::canonical::{Finish, Part, PartBody, Reasoning, ReasoningForm, ToolInput};
use crate::event::{Delta, StreamEvent};
use crate::json::Raw;

use super::super::answer::{Candidate, found, give_id, place, to_openai};
use super::super::finish;
use super::super::part::read_leniently;

/// What has come of a candidate.
#[derive(Debug)]
pub(super) struct Choice {
    index: u32,
    /// How many parts were begun.
    parts: u32,
    open: Option<Open>,
    /// How many parts came on the wire.
    wire: usize,
    calls: usize,
    /// The last reason that was given: some servers give one all along.
    finish: Option<String>,
    blocked: bool,
}

/// A part that may go on.
#[derive(Debug)]
enum Open {
    /// Text, whole so far: citations count in it.
    Text(String),
    /// Thoughts, and whether they are proven, or another provider's.
    Thoughts { proven: bool },
}

impl Choice {
    pub(super) const fn new(index: u32) -> Self {
        Self {
            index,
            parts: 0,
            open: None,
            wire: 0,
            calls: 0,
            finish: None,
            blocked: false,
        }
    }

    /// Takes what is new of it.
    pub(super) fn take(
        &mut self,
        candidate: &Candidate<'_>,
        answer: &str,
        events: &mut Vec<StreamEvent>,
    ) {
        self.blocked = false;
        for part in &candidate.parts {
            self.part(*part, answer, events);
            self.wire += 1;
        }
        for found in found(candidate.grounding, candidate.citations) {
            if let Some(Open::Text(text)) = &self.open {
                let citation = Box::new(found.within(text));
                self.add(Delta::Citation(citation), events);
            }
        }
        if let Some(tokens) = candidate.logprobs.and_then(to_openai) {
            let choice = self.index;
            events.push(StreamEvent::Logprobs { choice, tokens });
        }
        if let Some(word) = candidate.finish.as_ref().filter(|word| !word.is_empty()) {
            self.finish = Some(word.clone().into_owned());
        }
    }

    /// The prompt was refused. Nothing will come; if something does all the same, it was not.
    pub(super) const fn block(&mut self) {
        self.blocked = true;
    }

    /// Why it stopped, if that was said.
    pub(super) fn reason(&self) -> Option<Finish> {
        if self.blocked {
            return Some(Finish::ContentFilter);
        }
        finish::read(self.finish.as_ref()?, (self.calls > 0).into())
    }

    /// Stops the part that may go on.
    pub(super) fn close(&mut self, events: &mut Vec<StreamEvent>) {
        if self.open.take().is_some() {
            let (choice, part) = (self.index, self.parts - 1);
            events.push(StreamEvent::PartStop { choice, part });
        }
    }

    fn part(&mut self, raw: Raw<'_>, answer: &str, events: &mut Vec<StreamEvent>) {
        let choice = usize::try_from(self.index).unwrap_or(usize::MAX);
        let read = read_leniently(raw, place(choice, self.wire));
        if let Some(proof) = read.proof {
            self.prove(proof, events);
        }
        let Some(mut part) = read.part else { return };
        match &mut part.body {
            PartBody::Text { text, .. } => {
                let text = std::mem::take(text);
                self.text(text, part, events);
            }
            PartBody::Reasoning(thoughts) => {
                let thoughts = std::mem::take(thoughts);
                self.thoughts(thoughts, part, events);
            }
            PartBody::ToolUse(call) => {
                give_id(call, &mut part.extras, answer, choice, self.calls);
                self.calls += 1;
                let input = std::mem::replace(&mut call.input, ToolInput::Json(String::new()));
                self.whole(part, Some(Delta::Input(input.as_str().to_owned())), events);
            }
            _ => self.whole(part, None, events),
        }
    }

    fn text(&mut self, text: String, part: Part, events: &mut Vec<StreamEvent>) {
        let goes_on = part.extras.is_empty() && matches!(self.open, Some(Open::Text(_)));
        if text.is_empty() && (goes_on || part.extras.is_empty()) {
            return;
        }
        if !goes_on {
            self.start(part, events);
            self.open = Some(Open::Text(String::new()));
        }
        if let Some(Open::Text(whole)) = &mut self.open {
            whole.push_str(&text);
        }
        self.add(Delta::Text(text), events);
    }

    /// Thoughts go on until they are proven. Another provider's proof, in an envelope, is a part of its own.
    fn thoughts(&mut self, thoughts: Reasoning, mut part: Part, events: &mut Vec<StreamEvent>) {
        let own = thoughts.origin == Some(Dialect::Gemini);
        let goes_on = own && matches!(self.open, Some(Open::Thoughts { proven: false }));
        if !goes_on {
            part.body = PartBody::Reasoning(Reasoning {
                form: thoughts.form,
                origin: thoughts.origin,
                id: thoughts.id,
                ..Reasoning::default()
            });
            self.start(part, events);
        }
        for text in thoughts.texts {
            self.add(Delta::Text(text), events);
        }
        let proven = !own || thoughts.encrypted.is_some() || thoughts.signature.is_some();
        if let Some(signature) = thoughts.signature {
            self.add(Delta::Signature(signature), events);
        }
        if let Some(encrypted) = thoughts.encrypted {
            self.add(Delta::Encrypted(encrypted), events);
        }
        self.open = Some(Open::Thoughts { proven });
    }

    /// A signature on what follows proves the thoughts before it, or thoughts that are not shown.
    fn prove(&mut self, proof: Reasoning, events: &mut Vec<StreamEvent>) {
        if !matches!(self.open, Some(Open::Thoughts { proven: false })) {
            let hidden = Reasoning {
                form: ReasoningForm::Summary,
                origin: proof.origin,
                id: proof.id,
                ..Reasoning::default()
            };
            self.start(PartBody::Reasoning(hidden).into(), events);
            self.open = Some(Open::Thoughts { proven: false });
        }
        if let Some(signature) = proof.signature {
            self.add(Delta::Signature(signature), events);
        }
        if let Some(encrypted) = proof.encrypted {
            self.add(Delta::Encrypted(encrypted), events);
        }
        self.close(events);
    }

    /// A part that comes in one piece.
    fn whole(&mut self, part: Part, delta: Option<Delta>, events: &mut Vec<StreamEvent>) {
        self.start(part, events);
        if let Some(delta) = delta {
            self.add(delta, events);
        }
        let (choice, part) = (self.index, self.parts - 1);
        events.push(StreamEvent::PartStop { choice, part });
    }

    fn start(&mut self, part: Part, events: &mut Vec<StreamEvent>) {
        self.close(events);
        events.push(StreamEvent::PartStart {
            choice: self.index,
            part: self.parts,
            content: Box::new(part),
        });
        self.parts += 1;
    }

    fn add(&self, delta: Delta, events: &mut Vec<StreamEvent>) {
        let (choice, part) = (self.index, self.parts.saturating_sub(1));
        events.push(StreamEvent::PartDelta {
            choice,
            part,
            delta,
        });
    }
}
