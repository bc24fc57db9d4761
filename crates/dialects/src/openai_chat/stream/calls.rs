//! The calls of one choice of a stream, which come in pieces and side by side.

use super::super::answer::{MadeIds, argument_text};
use super::super::tool_calls::{EXTRA_CONTENT, read_signature};
use super::parts::Parts;
use crate::canonical::{Extras, Part, PartBody, ToolInput, ToolUse};
use crate::event::{Delta, StreamEvent};
use crate::json::Raw;

/// The calls that have come, in their order.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Slot>);

/// One call.
#[derive(Debug, Default)]
struct Slot {
    /// `index`, by which the pieces of one call are known.
    key: Option<u64>,
    /// The id as the server gave it.
    id: String,
    /// Its part, once the tool's name is known.
    part: Option<u32>,
    /// Whether it is one of the old `function_call`.
    old: bool,
    custom: bool,
    /// What came before the name.
    held: String,
    signature: Option<Part>,
}

/// A piece of a call.
struct Piece<'a> {
    key: Option<u64>,
    id: Option<Raw<'a>>,
    name: Option<Raw<'a>>,
    input: Option<Raw<'a>>,
    custom: bool,
    extra: Option<Raw<'a>>,
}

impl<'a> Piece<'a> {
    fn of(value: Raw<'a>) -> Self {
        let [index, id, function, custom, extra] =
            value.pick(["index", "id", "function", "custom", EXTRA_CONTENT]);
        let [name, arguments, input] = function.or(custom).map_or([None; 3], |inner| {
            inner.pick(["name", "arguments", "input"])
        });
        Self {
            key: index.and_then(Raw::count),
            id: id.filter(|id| id.says_something()),
            name: name.filter(|name| name.says_something()),
            input: arguments.or(input),
            custom: function.is_none() && custom.is_some(),
            extra,
        }
    }
}

impl Calls {
    /// Adds one of `tool_calls`.
    pub(super) fn add(
        &mut self,
        value: Raw<'_>,
        parts: &mut Parts,
        ids: &MadeIds,
        events: &mut Vec<StreamEvent>,
    ) {
        let piece = Piece::of(value);
        let at = self.find(&piece).unwrap_or_else(|| {
            self.0.push(Slot {
                key: piece.key,
                id: piece
                    .id
                    .and_then(Raw::text)
                    .map(Into::into)
                    .unwrap_or_default(),
                custom: piece.custom,
                ..Slot::default()
            });
            self.0.len() - 1
        });
        self.0[at].add(&piece, at, parts, ids, events);
    }

    /// Adds to the old `function_call`, of which there is one.
    pub(super) fn add_old(
        &mut self,
        value: Raw<'_>,
        parts: &mut Parts,
        ids: &MadeIds,
        events: &mut Vec<StreamEvent>,
    ) {
        let [name, arguments] = value.pick(["name", "arguments"]);
        let piece = Piece {
            key: None,
            id: None,
            name: name.filter(|name| name.says_something()),
            input: arguments,
            custom: false,
            extra: None,
        };
        let at = self.0.iter().position(|slot| slot.old).unwrap_or_else(|| {
            self.0.push(Slot {
                old: true,
                ..Slot::default()
            });
            self.0.len() - 1
        });
        self.0[at].add(&piece, at, parts, ids, events);
    }

    /// The call that a piece belongs to; `None` if it begins one.
    ///
    /// By its index, as OpenAI has it. Some servers give none, and some give all calls the same: then another
    /// id together with a name begins another call. An id alone does not: there are servers that
    /// make a new one for every piece.
    fn find(&self, piece: &Piece<'_>) -> Option<usize> {
        let id = piece.id.and_then(Raw::text);
        let begins = piece.name.is_some();
        match (piece.key, &id) {
            (Some(key), _) => {
                let at = self.0.iter().rposition(|slot| slot.key == Some(key))?;
                let other = id.is_some_and(|id| id != self.0[at].id && !self.0[at].id.is_empty());
                (!(other && begins)).then_some(at)
            }
            (None, Some(id)) => self.0.iter().rposition(|slot| slot.id == *id),
            (None, None) if begins => None,
            (None, None) => self.0.len().checked_sub(1),
        }
    }

    /// Begins calls whose names never came.
    pub(super) fn begin_held(
        &mut self,
        parts: &mut Parts,
        ids: &MadeIds,
        events: &mut Vec<StreamEvent>,
    ) {
        for (at, slot) in self.0.iter_mut().enumerate() {
            if slot.part.is_none() {
                slot.begin(String::new(), at, parts, ids, events);
            }
        }
    }

    /// Stops all calls.
    pub(super) fn stop_all(&mut self, choice: u32, events: &mut Vec<StreamEvent>) {
        let parts = self.0.drain(..).filter_map(|slot| slot.part);
        events.extend(parts.map(|part| StreamEvent::PartStop { choice, part }));
    }
}

impl Slot {
    fn add(
        &mut self,
        piece: &Piece<'_>,
        at: usize,
        parts: &mut Parts,
        ids: &MadeIds,
        events: &mut Vec<StreamEvent>,
    ) {
        if let (Some(extra), None) = (piece.extra, self.part) {
            let thoughts = read_signature(extra, &mut Extras::new());
            self.signature = thoughts.map(|thoughts| PartBody::Reasoning(thoughts).into());
        }
        if self.id.is_empty() {
            self.id = piece
                .id
                .and_then(Raw::text)
                .map(Into::into)
                .unwrap_or_default();
        }
        if let Some(input) = piece.input.filter(|input| input.says_something()) {
            self.held.push_str(&argument_text(input));
        }
        let name = piece.name.and_then(Raw::text);
        match (self.part, name) {
            (None, Some(name)) => self.begin(name.into_owned(), at, parts, ids, events),
            (Some(part), _) => self.go_on(parts.choice, part, events),
            (None, None) => {}
        }
    }

    fn begin(
        &mut self,
        name: String,
        at: usize,
        parts: &mut Parts,
        ids: &MadeIds,
        events: &mut Vec<StreamEvent>,
    ) {
        const PLACE: &str = "choices[0].message.tool_calls";
        let id = if self.id.is_empty() {
            ids.call(usize::try_from(parts.choice).unwrap_or_default(), at)
        } else {
            self.id.clone()
        };
        parts.stop_open(events);
        if let Some(signature) = self.signature.take() {
            parts.whole(signature, PLACE, events);
        }
        let input = if self.custom {
            ToolInput::Text(String::new())
        } else {
            ToolInput::Json(String::new())
        };
        let call = PartBody::ToolUse(ToolUse {
            id,
            name,
            input,
            item_id: None,
        });
        let part = parts.begin(call.into(), PLACE, events);
        self.part = Some(part);
        self.go_on(parts.choice, part, events);
    }

    /// Tells what is held of the arguments.
    fn go_on(&mut self, choice: u32, part: u32, events: &mut Vec<StreamEvent>) {
        if !self.held.is_empty() {
            let delta = Delta::Input(std::mem::take(&mut self.held));
            events.push(StreamEvent::PartDelta {
                choice,
                part,
                delta,
            });
        }
    }
}
