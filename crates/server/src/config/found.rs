//! The providers that a configuration names, or that are found by their keys.

use std::collections::HashSet;
use std::num::NonZeroU32;

use http::HeaderName;
use orchestra_gateway::KeyName;
use orchestra_providers::{Catalogue, Provider, Row};
use orchestra_secrets::{Origin, Reference};
use orchestra_types::ProviderId;

use super::{BuildError, ProviderConfig};
use crate::secrets::{Dormant, Listing, ProviderWants, Standing, Vault, WantedKey, Wants, usual};

/// The first parts of the gateway's own paths, which `/{provider}/...` must not hide.
const RESERVED: [&str; 9] = [
    "v1",
    "health",
    "metrics",
    "models",
    "chat",
    "completions",
    "responses",
    "embeddings",
    "messages",
];

/// What stands behind `/health/` besides providers.
const RESERVED_IN_HEALTH: [&str; 3] = ["live", "ready", "providers"];

/// Whether a provider of this name would hide some of the gateway's own paths.
pub(crate) fn is_reserved(id: &ProviderId) -> bool {
    RESERVED.contains(&id.as_str()) || RESERVED_IN_HEALTH.contains(&id.as_str())
}

/// A provider, and the keys that it is to be called with.
pub(super) type Found = (Provider, ProviderWants);

/// Every provider of the catalogue whose key is in the store or in the environment.
pub(super) fn detected(
    catalogue: &Catalogue,
    listing: &Listing,
    vault: &Vault,
) -> Result<Vec<Found>, BuildError> {
    let mut found = Vec::new();
    for kind in catalogue.kinds() {
        let row = catalogue.get(kind);
        let Some(row) = row.filter(|row| row.works_with_a_key_alone()) else {
            continue;
        };
        let provider = build(kind, row)?;
        let wants = usual_wants(&provider)?;
        if usual(provider.key_names(), listing, vault.variables()).is_some() {
            check(&wants, listing, vault)?;
            found.push((provider, wants));
        }
    }
    Ok(found)
}

/// Those of the catalogue that were not found.
pub(super) fn dormant(catalogue: &Catalogue, found: &[Found]) -> Dormant {
    let used = |kind: &str| {
        found
            .iter()
            .any(|(provider, _)| provider.id().as_str() == kind)
    };
    let kinds = catalogue.kinds().filter(|kind| !used(kind));
    let kinds = kinds.filter_map(|kind| {
        let row = catalogue.get(kind)?;
        let names = row.key_names.clone().unwrap_or_default();
        row.works_with_a_key_alone()
            .then(|| (kind.to_owned(), names))
    });
    Dormant::new(kinds.collect())
}

/// What one `[[providers]]` says.
pub(super) fn configured(
    entry: &ProviderConfig,
    catalogue: &Catalogue,
    listing: &Listing,
    vault: &Vault,
) -> Result<Found, BuildError> {
    let (id, row) = named(entry, catalogue)?;
    let provider = build(id.as_str(), &row)?;
    let mut wants = usual_wants(&provider)?;
    if let Some(keys) = written(entry, &id)? {
        wants.keys = Wants::Written(keys);
    }
    check(&wants, listing, vault)?;
    Ok((provider, wants))
}

/// Its name, and what is known of its kind with what is said of it.
pub(super) fn named(
    entry: &ProviderConfig,
    catalogue: &Catalogue,
) -> Result<(ProviderId, Row), BuildError> {
    let id = ProviderId::new(entry.name.as_deref().unwrap_or(&entry.kind))?;
    if is_reserved(&id) {
        return Err(BuildError::ReservedName(id));
    }
    let row = row(entry, &id, catalogue)?;
    Ok((id, row))
}

