//! Calls of tools.

use super::assemble::{Tell, answer_place, item_event, push};
use super::item::{Body, CallWords, Item, OWN, Status, input_kind};
use crate::canonical::{Part, ToolInput, ToolUse};
use crate::event::Delta;
use crate::json::{Raw, Rules};

/// A call that goes on.
#[derive(Debug)]
pub(super) struct Call {
    item: usize,
    /// The arguments so far of a call whose free text is within them: of a function that stood for a
    /// custom tool.
    wrapped: Option<String>,
}

impl Call {
    /// A call begins.
    pub(super) fn start(
        (items, id): (&mut Vec<Item>, &str),
        part: &Part,
        call: &ToolUse,
        custom: bool,
        tell: &mut Tell<'_, '_>,
    ) -> Self {
        let (input, wrapped) = match &call.input {
            ToolInput::Json(_) if custom => (ToolInput::Text(String::new()), Some(String::new())),
            ToolInput::Json(_) => (ToolInput::Json(String::new()), None),
            ToolInput::Text(_) => (ToolInput::Text(String::new()), None),
        };
        let made_up = || format!("{}_{id}_{}", input_kind(&input).prefix, items.len());
        let id = call.item_id.clone().unwrap_or_else(made_up);
        let body = Body::Call {
            call_id: call.id.clone(),
            name: call.name.clone(),
            input,
        };
        let item = push(items, id, body);
        if tell.losses.from() != OWN {
            tell.losses
                .dropped_extras(&answer_place(part), &part.extras);
        } else if let Some(item) = items.last_mut() {
            item.extras.clone_from(&part.extras);
        }
        item_event(tell.sink, "added", items, item, Status::InProgress);
        let mut started = Self { item, wrapped };
        started.add(items, call.input.as_str(), tell);
        started
    }

    /// It goes on.
    pub(super) fn delta(&mut self, items: &mut [Item], delta: &Delta, tell: &mut Tell<'_, '_>) {
        if let Delta::Input(more) = delta {
            self.add(items, more, tell);
        }
    }

    fn add(&mut self, items: &mut [Item], more: &str, tell: &mut Tell<'_, '_>) {
        match &mut self.wrapped {
            Some(arguments) => arguments.push_str(more),
            None => self.tell(items, more, tell),
        }
    }

    fn tell(&self, items: &mut [Item], more: &str, tell: &mut Tell<'_, '_>) {
        let Some((words, id)) = self.written(items, more).filter(|_| !more.is_empty()) else {
            return;
        };
        tell.sink.event(words.delta, |event| {
            event.text("item_id", id);
            event.count("output_index", self.item as u64);
            event.text("delta", more);
        });
    }

    /// Adds to the input; the words for it and the item's id.
    fn written<'i>(&self, items: &'i mut [Item], more: &str) -> Option<(CallWords, &'i str)> {
        let item = items.get_mut(self.item)?;
        let Body::Call { input, .. } = &mut item.body else {
            return None;
        };
        input.text_mut().push_str(more);
        Some((input_kind(input), &item.id))
    }

    /// It is whole.
    pub(super) fn stop(mut self, items: &mut [Item], tell: &mut Tell<'_, '_>) {
        if let Some(arguments) = self.wrapped.take() {
            self.tell(items, &unwrapped(arguments), tell);
        }
        if let Some(item) = items.get(self.item)
            && let Body::Call { input, .. } = &item.body
        {
            let words = input_kind(input);
            tell.sink.event(words.done, |event| {
                event.text("item_id", &item.id);
                event.count("output_index", self.item as u64);
                event.text(words.member, input.as_str());
            });
        }
        item_event(tell.sink, "done", items, self.item, Status::Completed);
    }
}

/// The free text within `{"input": "…"}`. What the model wrote otherwise stays what it is.
fn unwrapped(arguments: String) -> String {
    let object = Raw::parse(&arguments, Rules::ANSWER).ok();
    let input = object.and_then(|object| object.member("input")?.text());
    match input {
        Some(input) => input.into_owned(),
        None => arguments,
    }
}
