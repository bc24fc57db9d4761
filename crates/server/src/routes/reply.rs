//! Answers that the server gives by itself.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode, Uri};
use orchestra_dialects::{ErrorKind, Family};
use orchestra_gateway::{AnswerBody, Refusal};

use super::Shared;
use crate::portkey::Marks;

/// Wraps the gateway's answer for the router.
pub(super) fn wrap(answer: http::Response<AnswerBody>) -> Response {
    answer.map(axum::body::Body::new)
}

/// The answer, with what clients of Portkey's look for if it goes to one.
pub(super) fn marked(mut answer: Response, marks: Option<Marks>) -> Response {
    if let Some(marks) = marks {
        let status = answer.status();
        marks.put(status, answer.headers_mut());
    }
    answer
}

/// A JSON answer.
pub(super) fn json(status: StatusCode, value: &serde_json::Value) -> Response {
    let mut response = Response::new(axum::body::Body::from(value.to_string()));
    *response.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, json);
    response
}

/// Whose errors a caller reads that is on no dialect's path: Anthropic's clients always name
/// their API version.
pub(super) fn family_of(headers: &HeaderMap) -> Family {
    if headers.contains_key("anthropic-version") {
        Family::Anthropic
    } else {
        Family::OpenAi
    }
}

/// The path is right and the method is not.
pub(super) async fn method_not_allowed(
    State(app): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    wrap(app.gateway.refuse(
        wrong_method(&method, uri.path(), "GET"),
        family_of(&headers),
        None,
    ))
}

pub(super) fn wrong_method(method: &Method, path: &str, right: &str) -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        ErrorKind::InvalidRequest,
        "method_not_allowed",
        format!("{path} does not take {method}; use {right}"),
    )
    .for_good()
}
