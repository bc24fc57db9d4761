//! The conversation, as Anthropic has it: messages of alternating sides, none of them empty, the user's first.

use crate::RawJson;
use crate::canonical::{Part, Role, Turn};
use crate::codec::Inexpressible;
use crate::json::{ListWriter, ObjectWriter};

use super::block::{self, is_blank};
use super::context::Context;
use super::format::Format;
use super::results;
use super::write::{Block, Body, Content};

/// What stands for the message that nobody wrote, where Anthropic requires one.
const FILLER: &str = ".";

/// What stands outside of the conversation.
pub(super) struct System<'a>(Content<'a>);

/// The messages.
pub(super) struct Conversation<'a>(Vec<Message<'a>>);

/// A message.
pub(super) struct Message<'a> {
    pub(super) role: &'static str,
    pub(super) content: Content<'a>,
    extras: &'a [(String, RawJson)],
}

impl<'a> System<'a> {
    /// Takes the instructions together, those that lead the conversation included, and returns the rest of it.
    pub(super) fn plan(
        context: &mut Context<'a, '_>,
        format: &Format<'a>,
    ) -> Result<(Self, &'a [Turn]), Inexpressible> {
        let request = context.request;
        let leading = request.turns.iter().take_while(|turn| is_system(turn.role));
        let leading = if context.own() { 0 } else { leading.count() };
        let (leading, rest) = request.turns.split_at(leading);
        if let Some(text) = plain_text(&request.system)
            && leading.is_empty()
            && format.instructions().is_none()
        {
            return Ok((Self(Content::Text(text)), rest));
        }
        let mut blocks = Vec::new();
        for part in &request.system {
            blocks.extend(block::of_system(context, part, &[part.at])?);
        }
        for turn in leading {
            lose_what_a_turn_has_beside(context, turn);
            for part in &turn.parts {
                blocks.extend(block::of_system(context, part, &[turn.at, part.at])?);
            }
        }
        let words = format.instructions().map(ToOwned::to_owned);
        blocks.extend(words.map(|words| Block::from(Body::text(words))));
        Ok((Self(Content::Blocks(blocks)), rest))
    }

    pub(super) fn write(&self, object: &mut ObjectWriter<'_>) {
        match &self.0 {
            Content::Blocks(blocks) if blocks.is_empty() => {}
            content => content.write(object, "system"),
        }
    }
}

impl<'a> Conversation<'a> {
    pub(super) fn plan(
        context: &mut Context<'a, '_>,
        turns: &'a [Turn],
    ) -> Result<Self, Inexpressible> {
        let own = context.own();
        let mut messages = Vec::new();
        for turns in turns.chunk_by(|a, b| !own && is_users(a.role) == is_users(b.role)) {
            messages.extend(Message::of(context, turns)?);
        }
        if !own {
            results::move_behind_calls(&mut messages, context.losses);
            messages.retain(|message| !message.is_empty());
            join_neighbours(&mut messages);
            begin_with_the_user(context, turns, &mut messages);
            end_as_the_client_did(context, turns, &mut messages);
        }
        Ok(Self(messages))
    }

    /// Whether the model is to go on from words that the client put into its mouth.
    pub(super) fn ends_in_a_prefill(&self) -> bool {
        self.0.last().is_some_and(|last| !last.is_user())
    }

    /// Whether results come last, and the calls they answer do not begin with thoughts.
    pub(super) fn ends_in_a_loop_without_thoughts(&self) -> bool {
        let [.., calls, results] = &*self.0 else {
            return false;
        };
        let begins = |message: &Message<'a>, with: fn(&Body<'_>) -> bool| match &message.content {
            Content::Text(_) => false,
            Content::Blocks(blocks) => blocks.first().is_some_and(|block| with(&block.body)),
        };
        let thoughts =
            |body: &Body<'_>| matches!(body, Body::Thinking { .. } | Body::RedactedThinking(_));
        begins(results, |body| matches!(body, Body::ToolResult { .. })) && !begins(calls, thoughts)
    }

    pub(super) fn write(&self, object: &mut ObjectWriter<'_>) {
        object.list("messages", |list| {
            self.0.iter().for_each(|message| message.write(list));
        });
    }
}

impl<'a> Message<'a> {
    /// The message that turns of one side make up; `None` if they say nothing.
    fn of(context: &mut Context<'a, '_>, turns: &'a [Turn]) -> Result<Option<Self>, Inexpressible> {
        let Some(first) = turns.first() else {
            return Ok(None);
        };
        for turn in turns {
            lose_what_a_turn_has_beside(context, turn);
        }
        let content = match turns {
            [turn] if context.own() || !is_system(turn.role) => match plain_text(&turn.parts) {
                Some(text) => Content::Text(text),
                None => Content::Blocks(blocks(context, turns)?),
            },
            _ => Content::Blocks(blocks(context, turns)?),
        };
        let message = Self {
            role: role(first.role, context.own()),
            content,
            extras: if context.own() { &first.extras } else { &[] },
        };
        // A system message may consist of options alone.
        let says_something = !message.is_empty() || !message.extras.is_empty();
        if !says_something {
            turns
                .iter()
                .for_each(|turn| context.losses.approximated(&[turn.at]));
        }
        Ok(says_something.then_some(message))
    }

