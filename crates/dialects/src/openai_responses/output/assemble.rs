//! From parts to items.

use std::collections::{BTreeMap, HashSet};

use super::call::Call;
use super::item::{Body, Item, OWN, Status};
use super::message::Messages;
use super::said::Said;
use super::sink::Sink;
use super::thinking::Thinking;
use crate::canonical::{MediaSource, Part, PartBody, Place, Tool, ToolBody};
use crate::codec::AnswerContext;
use crate::event::Delta;
use crate::json::Writer;
use crate::{Losses, RawJson};

/// Puts parts together to items and tells of it.
///
/// One way leads to answers in one piece and to streams, so that the last event of a stream, which holds
/// the whole answer, says what the answer in one piece would have said.
#[derive(Debug)]
pub(in crate::openai_responses) struct Assembler {
    /// What the ids of items are made from.
    id: String,
    /// The names of the client's tools with free text.
    custom: HashSet<String>,
    items: Vec<Item>,
    open: BTreeMap<u32, Open>,
    messages: Messages,
}

/// Who hears of what happens.
#[derive(Debug)]
pub(in crate::openai_responses) struct Tell<'t, 'o> {
    pub(in crate::openai_responses) sink: &'t mut Sink<'o>,
    pub(in crate::openai_responses) losses: &'t mut Losses,
}

/// A part that goes on.
#[derive(Debug)]
enum Open {
    Said(Said),
    Call(Call),
    Thinking(Box<Thinking>),
    /// It is whole, or lost.
    Nothing,
}

impl Assembler {
    pub(in crate::openai_responses) fn new(context: &AnswerContext<'_>) -> Self {
        let is_custom = |tool: &&Tool| matches!(tool.body, ToolBody::Custom { .. });
        let custom = context.request.tools.iter().filter(is_custom);
        Self {
            id: context.id.to_owned(),
            custom: custom.filter_map(Tool::name).map(str::to_owned).collect(),
            items: Vec::new(),
            open: BTreeMap::new(),
            messages: Messages::new(context.request.sampling.logprobs == Some(true)),
        }
    }

    /// The items so far.
    pub(in crate::openai_responses) fn items(&self) -> &[Item] {
        &self.items
    }

    /// A part begins, with what is known of it.
    pub(in crate::openai_responses) fn start(
        &mut self,
        index: u32,
        part: &Part,
        tell: &mut Tell<'_, '_>,
    ) {
        self.messages.flush(&self.items, tell);
        let open = match &part.body {
            PartBody::Text { .. } | PartBody::Refusal { .. } => {
                let items = (&mut self.items, &*self.id);
                Open::Said(self.messages.start(items, part, tell))
            }
            PartBody::ToolUse(call) => {
                self.seal(tell);
                let custom = self.custom.contains(&call.name);
                let items = (&mut self.items, &*self.id);
                Open::Call(Call::start(items, part, call, custom, tell))
            }
            PartBody::Reasoning(thoughts) => {
                self.seal(tell);
                let items = (&mut self.items, &*self.id);
                Open::Thinking(Box::new(Thinking::start(items, part, thoughts, tell)))
            }
            _ => {
                self.whole(part, tell);
                Open::Nothing
            }
        };
        self.open.insert(index, open);
    }

    /// A part goes on.
    pub(in crate::openai_responses) fn delta(
        &mut self,
        index: u32,
        delta: &Delta,
        tell: &mut Tell<'_, '_>,
    ) {
        self.messages.flush(&self.items, tell);
        match self.open.get_mut(&index) {
            Some(Open::Said(said)) => {
                self.messages.delta(&mut self.items, *said, delta, tell);
            }
            Some(Open::Call(call)) => call.delta(&mut self.items, delta, tell),
            Some(Open::Thinking(thinking)) => {
                thinking.delta((&mut self.items, &self.id), delta, tell);
            }
            Some(Open::Nothing) | None => {}
        }
    }

