//! Reads an answer in one piece.

use crate::canonical::{Answer, Choice, Finish, Part, PartBody, Reasoning};
use crate::json::Raw;
use crate::sniff::answer_object;
use crate::usage::of_gemini;
use crate::{AnswerError, Dialect, RawJson};

use super::super::carry::{BLOCKED, CREATED, FINISH, LOGPROBS, USAGE, keep, note, note_absence};
use super::super::name::{Field, fields_if_any, items, member};
use super::super::part::read_leniently;
use super::super::{finish, time, usage};
use super::candidate::{Candidate, place};
use super::citations::{attach_to, found};
use super::{give_id, logprobs};

/// Reads an answer.
pub(in crate::gemini) fn decode(body: &str) -> Result<Answer, AnswerError> {
    let object = answer_object(body)?;
    let mut answer = Answer::default();
    let mut candidates = Vec::new();
    for field in fields_if_any(object) {
        match &*field.name {
            "candidates" => {
                let each = items(field.value).map(|(_, item)| Candidate::read(item));
                candidates = each.collect();
            }
            _ => take(&mut answer, &field),
        }
    }
    candidates.sort_by_key(|candidate| candidate.index.unwrap_or_default());
    for (index, candidate) in candidates.into_iter().enumerate() {
        answer.choices.push(choice(candidate, &answer.id, index));
    }
    if answer.choices.is_empty() && member(object, "promptFeedback").is_some_and(is_blocked) {
        answer.choices.push(blocked());
        note_absence(&mut answer.extras, BLOCKED);
    }
    Ok(answer)
}

fn take(answer: &mut Answer, field: &Field<'_>) {
    let (value, text) = (field.value, field.value.text());
    match &*field.name {
        "responseId" => answer.id = text.unwrap_or_default().into_owned(),
        "modelVersion" => answer.model = text.unwrap_or_default().into_owned(),
        "createTime" => {
            answer.created = text.as_deref().and_then(time::parse);
            note(&mut answer.extras, CREATED, value.into());
        }
        "usageMetadata" => {
            answer.usage = of_gemini(value);
            answer.service_tier = usage::service_tier(value);
            usage::keep_the_rest(&mut answer.extras, value);
            note(&mut answer.extras, USAGE, value.into());
        }
        _ => keep(&mut answer.extras, "", field),
    }
}

/// Whether the prompt was refused, so that there is no candidate.
pub(in crate::gemini) fn is_blocked(feedback: Raw<'_>) -> bool {
    member(feedback, "blockReason").is_some_and(Raw::says_something)
}

/// What stands for the candidates of a refused prompt.
fn blocked() -> Choice {
    Choice {
        finish: Some(Finish::ContentFilter),
        ..Choice::default()
    }
}

fn choice(candidate: Candidate<'_>, answer: &str, index: usize) -> Choice {
    let mut said = Parts::default();
    for (wire, part) in candidate.parts.iter().enumerate() {
        said.take(*part, answer, (index, wire));
    }
    let found = found(candidate.grounding, candidate.citations);
    attach_to(&mut said.parts, &said.wire_indexes, found);
    let mut choice = Choice {
        parts: said.parts,
        extras: candidate.extras,
        ..Choice::default()
    };
    if let Some(word) = candidate.finish {
        choice.finish = finish::read(&word, (said.calls > 0).into());
        let plain = choice
            .finish
            .as_ref()
            .is_some_and(|finish| finish::write(finish).0 == word);
        if !plain {
            note(&mut choice.extras, FINISH, RawJson::string(&word));
        }
    }
    if let Some(result) = candidate.logprobs {
        choice.logprobs = logprobs::to_openai(result);
        note(&mut choice.extras, LOGPROBS, result.into());
    }
    choice
}

/// The parts of a candidate as they come.
#[derive(Default)]
struct Parts {
    parts: Vec<Part>,
    /// For each part the index of the one on the wire that it came from.
    wire_indexes: Vec<usize>,
    calls: usize,
}

impl Parts {
    fn take(&mut self, raw: Raw<'_>, answer: &str, (choice, wire): (usize, usize)) {
        let at = place(choice, wire);
        let read = read_leniently(raw, at);
        if let Some(proof) = read.proof {
            self.prove(proof, wire);
        }
        let Some(mut part) = read.part else { return };
        if let PartBody::ToolUse(call) = &mut part.body {
            give_id(call, &mut part.extras, answer, choice, self.calls);
            self.calls += 1;
        }
        if !self.goes_on(&part) {
            self.push(part, wire);
        }
    }

    fn push(&mut self, part: Part, wire: usize) {
        self.parts.push(part);
        self.wire_indexes.push(wire);
    }

    /// The signature on a part proves the thoughts that led to it: the client gets both as one.
    fn prove(&mut self, proof: Reasoning, wire: usize) {
        match self.parts.last_mut().map(|part| &mut part.body) {
            Some(PartBody::Reasoning(thoughts)) if is_unproven(thoughts) => {
                thoughts.signature = proof.signature;
            }
            _ => self.push(PartBody::Reasoning(proof).into(), wire),
        }
        if let Some(part) = self
            .parts
            .last_mut()
            .filter(|part| part.at.member.is_empty())
        {
            part.at = place(0, wire);
        }
    }

    /// Whether thoughts are a further section of those before them.
    fn goes_on(&mut self, part: &Part) -> bool {
        let PartBody::Reasoning(more) = &part.body else {
            return false;
        };
        match self.parts.last_mut().map(|part| &mut part.body) {
            Some(PartBody::Reasoning(thoughts))
                if is_unproven(thoughts) && is_unproven(more) && part.extras.is_empty() =>
            {
                thoughts.texts.extend(more.texts.iter().cloned());
                true
            }
            _ => false,
        }
    }
}

/// Whether they are thoughts of Gemini that nothing proves yet.
fn is_unproven(thoughts: &Reasoning) -> bool {
    let own = thoughts.origin == Some(Dialect::Gemini);
    own && thoughts.signature.is_none() && thoughts.encrypted.is_none()
}
