//! Messages: texts and refusals.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::annotation;
use super::assemble::{Tell, item_event, push};
use super::item::{self, Body, Content, Item, Status};
use super::said::{
    Said, cite, content, contents, done_event, empty_text, part_event, split_extras, text_event,
};
use crate::canonical::{Citation, Extras, Part, PartBody};
use crate::event::Delta;
use crate::json::Raw;
use crate::{Losses, RawJson};

/// The message that goes on, and what its parts are waiting for.
#[derive(Debug)]
pub(super) struct Messages {
    current: Option<Current>,
    /// How many parts of each message are open, by the message's index. None is not listed.
    open: HashMap<usize, usize>,
    /// The text that was told last.
    last: Option<Said>,
    /// Whether deltas wait for the probabilities of their tokens, which stand in the same event.
    hold: bool,
    held: Option<(Said, String)>,
}

#[derive(Debug)]
struct Current {
    item: usize,
    /// Which item of the provider's output it is, where that is known.
    place: Option<u32>,
}

impl Messages {
    pub(super) fn new(hold: bool) -> Self {
        Self {
            current: None,
            open: HashMap::new(),
            last: None,
            hold,
            held: None,
        }
    }

    /// A text or a refusal begins.
    pub(super) fn start(
        &mut self,
        (items, id): (&mut Vec<Item>, &str),
        part: &Part,
        tell: &mut Tell<'_, '_>,
    ) -> Said {
        let (phase, extras) = split_extras(part, tell.losses);
        let (body, text, citations): (_, _, &[Citation]) = match &part.body {
            PartBody::Refusal { text } => (item::Said::Refusal(String::new()), text, &[]),
            PartBody::Text { text, citations } => (empty_text(), text, citations),
            _ => (empty_text(), const { &String::new() }, &[]),
        };
        let said = self.add((items, id), part, phase, Content { body, extras }, tell);
        *self.open.entry(said.item).or_default() += 1;
        if !text.is_empty() {
            self.delta(items, said, &Delta::Text(text.clone()), tell);
        }
        for citation in citations {
            cite(items, said, citation, tell);
        }
        said
    }

    /// A part of a message that only this dialect knows.
    pub(super) fn raw(
        &mut self,
        items: (&mut Vec<Item>, &str),
        part: &Part,
        raw: &RawJson,
        tell: &mut Tell<'_, '_>,
    ) {
        let content = Content {
            body: item::Said::Raw(raw.clone()),
            extras: Extras::new(),
        };
        let (list, id) = items;
        let said = self.add((list, id), part, None, content, tell);
        part_event(list, said, "done", tell);
    }

    fn add(
        &mut self,
        (items, id): (&mut Vec<Item>, &str),
        part: &Part,
        phase: Option<RawJson>,
        content: Content,
        tell: &mut Tell<'_, '_>,
    ) -> Said {
        let item = self.message((items, id), part, phase, tell);
        let mut index = 0;
        if let Some(list) = contents(items, item) {
            index = list.len();
            list.push(content);
        }
        let said = Said {
            item,
            content: index,
            at: part.at,
        };
        part_event(items, said, "added", tell);
        said
    }

    /// The message that the part belongs to: the one that goes on, or a new one.
    fn message(
        &mut self,
        (items, id): (&mut Vec<Item>, &str),
        part: &Part,
        phase: Option<RawJson>,
        tell: &mut Tell<'_, '_>,
    ) -> usize {
        let place = part.at.index.filter(|_| part.at.member == "output");
        let same =
            |current: &&Current| phase.is_none() && (place.is_none() || place == current.place);
        if let Some(current) = self.current.as_ref().filter(same) {
            return current.item;
        }
        self.seal(items, tell);
        let id = format!("msg_{id}_{}", items.len());
        let item = push(items, id, Body::Message(Vec::new()));
        if let (Some(phase), Some(item)) = (phase, items.last_mut()) {
            item.extras.push(("phase".to_owned(), phase));
        }
        self.current = Some(Current { item, place });
        item_event(tell.sink, "added", items, item, Status::InProgress);
        item
    }

