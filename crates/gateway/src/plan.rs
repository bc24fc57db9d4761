//! From a model's name to an ordered list of targets.
//!
//! A pure function of the call, the configuration and the targets' health.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use orchestra_dialects::{Endpoint, ErrorKind};
use orchestra_providers::{Provider, ResolveError};
use orchestra_types::{ModelId, ProviderId};

use crate::providers::{Member, Providers};
use crate::refusal::Refusal;

/// One target: a provider and the model's name there.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) member: Arc<Member>,
    pub(crate) model: ModelId,
}

/// Finds the targets of a call, the first to be asked first.
///
/// `pinned` names the provider of a call that came in under the provider's own path; the
/// model's name then goes through as it is.
pub(crate) fn plan(
    providers: &Providers,
    endpoint: Endpoint,
    pinned: Option<&Arc<Member>>,
    model: &str,
    now: Duration,
) -> Result<Vec<Candidate>, Refusal> {
    let found = match pinned {
        Some(member) => vec![Candidate {
            member: Arc::clone(member),
            model: ModelId::new(model),
        }],
        None => resolve(providers, model)?,
    };
    let (mut able, unable): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|target| target.member.provider.endpoint(endpoint).is_some());
    if able.is_empty() {
        return Err(speaks_otherwise(endpoint, model, &unable));
    }
    // Stable: among the ready, and among the resting, the operator's order stands.
    able.sort_by_key(|target| !target.member.health.is_ready(now));
    Ok(able)
}

fn resolve(providers: &Providers, model: &str) -> Result<Vec<Candidate>, Refusal> {
    let targets = providers
        .registry()
        .resolve(model)
        .map_err(|error| unknown_model(&error))?;
    Ok(targets
        .into_iter()
        .filter_map(|target| {
            let member = providers.member(target.provider.as_str())?;
            Some(Candidate {
                member: Arc::clone(member),
                model: target.model,
            })
        })
        .collect())
}

fn unknown_model(error: &ResolveError) -> Refusal {
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

fn speaks_otherwise(endpoint: Endpoint, model: &str, targets: &[Candidate]) -> Refusal {
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
    for target in targets {
        let provider = &target.member.provider;
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