    /// A part is whole.
    pub(in crate::openai_responses) fn stop(&mut self, index: u32, tell: &mut Tell<'_, '_>) {
        self.messages.flush(&self.items, tell);
        match self.open.remove(&index) {
            Some(Open::Said(said)) => {
                self.messages.stop(&self.items, said, tell);
            }
            Some(Open::Call(call)) => call.stop(&mut self.items, tell),
            Some(Open::Thinking(thinking)) => self.stop_thinking(*thinking, tell),
            Some(Open::Nothing) | None => {}
        }
    }

    fn stop_thinking(&mut self, mut thinking: Thinking, tell: &mut Tell<'_, '_>) {
        thinking.stop((&mut self.items, &self.id), tell);
        let Some(item) = thinking.item() else { return };
        let goes_on = |open: &Open| match open {
            Open::Thinking(other) => other.item() == Some(item),
            _ => false,
        };
        if !self.open.values().any(goes_on) {
            item_event(tell.sink, "done", &self.items, item, Status::Completed);
        }
    }

    /// The probabilities of the tokens of the last text.
    pub(in crate::openai_responses) fn logprobs(
        &mut self,
        tokens: &RawJson,
        tell: &mut Tell<'_, '_>,
    ) {
        self.messages.logprobs(&mut self.items, tokens, tell);
    }

    /// The probabilities of the tokens of all texts of a whole answer.
    pub(in crate::openai_responses) fn all_logprobs(&mut self, tokens: &RawJson, losses: &Losses) {
        Messages::spread(&mut self.items, tokens, losses);
    }

    /// No text follows in the message that was begun last.
    pub(in crate::openai_responses) fn seal(&mut self, tell: &mut Tell<'_, '_>) {
        self.messages.flush(&self.items, tell);
        self.messages.seal(&self.items, tell);
    }

    /// Parts that are whole from the start.
    fn whole(&mut self, part: &Part, tell: &mut Tell<'_, '_>) {
        match &part.body {
            PartBody::Opaque { origin, raw, .. } if *origin == OWN => {
                if part.at.member == "content" {
                    let items = (&mut self.items, &*self.id);
                    self.messages.raw(items, part, raw, tell);
                } else {
                    self.seal(tell);
                    self.raw_item(raw.clone(), tell);
                }
            }
            PartBody::Image(media) => match &media.source {
                // The shape in which this API's own pictures come.
                MediaSource::Base64(data) => {
                    tell.losses.approximated(&answer_place(part));
                    self.seal(tell);
                    let id = format!("ig_{}_{}", self.id, self.items.len());
                    self.raw_item(picture(&id, data), tell);
                }
                _ => tell.losses.dropped(&answer_place(part)),
            },
            _ => tell.losses.dropped(&answer_place(part)),
        }
    }

    fn raw_item(&mut self, raw: RawJson, tell: &mut Tell<'_, '_>) {
        let item = push(&mut self.items, String::new(), Body::Raw(raw));
        for step in ["added", "done"] {
            item_event(tell.sink, step, &self.items, item, Status::Completed);
        }
    }
}

fn picture(id: &str, data: &str) -> RawJson {
    RawJson::of_written(Writer::object(|object| {
        object.text("id", id);
        object.text("type", "image_generation_call");
        object.text("status", "completed");
        object.text("result", data);
    }))
}

/// Where a part of the answer stood, for the list of what is lost.
pub(super) const fn answer_place(part: &Part) -> [Place; 2] {
    [Place::member("answer"), part.at]
}

/// Adds an item and returns its index.
pub(super) fn push(items: &mut Vec<Item>, id: String, body: Body) -> usize {
    items.push(Item {
        id,
        body,
        extras: Vec::new(),
    });
    items.len() - 1
}

/// Tells that an item was `added` or is `done`.
pub(super) fn item_event(
    sink: &mut Sink<'_>,
    step: &str,
    items: &[Item],
    index: usize,
    status: Status,
) {
    let Some(item) = items.get(index) else { return };
    sink.event(&format!("response.output_item.{step}"), |object| {
        object.count("output_index", index as u64);
        item.write_as(object, "item", status);
    });
}
