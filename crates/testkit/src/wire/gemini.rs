//! Google's Gemini, `generateContent` and `streamGenerateContent`.

use serde::Serialize;
use serde_json::value::RawValue;

use super::error::{GoogleDetail, GoogleError};
use super::{Ask, Content, Events, Narrator, Turn, json};
use crate::behaviour::{Finish, TokenCounts};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    candidates: [Candidate<'a>; 1],
    usage_metadata: Usage,
    model_version: &'a str,
    response_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    content: Parts<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finish_reason: Option<&'a str>,
    index: u32,
}

#[derive(Serialize)]
struct Parts<'a> {
    parts: [Part<'a>; 1],
    role: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Part<'a> {
    Text(&'a str),
    FunctionCall { name: &'a str, args: Box<RawValue> },
}

/// Google's candidates leave out the thoughts; its prompt includes what the cache held.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Usage {
    prompt_token_count: u64,
    cached_content_token_count: u64,
    candidates_token_count: u64,
    thoughts_token_count: u64,
    total_token_count: u64,
}

impl From<TokenCounts> for Usage {
    fn from(counts: TokenCounts) -> Self {
        Self {
            prompt_token_count: counts.input,
            cached_content_token_count: counts.cached,
            candidates_token_count: counts.output.saturating_sub(counts.reasoning),
            thoughts_token_count: counts.reasoning,
            total_token_count: counts.input + counts.output,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenCount {
    total_tokens: u64,
}

/// The answer to a request to count tokens.
pub(crate) fn gemini_token_count(ask: &Ask<'_>) -> Vec<u8> {
    json(&TokenCount {
        total_tokens: ask.input_tokens(),
    })
}

pub(super) fn whole(turn: &Turn<'_>) -> Vec<u8> {
    let id = turn.id("gemini-");
    let finish = Some(finish_reason(turn.content));
    json(&answer(turn, &id, said(turn.content), finish))
}

fn said(content: &Content) -> Part<'_> {
    match content.tool.as_deref() {
        Some(name) => Part::FunctionCall {
            name,
            args: RawValue::from_string(content.whole.clone())
                .expect("arguments are generated as JSON"),
        },
        None => Part::Text(&content.whole),
    }
}

fn answer<'a>(
    turn: &Turn<'a>,
    id: &'a str,
    part: Part<'a>,
    finish_reason: Option<&'a str>,
) -> Answer<'a> {
    let content = Parts {
        parts: [part],
        role: "model",
    };
    Answer {
        candidates: [Candidate {
            content,
            finish_reason,
            index: 0,
        }],
        usage_metadata: turn.usage.into(),
        model_version: turn.model,
        response_id: id,
    }
}

/// A function call ends as `STOP`, too.
fn finish_reason(content: &Content) -> &'static str {
    match (&content.tool, content.finish) {
        (Some(_), _) | (None, Finish::Stop) => "STOP",
        (None, Finish::Length) => "MAX_TOKENS",
        (None, Finish::Filtered) => "SAFETY",
    }
}

/// Tells an answer in partial answers, each whole in its form.
#[derive(Debug)]
pub(crate) struct GeminiStream<'a> {
    turn: Turn<'a>,
    id: String,
}

impl<'a> GeminiStream<'a> {
    pub(crate) fn new(turn: Turn<'a>) -> Self {
        Self {
            turn,
            id: turn.id("gemini-"),
        }
    }

    fn tell(&self, part: Part<'_>, finish: Option<&str>, out: &mut Events) {
        out.data(&answer(&self.turn, &self.id, part, finish));
    }
}

impl Narrator for GeminiStream<'_> {
    fn open(&mut self, _: &mut Events) {}

    /// Arguments come in one piece, at the end.
    fn piece(&mut self, piece: &str, out: &mut Events) {
        if self.turn.content.tool.is_none() {
            self.tell(Part::Text(piece), None, out);
        }
    }

    fn close(&mut self, out: &mut Events) {
        let content = self.turn.content;
        let part = match content.tool {
            Some(_) => said(content),
            None => Part::Text(""),
        };
        self.tell(part, Some(finish_reason(content)), out);
    }

    fn error(&mut self, _: u64, out: &mut Events) {
        tell_fault(out);
    }
}

/// Tells a failure in mid-stream.
pub(super) fn tell_fault(out: &mut Events) {
    let error = GoogleDetail {
        code: 503,
        message: Events::FAULT,
        status: "UNAVAILABLE",
    };
    out.data(&GoogleError { error });
}
