//! Portkey's own REST interface.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{Request, StatusCode};
use orchestra_dialects::Family;

use super::Shared;
use super::reply::{identified, json, portkeys, wrap};
use crate::portkey::{Marks, rest};

/// Answers in Portkey's words, errors included: nobody else's clients have these paths.
pub(super) async fn serve(State(app): State<Shared>, request: Request<Body>) -> Response {
    let marks = Marks::always(request.headers());
    let answer = match rest::serve(&app, request).await {
        Ok(value) => json(StatusCode::OK, &value),
        Err(refusal) => portkeys(wrap(app.gateway.refuse(refusal, Family::OpenAi, None))).await,
    };
    identified(&app, answer, Some(marks)).await
}
