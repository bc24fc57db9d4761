//! Reads along with an answer that comes in one piece.

use std::borrow::Cow;

use orchestra_types::Usage;

use super::{gemini, responses};
use crate::error::error_member;
use crate::json::{Cursor, Raw, Rules, Syntax};
use crate::usage::{AnthropicCounts, pass_openai};
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
    /// It is an object, but not one that this dialect's answers are.
    #[error("the answer cannot be read: {problem}")]
    OffFormat {
        /// What is wrong, as a fragment.
        problem: String,
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
    let text = std::str::from_utf8(body).map_err(|error| AnswerError::NotUtf8 {
        offset: error.valid_up_to(),
    })?;
    let found = text.trim_ascii_start().bytes().next();
    match found {
        None => return Err(AnswerError::Empty),
        Some(b'<') => return Err(AnswerError::WebPage),
        Some(_) => {}
    }
    if endpoint.dialect() == Dialect::Gemini {
        return answer_object(text).map(gemini::answer);
    }
    let members = Members::walk(text, endpoint.dialect())
        .map_err(malformed)?
        .ok_or_else(|| AnswerError::NotAnObject {
            found: found
                .and_then(JsonKind::beginning_with)
                .unwrap_or(JsonKind::Null),
        })?;
    members.told(endpoint.dialect())
}

/// Reads the body of an answer as the object it must be, for the codecs; an `error` in it is one.
///
/// # Errors
/// As [`sniff_answer`].
pub(crate) fn answer_object(body: &str) -> Result<Raw<'_>, AnswerError> {
    let text = body.trim_ascii();
    if text.is_empty() {
        return Err(AnswerError::Empty);
    }
    if text.starts_with('<') {
        return Err(AnswerError::WebPage);
    }
    let value = Raw::parse(text, Rules::ANSWER).map_err(malformed)?;
    match value.kind() {
        Some(JsonKind::Object) => {}
        found => {
            let found = found.unwrap_or(JsonKind::Null);
            return Err(AnswerError::NotAnObject { found });
        }
    }
    match value.member("error").and_then(error_member) {
        Some(error) => Err(AnswerError::Reported(error)),
        None => Ok(value),
    }
}

/// The members of an answer that say something here, found in one walk over the whole text.
#[derive(Default)]
struct Members<'a> {
    model: Option<Raw<'a>>,
    usage: Option<Usage>,
    error: Option<Raw<'a>>,
    /// `finish_reason` of the first choice that has one.
    finish_reason: Option<Raw<'a>>,
    stop_reason: Option<Raw<'a>>,
    status: Option<Raw<'a>>,
    incomplete_details: Option<Raw<'a>>,
}

impl<'a> Members<'a> {
    /// `None` if the text is no object.
    fn walk(text: &'a str, dialect: Dialect) -> Result<Option<Self>, Syntax> {
        let mut members = Self::default();
        let mut json = Cursor::new(text, Rules::ANSWER);
        let is_object = json.enter_object()?;
        while is_object && let Some(key) = json.next_member()? {
            let place = match &*key {
                "choices" => {
                    members.walk_choices(&mut json)?;
                    continue;
                }
                "usage" => {
                    members.usage = pass_usage(dialect, &mut json)?;
                    continue;
                }
                "model" => &mut members.model,
                "error" => &mut members.error,
                "stop_reason" => &mut members.stop_reason,
                "status" => &mut members.status,
                "incomplete_details" => &mut members.incomplete_details,
                _ => {
                    json.skip()?;
                    continue;
                }
            };
            *place = Raw::pass(&mut json)?.unless_null();
        }
        json.end()?;
        Ok(is_object.then_some(members))
    }

    fn walk_choices(&mut self, json: &mut Cursor<'a>) -> Result<(), Syntax> {
        let is_list = json.enter_list()?;
        while is_list && json.next_item()? {
            let is_object = json.enter_object()?;
            while is_object && let Some(key) = json.next_member()? {
                let value = Raw::pass(json)?;
                if key == "finish_reason" && self.finish_reason.is_none() {
                    self.finish_reason = value.unless_null();
                }
            }
        }
        Ok(())
    }

    fn told(self, dialect: Dialect) -> Result<AnswerSeen, AnswerError> {
        if let Some(error) = self.error.and_then(error_member) {
            return Err(AnswerError::Reported(error));
        }
        let finish = match dialect {
            Dialect::OpenAiChat | Dialect::OpenAiCompletions => self.finish_reason,
            Dialect::OpenAiResponses => responses::finish(self.status, self.incomplete_details),
            Dialect::AnthropicMessages => self.stop_reason,
            // Gemini's words are its own and are read elsewhere.
            Dialect::OpenAiEmbeddings | Dialect::Gemini => None,
        };
        Ok(AnswerSeen {
            usage: self.usage,
            finish: finish.and_then(Raw::text).map(Cow::into_owned),
            model: self.model.and_then(Raw::text).map(Cow::into_owned),
        })
    }
}

pub(crate) fn malformed(syntax: Syntax) -> AnswerError {
    AnswerError::Malformed {
        offset: syntax.offset,
        problem: syntax.problem.words(),
    }
}

fn pass_usage(dialect: Dialect, json: &mut Cursor<'_>) -> Result<Option<Usage>, Syntax> {
    if dialect != Dialect::AnthropicMessages {
        return pass_openai(json);
    }
    let usage = Raw::pass(json)?.unless_null();
    Ok(usage.map(|usage| {
        let mut counts = AnthropicCounts::default();
        counts.update(usage);
        counts.usage()
    }))
}