    const fn filler() -> Self {
        Self {
            role: "user",
            content: Content::Text(FILLER),
            extras: &[],
        }
    }

    pub(super) fn is_user(&self) -> bool {
        self.role == "user"
    }

    fn is_empty(&self) -> bool {
        matches!(&self.content, Content::Blocks(blocks) if blocks.is_empty())
    }

    /// Adds a result behind those that are there.
    pub(super) fn add_result(&mut self, result: Block<'a>) {
        let mut blocks = self.take_blocks();
        let behind = blocks
            .iter()
            .rposition(|block| matches!(block.body, Body::ToolResult { .. }));
        blocks.insert(behind.map_or(0, |last| last + 1), result);
        self.content = Content::Blocks(blocks);
    }

    fn take_blocks(&mut self) -> Vec<Block<'a>> {
        let content = std::mem::replace(&mut self.content, Content::Blocks(Vec::new()));
        match content {
            Content::Text(text) => vec![Body::text(text).into()],
            Content::Blocks(blocks) => blocks,
        }
    }

    fn write(&self, list: &mut ListWriter<'_>) {
        list.object(|object| {
            object.text("role", self.role);
            if !self.is_empty() {
                self.content.write(object, "content");
            }
            object.extras(self.extras);
        });
    }
}

const fn is_system(role: Role) -> bool {
    matches!(role, Role::System | Role::Developer)
}

const fn is_users(role: Role) -> bool {
    !matches!(role, Role::Assistant)
}

/// Anthropic's own system message in mid-conversation needs a beta, so that only its own clients get it.
const fn role(role: Role, own: bool) -> &'static str {
    match role {
        Role::Assistant => "assistant",
        Role::System | Role::Developer if own => "system",
        Role::System | Role::Developer | Role::User => "user",
    }
}

/// The text, if that is all there is and the client did not write it as a block.
fn plain_text(parts: &[Part]) -> Option<&str> {
    let [part] = parts else {
        return None;
    };
    let plain = part.at.index.is_none() && part.cache.is_none() && part.extras.is_empty();
    part.as_text().filter(|text| plain && !is_blank(text))
}

/// The blocks of turns of one side, the results of tools first where other dialects' clients put them elsewhere.
fn blocks<'a>(
    context: &mut Context<'a, '_>,
    turns: &'a [Turn],
) -> Result<Vec<Block<'a>>, Inexpressible> {
    let mut blocks = Vec::new();
    for turn in turns {
        let system = is_system(turn.role) && !context.own();
        for part in &turn.parts {
            let places = [turn.at, part.at];
            let block = match system {
                true => block::of_late_system(context, part, &places)?,
                false => block::of(context, part, turn.role, &places)?,
            };
            blocks.extend(block);
        }
    }
    if !context.own() {
        blocks.sort_by_key(|block| !matches!(block.body, Body::ToolResult { .. }));
    }
    Ok(blocks)
}

fn lose_what_a_turn_has_beside(context: &mut Context<'_, '_>, turn: &Turn) {
    if turn.name.is_some() {
        context.dropped_in(&[turn.at], "name");
    }
    if !context.own() {
        context.losses.dropped_extras(&[turn.at], &turn.extras);
    }
}

/// Makes one message of those between which nothing is left.
fn join_neighbours(messages: &mut Vec<Message<'_>>) {
    messages.dedup_by(|next, kept| {
        let same = next.role == kept.role;
        if same {
            let mut blocks = kept.take_blocks();
            blocks.extend(next.take_blocks());
            kept.content = Content::Blocks(blocks);
        }
        same
    });
}

/// A conversation that nobody or the model began gets a message of the user.
fn begin_with_the_user(
    context: &mut Context<'_, '_>,
    turns: &[Turn],
    messages: &mut Vec<Message<'_>>,
) {
    match (messages.first(), turns.first()) {
        (Some(first), _) if first.is_user() => return,
        (Some(_), Some(turn)) => context.losses.approximated(&[turn.at]),
        _ => context.losses.defaulted("messages"),
    }
    messages.insert(0, Message::filler());
}

/// Where nothing is left of what the user said last, the model must not take its own words for the beginning of its answer.
fn end_as_the_client_did(
    context: &mut Context<'_, '_>,
    turns: &[Turn],
    messages: &mut Vec<Message<'_>>,
) {
    match (messages.last_mut(), turns.last()) {
        (Some(last), Some(turn)) if !last.is_user() => {
            if is_users(turn.role) {
                messages.push(Message::filler());
            } else {
                trim_the_prefill(context, turn, last);
            }
        }
        _ => {}
    }
}

/// What the model should go on from may not end in whitespace.
fn trim_the_prefill(context: &mut Context<'_, '_>, turn: &Turn, message: &mut Message<'_>) {
    let trimmed = match &mut message.content {
        Content::Text(text) => {
            let whole = std::mem::replace(text, text.trim_end());
            whole.len() > text.len()
        }
        Content::Blocks(blocks) => match blocks.last_mut().map(|block| &mut block.body) {
            Some(Body::Text { text, .. }) => {
                let whole = std::mem::replace(text, text.trim_end().to_owned().into());
                whole.len() > text.len()
            }
            _ => false,
        },
    };
    if trimmed {
        context.losses.approximated(&[turn.at]);
    }
}
