//! OpenAI's older text completions.

use serde::Serialize;

use super::chat::{ErrorEvent, Usage};
use super::{CREATED, Events, Narrator, Turn, json};
use crate::behaviour::Finish;

#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'a str,
    created: u64,
    model: &'a str,
    choices: &'a [Choice<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

#[derive(Serialize)]
struct Choice<'a> {
    text: &'a str,
    index: u32,
    logprobs: Option<()>,
    finish_reason: Option<&'a str>,
}

pub(super) fn whole(turn: &Turn<'_>) -> Vec<u8> {
    let choices = [choice(&turn.content.whole, Some(finish_reason(turn)))];
    json(&completion(turn, &turn.id("cmpl-"), &choices, true))
}

fn completion<'a>(
    turn: &Turn<'a>,
    id: &'a str,
    choices: &'a [Choice<'a>],
    usage: bool,
) -> Completion<'a> {
    Completion {
        id,
        object: "text_completion",
        created: CREATED,
        model: turn.model,
        choices,
        usage: usage.then(|| turn.usage.into()),
    }
}

fn choice<'a>(text: &'a str, finish_reason: Option<&'a str>) -> Choice<'a> {
    Choice {
        text,
        index: 0,
        logprobs: None,
        finish_reason,
    }
}

fn finish_reason(turn: &Turn<'_>) -> &'static str {
    match turn.content.finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Filtered => "content_filter",
    }
}

/// Tells an answer in text completions.
#[derive(Debug)]
pub(crate) struct CompletionStream<'a> {
    turn: Turn<'a>,
    id: String,
}

impl<'a> CompletionStream<'a> {
    pub(crate) fn new(turn: Turn<'a>) -> Self {
        Self {
            turn,
            id: turn.id("cmpl-"),
        }
    }

    fn chunk(&self, text: &str, finish_reason: Option<&str>, out: &mut Events) {
        out.data(&completion(
            &self.turn,
            &self.id,
            &[choice(text, finish_reason)],
            false,
        ));
    }
}

impl Narrator for CompletionStream<'_> {
    fn open(&mut self, _: &mut Events) {}

    fn piece(&mut self, piece: &str, out: &mut Events) {
        self.chunk(piece, None, out);
    }

    fn close(&mut self, out: &mut Events) {
        self.chunk("", Some(finish_reason(&self.turn)), out);
        if self.turn.include_usage {
            out.data(&completion(&self.turn, &self.id, &[], true));
        }
        out.verbatim(b"[DONE]");
    }

    fn error(&mut self, _: u64, out: &mut Events) {
        out.data(&ErrorEvent::FAULT);
    }
}
