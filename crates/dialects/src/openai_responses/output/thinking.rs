//! Thoughts.
//!
//! Those of other vendors are told as a summary, which is what clients of this dialect show, with their proof in
//! an envelope as encrypted content. Only thoughts of this dialect are told in the form they have.

use super::assemble::{Tell, answer_place, item_event, push};
use super::item::{Body, Item, OWN, Status, Thoughts, text_part};
use crate::canonical::{Part, Reasoning, ReasoningForm};
use crate::envelope;
use crate::event::Delta;
use crate::json::ObjectWriter;

/// Thoughts that go on.
#[derive(Debug)]
pub(super) struct Thinking {
    /// The item, once there is something to put into it.
    item: Option<usize>,
    /// Whether they are told in full, not as a summary.
    full: bool,
    /// Whether the last section goes on.
    section: bool,
    /// All but the texts.
    proof: Reasoning,
    /// The part without its content.
    part: Part,
}

impl Thinking {
    /// Thoughts begin. Nothing is told before there is something to tell: the proof may be all there is.
    pub(super) fn start(
        (items, id): (&mut Vec<Item>, &str),
        part: &Part,
        thoughts: &Reasoning,
        tell: &mut Tell<'_, '_>,
    ) -> Self {
        let own = tell.losses.from() == OWN;
        if !own {
            tell.losses
                .dropped_extras(&answer_place(part), &part.extras);
        }
        let proof = Reasoning {
            texts: Vec::new(),
            ..thoughts.clone()
        };
        let mut thinking = Self {
            item: same_item(items, thoughts).filter(|_| own),
            full: own && thoughts.form == ReasoningForm::Full,
            section: false,
            proof,
            part: Part {
                extras: part.extras.clone(),
                ..Part::text("").at(part.at)
            },
        };
        for text in &thoughts.texts {
            thinking.end_section(items, tell);
            thinking.add((items, id), text, tell);
        }
        thinking
    }

    /// The item, once it has been announced.
    pub(super) const fn item(&self) -> Option<usize> {
        self.item
    }

    /// They go on.
    pub(super) fn delta(
        &mut self,
        items: (&mut Vec<Item>, &str),
        delta: &Delta,
        tell: &mut Tell<'_, '_>,
    ) {
        match delta {
            Delta::Text(more) => self.add(items, more, tell),
            Delta::Section => self.end_section(items.0, tell),
            Delta::Signature(more) => self.proof.signature.get_or_insert_default().push_str(more),
            Delta::Encrypted(whole) => self.proof.encrypted = Some(whole.clone()),
            Delta::Input(_) | Delta::Citation(_) => {}
        }
    }

    /// They are whole.
    pub(super) fn stop(&mut self, (items, id): (&mut Vec<Item>, &str), tell: &mut Tell<'_, '_>) {
        self.end_section(items, tell);
        let own = tell.losses.from() == OWN;
        if own || self.proof.origin.is_none() {
            self.proof.origin.get_or_insert_with(|| tell.losses.from());
        }
        let encrypted = if own && self.proof.origin == Some(OWN) {
            self.proof.encrypted.take()
        } else if self.item.is_some() && !own {
            Some(envelope::mark(&self.proof, tell.losses.from()))
        } else {
            envelope::seal(&self.proof)
        };
        if own || encrypted.is_some() {
            self.announce((items, id), tell);
        }
        if let Some(thoughts) = self.thoughts(items)
            && encrypted.is_some()
        {
            thoughts.encrypted = encrypted;
        }
    }

    fn add(&mut self, (items, id): (&mut Vec<Item>, &str), more: &str, tell: &mut Tell<'_, '_>) {
        if more.is_empty() {
            return;
        }
        self.announce((items, id), tell);
        if !self.section {
            self.begin_section(items, tell);
        }
        if let Some(text) = self.texts(items).and_then(|texts| texts.last_mut()) {
            text.push_str(more);
        }
        let kind = self.word(
            "response.reasoning_text.delta",
            "response.reasoning_summary_text.delta",
        );
        tell.sink.event(kind, |event| {
            self.places(items, event);
            event.text("delta", more);
        });
    }

    fn announce(&mut self, (items, id): (&mut Vec<Item>, &str), tell: &mut Tell<'_, '_>) {
        if self.item.is_some() {
            return;
        }
        let own = tell.losses.from() == OWN;
        let id = match &self.proof.id {
            Some(own_id) if own => own_id.clone(),
            _ => format!("rs_{id}_{}", items.len()),
        };
        let item = push(items, id, Body::Reasoning(Thoughts::default()));
        if let Some(item) = items.last_mut().filter(|_| own) {
            item.extras.clone_from(&self.part.extras);
        }
        self.item = Some(item);
        item_event(tell.sink, "added", items, item, Status::InProgress);
    }

    fn begin_section(&mut self, items: &mut [Item], tell: &mut Tell<'_, '_>) {
        self.section = true;
        if let Some(texts) = self.texts(items) {
            texts.push(String::new());
        }
        self.part_event(items, "added", "", tell);
    }

    fn end_section(&mut self, items: &mut [Item], tell: &mut Tell<'_, '_>) {
        if !std::mem::take(&mut self.section) {
            return;
        }
        let text = self.texts(items).and_then(|texts| texts.last().cloned());
        let text = text.unwrap_or_default();
        let kind = self.word(
            "response.reasoning_text.done",
            "response.reasoning_summary_text.done",
        );
        tell.sink.event(kind, |event| {
            self.places(items, event);
            event.text("text", &text);
        });
        self.part_event(items, "done", &text, tell);
    }

    fn part_event(&self, items: &mut [Item], step: &str, text: &str, tell: &mut Tell<'_, '_>) {
        let group = self.word("content_part", "reasoning_summary_part");
        let kind = self.word("reasoning_text", "summary_text");
        tell.sink
            .event(&format!("response.{group}.{step}"), |event| {
                self.places(items, event);
                event.object("part", |part| text_part(part, kind, text));
            });
    }

    const fn word(&self, full: &'static str, summary: &'static str) -> &'static str {
        if self.full { full } else { summary }
    }

    /// The members by which an event names the section that goes on.
    fn places(&self, items: &mut [Item], event: &mut ObjectWriter<'_>) {
        let item = self.item.unwrap_or_default();
        let id = items.get(item).map_or("", |item| &item.id);
        event.text("item_id", id);
        event.count("output_index", item as u64);
        let sections = self.texts(items).map_or(0, |texts| texts.len());
        let index = self.word("content_index", "summary_index");
        event.count(index, sections.saturating_sub(1) as u64);
    }

    fn thoughts<'i>(&self, items: &'i mut [Item]) -> Option<&'i mut Thoughts> {
        match &mut items.get_mut(self.item?)?.body {
            Body::Reasoning(thoughts) => Some(thoughts),
            Body::Message(_) | Body::Call { .. } | Body::Raw(_) => None,
        }
    }

    fn texts<'i>(&self, items: &'i mut [Item]) -> Option<&'i mut Vec<String>> {
        let thoughts = self.thoughts(items)?;
        Some(if self.full {
            &mut thoughts.content
        } else {
            &mut thoughts.summary
        })
    }
}

/// The item of the other form of these thoughts, which has the same id.
fn same_item(items: &[Item], thoughts: &Reasoning) -> Option<usize> {
    let last = items.last()?;
    let same = matches!(last.body, Body::Reasoning(_)) && thoughts.id.as_ref() == Some(&last.id);
    same.then(|| items.len() - 1)
}
