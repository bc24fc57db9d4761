//! The turns of a Messages request: they alternate, and each call is answered in the next.

use super::block::{self, Block};
use crate::agent::asked::{Asked, Round};
use crate::agent::spot::{Refusal, Spot};

/// Reads all turns. With betas there may be words of the system between them.
pub(super) fn conversation(root: &Spot<'_>, betas: bool, asked: &mut Asked) -> Result<(), Refusal> {
    let messages = root.want("messages")?;
    let each = messages.items()?;
    messages.must(!each.is_empty(), "must not be empty")?;
    let mut open: Option<Round> = None;
    let mut roles = ["user", "assistant"].into_iter().cycle();
    let is_system = |message: &Spot<'_>| betas && message.value["role"] == "system";
    let each: Vec<Spot<'_>> = each.into_iter().filter(|m| !is_system(m)).collect();
    for message in &each {
        message.only(&["role", "content"])?;
        let role = message.one_of("role", &["user", "assistant"])?;
        message.must(
            Some(role) == roles.next(),
            "roles must alternate, user first",
        )?;
        let blocks = blocks(message, role)?;
        if role == "user" {
            user(message, blocks, open.take(), asked)?;
        } else {
            open = assistant(blocks);
        }
    }
    let last = each.last().unwrap_or(&messages);
    last.must(
        last.want_text("role")? == "user",
        "the conversation must end with a user message",
    )?;
    thoughts_in_the_loop(root, &each)
}

fn blocks<'a>(message: &Spot<'a>, role: &str) -> Result<Vec<Block<'a>>, Refusal> {
    let content = message.want("content")?;
    if content.value.is_string() {
        block::text(&content)?;
        return Ok(vec![Block::Text]);
    }
    let each = content.items()?;
    content.must(!each.is_empty(), "must not be empty")?;
    each.iter().map(|part| block::read(part, role)).collect()
}

/// The calls of a turn.
fn assistant(blocks: Vec<Block<'_>>) -> Option<Round> {
    let mut round = Round::default();
    for block in blocks {
        if let Block::Call(called) = block {
            round.push(called);
        }
    }
    (!round.calls.is_empty()).then_some(round)
}

/// Results come first and answer all calls of the turn before.
fn user(
    message: &Spot<'_>,
    blocks: Vec<Block<'_>>,
    open: Option<Round>,
    asked: &mut Asked,
) -> Result<(), Refusal> {
    let mut round = open.unwrap_or_default();
    let mut results_are_over = false;
    for block in blocks {
        if let Block::Result(at, text) = block {
            at.must(!results_are_over, "results must come first in their turn")?;
            round.result(&at, at.want_text("tool_use_id")?, text)?;
            continue;
        }
        results_are_over = true;
        if let Block::Medium(kind) = block {
            asked.media.push(kind);
        }
    }
    round.complete(message)?;
    if !round.calls.is_empty() {
        asked.rounds.push(round);
    }
    Ok(())
}

/// While tools are being called, a model that was told to think wants its thoughts back: the
/// turn with the calls begins with them.
fn thoughts_in_the_loop(root: &Spot<'_>, each: &[Spot<'_>]) -> Result<(), Refusal> {
    let enabled = root
        .get("thinking")
        .is_some_and(|thinking| thinking.value["type"] == "enabled");
    let [.., assistant, results] = each else {
        return Ok(());
    };
    let kind = |turn: &Spot<'_>| {
        let first = turn.value["content"].get(0);
        first
            .and_then(|block| block["type"].as_str())
            .map(str::to_owned)
    };
    if !enabled || kind(results).as_deref() != Some("tool_result") {
        return Ok(());
    }
    let thinks = kind(assistant).is_some_and(|kind| kind.ends_with("thinking"));
    assistant.must(
        thinks,
        "must start with a thinking block when thinking is enabled and tools are called",
    )
}
