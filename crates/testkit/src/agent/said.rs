//! Decides what is answered, for all dialects alike.

use serde_json::{Value, json};

use super::asked::{Asked, Called, Choice, Thoughts, Tool};
use super::spot::Refusal;
use super::{Agent, ToolCall};
use crate::behaviour::TokenCounts;
use crate::wire::{self, DEFAULT_TEXT};

/// What an answer says before any dialect puts it into its form.
#[derive(Debug)]
pub(crate) struct Said {
    /// Which answer of the conversation it is: the number of rounds before it.
    pub(crate) round: usize,
    pub(crate) thoughts: Thoughts,
    pub(crate) text: String,
    pub(crate) calls: Vec<ToolCall>,
    pub(crate) usage: TokenCounts,
}

/// What every thought says.
pub(crate) const THOUGHT: &str = "The user wants an answer; I shall see what I have.";
/// What precedes the calls.
const BEFORE_CALLS: &str = "Let me look.";

impl Said {
    /// The sealed form of this answer's thoughts.
    pub(crate) fn seal(&self) -> String {
        seal(self.round)
    }

    /// The identity of a call.
    pub(crate) fn id(&self, prefix: &str, index: usize) -> String {
        call_id(prefix, self.round, index)
    }
}

/// The sealed form of the thoughts in this round: base64 that differs from round to round.
pub(crate) fn seal(round: usize) -> String {
    "c2ln".repeat(round + 2)
}

/// Whether this is the sealed form of thoughts of this model.
pub(crate) fn is_seal(text: &str) -> bool {
    let round = (text.len() / 4).checked_sub(2);
    round.is_some_and(|round| text == seal(round))
}

fn call_id(prefix: &str, round: usize, index: usize) -> String {
    format!("{prefix}_scripted_{round}_{index}")
}

/// What to answer, once what was said before has been found unaltered.
pub(crate) fn decide(agent: &Agent, asked: &Asked) -> Result<Said, Refusal> {
    for (round, before) in asked.rounds.iter().enumerate() {
        let own = calls(agent, asked, round);
        for (index, called) in before.calls.iter().enumerate() {
            unaltered(called, round, index, &own)?;
        }
    }
    let round = asked.rounds.len();
    let calls = calls(agent, asked, round);
    let text = match (&asked.schema, calls.is_empty()) {
        (_, false) => BEFORE_CALLS.to_owned(),
        (Some(schema), true) => wire::example(schema).to_string(),
        (None, true) => closing(asked),
    };
    Ok(Said {
        round,
        thoughts: asked.thoughts,
        text,
        calls,
        usage: usage(asked.thoughts),
    })
}

/// A call that bears one of our identities must be the call that we made. Where there are no
/// identities, a name stands for the call.
fn unaltered(called: &Called, round: usize, index: usize, own: &[ToolCall]) -> Result<(), Refusal> {
    let named = |id: &str| {
        let ours = (0..own.len()).find(|index| id.ends_with(&call_id("", round, *index)));
        ours.map(|index| &own[index])
    };
    let made = match called.id.as_deref() {
        Some(id) => named(id),
        None => own.get(index),
    };
    let Some(made) = made else { return Ok(()) };
    let arguments: Value = serde_json::from_str(&made.arguments).unwrap_or_default();
    if made.name == called.name && arguments == called.arguments {
        return Ok(());
    }
    Err(Refusal::new(format_args!(
        "{}: the call was {} {}, and came back as {} {}",
        called.place, made.name, made.arguments, called.name, called.arguments
    )))
}

/// The calls of the answer that follows this many rounds.
fn calls(agent: &Agent, asked: &Asked, round: usize) -> Vec<ToolCall> {
    if asked.choice == Choice::Never || asked.tools.is_empty() {
        return Vec::new();
    }
    let callable = |tool: &&Tool| match &asked.choice {
        Choice::Only(name) => tool.name == *name,
        _ => true,
    };
    let tools: Vec<&Tool> = asked.tools.iter().filter(callable).collect();
    let mut calls = agent.steps.get(round).cloned().unwrap_or_default();
    calls.retain(|call| tools.iter().any(|tool| tool.name == call.name));
    let invited = agent.steps.is_empty() && round == 0;
    if invited || (calls.is_empty() && asked.choice != Choice::Free) {
        calls = tools.into_iter().take(2).map(fitting).collect();
    }
    if !asked.parallel {
        calls.truncate(1);
    }
    calls
}

/// A call with arguments that fit.
fn fitting(tool: &Tool) -> ToolCall {
    ToolCall {
        name: tool.name.clone(),
        arguments: wire::example(&tool.schema).to_string(),
    }
}

/// The text at the end: what the tools returned, or what was seen.
fn closing(asked: &Asked) -> String {
    let results = asked.rounds.last().filter(|_| asked.answered());
    if let Some(round) = results {
        let texts: Vec<&str> = round.results.iter().flatten().map(String::as_str).collect();
        return format!("The tools say: {}.", texts.join("; "));
    }
    if asked.media.is_empty() {
        return DEFAULT_TEXT.to_owned();
    }
    format!("I see {}.", asked.media.join(" and "))
}

/// The same for every call, so that tests can tell what each dialect makes of it.
fn usage(thoughts: Thoughts) -> TokenCounts {
    TokenCounts {
        input: 120,
        cached: 50,
        cache_write: 0,
        output: 30,
        reasoning: if thoughts == Thoughts::None { 0 } else { 12 },
    }
}

/// Pieces of a text, as a stream tells it: word by word.
pub(crate) fn words(text: &str) -> Vec<&str> {
    cut(text, wire::word_ends(text))
}

/// Pieces of arguments, which break anywhere between characters.
pub(crate) fn scraps(text: &str) -> Vec<&str> {
    const LENGTH: usize = 5;
    let ends = text.char_indices().skip(LENGTH).step_by(LENGTH);
    let mut ends: Vec<usize> = ends.map(|(at, _)| at).collect();
    ends.push(text.len());
    cut(text, ends)
}

fn cut(text: &str, ends: Vec<usize>) -> Vec<&str> {
    let starts = std::iter::once(0).chain(ends.clone());
    starts
        .zip(ends)
        .map(|(start, end)| &text[start..end])
        .collect()
}

/// The arguments as a value; those that are none are shown as they are.
pub(crate) fn object(arguments: &str) -> Value {
    serde_json::from_str(arguments).unwrap_or_else(|_| json!({ "not_json": arguments }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scraps_make_up_the_whole() {
        for text in ["{}", r#"{"city": "Zürich 🏔"}"#, ""] {
            assert_eq!(scraps(text).concat(), text);
        }
        assert_eq!(scraps("0123456789ab"), ["01234", "56789", "ab"]);
    }

    #[test]
    fn seals_are_known() {
        assert!(is_seal(&seal(0)) && is_seal(&seal(7)));
        assert!(!is_seal("") && !is_seal("c2ln") && !is_seal("c2lnc2lm"));
    }
}
