//! Results of tools must stand in the message right behind the calls they answer, before everything else.

use std::collections::HashMap;

use crate::Losses;

use super::messages::Message;
use super::write::{Block, Body, Content};

/// Moves results that stand further behind, and notes it.
pub(super) fn move_behind_calls(messages: &mut [Message<'_>], losses: &mut Losses) {
    for (result, to) in take_misplaced(messages, losses) {
        messages[to].add_result(result);
    }
}

/// Takes the results out that answer calls of an earlier message than the one before, each with the index of
/// the message it belongs in.
fn take_misplaced<'a>(
    messages: &mut [Message<'a>],
    losses: &mut Losses,
) -> Vec<(Block<'a>, usize)> {
    let homes = homes(messages);
    let mut taken = Vec::new();
    for (index, message) in messages.iter_mut().enumerate() {
        let Content::Blocks(blocks) = &mut message.content else {
            continue;
        };
        let misplaced = |block: &mut Block<'_>| match &block.body {
            Body::ToolResult { id, .. } => homes.get(&**id).is_some_and(|home| *home < index),
            _ => false,
        };
        for block in blocks.extract_if(.., misplaced) {
            if let Body::ToolResult { id, at, .. } = &block.body {
                losses.approximated(at);
                let home = homes.get(&**id).copied().unwrap_or(index);
                taken.push((block, home));
            }
        }
    }
    taken
}

/// For each call, the index of the message behind it, if that is one of the user.
fn homes(messages: &[Message<'_>]) -> HashMap<String, usize> {
    let mut homes = HashMap::new();
    for (index, message) in messages.iter().enumerate() {
        let Content::Blocks(blocks) = &message.content else {
            continue;
        };
        let next_is_user = messages.get(index + 1).is_some_and(Message::is_user);
        for block in blocks.iter().filter(|_| next_is_user) {
            if let Body::ToolUse { id, .. } = &block.body {
                homes.insert(id.clone().into_owned(), index + 1);
            }
        }
    }
    homes
}
