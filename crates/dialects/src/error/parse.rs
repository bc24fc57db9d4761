//! Reads errors as providers and the proxies before them write them.

use std::time::Duration;

use super::UpstreamError;
use crate::JsonKind;
use crate::json::{Raw, Rules};

/// Reads an error body of any shape in use: OpenAI's, Anthropic's, Gemini's (also as the only item
/// of a list), Portkey's, and plain `message` or `detail`. `None` if it is none of these.
#[must_use]
pub fn parse_error(body: &[u8]) -> Option<UpstreamError> {
    let text = std::str::from_utf8(body).ok()?;
    let mut value = Raw::parse(text, Rules::ANSWER).ok()?;
    if value.kind() == Some(JsonKind::List) {
        value = value.items().next()?;
    }
    let [error, response] = value.pick(["error", "response"]);
    if let Some(error) = error {
        return match error.kind()? {
            // Some servers put the status phrase here and the cause beside it.
            JsonKind::Text => flat(value).or_else(|| error_member(error)),
            _ => error_member(error),
        };
    }
    // The failed response that ends a stream of the Responses API.
    let nested = response.and_then(|response| response.member("error"));
    nested.and_then(error_member).or_else(|| flat(value))
}

/// Reads the value of an `error` member; `None` if it reports nothing.
pub(crate) fn error_member(error: Raw<'_>) -> Option<UpstreamError> {
    match error.kind()? {
        JsonKind::Text => text(Some(error)).map(|message| UpstreamError {
            message,
            ..UpstreamError::default()
        }),
        JsonKind::Object if error.says_something() => Some(of_object(error)),
        _ => None,
    }
}

fn of_object(error: Raw<'_>) -> UpstreamError {
    let [kind, status, message, code, details] =
        error.pick(["type", "status", "message", "code", "details"]);
    // Whatever the error says is better than nothing.
    let message = text(message).unwrap_or_else(|| clipped(error.json()));
    UpstreamError {
        kind: text(kind).or_else(|| text(status)),
        code: text(code)
            .or_else(|| details.and_then(code_in_details))
            .or_else(|| {
                code.filter(|code| code.count().is_some())
                    .map(|code| code.json().into())
            }),
        message,
        retry_after: details.and_then(retry_delay),
    }
}

/// Anthropic's `details.error_code`, or the `reason` of one of Gemini's details.
fn code_in_details(details: Raw<'_>) -> Option<String> {
    text(details.member("error_code"))
        .or_else(|| details.items().find_map(|item| text(item.member("reason"))))
}

/// `retryDelay` of Gemini's `google.rpc.RetryInfo`: seconds with an `s` behind them, such as `7s`
/// or `0.25s`, as every `google.protobuf.Duration` in JSON.
fn retry_delay(details: Raw<'_>) -> Option<Duration> {
    details.items().find_map(|item| {
        let delay = text(item.member("retryDelay"))?;
        let seconds = delay.strip_suffix('s')?.parse().ok()?;
        Duration::try_from_secs_f64(seconds).ok()
    })
}

/// An error without an `error` member around it.
fn flat(value: Raw<'_>) -> Option<UpstreamError> {
    let [message, detail, kind, code] = value.pick(["message", "detail", "type", "code"]);
    Some(UpstreamError {
        message: text(message).or_else(|| detail.and_then(read_detail))?,
        kind: text(kind).filter(|kind| kind != "error"),
        code: text(code),
        retry_after: None,
    })
}

/// The `detail` of `FastAPI`: a text, or a list of complaints about fields.
fn read_detail(detail: Raw<'_>) -> Option<String> {
    text(Some(detail)).or_else(|| {
        let complaints: Vec<String> = detail
            .items()
            .filter_map(|item| text(item.member("msg")))
            .collect();
        (!complaints.is_empty()).then(|| complaints.join("; "))
    })
}

fn text(value: Option<Raw<'_>>) -> Option<String> {
    let text = value?.text()?;
    (!text.is_empty()).then(|| text.into_owned())
}

/// The start of a text that was not made for reading.
fn clipped(text: &str) -> String {
    const SHOWN_CHARS: usize = 500;
    text.chars().take(SHOWN_CHARS).collect()
}
