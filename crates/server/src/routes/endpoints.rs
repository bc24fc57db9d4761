//! The endpoints that the gateway understands.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Uri};
use http_body::Body as _;
use orchestra_dialects::Endpoint;
use orchestra_gateway::{AnswerBody, Incoming, Refusal};
use orchestra_types::ProviderId;

use super::reply::{marked, unread, wrap, wrong_method};
use super::{App, Shared, access, body};
use crate::portkey::{Asked, Desk, Marks};

/// `POST` serves the endpoint; other methods are told so in its dialect.
pub(super) fn route(endpoint: Endpoint) -> MethodRouter<Shared> {
    let serve = move |State(app): State<Shared>, request: Request<Body>| async move {
        // In a box of its own: the layers above copy what they are handed, and this is some kilobytes.
        Box::pin(serve(&app, endpoint, None, request)).await
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
    let (head, body) = request.into_parts();
    let (marks, has_body) = (Marks::of(&head.headers), !body.is_end_stream());
    let answer = match accept(app, endpoint, provider, head, body).await {
        Ok(incoming) => wrap(app.gateway.call(incoming).await),
        Err(refusal) => unread(wrap(refuse(app, endpoint, refusal)), has_body),
    };
    marked(app, answer, marks).await
}

/// What the call says in Portkey's words.
fn read_portkey(
    app: &App,
    by_path: Option<ProviderId>,
    headers: &mut HeaderMap,
) -> Result<Asked, Refusal> {
    let desk = Desk {
        routes: app.gateway.routes(),
        saved: &app.rest.saved,
        caller_keys: app.caller_keys,
        keys_required: app.keeper.clients().now().required,
    };
    let mut asked = desk.read(headers)?.unwrap_or_default();
    if by_path.is_some() && by_path != asked.provider {
        // The caller's key is the other provider's.
        asked.directions.key = None;
        asked.provider = by_path;
    }
    Ok(asked)
}

fn refuse(app: &App, endpoint: Endpoint, refusal: Refusal) -> http::Response<AnswerBody> {
    app.gateway
        .refuse(refusal, endpoint.dialect().family(), Some(endpoint))
}

async fn accept(
    app: &App,
    endpoint: Endpoint,
    by_path: Option<ProviderId>,
    mut head: Parts,
    body: Body,
) -> Result<Incoming, Refusal> {
    // Who may not call learns nothing of what is wrong with the call, and has nothing of it read.
    let client = access::identify(&app.keeper.clients().now(), &head.headers)?;
    let Asked {
        provider,
        mut directions,
    } = read_portkey(app, by_path, &mut head.headers)?;
    head.uri.path().clone_into(&mut directions.path);
    let body = body::read(&head.headers, body, app.max_body_bytes, app.body_patience).await?;
    Ok(Incoming {
        endpoint,
        provider,
        client,
        headers: head.headers,
        query: head.uri.query().map(str::to_owned),
        directions,
        body,
    })
}
