//! The endpoints that the gateway understands.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Uri};
use orchestra_dialects::Endpoint;
use orchestra_gateway::{AnswerBody, Directions, Incoming, Refusal};
use orchestra_types::ProviderId;

use super::reply::{marked, wrap, wrong_method};
use super::{App, Shared, access, body};
use crate::portkey::{Asked, Desk, Marks};

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
    let (mut head, body) = request.into_parts();
    let marks = Marks::of(&head.headers);
    let asked = read_portkey(app, &mut head.headers).map(|asked| {
        let asked = asked.unwrap_or_default();
        (asked.provider, asked.directions)
    });
    let accepted = accept(app, endpoint, (provider, asked), (head, body));
    let answer = match accepted.await {
        Ok(incoming) => wrap(app.gateway.call(incoming).await),
        Err(refusal) => wrap(refuse(app, endpoint, refusal)),
    };
    marked(answer, marks)
}

/// What the call says in Portkey's words, if anything.
fn read_portkey(app: &App, headers: &mut HeaderMap) -> Result<Option<Asked>, Refusal> {
    let desk = Desk {
        routes: app.gateway.routes(),
        caller_keys: app.caller_keys,
        keys_required: app.keeper.clients().now().required,
    };
    desk.read(headers)
}

fn refuse(app: &App, endpoint: Endpoint, refusal: Refusal) -> http::Response<AnswerBody> {
    app.gateway
        .refuse(refusal, endpoint.dialect().family(), Some(endpoint))
}

/// A provider and all else that says where a call goes.
type Whither = (Option<ProviderId>, Directions);

async fn accept(
    app: &App,
    endpoint: Endpoint,
    (by_path, asked): (Option<ProviderId>, Result<Whither, Refusal>),
    (head, body): (Parts, Body),
) -> Result<Incoming, Refusal> {
    // Who may not call learns nothing of what is wrong with the call.
    let client = access::identify(&app.keeper.clients().now(), &head.headers)?;
    let (by_header, mut directions) = asked?;
    head.uri.path().clone_into(&mut directions.path);
    let body = body::read(&head.headers, body, app.max_body_bytes, app.body_patience).await?;
    let headers: HeaderMap = head.headers;
    Ok(Incoming {
        endpoint,
        provider: by_path.or(by_header),
        client,
        headers,
        query: head.uri.query().map(str::to_owned),
        directions,
        body,
    })
}
