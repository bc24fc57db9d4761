//! What a client is told of a model that cannot be reached.

use std::sync::Arc;

use http::StatusCode;
use orchestra_dialects::{Endpoint, ErrorKind};
use orchestra_providers::{Provider, ResolveError};
use orchestra_types::{ModelId, ProviderId};

use crate::providers::Member;
use crate::refusal::Refusal;

pub(crate) fn unknown_model(error: &ResolveError) -> Refusal {
    let not_found = |code| {
        Refusal::new(
            StatusCode::NOT_FOUND,
            ErrorKind::NotFound,
            code,
            error.to_string(),
        )
    };
    match error {
        ResolveError::NotConfigured { .. } => no_key_for(error.to_string()),
        _ => not_found("model_not_found"),
    }
    .at("model")
    .for_good()
}

/// The gateway lacks a key; the client's own was fine. The status says so in the only word
/// that clients do not take for a passing trouble.
pub(crate) fn no_key_for(message: String) -> Refusal {
    Refusal::new(
        StatusCode::UNAUTHORIZED,
        ErrorKind::Authentication,
        "provider_key_missing",
        message,
    )
    .for_good()
}

pub(crate) fn speaks_otherwise(
    endpoint: Endpoint,
    model: &str,
    targets: &[(Arc<Member>, ModelId)],
) -> Refusal {
    let spoken = |provider: &Provider| {
        let paths: Vec<&str> = Endpoint::SERVED
            .into_iter()
            .filter(|e| provider.endpoint(*e).is_some())
            .map(Endpoint::path)
            .collect();
        paths.join(", ")
    };
    let mut names: Vec<&ProviderId> = Vec::new();
    let mut offers = String::new();
    for (member, _) in targets {
        let provider = &member.provider;
        if !names.contains(&provider.id()) {
            names.push(provider.id());
            offers.push_str(&format!(
                "; `{}` serves {}",
                provider.id(),
                spoken(provider)
            ));
        }
    }
    Refusal::invalid(
        "endpoint_not_supported",
        format!("model `{model}` cannot be reached through {}: no provider of it serves that endpoint{offers}", endpoint.path()),
    )
    .at("model")
}
