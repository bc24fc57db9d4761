//! Messages: texts and refusals.

use std::collections::BTreeMap;

use super::event::Event;
use super::tell::{Tell, rest};
use crate::canonical::{Citation, Extras, Part, PartBody, Place};
use crate::event::Delta;
use crate::json::Raw;
use crate::openai_responses::{answer, request};

/// A message as far as it has come.
#[derive(Debug)]
pub(super) struct Message {
    at: Place,
    /// Members of the message itself, for its first part.
    extras: Extras,
    parts: BTreeMap<u64, Said>,
}

/// A part of it.
#[derive(Debug)]
struct Said {
    part: u32,
    open: bool,
    /// How many bytes of its text have been told.
    told: usize,
    citations: usize,
    logprobs: bool,
}

impl Message {
    pub(super) const fn new(at: Place, extras: Extras) -> Self {
        Self {
            at,
            extras,
            parts: BTreeMap::new(),
        }
    }

    pub(super) fn progress(&mut self, kind: &str, event: &Event<'_>, tell: &mut Tell<'_>) {
        let index = event.index.unwrap_or_else(|| self.last());
        match kind {
            "response.content_part.added" => self.part_added(index, event, tell),
            "response.content_part.done" => self.part_done(index, event, tell),
            "response.output_text.delta" => {
                self.more(index, false, &event.delta(), tell);
                self.logprobs(index, event.raw, tell);
            }
            "response.refusal.delta" => self.more(index, true, &event.delta(), tell),
            "response.output_text.done" => {
                self.whole(index, false, &event.text("text"), tell);
                self.whole_logprobs(index, event.raw, tell);
            }
            "response.refusal.done" => self.whole(index, true, &event.text("refusal"), tell),
            "response.output_text.annotation.added" => {
                if let Some(annotation) = event.raw.member("annotation") {
                    self.cite(index, annotation, tell);
                }
            }
            _ => {}
        }
    }

    /// The part that events without an index tell of.
    fn last(&self) -> u64 {
        self.parts.keys().next_back().copied().unwrap_or_default()
    }

    fn part_added(&mut self, index: u64, event: &Event<'_>, tell: &mut Tell<'_>) {
        let kind = event
            .raw
            .member("part")
            .map(|part| answer::text(part.member("type")));
        match kind.as_deref() {
            Some("output_text") => drop(self.open(index, false, tell)),
            Some("refusal") => drop(self.open(index, true, tell)),
            // Told when the message is whole.
            _ => {}
        }
    }

    /// The part, begun if it has not.
    fn open(&mut self, index: u64, refusal: bool, tell: &mut Tell<'_>) -> &mut Said {
        let (at, extras) = (self.at, &mut self.extras);
        self.parts.entry(index).or_insert_with(|| {
            let body = if refusal {
                let text = String::new();
                PartBody::Refusal { text }
            } else {
                let (text, citations) = (String::new(), Vec::new());
                PartBody::Text { text, citations }
            };
            let part = Part {
                extras: std::mem::take(extras),
                ..Part::from(body).at(at)
            };
            Said {
                part: tell.start(part),
                open: true,
                told: 0,
                citations: 0,
                logprobs: false,
            }
        })
    }

    fn more(&mut self, index: u64, refusal: bool, more: &str, tell: &mut Tell<'_>) {
        let said = self.open(index, refusal, tell);
        if said.open && !more.is_empty() {
            said.told += more.len();
            let part = said.part;
            tell.delta(part, Delta::Text(more.to_owned()));
        }
    }

    fn whole(&mut self, index: u64, refusal: bool, whole: &str, tell: &mut Tell<'_>) {
        let told = self.open(index, refusal, tell).told;
        if let Some(rest) = rest(whole, told) {
            self.more(index, refusal, rest, tell);
        }
    }

    fn logprobs(&mut self, index: u64, holder: Raw<'_>, tell: &mut Tell<'_>) {
        let said = self.parts.get_mut(&index).filter(|said| said.open);
        if let (Some(said), Some(tokens)) = (said, answer::read_logprobs(holder)) {
            said.logprobs = true;
            tell.logprobs(tokens);
        }
    }

    fn whole_logprobs(&mut self, index: u64, holder: Raw<'_>, tell: &mut Tell<'_>) {
        if self.parts.get(&index).is_some_and(|said| !said.logprobs) {
            self.logprobs(index, holder, tell);
        }
    }

    fn cite(&mut self, index: u64, annotation: Raw<'_>, tell: &mut Tell<'_>) {
        let said = self.open(index, false, tell);
        if said.open {
            said.citations += 1;
            let part = said.part;
            let citation: Citation = request::citation(annotation);
            tell.delta(part, Delta::Citation(Box::new(citation)));
        }
    }

    fn part_done(&mut self, index: u64, event: &Event<'_>, tell: &mut Tell<'_>) {
        if let Some(part) = event.raw.member("part") {
            self.finish_part(index, part, tell);
        }
    }

    /// Tells what is new of a part that is whole, and stops it.
    fn finish_part(&mut self, index: u64, part: Raw<'_>, tell: &mut Tell<'_>) {
        let refusal = match &*answer::text(part.member("type")) {
            "output_text" => false,
            "refusal" => true,
            _ => return,
        };
        let name = if refusal { "refusal" } else { "text" };
        self.whole(index, refusal, &answer::text(part.member(name)), tell);
        self.whole_logprobs(index, part, tell);
        let cited = self.parts.get(&index).map_or(0, |said| said.citations);
        let annotations = part.member("annotations").into_iter().flat_map(Raw::items);
        for annotation in annotations.skip(cited) {
            self.cite(index, annotation, tell);
        }
        self.stop(index, tell);
    }

    fn stop(&mut self, index: u64, tell: &mut Tell<'_>) {
        if let Some(said) = self.parts.get_mut(&index)
            && std::mem::take(&mut said.open)
        {
            tell.stop(said.part);
        }
    }

    pub(super) fn complete(&mut self, item: Raw<'_>, tell: &mut Tell<'_>) {
        let content = item.member("content").into_iter().flat_map(Raw::items);
        for (index, part) in (0..).zip(content) {
            match &*answer::text(part.member("type")) {
                "output_text" | "refusal" => self.finish_part(index, part, tell),
                kind => tell.whole(answer::opaque_content(kind, part)),
            }
        }
        self.close(tell);
    }

    pub(super) fn close(&mut self, tell: &mut Tell<'_>) {
        let open: Vec<u64> = self.parts.keys().copied().collect();
        for index in open {
            self.stop(index, tell);
        }
    }
}