fn row(entry: &ProviderConfig, id: &ProviderId, catalogue: &Catalogue) -> Result<Row, BuildError> {
    let written = Row {
        kind: Some(entry.kind.clone()),
        base_url: entry.base_url.clone(),
        ..Row::default()
    };
    let written = entry
        .overrides
        .as_ref()
        .map_or_else(|| written.clone(), |over| over.overlay(&written));
    catalogue.complete(id, &written).map_err(|source| {
        let provider = id.clone();
        BuildError::Kind { provider, source }
    })
}

pub(super) fn build(name: &str, row: &Row) -> Result<Provider, BuildError> {
    let provider = ProviderId::new(name)?;
    Provider::build(provider.clone(), row).map_err(|source| BuildError::Row { provider, source })
}

fn usual_wants(provider: &Provider) -> Result<ProviderWants, BuildError> {
    let id = provider.id().clone();
    let origin = Origin::of_url(provider.origin()).map_err(|source| {
        let provider = id.clone();
        BuildError::Origin { provider, source }
    })?;
    let companion = |(header, names): &(HeaderName, Vec<String>)| {
        let names = names.clone();
        (
            header.clone(),
            Wants::Usual {
                names,
                required: false,
            },
        )
    };
    Ok(ProviderWants {
        provider: id,
        companions: provider.companions().iter().map(companion).collect(),
        origin,
        keys: Wants::Usual {
            names: provider.key_names().to_vec(),
            required: provider.key_required(),
        },
    })
}

/// The keys that an entry names, if it does.
pub(super) fn written(
    entry: &ProviderConfig,
    id: &ProviderId,
) -> Result<Option<Vec<WantedKey>>, BuildError> {
    let keys = match (&entry.key, &entry.keys) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(BuildError::KeyAndKeys(id.clone())),
        (Some(reference), None) => vec![wanted(id, reference, NonZeroU32::MIN)?],
        (None, Some(keys)) => {
            let keys = keys.iter().map(|key| wanted(id, &key.key, key.weight));
            keys.collect::<Result<Vec<_>, _>>()?
        }
    };
    if keys.is_empty() {
        return Err(BuildError::EmptyKeys(id.clone()));
    }
    let mut once = HashSet::new();
    match keys.iter().find(|key| !once.insert(&key.reference)) {
        Some(twice) => Err(BuildError::SameKey {
            provider: id.clone(),
            reference: twice.reference.clone(),
        }),
        None => Ok(Some(keys)),
    }
}

fn wanted(
    id: &ProviderId,
    reference: &Reference,
    weight: NonZeroU32,
) -> Result<WantedKey, BuildError> {
    let name = KeyName::new(&reference.to_string()).map_err(|source| {
        let provider = id.clone();
        BuildError::KeyName { provider, source }
    })?;
    Ok(WantedKey {
        name,
        reference: reference.clone(),
        weight,
    })
}

/// What is wrong with a key is said before the server starts, as far as it can be known then: what is in a store may
/// come later.
fn check(wants: &ProviderWants, listing: &Listing, vault: &Vault) -> Result<(), BuildError> {
    let provider = &wants.provider;
    let keys = wants.keys.keys(listing, vault.variables());
    let without_store = vault.standing() == Standing::NoStore;
    if keys.is_empty()
        && without_store
        && let Wants::Usual {
            names,
            required: true,
        } = &wants.keys
    {
        let variable = names.first().cloned();
        return Err(BuildError::NoKey {
            provider: provider.clone(),
            variable: variable.unwrap_or_else(|| "its key".to_owned()),
        });
    }
    for key in keys {
        match key.reference {
            Reference::Stored(_) if without_store => return Err(no_store(key.reference, vault)),
            Reference::Stored(_) => {}
            Reference::Variable(_) | Reference::File(_) => {
                let read = vault.variables().read(&key.reference);
                read.map_err(|source| BuildError::ProviderKey {
                    provider: provider.clone(),
                    source,
                })?;
            }
        }
    }
    Ok(())
}

pub(super) fn no_store(reference: Reference, vault: &Vault) -> BuildError {
    let place = vault.place().map(|place| place.describe());
    BuildError::NoStore { reference, place }
}
