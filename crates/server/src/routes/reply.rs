//! Answers that the server gives by itself.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode, Uri};
use orchestra_dialects::{ErrorKind, Family};
use orchestra_gateway::{AnswerBody, Refusal};

use super::{App, Shared};
use crate::portkey::Marks;
use crate::portkey::rest::with_portkeys_words;

/// More than any error of the gateway's own has.
const LONGEST_ERROR: usize = 1 << 20;

/// Wraps the gateway's answer for the router.
pub(super) fn wrap(answer: http::Response<AnswerBody>) -> Response {
    answer.map(axum::body::Body::new)
}

/// The answer to a request of which nobody has read the body to its end, if it has one. What is left of that on the way ends the
/// connection with the answer; a client that is not told would send its next request into it.
pub(super) fn unread(mut answer: Response, has_body: bool) -> Response {
    if has_body {
        let close = http::HeaderValue::from_static("close");
        answer.headers_mut().insert(http::header::CONNECTION, close);
    }
    answer
}

/// The answer, with what clients of Portkey's look for if it goes to one.
pub(super) async fn marked(app: &App, mut answer: Response, marks: Option<Marks>) -> Response {
    if let Some(marks) = marks {
        if app.says_it_as_portkey() {
            let refusal = answer.extensions().get::<Refusal>();
            let exception = refusal.is_some_and(Refusal::is_exception);
            answer = portkeys(answer).await;
            if exception {
                Marks::put_exception(answer.headers_mut());
            }
        }
        let status = answer.status();
        marks.put(status, answer.headers_mut());
    }
    answer
}

/// An answer that the server gives by itself: a client of Portkey's looks for the call's identity there, too.
pub(super) async fn identified(app: &App, mut answer: Response, marks: Option<Marks>) -> Response {
    if marks.is_some()
        && let Ok(id) = http::HeaderValue::from_bytes(&app.gateway.mint().to_ascii())
    {
        let headers = answer.headers_mut();
        headers.entry("x-orchestra-call-id").or_insert(id);
    }
    marked(app, answer, marks).await
}

/// An error of the gateway's own, with Portkey's words beside the dialect's. Any other answer stays as it is.
pub(super) async fn portkeys(answer: Response) -> Response {
    let (mut head, body) = answer.into_parts();
    let Some(refusal) = head.extensions.remove::<Refusal>() else {
        return Response::from_parts(head, body);
    };
    let Ok(body) = axum::body::to_bytes(body, LONGEST_ERROR).await else {
        return Response::from_parts(head, axum::body::Body::empty());
    };
    head.headers.remove(http::header::CONTENT_LENGTH);
    let said = with_portkeys_words(&body, &refusal).unwrap_or(body);
    Response::from_parts(head, axum::body::Body::from(said))
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
