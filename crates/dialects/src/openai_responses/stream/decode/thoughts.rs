//! Thoughts: a summary, the thoughts themselves, or both.

use super::event::Event;
use super::tell::{Tell, rest};
use crate::Dialect;
use crate::canonical::{Part, PartBody, Place, Reasoning, ReasoningForm};
use crate::event::Delta;
use crate::json::Raw;
use crate::openai_responses::answer;

/// The thoughts of an item as far as they have come.
#[derive(Debug)]
pub(super) struct Thoughts {
    at: Place,
    id: String,
    summary: Form,
    content: Form,
}

/// Thoughts in one form.
#[derive(Debug)]
struct Form {
    form: ReasoningForm,
    /// Once there is something to tell.
    part: Option<u32>,
    /// How many sections have been told.
    sections: usize,
    /// The provider's index of the last section.
    last: u64,
    /// How many bytes of the last section have been told.
    told: usize,
}

impl Thoughts {
    /// Nothing is told before it is known in which form the thoughts come.
    pub(super) const fn new(at: Place, id: String) -> Self {
        Self {
            at,
            id,
            summary: Form::new(ReasoningForm::Summary),
            content: Form::new(ReasoningForm::Full),
        }
    }

    pub(super) fn progress(&mut self, kind: &str, event: &Event<'_>, tell: &mut Tell<'_>) {
        let bare = bare(self.at, &self.id);
        let (form, kind) = match kind.strip_prefix("response.reasoning_summary_") {
            Some(kind) => (&mut self.summary, kind),
            None => (
                &mut self.content,
                kind.strip_prefix("response.reasoning_").unwrap_or_default(),
            ),
        };
        let index = event.index.unwrap_or(form.last);
        match kind {
            "text.delta" => form.more(index, &event.delta(), &bare, tell),
            "text.done" => form.whole(index, &event.text("text"), &bare, tell),
            "part.done" => {
                let part = event.raw.member("part");
                let text = part.map(|part| answer::text(part.member("text")));
                form.whole(index, &text.unwrap_or_default(), &bare, tell);
            }
            _ => {}
        }
    }

    pub(super) fn complete(&mut self, item: Raw<'_>, tell: &mut Tell<'_>) {
        let parts = answer::item_parts(item, self.at.index.unwrap_or_default() as usize);
        if self.summary.part.is_none() && self.content.part.is_none() {
            parts.into_iter().for_each(|part| tell.whole(part));
            return;
        }
        let bare = bare(self.at, &self.id);
        let thoughts = parts.iter().filter_map(Part::as_reasoning);
        let mut encrypted = None;
        for one in thoughts {
            let form = match one.form {
                ReasoningForm::Summary => &mut self.summary,
                ReasoningForm::Full => &mut self.content,
            };
            form.complete(&one.texts, &bare, tell);
            encrypted = encrypted.or_else(|| one.encrypted.clone());
        }
        let first = self.summary.part.or(self.content.part);
        if let (Some(first), Some(encrypted)) = (first, encrypted) {
            tell.delta(first, Delta::Encrypted(encrypted));
        }
        self.close(tell);
    }

    pub(super) fn close(&mut self, tell: &mut Tell<'_>) {
        for form in [&mut self.summary, &mut self.content] {
            if let Some(part) = form.part.take() {
                tell.stop(part);
            }
        }
    }
}

impl Form {
    const fn new(form: ReasoningForm) -> Self {
        Self {
            form,
            part: None,
            sections: 0,
            last: 0,
            told: 0,
        }
    }

    /// A section goes on, or begins.
    fn more(&mut self, index: u64, more: &str, bare: &Part, tell: &mut Tell<'_>) {
        if more.is_empty() {
            return;
        }
        let part = *self
            .part
            .get_or_insert_with(|| tell.start(in_form(bare, self.form)));
        if self.sections == 0 || index != self.last {
            if self.sections > 0 {
                tell.delta(part, Delta::Section);
            }
            self.sections += 1;
            self.last = index;
            self.told = 0;
        }
        self.told += more.len();
        tell.delta(part, Delta::Text(more.to_owned()));
    }

    fn whole(&mut self, index: u64, whole: &str, bare: &Part, tell: &mut Tell<'_>) {
        let told = if index == self.last { self.told } else { 0 };
        if let Some(rest) = rest(whole, told) {
            self.more(index, rest, bare, tell);
        }
    }

    /// Tells what is new of all sections.
    fn complete(&mut self, texts: &[String], bare: &Part, tell: &mut Tell<'_>) {
        for (at, text) in texts.iter().enumerate() {
            if at + 1 == self.sections {
                self.whole(self.last, text, bare, tell);
            } else if at >= self.sections {
                let next = if self.sections == 0 { 0 } else { self.last + 1 };
                self.whole(next, text, bare, tell);
            }
        }
    }
}

fn bare(at: Place, id: &str) -> Part {
    let thoughts = Reasoning {
        id: Some(id.to_owned()).filter(|id| !id.is_empty()),
        origin: Some(Dialect::OpenAiResponses),
        ..Reasoning::default()
    };
    Part::from(PartBody::Reasoning(thoughts)).at(at)
}

fn in_form(bare: &Part, form: ReasoningForm) -> Part {
    let mut part = bare.clone();
    if let PartBody::Reasoning(thoughts) = &mut part.body {
        thoughts.form = form;
    }
    part
}
