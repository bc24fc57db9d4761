//! What an upstream error means, whoever words it.
//!
//! Asked in this order: the rules of the provider's row, words that are exact whatever the status
//! says, the status, and, where the status says nothing (an error event inside a stream that began
//! with 200), the general words.

use std::fmt;

use orchestra_dialects::UpstreamError;
use serde::Deserialize;

/// What went wrong behind the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// The request cannot be served as it is written.
    InvalidRequest,
    /// The conversation is longer than the model can take.
    ContextLength,
    /// A content policy refused it.
    ContentPolicy,
    /// A rule of whoever runs the account forbids it, such as a budget. Nothing that another way should go round.
    Policy,
    /// The gateway's key was refused.
    Authentication,
    /// The key may not do this.
    Permission,
    /// The account has no credit left.
    Billing,
    /// The provider does not have this model.
    ModelNotFound,
    /// Asked too often.
    RateLimited,
    /// No room right now.
    Overloaded,
    /// The provider ran out of time.
    Timeout,
    /// Anything else that broke over there.
    Server,
}

impl ErrorClass {
    /// Its name in configuration, logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::ContextLength => "context_length",
            Self::ContentPolicy => "content_policy",
            Self::Policy => "policy",
            Self::Authentication => "authentication",
            Self::Permission => "permission",
            Self::Billing => "billing",
            Self::ModelNotFound => "model_not_found",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::Server => "server",
        }
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One line of a row: an error that fits every condition given is of this class.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorRule {
    /// The HTTP status.
    pub status: Option<u16>,
    /// The vendor's `code`, exactly.
    pub code: Option<String>,
    /// The vendor's `type`, exactly.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// A part of the message; ASCII letters match in either case.
    pub message: Option<String>,
    /// What it then is.
    pub class: ErrorClass,
}

impl ErrorRule {
    /// Whether it would match everything.
    pub(crate) const fn is_unconditional(&self) -> bool {
        self.status.is_none()
            && self.code.is_none()
            && self.kind.is_none()
            && self.message.is_none()
    }

    fn matches(&self, status: u16, error: Option<&UpstreamError>) -> bool {
        let same = |wanted: &Option<String>, found: Option<&Option<String>>| {
            wanted.is_none() || found == Some(wanted)
        };
        self.status.is_none_or(|wanted| wanted == status)
            && same(&self.code, error.map(|e| &e.code))
            && same(&self.kind, error.map(|e| &e.kind))
            && self
                .message
                .as_ref()
                .is_none_or(|part| error.is_some_and(|e| contains_in_any_case(&e.message, part)))
    }
}

fn contains_in_any_case(text: &str, part: &str) -> bool {
    text.to_ascii_lowercase()
        .contains(&part.to_ascii_lowercase())
}

/// Words that are exact under any status, as `type` or `code`.
///
/// Sources: the error lists of OpenAI and Anthropic; llama.cpp for `exceed_context_size_error`.
const EXACT: [(&str, ErrorClass); 18] = [
    ("context_length_exceeded", ErrorClass::ContextLength),
    ("exceed_context_size_error", ErrorClass::ContextLength),
    ("content_filter", ErrorClass::ContentPolicy),
    ("content_policy_violation", ErrorClass::ContentPolicy),
    ("moderation_blocked", ErrorClass::ContentPolicy),
    ("invalid_prompt", ErrorClass::ContentPolicy),
    ("insufficient_quota", ErrorClass::Billing),
    ("billing_error", ErrorClass::Billing),
    ("billing_hard_limit_reached", ErrorClass::Billing),
    ("billing_not_active", ErrorClass::Billing),
    ("invalid_api_key", ErrorClass::Authentication),
    ("account_deactivated", ErrorClass::Authentication),
    ("model_not_found", ErrorClass::ModelNotFound),
    ("DeploymentNotFound", ErrorClass::ModelNotFound),
    ("rate_limit_exceeded", ErrorClass::RateLimited),
    ("rate_limit_error", ErrorClass::RateLimited),
    ("overloaded_error", ErrorClass::Overloaded),
    ("server_is_overloaded", ErrorClass::Overloaded),
];

/// Words so general that a failed status knows better.
const GENERAL: [(&str, ErrorClass); 14] = [
    ("invalid_request_error", ErrorClass::InvalidRequest),
    ("request_too_large", ErrorClass::InvalidRequest),
    ("INVALID_ARGUMENT", ErrorClass::InvalidRequest),
    ("authentication_error", ErrorClass::Authentication),
    ("UNAUTHENTICATED", ErrorClass::Authentication),
    ("permission_error", ErrorClass::Permission),
    ("PERMISSION_DENIED", ErrorClass::Permission),
    ("not_found_error", ErrorClass::ModelNotFound),
    ("NOT_FOUND", ErrorClass::ModelNotFound),
    ("RESOURCE_EXHAUSTED", ErrorClass::RateLimited),
    ("UNAVAILABLE", ErrorClass::Overloaded),
    ("slow_down", ErrorClass::Overloaded),
    ("timeout_error", ErrorClass::Timeout),
    ("DEADLINE_EXCEEDED", ErrorClass::Timeout),
];

/// The class of an answer that is an error. `status` is that of the answer, 200 for an error inside a stream.
pub(crate) fn classify(
    rules: &[ErrorRule],
    status: u16,
    error: Option<&UpstreamError>,
) -> ErrorClass {
    let by_rule = rules
        .iter()
        .find(|rule| rule.matches(status, error))
        .map(|rule| rule.class);
    by_rule
        .or_else(|| by_word(&EXACT, error?))
        .or_else(|| by_status(status))
        .or_else(|| by_word(&GENERAL, error?))
        .unwrap_or(ErrorClass::Server)
}

