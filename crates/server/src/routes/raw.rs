//! Everything else: `/{provider}/...` is passed through, the rest does not exist.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{Method, Request, StatusCode};
use http_body::Body as _;
use orchestra_dialects::{Endpoint, ErrorKind, Family};
use orchestra_gateway::{RawCall, Refusal, StreamedBody};
use orchestra_types::ProviderId;

use super::body::Paced;
use super::reply::{family_of, marked, unread, wrap, wrong_method};
use super::{App, Shared, access, endpoints};
use crate::portkey::Marks;

/// Passes a call to a provider's own path on. A path that means an endpoint that the gateway
/// understands takes the normal way, so that no call escapes by its spelling.
pub(super) async fn pass(State(app): State<Shared>, request: Request<Body>) -> Response {
    let Some((provider, rest)) = split(&app, request.uri().path()) else {
        // Which routes and providers there are is not for everybody.
        let refusal = access::identify(&app.keeper.clients().now(), request.headers())
            .map_or_else(|refusal| refusal, |_| no_such_route(&app, &request));
        return wrap(
            app.gateway
                .refuse(refusal, family_of(request.headers()), None),
        );
    };
    let member = app.gateway.providers().member(provider.as_str()).cloned();
    if let Some(member) = &member
        && let Some(endpoint) = member.provider.endpoint_for(request.method(), rest)
    {
        return endpoints::serve(&app, endpoint, Some(provider), request).await;
    }
    let family = member.map_or(Family::OpenAi, |member| member.family());
    let marks = Marks::of(request.headers());
    let has_body = !request.body().is_end_stream();
    let answer = match accept(&app, provider, request) {
        Ok(call) => wrap(app.gateway.pass(call).await),
        Err(refusal) => unread(wrap(app.gateway.refuse(refusal, family, None)), has_body),
    };
    marked(&app, answer, marks).await
}

/// The provider that the first segment of a path names, and the path behind it.
pub(super) fn split<'a>(app: &App, path: &'a str) -> Option<(ProviderId, &'a str)> {
    let name = path.strip_prefix('/')?.split('/').next()?;
    let member = app.gateway.providers().member(name).cloned()?;
    // Paths know a provider by its own name alone.
    if member.provider.id().as_str() != name {
        return None;
    }
    let rest = &path[1 + name.len()..];
    Some((
        member.provider.id().clone(),
        if rest.is_empty() { "/" } else { rest },
    ))
}

fn accept(app: &App, provider: ProviderId, request: Request<Body>) -> Result<RawCall, Refusal> {
    let (head, body) = request.into_parts();
    let client = access::identify(&app.keeper.clients().now(), &head.headers)?;
    crate::portkey::refuse_custom_host(&head.headers)?;
    // A provider that answers TRACE would send the gateway's key back; CONNECT asks for a tunnel.
    if matches!(head.method, Method::TRACE | Method::CONNECT) {
        return Err(wrong_method(
            &head.method,
            head.uri.path(),
            "another method",
        ));
    }
    let full = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let rest = &full[1 + provider.as_str().len()..];
    let path_and_query = if rest.starts_with('/') {
        rest.to_owned()
    } else {
        format!("/{rest}")
    };
    let body =
        (!body.is_end_stream()).then(|| StreamedBody::new(Paced::new(body, app.body_patience)));
    Ok(RawCall {
        provider,
        client,
        method: head.method,
        path_and_query,
        headers: head.headers,
        body,
    })
}

fn no_such_route(app: &App, request: &Request<Body>) -> Refusal {
    let path = request.uri().path();
    let mut message = format!("there is nothing at {} {path}", request.method());
    let providers: Vec<String> = app
        .gateway
        .providers()
        .members()
        .map(|member| format!("/{}/", member.provider.id()))
        .collect();
    let endpoints: Vec<&str> = Endpoint::SERVED.into_iter().map(Endpoint::path).collect();
    message.push_str(&format!(
        "; the gateway serves {} and /v1/models",
        endpoints.join(", ")
    ));
    match providers.first() {
        Some(first) if path.starts_with("/v1/") => {
            message.push_str(&format!(
                ", and each provider's own endpoints behind its name, here {first}{}",
                &path[1..]
            ));
        }
        Some(_) => message.push_str(&format!(
            ", and each provider's own endpoints behind {}",
            providers.join(", ")
        )),
        None => {}
    }
    Refusal::new(
        StatusCode::NOT_FOUND,
        ErrorKind::NotFound,
        "route_not_found",
        message,
    )
    .for_good()
}
