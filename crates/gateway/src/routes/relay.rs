//! A provider that reaches the models of others, such as another gateway with an account of its own.

use std::collections::BTreeMap;

use orchestra_types::{ModelId, ProviderId};

use crate::providers::Member;

/// When a call goes by way of another gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RelayMode {
    /// First, with the models' own providers as backup.
    #[default]
    First,
    /// When the models' own providers have failed.
    Fallback,
    /// Always.
    Only,
    /// Only where a call or a tree names it.
    Off,
}

/// The way by another gateway.
#[derive(Clone, Debug)]
pub struct Relay {
    /// Its name among the providers.
    pub provider: ProviderId,
    /// When calls take it.
    pub mode: RelayMode,
    /// What it calls the providers of this gateway, by their names here. One that is not listed is reached only if a
    /// companion of the relay's key says who answers.
    pub slugs: BTreeMap<ProviderId, String>,
}

impl Relay {
    /// What a model of `direct` is asked for as; `None` if it is not to be had there.
    pub(crate) fn model(
        &self,
        relay: &Member,
        direct: &ProviderId,
        model: &ModelId,
    ) -> Option<ModelId> {
        match self.slugs.get(direct) {
            Some(slug) => Some(ModelId::new(&format!("@{slug}/{}", model.as_str()))),
            None => relay.knows_who_answers().then(|| model.clone()),
        }
    }
}
