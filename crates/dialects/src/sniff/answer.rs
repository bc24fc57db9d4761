//! Reads along with an answer that comes in one piece.

use std::borrow::Cow;

use orchestra_types::Usage;

use super::responses;
use super::usage::{AnthropicCounts, of_openai};
use crate::error::error_member;
use crate::json::{Raw, Rules, Syntax};
use crate::{Dialect, Endpoint, JsonKind, UpstreamError};

/// What an answer tells beside its content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnswerSeen {
    /// The tokens; `None` if the provider does not say. Counting tokens uses none.
    pub usage: Option<Usage>,
    /// Why the model stopped, in the vendor's own word; of several choices, the first.
    pub finish: Option<String>,
    /// The model that the provider says it ran.
    pub model: Option<String>,
}

/// A body with a good HTTP status that is no answer all the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// There is nothing but whitespace.
    #[error("the answer is empty")]
    Empty,
    /// It is no UTF-8.
    #[error("the answer is not UTF-8 from byte {offset} on")]
    NotUtf8 {
        /// In bytes from the start.
        offset: usize,
    },
    /// It looks like a web page, as a proxy on the way would send it.
    #[error("the answer is a web page")]
    WebPage,
    /// It is no JSON, or it was cut short.
    #[error("the answer is not valid JSON at byte {offset}: {problem}")]
    Malformed {
        /// In bytes from the start.
        offset: usize,
        /// What is wrong, as a fragment.
        problem: &'static str,
    },
    /// It is JSON of another kind.
    #[error("the answer is {found}, not an object")]
    NotAnObject {
        /// What it is.
        found: JsonKind,
    },
    /// It is an error in the disguise of an answer.
    #[error("the provider reported an error with a good status: {}", .0.message)]
    Reported(UpstreamError),
}

/// Validates the body of an answer to `endpoint` and reads what it tells beside its content.
///
/// Blank lines before it are no fault: DeepSeek keeps a connection alive with them.
///
/// # Errors
/// [`AnswerError`] if it is not one complete JSON object, or one with an `error`.
pub fn sniff_answer(endpoint: Endpoint, body: &[u8]) -> Result<AnswerSeen, AnswerError> {
    let answer = object(body)?;
    let [model, usage, error, choices, stop] =
        answer.pick(["model", "usage", "error", "choices", "stop_reason"]);
    if let Some(error) = error.and_then(error_member) {
        return Err(AnswerError::Reported(error));
    }
    let finish = match endpoint.dialect() {
        Dialect::OpenAiChat | Dialect::OpenAiCompletions => choices.and_then(first_finish),
        Dialect::OpenAiResponses => responses::finish(answer),
        Dialect::OpenAiEmbeddings => None,
        Dialect::AnthropicMessages => stop,
    };
    Ok(AnswerSeen {
        usage: usage.and_then(|usage| read_usage(endpoint.dialect(), usage)),
        finish: finish.and_then(Raw::text).map(Cow::into_owned),
        model: model.and_then(Raw::text).map(Cow::into_owned),
    })
}

fn object(body: &[u8]) -> Result<Raw<'_>, AnswerError> {
    let text = std::str::from_utf8(body).map_err(|error| AnswerError::NotUtf8 {
        offset: error.valid_up_to(),
    })?;
    match text.trim_ascii_start().bytes().next() {
        None => return Err(AnswerError::Empty),
        Some(b'<') => return Err(AnswerError::WebPage),
        Some(_) => {}
    }
    let value = Raw::parse(text, Rules::ANSWER).map_err(malformed)?;
    match value.kind() {
        Some(found) if found != JsonKind::Object => Err(AnswerError::NotAnObject { found }),
        _ => Ok(value),
    }
}

fn malformed(syntax: Syntax) -> AnswerError {
    AnswerError::Malformed {
        offset: syntax.offset,
        problem: syntax.problem.words(),
    }
}

fn first_finish(choices: Raw<'_>) -> Option<Raw<'_>> {
    choices
        .items()
        .find_map(|choice| choice.member("finish_reason"))
}

fn read_usage(dialect: Dialect, usage: Raw<'_>) -> Option<Usage> {
    if dialect != Dialect::AnthropicMessages {
        return of_openai(usage);
    }
    let mut counts = AnthropicCounts::default();
    counts.update(usage);
    Some(counts.usage())
}
