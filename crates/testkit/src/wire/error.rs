//! Error bodies as the vendors write them.

use serde::Serialize;

use super::{Family, json};

#[derive(Serialize)]
struct OpenAiError<'a> {
    error: OpenAiDetail<'a>,
}

#[derive(Serialize)]
pub(super) struct OpenAiDetail<'a> {
    pub(super) message: &'a str,
    pub(super) r#type: &'a str,
    pub(super) param: Option<&'a str>,
    pub(super) code: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct AnthropicError<'a> {
    pub(super) r#type: &'a str,
    pub(super) error: AnthropicDetail<'a>,
    pub(super) request_id: &'a str,
}

#[derive(Serialize)]
pub(super) struct AnthropicDetail<'a> {
    pub(super) r#type: &'a str,
    pub(super) message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) details: Option<AnthropicCode<'a>>,
}

#[derive(Serialize)]
pub(super) struct AnthropicCode<'a> {
    pub(super) error_code: &'a str,
}

#[derive(Serialize)]
pub(super) struct GoogleError<'a> {
    pub(super) error: GoogleDetail<'a>,
}

#[derive(Serialize)]
pub(super) struct GoogleDetail<'a> {
    pub(super) code: u16,
    pub(super) message: &'a str,
    pub(super) status: &'a str,
}

/// The body of an error response.
pub(crate) fn error_body(
    family: Family,
    request_id: &str,
    status: u16,
    code: Option<&str>,
    message: Option<&str>,
) -> Vec<u8> {
    let generic = format!("scripted fault {status}");
    let message = message.unwrap_or(&generic);
    match family {
        Family::OpenAi => {
            let (kind, usual) = openai_kind(status);
            let code = code.or(usual);
            json(&OpenAiError {
                error: OpenAiDetail {
                    message,
                    r#type: kind,
                    param: None,
                    code,
                },
            })
        }
        Family::Google => json(&GoogleError {
            error: GoogleDetail {
                code: status,
                message,
                status: google_status(status),
            },
        }),
        Family::Anthropic => json(&AnthropicError {
            r#type: "error",
            error: AnthropicDetail {
                r#type: anthropic_kind(status),
                message,
                details: code.map(|error_code| AnthropicCode { error_code }),
            },
            request_id,
        }),
    }
}

/// OpenAI's `type` and usual `code` for a status.
fn openai_kind(status: u16) -> (&'static str, Option<&'static str>) {
    match status {
        401 => ("authentication_error", Some("invalid_api_key")),
        403 => ("permission_error", None),
        404 => ("invalid_request_error", Some("model_not_found")),
        429 => ("requests", Some("rate_limit_exceeded")),
        400..=499 => ("invalid_request_error", None),
        _ => ("server_error", None),
    }
}

/// Google's canonical code for a status.
fn google_status(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        400..=499 => "INVALID_ARGUMENT",
        503 | 529 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    }
}

/// Anthropic's `type` for a status.
fn anthropic_kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        504 => "timeout_error",
        503 | 529 => "overloaded_error",
        _ => "api_error",
    }
}
