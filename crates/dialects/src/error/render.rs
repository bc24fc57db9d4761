//! Writes errors as each family does.

use serde::Serialize;

use super::{ErrorKind, ErrorView};
use crate::Family;

impl ErrorKind {
    /// The `type` that this family's errors of the kind carry.
    #[must_use]
    pub const fn type_name(self, family: Family) -> &'static str {
        match family {
            Family::OpenAi => self.openai_type(),
            Family::Anthropic => self.anthropic_type(),
            Family::Google => self.google_status(),
        }
    }

    /// The HTTP status that this family gives errors of the kind.
    #[must_use]
    pub const fn status(self, family: Family) -> u16 {
        match (self, family) {
            (Self::InvalidRequest, _) => 400,
            (Self::Authentication, _) => 401,
            (Self::Permission, _) => 403,
            (Self::NotFound, _) => 404,
            (Self::TooLarge, _) => 413,
            (Self::RateLimited, _) | (Self::Billing, Family::OpenAi | Family::Google) => 429,
            (Self::Billing, Family::Anthropic) => 402,
            (Self::Overloaded, Family::OpenAi | Family::Google) => 503,
            (Self::Overloaded, Family::Anthropic) => 529,
            (Self::Timeout, _) => 504,
            (Self::Server, _) => 500,
        }
    }

    const fn openai_type(self) -> &'static str {
        match self {
            Self::InvalidRequest | Self::NotFound | Self::TooLarge => "invalid_request_error",
            Self::Authentication => "authentication_error",
            Self::Permission => "permission_error",
            Self::RateLimited => "rate_limit_exceeded",
            Self::Billing => "insufficient_quota",
            Self::Overloaded | Self::Timeout | Self::Server => "server_error",
        }
    }

    const fn anthropic_type(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request_error",
            Self::Authentication => "authentication_error",
            Self::Permission => "permission_error",
            Self::NotFound => "not_found_error",
            Self::TooLarge => "request_too_large",
            Self::RateLimited => "rate_limit_error",
            Self::Billing => "billing_error",
            Self::Overloaded => "overloaded_error",
            Self::Timeout => "timeout_error",
            Self::Server => "api_error",
        }
    }

    /// The words of `google.rpc.Code`, as Gemini uses them (ai.google.dev/gemini-api/docs/troubleshooting).
    const fn google_status(self) -> &'static str {
        match self {
            Self::InvalidRequest | Self::TooLarge => "INVALID_ARGUMENT",
            Self::Authentication => "UNAUTHENTICATED",
            Self::Permission => "PERMISSION_DENIED",
            Self::NotFound => "NOT_FOUND",
            Self::RateLimited | Self::Billing => "RESOURCE_EXHAUSTED",
            Self::Overloaded => "UNAVAILABLE",
            Self::Timeout => "DEADLINE_EXCEEDED",
            Self::Server => "INTERNAL",
        }
    }
}

#[derive(Serialize)]
struct OpenAiBody<'a> {
    error: OpenAiError<'a>,
}

/// Its SDKs need all four members, absent ones as `null`.
#[derive(Serialize)]
struct OpenAiError<'a> {
    message: &'a str,
    r#type: &'a str,
    param: Option<&'a str>,
    code: Option<&'a str>,
}

#[derive(Serialize)]
struct AnthropicBody<'a> {
    r#type: &'static str,
    error: AnthropicError<'a>,
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct AnthropicError<'a> {
    r#type: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<AnthropicDetails<'a>>,
}

#[derive(Serialize)]
struct AnthropicDetails<'a> {
    error_code: &'a str,
}

#[derive(Serialize)]
struct GoogleBody<'a> {
    error: GoogleError<'a>,
}

#[derive(Serialize)]
struct GoogleError<'a> {
    code: u16,
    message: &'a str,
    status: &'a str,
}

/// Writes `view` as the JSON body of this family's errors.
///
/// Anthropic's have no place for the field at fault, so the message should name it.
#[must_use]
pub fn render_error(family: Family, view: &ErrorView<'_>) -> String {
    let r#type = view.kind.type_name(family);
    match family {
        Family::OpenAi => json(&OpenAiBody {
            error: OpenAiError {
                message: view.message,
                r#type,
                param: view.param,
                code: view.code,
            },
        }),
        Family::Anthropic => json(&AnthropicBody {
            r#type: "error",
            error: AnthropicError {
                r#type,
                message: view.message,
                details: view.code.map(|error_code| AnthropicDetails { error_code }),
            },
            request_id: view.request_id,
        }),
        Family::Google => json(&GoogleBody {
            error: GoogleError {
                code: view.status,
                message: view.message,
                status: r#type,
            },
        }),
    }
}

fn json(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("structs of strings always serialise")
}
