//! Numbers for Prometheus.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};

use super::reply::{family_of, wrap};
use super::{Shared, access};
use crate::metrics;

/// `GET /metrics`, for those who may call.
pub(super) async fn metrics(State(app): State<Shared>, headers: HeaderMap) -> Response {
    if let Err(refusal) = access::identify(&app.keeper.clients().now(), &headers) {
        return wrap(app.gateway.refuse(refusal, family_of(&headers), None));
    }
    // Lists of models come and go; whoever looks at the numbers wants to see their names.
    app.metrics.learn(&app.gateway.known_models());
    let text = app.metrics.text(&app.gateway, &app.load);
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static(metrics::CONTENT_TYPE);
    headers.insert(CONTENT_TYPE, kind);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
