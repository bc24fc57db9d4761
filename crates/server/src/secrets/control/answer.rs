//! What an operator is told.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use orchestra_secrets::{AnchorError, StoreError, UnlockError};
use serde_json::{Value, json};

use crate::secrets::standing::chain;

/// A request that is not done, with a code that stays the same.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }
}

/// Store errors name secrets, places and numbers, and never a value.
impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let (status, code) = of_store(&error);
        Self::new(status, code, chain(&error))
    }
}

/// The status and the code for what a store says.
pub(crate) const fn of_store(error: &StoreError) -> (StatusCode, &'static str) {
    match error {
        StoreError::Sealed => (StatusCode::SERVICE_UNAVAILABLE, "sealed"),
        StoreError::NoStore => (StatusCode::NOT_FOUND, "no_store"),
        StoreError::NoSecret(_) => (StatusCode::NOT_FOUND, "no_secret"),
        StoreError::NameTaken(_) => (StatusCode::CONFLICT, "name_taken"),
        StoreError::Label(_) => (StatusCode::BAD_REQUEST, "invalid_label"),
        StoreError::NoVersion { .. } => (StatusCode::NOT_FOUND, "no_version"),
        StoreError::Revoked { .. } => (StatusCode::CONFLICT, "revoked"),
        StoreError::Expired { .. } => (StatusCode::CONFLICT, "expired"),
        StoreError::Empty => (StatusCode::BAD_REQUEST, "empty"),
        StoreError::TooLong { .. } => (StatusCode::BAD_REQUEST, "too_long"),
        StoreError::Conflict | StoreError::Fenced => (StatusCode::CONFLICT, "conflict"),
        StoreError::RolledBack { .. } => (StatusCode::CONFLICT, "rolled_back"),
        StoreError::OtherEpoch { .. } => (StatusCode::CONFLICT, "other_epoch"),
        StoreError::Unlock(UnlockError::Refused | UnlockError::NoSlot(_)) => {
            (StatusCode::FORBIDDEN, "credential_refused")
        }
        StoreError::Unlock(_)
        | StoreError::Tampered { .. }
        | StoreError::EntryTampered { .. }
        | StoreError::Schema(_)
        | StoreError::Anchor(AnchorError::Damaged { .. }) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "tampered")
        }
        StoreError::Anchor(_) => (StatusCode::INTERNAL_SERVER_ERROR, "anchor_unreadable"),
        StoreError::Backend(_) => (StatusCode::SERVICE_UNAVAILABLE, "database_unreachable"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let error = json!({ "error": { "code": self.code, "message": self.message } });
        answer(self.status, &error)
    }
}

/// What was asked for, or what came of it.
pub(super) fn done(value: &Value) -> Response {
    answer(StatusCode::OK, value)
}

fn answer(status: StatusCode, value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
