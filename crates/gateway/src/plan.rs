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
    pub(crate) exchange: Exchange,
}

/// How a call gets to a target and its answer back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exchange {
    /// In the client's own dialect: bytes pass as they are.
    Direct,
    /// In another dialect, at one of the endpoints that the provider translates to.
    Translated,
    /// Not at all: the gateway counts tokens by itself where the provider cannot.
    Estimated,
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
        Some(member) => vec![(Arc::clone(member), ModelId::new(model))],
        None => resolve(providers, model)?,
    };
    let able = |(member, model): &(Arc<Member>, ModelId)| {
        Some(Candidate {
            exchange: exchange(&member.provider, endpoint)?,
            member: Arc::clone(member),
            model: model.clone(),
        })
    };
    let mut candidates: Vec<Candidate> = found.iter().filter_map(able).collect();
    if candidates.is_empty() {
        return Err(speaks_otherwise(endpoint, model, &found));
    }
    keep_callable(&mut candidates)?;
    // Stable: among the ready, and among the resting, the operator's order stands.
    candidates.sort_by_key(|target| !target.member.is_ready(&target.model, now));
    Ok(candidates)
}

/// Leaves out targets whose keys cannot be had, as long as others are left.
fn keep_callable(candidates: &mut Vec<Candidate>) -> Result<(), Refusal> {
    let mut refused = Vec::new();
    candidates.retain(|target| {
        let member = &target.member;
        let refusal = member.keys().refusal(member.provider.id());
        let callable = refusal.is_none();
        refused.extend(refusal);
        callable
    });
    if !candidates.is_empty() {
        return Ok(());
    }
    // What an operator is about to mend comes before what is wrong for longer.
    refused.sort_by_key(|refusal| refusal.for_good);
    refused.into_iter().next().map_or(Ok(()), Err)
}

/// The client's own dialect wherever the provider speaks it; `None` if there is no way.
fn exchange(provider: &Provider, endpoint: Endpoint) -> Option<Exchange> {
    if provider.endpoint(endpoint).is_some() {
        Some(Exchange::Direct)
    } else if provider.translates_to().is_empty() {
        None
    } else if endpoint == Endpoint::CountTokens {
        Some(Exchange::Estimated)
    } else {
        holds_conversations(endpoint).then_some(Exchange::Translated)
    }
}

/// Whether calls of the endpoint can be translated.
fn holds_conversations(endpoint: Endpoint) -> bool {
    endpoint != Endpoint::CountTokens && endpoint.dialect().codec().is_some()
}

fn resolve(providers: &Providers, model: &str) -> Result<Vec<(Arc<Member>, ModelId)>, Refusal> {
    let targets = providers
        .registry()
        .resolve(model)
        .map_err(|error| unknown_model(&error))?;
    Ok(targets
        .into_iter()
        .filter_map(|target| {
            let member = providers.member(target.provider.as_str())?;
            Some((Arc::clone(member), target.model))
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

fn speaks_otherwise(
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