/// The first of `code` and `type` that the table knows.
fn by_word(table: &[(&str, ErrorClass)], error: &UpstreamError) -> Option<ErrorClass> {
    let known = |word: &String| {
        table
            .iter()
            .find(|(known, _)| known == word)
            .map(|&(_, class)| class)
    };
    [&error.code, &error.kind]
        .into_iter()
        .flatten()
        .find_map(known)
}

/// What a status says by itself (RFC 9110, section 15). None below 400.
const fn by_status(status: u16) -> Option<ErrorClass> {
    Some(match status {
        0..=399 => return None,
        401 => ErrorClass::Authentication,
        402 => ErrorClass::Billing,
        403 => ErrorClass::Permission,
        404 | 410 => ErrorClass::ModelNotFound,
        // A conflict is a lock held for a moment; both SDKs ask again.
        408 | 504 | 522 | 524 => ErrorClass::Timeout,
        409 => ErrorClass::Server,
        // 498 is Groq's, 529 Anthropic's.
        498 | 503 | 529 => ErrorClass::Overloaded,
        429 => ErrorClass::RateLimited,
        451 => ErrorClass::ContentPolicy,
        400..=499 => ErrorClass::InvalidRequest,
        _ => ErrorClass::Server,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: &str, code: &str, message: &str) -> UpstreamError {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        UpstreamError {
            kind: some(kind),
            code: some(code),
            message: message.to_owned(),
            retry_after: None,
        }
    }

    #[test]
    fn a_status_alone_has_a_meaning() {
        use ErrorClass::*;
        for (status, expected) in [
            (400, InvalidRequest),
            (401, Authentication),
            (402, Billing),
            (403, Permission),
            (404, ModelNotFound),
            (405, InvalidRequest),
            (408, Timeout),
            (409, Server),
            (410, ModelNotFound),
            (412, InvalidRequest),
            (413, InvalidRequest),
            (415, InvalidRequest),
            (422, InvalidRequest),
            (429, RateLimited),
            (451, ContentPolicy),
            (498, Overloaded),
            (500, Server),
            (501, Server),
            (502, Server),
            (503, Overloaded),
            (504, Timeout),
            (520, Server),
            (524, Timeout),
            (529, Overloaded),
            (999, Server),
            (200, Server),
        ] {
            assert_eq!(classify(&[], status, None), expected, "{status}");
        }
    }

    #[test]
    fn words_refine_the_status() {
        use ErrorClass::*;
        for (status, kind, code, expected) in [
            (
                400,
                "invalid_request_error",
                "context_length_exceeded",
                ContextLength,
            ),
            (
                400,
                "invalid_request_error",
                "content_filter",
                ContentPolicy,
            ),
            (400, "invalid_request_error", "", InvalidRequest),
            (429, "insufficient_quota", "insufficient_quota", Billing),
            (429, "insufficient_quota", "", Billing),
            (429, "tokens", "rate_limit_exceeded", RateLimited),
            (
                404,
                "invalid_request_error",
                "model_not_found",
                ModelNotFound,
            ),
            (
                403,
                "invalid_request_error",
                "model_not_found",
                ModelNotFound,
            ),
            (402, "RESOURCE_EXHAUSTED", "", Billing),
            (500, "overloaded_error", "", Overloaded),
            // Inside a stream there is only the word.
            (200, "overloaded_error", "", Overloaded),
            (200, "rate_limit_error", "", RateLimited),
            (200, "invalid_request_error", "", InvalidRequest),
            (200, "server_error", "", Server),
            (200, "DEADLINE_EXCEEDED", "", Timeout),
            (200, "never_heard_of", "", Server),
        ] {
            let error = error(kind, code, "");
            assert_eq!(
                classify(&[], status, Some(&error)),
                expected,
                "{status} {kind} {code}"
            );
        }
    }

    #[test]
    fn a_rule_fits_only_when_all_its_conditions_do() {
        let rule = ErrorRule {
            status: Some(400),
            code: None,
            kind: Some("invalid_request_error".to_owned()),
            message: Some("Too Long".to_owned()),
            class: ErrorClass::ContextLength,
        };
        for (status, kind, message, expected) in [
            (
                400,
                "invalid_request_error",
                "prompt is TOO LONG",
                ErrorClass::ContextLength,
            ),
            (
                400,
                "invalid_request_error",
                "prompt is odd",
                ErrorClass::InvalidRequest,
            ),
            (
                400,
                "other",
                "prompt is too long",
                ErrorClass::InvalidRequest,
            ),
            (
                422,
                "invalid_request_error",
                "too long",
                ErrorClass::InvalidRequest,
            ),
        ] {
            let found = classify(
                std::slice::from_ref(&rule),
                status,
                Some(&error(kind, "", message)),
            );
            assert_eq!(found, expected, "{status} {kind} {message}");
        }
        assert_eq!(classify(&[rule], 400, None), ErrorClass::InvalidRequest);
    }

    #[test]
    fn the_first_rule_wins_over_words_and_status() {
        let rule = |class| ErrorRule {
            status: Some(429),
            code: None,
            kind: None,
            message: None,
            class,
        };
        let rules = [rule(ErrorClass::Overloaded), rule(ErrorClass::Timeout)];
        let error = error("insufficient_quota", "", "");
        assert_eq!(classify(&rules, 429, Some(&error)), ErrorClass::Overloaded);
    }
}
