//! Why a model stopped: `status` and `incomplete_details`.

use crate::canonical::{Finish, Part, PartBody};
use crate::json::Raw;
use crate::{Dialect, LossKind, Losses};

/// What the end of an answer looks like here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::openai_responses) struct Outcome<'f> {
    /// The status of the answer.
    pub(in crate::openai_responses) status: &'f str,
    /// Why it is incomplete; `Some("")` if nobody told.
    pub(in crate::openai_responses) reason: Option<&'f str>,
}

/// What the answer holds decides what `completed` means.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::openai_responses) struct Held {
    /// A call that waits for the client.
    pub(in crate::openai_responses) call: bool,
    /// A refusal.
    pub(in crate::openai_responses) refusal: bool,
}

impl Held {
    /// Looks at a part.
    pub(in crate::openai_responses) fn note(&mut self, part: &Part) {
        self.call |= part.as_tool_use().is_some();
        self.refusal |= matches!(part.body, PartBody::Refusal { .. });
    }
}

/// Reads `status` and `incomplete_details`. `None` if the answer goes on, or has failed.
pub(in crate::openai_responses) fn read(
    status: Option<Raw<'_>>,
    details: Option<Raw<'_>>,
    held: Held,
) -> Option<Finish> {
    let reason = details.and_then(|details| details.member("reason")?.text());
    let status = status.and_then(Raw::text);
    match (status.as_deref(), reason.as_deref()) {
        (Some("in_progress" | "queued" | "failed"), _) => None,
        (_, Some("max_output_tokens")) => Some(Finish::Length),
        (_, Some("content_filter")) => Some(Finish::ContentFilter),
        (_, Some(other)) => Some(Finish::Other(other.to_owned())),
        (Some("completed") | None, None) => Some(completed(held)),
        (Some(other), None) => Some(Finish::Other(other.to_owned())),
    }
}

const fn completed(held: Held) -> Finish {
    match held {
        Held { call: true, .. } => Finish::ToolUse,
        Held { refusal: true, .. } => Finish::Refusal,
        Held { .. } => Finish::Stop,
    }
}

/// The reason in the words of this dialect.
pub(in crate::openai_responses) fn write<'f>(
    finish: Option<&'f Finish>,
    held: Held,
    losses: &mut Losses,
) -> Outcome<'f> {
    let incomplete = |reason| Outcome {
        status: "incomplete",
        reason: Some(reason),
    };
    let completed = Outcome {
        status: "completed",
        reason: None,
    };
    match finish {
        None | Some(Finish::Stop | Finish::ToolUse) => completed,
        Some(Finish::StopSequence(text)) => {
            if text.is_some() {
                lose(losses, "stop_sequence");
            }
            completed
        }
        Some(Finish::Length) => incomplete("max_output_tokens"),
        Some(Finish::ContextWindow) => {
            lose(losses, finish_name(losses.from()));
            incomplete("max_output_tokens")
        }
        Some(Finish::ContentFilter) => incomplete("content_filter"),
        // A refusal in words is a whole answer.
        Some(Finish::Refusal) if held.refusal => completed,
        Some(Finish::Refusal) => incomplete("content_filter"),
        Some(Finish::Pause) => {
            lose(losses, finish_name(losses.from()));
            completed
        }
        Some(Finish::Other(word)) => other(word, losses),
    }
}

fn other<'f>(word: &'f str, losses: &mut Losses) -> Outcome<'f> {
    let own = losses.from() == Dialect::OpenAiResponses;
    match word {
        "cancelled" | "incomplete" if own => Outcome {
            status: word,
            reason: None,
        },
        _ if own => Outcome {
            status: "incomplete",
            reason: Some(word),
        },
        // Whatever it was, the model did not stop by itself.
        _ => {
            lose(losses, finish_name(losses.from()));
            Outcome {
                status: "incomplete",
                reason: Some(""),
            }
        }
    }
}

fn lose(losses: &mut Losses, name: &str) {
    losses.add(format!("answer.{name}"), LossKind::Approximated);
}

/// Where the dialects say why they stopped.
const fn finish_name(from: Dialect) -> &'static str {
    match from {
        Dialect::OpenAiChat | Dialect::OpenAiCompletions | Dialect::OpenAiEmbeddings => {
            "choices[0].finish_reason"
        }
        Dialect::OpenAiResponses => "status",
        Dialect::AnthropicMessages => "stop_reason",
        Dialect::Gemini => "candidates[0].finishReason",
    }
}
