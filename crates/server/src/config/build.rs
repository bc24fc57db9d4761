//! From what the operator wrote to what the gateway works with.

use std::collections::BTreeMap;
use std::sync::Arc;

use orchestra_gateway::{Keys, Providers, Roster, Routes, Settings};
use orchestra_providers::{Catalogue, Registry, ResolveError};
use orchestra_secrets::Reference;
use orchestra_types::KeyId;

use super::found::{self, Found, no_store};
use super::{BuildError, Config, ConversationStore, RestSettings};
use crate::secrets::{
    Charge, ClientDesk, ClientWants, Dormant, Keeper, Listing, Standing, Vault, Workshop,
};

/// The environment variable that holds a client key when the configuration names none.
const CLIENT_KEY_VARIABLE: &str = "ORCHESTRA_CLIENT_KEY";

/// What a configuration amounts to.
#[derive(Debug)]
pub struct Built {
    /// The providers.
    pub providers: Arc<Roster>,
    /// Who gives the providers their keys, and knows who may call.
    pub keeper: Arc<Keeper>,
    /// The ways that calls may take.
    pub routes: Arc<Routes>,
    /// The bounds of calls.
    pub settings: Settings,
    /// Where conversations are kept.
    pub conversations: ConversationStore,
    /// What the paths of Portkey's own REST interface work with.
    pub rest: RestSettings,
    /// Whether the providers were found by their keys, not configured.
    pub detected: bool,
}

impl Config {
    /// Checks the configuration against the catalogue and fetches the keys that it refers to; those of a store that is
    /// sealed come later.
    ///
    /// # Errors
    /// [`BuildError`] names the entry at fault and what to write instead.
    pub async fn build(&self, catalogue: &Catalogue, vault: Vault) -> Result<Built, BuildError> {
        self.check_server()?;
        let listing = vault.listing().await;
        let detected = self.providers.is_empty();
        let mut found = if detected {
            found::detected(catalogue, &listing, &vault)?
        } else {
            self.configured(catalogue, &listing, &vault)?
        };
        self.teach_prices(found.iter_mut().map(|(provider, _)| provider))?;
        let dormant = if detected {
            found::dormant(catalogue, &found)
        } else {
            Dormant::default()
        };
        let (list, wants) = found.into_iter().unzip();
        let registry = self.registry(list, catalogue)?;
        let settings = self.settings(&registry)?;
        let conversations = self.responses.build()?;
        let clients = self.client_wants(&vault)?;
        let rest = self.rest(&clients)?;
        let desk = Self::client_desk(clients, &vault)?;
        // Until the keeper has looked, nobody has a key.
        let providers = Providers::new(registry, |_| Keys::Sealed)?;
        let routes = Arc::new(self.routes(&providers, catalogue)?);
        let workshop = Workshop::new(catalogue.clone(), routes.custom_hosts.clone());
        let providers = Arc::new(Roster::from(providers));
        let charge = Charge {
            roster: Arc::clone(&providers),
            wants,
            workshop,
            clients: desk,
            dormant,
        };
        let keeper = Keeper::new(vault, charge, listing);
        keeper.refresh_or_tell().await;
        Ok(Built {
            providers,
            keeper: Arc::new(keeper),
            routes,
            settings,
            conversations,
            rest,
            detected,
        })
    }

    fn configured(
        &self,
        catalogue: &Catalogue,
        listing: &Listing,
        vault: &Vault,
    ) -> Result<Vec<Found>, BuildError> {
        let entries = self.providers.iter();
        entries
            .map(|entry| found::configured(entry, catalogue, listing, vault))
            .collect()
    }

    pub(super) fn registry(
        &self,
        list: Vec<orchestra_providers::Provider>,
        catalogue: &Catalogue,
    ) -> Result<Registry, BuildError> {
        let aliases: BTreeMap<String, Vec<String>> = self
            .models
            .iter()
            .filter_map(|(alias, model)| Some((alias.clone(), model.targets()?)))
            .collect();
        let registry = Registry::build(list, catalogue, &aliases)?;
        for model in &self.translation.strict_models {
            self.check_model(model, &registry)?;
        }
        for model in self.recovery.models.keys() {
            let found = self.check_model(model, &registry);
            found.map_err(BuildError::RecoveryOfModel)?;
        }
        Ok(registry)
    }

    /// Whether clients can ask for a model of this name: one of `[models]`, trees too, or any that a provider has.
    pub(super) fn check_model(&self, name: &str, registry: &Registry) -> Result<(), ResolveError> {
        let is_here = self.models.contains_key(name);
        if is_here {
            Ok(())
        } else {
            registry.resolve(name).map(drop)
        }
    }

    fn check_server(&self) -> Result<(), BuildError> {
        let server = &self.server;
        for (name, value) in [
            ("server.max_connections", server.max_connections),
            (
                "server.max_connections_per_ip",
                server.max_connections_per_ip,
            ),
            ("server.worker_threads", server.worker_threads.unwrap_or(1)),
        ] {
            if value == 0 {
                return Err(BuildError::ZeroLimit(name));
            }
        }
        Ok(())
    }

    /// Who may call. Keys that are not in a store are looked at now, so that what is wrong with them is said.
    fn client_desk(wants: Vec<ClientWants>, vault: &Vault) -> Result<ClientDesk, BuildError> {
        let mut pepper = [0; 64];
        getrandom::fill(&mut pepper).map_err(BuildError::Entropy)?;
        let mut known = Vec::new();
        for want in &wants {
            match &want.reference {
                Reference::Stored(_) if vault.standing() == Standing::NoStore => {
                    return Err(no_store(want.reference.clone(), vault));
                }
                Reference::Stored(_) => {}
                Reference::Variable(_) | Reference::File(_) => {
                    let read = vault.variables().read(&want.reference);
                    let read = read.map_err(|source| BuildError::ClientKey {
                        name: want.id.to_string(),
                        source,
                    })?;
                    known.push((want.clone(), read));
                }
            }
        }
        let desk = ClientDesk::new(wants, pepper)?;
        desk.check(&known)?;
        Ok(desk)
    }

    fn client_wants(&self, vault: &Vault) -> Result<Vec<ClientWants>, BuildError> {
        let configured = self.server.client_keys.iter().map(|client| {
            Ok(ClientWants {
                id: KeyId::new(&client.name)?,
                reference: client.key.clone(),
            })
        });
        let mut wants = configured.collect::<Result<Vec<_>, BuildError>>()?;
        let usual = vault.variables().value(CLIENT_KEY_VARIABLE).is_some();
        if wants.is_empty() && usual {
            wants.push(ClientWants {
                id: KeyId::new("default")?,
                reference: Reference::Variable(CLIENT_KEY_VARIABLE.to_owned()),
            });
        }
        Ok(wants)
    }
}

#[cfg(test)]
mod tests;
