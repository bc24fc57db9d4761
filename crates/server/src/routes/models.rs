//! The models that can be asked for.

use std::time::{Duration, UNIX_EPOCH};

use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use orchestra_dialects::{ErrorKind, Family};
use orchestra_gateway::{ModelEntry, Refusal};
use serde_json::{Value, json};

use super::reply::{family_of, identified, json, wrap};
use super::{App, Shared, access};
use crate::portkey::Marks;

/// `GET /v1/models` in the shape that the caller's kind of client reads.
pub(super) async fn list(State(app): State<Shared>, headers: HeaderMap) -> Response {
    let answer = listed(&app, &headers).await;
    identified(&app, answer, Marks::of(&headers)).await
}

async fn listed(app: &App, headers: &HeaderMap) -> Response {
    let family = family_of(headers);
    if let Err(refusal) = access::identify(&app.keeper.clients().now(), headers) {
        return wrap(app.gateway.refuse(refusal, family, None));
    }
    let models: Vec<Value> = app
        .gateway
        .models()
        .await
        .iter()
        .map(|entry| shown(entry, family))
        .collect();
    let list = match family {
        Family::OpenAi | Family::Google => json!({ "object": "list", "data": models }),
        Family::Anthropic => json!({
            "first_id": models.first().map(|model| &model["id"]),
            "last_id": models.last().map(|model| &model["id"]),
            "data": models,
            "has_more": false,
        }),
    };
    json(StatusCode::OK, &list)
}

/// `GET /v1/models/{id}`. The name may hold slashes.
pub(super) async fn one(
    State(app): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let answer = found(&app, id, &headers).await;
    identified(&app, answer, Marks::of(&headers)).await
}

async fn found(app: &App, id: String, headers: &HeaderMap) -> Response {
    let family = family_of(headers);
    if let Err(refusal) = access::identify(&app.keeper.clients().now(), headers) {
        return wrap(app.gateway.refuse(refusal, family, None));
    }
    let listed = app
        .gateway
        .models()
        .await
        .into_iter()
        .find(|entry| entry.id == id);
    // A name that no list holds may still be served: new models appear before lists do.
    let found = listed.map(Ok).unwrap_or_else(|| {
        let targets = app.gateway.providers().registry().resolve(&id)?;
        let provider = targets.first().map(|target| target.provider.clone());
        provider
            .map(|provider| ModelEntry {
                id: id.clone(),
                provider,
                created: 0,
            })
            .ok_or(orchestra_providers::ResolveError::EmptyModel)
    });
    match found {
        Ok(entry) => json(StatusCode::OK, &shown(&entry, family)),
        Err(error) => {
            let refusal = Refusal::new(
                StatusCode::NOT_FOUND,
                ErrorKind::NotFound,
                "model_not_found",
                error.to_string(),
            );
            wrap(
                app.gateway
                    .refuse(refusal.at("model").for_good(), family, None),
            )
        }
    }
}

fn shown(entry: &ModelEntry, family: Family) -> Value {
    match family {
        Family::OpenAi | Family::Google => json!({
            "id": entry.id,
            "object": "model",
            "created": entry.created,
            "owned_by": entry.provider.as_str(),
        }),
        Family::Anthropic => json!({
            "type": "model",
            "id": entry.id,
            "display_name": entry.id,
            "created_at": humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(entry.created)).to_string(),
            "lifecycle": "active",
        }),
    }
}
