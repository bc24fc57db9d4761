//! The endpoints that the gateway understands.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use http::{HeaderMap, Method, Request, Uri};
use orchestra_dialects::Endpoint;
use orchestra_gateway::{AnswerBody, Directions, Incoming, Refusal};
use orchestra_types::ProviderId;

use super::reply::{wrap, wrong_method};
use super::{App, Shared, access, body};

/// `POST` serves the endpoint; other methods are told so in its dialect.
pub(super) fn route(endpoint: Endpoint) -> MethodRouter<Shared> {
    let serve = move |State(app): State<Shared>, request: Request<Body>| async move {
        serve(&app, endpoint, None, request).await
    };
    let refuse = move |State(app): State<Shared>, method: Method, uri: Uri| async move {
        let refusal = wrong_method(&method, uri.path(), "POST");
        wrap(refuse(&app, endpoint, refusal))
    };
    post(serve).fallback(refuse)
}

/// Serves a call to an endpoint, at a provider chosen by path if there is one.
pub(super) async fn serve(
    app: &App,
    endpoint: Endpoint,
    provider: Option<ProviderId>,
    request: Request<Body>,
) -> Response {
    match accept(app, endpoint, provider, request).await {
        Ok(incoming) => wrap(app.gateway.call(incoming).await),
        Err(refusal) => wrap(refuse(app, endpoint, refusal)),
    }
}

fn refuse(app: &App, endpoint: Endpoint, refusal: Refusal) -> http::Response<AnswerBody> {
    app.gateway
        .refuse(refusal, endpoint.dialect().family(), Some(endpoint))
}

async fn accept(
    app: &App,
    endpoint: Endpoint,
    provider: Option<ProviderId>,
    request: Request<Body>,
) -> Result<Incoming, Refusal> {
    let (head, body) = request.into_parts();
    let client = access::identify(&app.keeper.clients().now(), &head.headers)?;
    let body = body::read(&head.headers, body, app.max_body_bytes, app.body_patience).await?;
    let headers: HeaderMap = head.headers;
    Ok(Incoming {
        endpoint,
        provider,
        client,
        headers,
        query: head.uri.query().map(str::to_owned),
        directions: Directions::default(),
        body,
    })
}