    /// A text or a refusal goes on.
    pub(super) fn delta(
        &mut self,
        items: &mut [Item],
        said: Said,
        delta: &Delta,
        tell: &mut Tell<'_, '_>,
    ) {
        match (content(items, said).map(|content| &mut content.body), delta) {
            (Some(item::Said::Text { text, .. }), Delta::Text(more)) => {
                text.push_str(more);
                self.last = Some(said);
                if self.hold {
                    self.held = Some((said, more.clone()));
                } else {
                    text_event(items, said, more, &[], tell);
                }
            }
            (Some(item::Said::Refusal(text)), Delta::Text(more)) => {
                text.push_str(more);
                tell.sink.event("response.refusal.delta", |event| {
                    said.places(items, event);
                    event.text("delta", more);
                });
            }
            (Some(item::Said::Text { .. }), Delta::Citation(citation)) => {
                cite(items, said, citation, tell);
            }
            _ => {}
        }
    }

    /// A text or a refusal is whole.
    pub(super) fn stop(&mut self, items: &[Item], said: Said, tell: &mut Tell<'_, '_>) {
        done_event(items, said, tell);
        part_event(items, said, "done", tell);
        if let Entry::Occupied(mut open) = self.open.entry(said.item) {
            *open.get_mut() -= 1;
            if *open.get() == 0 {
                open.remove();
            }
        }
        self.finish(items, said.item, tell);
    }

    /// The present message gets no more parts.
    pub(super) fn seal(&mut self, items: &[Item], tell: &mut Tell<'_, '_>) {
        if let Some(current) = self.current.take() {
            self.finish(items, current.item, tell);
        }
    }

    /// Tells that a message is done, if it is.
    fn finish(&self, items: &[Item], item: usize, tell: &mut Tell<'_, '_>) {
        let goes_on = self
            .current
            .as_ref()
            .is_some_and(|current| current.item == item);
        if !goes_on && !self.open.contains_key(&item) {
            item_event(tell.sink, "done", items, item, Status::Completed);
        }
    }

    /// Tells what waits.
    pub(super) fn flush(&mut self, items: &[Item], tell: &mut Tell<'_, '_>) {
        if let Some((said, text)) = self.held.take() {
            text_event(items, said, &text, &[], tell);
        }
    }

    /// The probabilities of all texts of a whole answer, each taking as many as its length needs.
    pub(super) fn spread(items: &mut [Item], tokens: &RawJson, losses: &Losses) {
        let mut tokens = annotation::of_tokens(tokens, losses.from()).into_iter();
        let contents = items.iter_mut().flat_map(|item| match &mut item.body {
            Body::Message(contents) => &mut contents[..],
            Body::Call { .. } | Body::Reasoning(_) | Body::Raw(_) => &mut [],
        });
        let mut last = None;
        for content in contents {
            if let item::Said::Text { text, logprobs, .. } = &mut content.body {
                let mut covered = 0;
                while covered < text.len()
                    && let Some(token) = tokens.next()
                {
                    let its_text = token.raw().member("token").and_then(Raw::text);
                    covered += its_text.map_or(text.len(), |text| text.len().max(1));
                    logprobs.push(token);
                }
                last = Some(logprobs);
            }
        }
        if let Some(last) = last {
            last.extend(tokens);
        }
    }

    /// The probabilities of what was told last.
    pub(super) fn logprobs(
        &mut self,
        items: &mut [Item],
        tokens: &RawJson,
        tell: &mut Tell<'_, '_>,
    ) {
        let tokens = annotation::of_tokens(tokens, tell.losses.from());
        if let Some(said) = self.last
            && let Some(item::Said::Text { logprobs, .. }) =
                content(items, said).map(|content| &mut content.body)
        {
            logprobs.extend(tokens.iter().cloned());
        }
        if let Some((said, text)) = self.held.take() {
            text_event(items, said, &text, &tokens, tell);
        }
    }
}
