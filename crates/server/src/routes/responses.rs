//! Responses that the gateway keeps itself: `/v1/responses/{id}`. What it does not know is as if there
//! were no such path.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderValue, Request, StatusCode};
use orchestra_dialects::Family;
use orchestra_gateway::{Conversation, ConversationKey, Refusal};
use serde_json::{Value, json};

use super::reply::{json, wrap};
use super::{App, Shared, access, raw};

/// How many items a page has, unless the client says otherwise, and at most.
const PAGE: usize = 20;
const LONGEST_PAGE: usize = 100;

/// `GET /v1/responses/{id}`: the response as it was answered.
pub(super) async fn one(State(app): State<Shared>, request: Request<Body>) -> Response {
    let key = key(&app, &request);
    match find(&app, key).await {
        Ok(Some(kept)) => {
            let mut response = Response::new(Body::from(String::from(&*kept.response)));
            let json = HeaderValue::from_static("application/json");
            let headers = response.headers_mut();
            headers.insert(http::header::CONTENT_TYPE, json);
            response
        }
        Ok(None) => raw::pass(State(app), request).await,
        Err(refusal) => refuse(&app, refusal),
    }
}

/// `GET /v1/responses/{id}/input_items`: what the model was told, earlier turns included.
pub(super) async fn input_items(State(app): State<Shared>, request: Request<Body>) -> Response {
    let key = key(&app, &request);
    match find(&app, key).await {
        Ok(Some(kept)) => {
            let query = request.uri().query().unwrap_or_default();
            json(StatusCode::OK, &page(items(id(&request), &kept), query))
        }
        Ok(None) => raw::pass(State(app), request).await,
        Err(refusal) => refuse(&app, refusal),
    }
}

/// `DELETE /v1/responses/{id}`.
pub(super) async fn delete(State(app): State<Shared>, request: Request<Body>) -> Response {
    let key = key(&app, &request);
    let deleted = match key {
        Ok(key) => app.gateway.forget(key).await,
        Err(refusal) => Err(refusal),
    };
    match deleted {
        Ok(true) => {
            let told = json!({ "id": id(&request), "object": "response", "deleted": true });
            json(StatusCode::OK, &told)
        }
        Ok(false) => raw::pass(State(app), request).await,
        Err(refusal) => refuse(&app, refusal),
    }
}

async fn find(
    app: &App,
    key: Result<ConversationKey, Refusal>,
) -> Result<Option<Conversation>, Refusal> {
    app.gateway.kept(key?).await
}

fn key(app: &App, request: &Request<Body>) -> Result<ConversationKey, Refusal> {
    Ok(ConversationKey {
        client: access::identify(&app.keeper.clients().now(), request.headers())?,
        id: id(request).into(),
    })
}

/// The id in the path. Ids that were made here hold nothing that would be written otherwise there.
fn id(request: &Request<Body>) -> &str {
    let mut parts = request.uri().path().split('/');
    parts.find(|part| *part == "responses");
    parts.next().unwrap_or_default()
}

fn refuse(app: &App, refusal: Refusal) -> Response {
    wrap(app.gateway.refuse(refusal, Family::OpenAi, None))
}

/// The items of a conversation, in the form that lists of them have: what a client may leave out is there.
fn items(response: &str, kept: &Conversation) -> Vec<Value> {
    let mut items: Vec<Value> = serde_json::from_str(&kept.input).unwrap_or_default();
    let call = response.trim_start_matches("resp_");
    for (number, item) in items.iter_mut().enumerate() {
        let Some(item) = item.as_object_mut() else {
            continue;
        };
        let mut lacks = |name: &str, value: Value| {
            item.entry(name).or_insert(value);
        };
        lacks("id", json!(format!("item_{call}_{number}")));
        lacks("type", json!("message"));
        if item.contains_key("role") || item.contains_key("call_id") {
            item.entry("status").or_insert(json!("completed"));
        }
        if let Some(Value::String(text)) = item.get("content") {
            let content = match item.get("role").and_then(Value::as_str) {
                Some("assistant") => {
                    json!([{ "type": "output_text", "text": text, "annotations": [] }])
                }
                _ => json!([{ "type": "input_text", "text": text }]),
            };
            item.insert("content".to_owned(), content);
        }
    }
    items
}

/// The part of a list that a query asks for: `order` (the latest first by default), `after`, `limit`.
fn page(mut items: Vec<Value>, query: &str) -> Value {
    let asked = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    };
    if asked("order") != Some("asc") {
        items.reverse();
    }
    let after = asked("after").and_then(|id| items.iter().position(|item| item["id"] == id));
    let mut items = items.split_off(after.map_or(0, |at| at + 1));
    let limit = asked("limit").and_then(|limit| limit.parse().ok());
    let limit = limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
    let has_more = items.len() > limit;
    items.truncate(limit);
    json!({
        "object": "list",
        "first_id": items.first().map(|item| &item["id"]),
        "last_id": items.last().map(|item| &item["id"]),
        "has_more": has_more,
        "data": items,
    })
}
