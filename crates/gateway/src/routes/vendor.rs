//! What is known of a model, whichever way it is asked.

use std::sync::Arc;

use orchestra_types::{ModelId, Price};

use super::Finder;
use crate::providers::Member;

impl Finder<'_> {
    /// How many tokens the model takes at this place, if that is known.
    pub(crate) fn window(&self, member: &Arc<Member>, model: &ModelId) -> Option<u64> {
        let own = member.provider.context(model.as_str());
        own.or_else(|| {
            let (vendor, model) = self.vendor(member, model)?;
            vendor.provider.context(model.as_str())
        })
    }

    /// What the model costs at this place, if that is known. Another gateway passes on what its vendor charges.
    pub(crate) fn price(&self, member: &Arc<Member>, model: &ModelId) -> Option<Price> {
        let own = member.provider.price(model.as_str()).copied();
        own.or_else(|| {
            let (vendor, model) = self.vendor(member, model)?;
            vendor.provider.price(model.as_str()).copied()
        })
    }

    /// Who serves a model that is asked of the other gateway, as far as its own name says or the operator has.
    fn vendor(&self, member: &Arc<Member>, model: &ModelId) -> Option<(Arc<Member>, ModelId)> {
        let relay = self.routes.relay.as_ref()?;
        if *member.provider.id() != relay.provider {
            return None;
        }
        let Some((slug, model)) = model
            .as_str()
            .strip_prefix('@')
            .and_then(|name| name.split_once('/'))
        else {
            let mut places = self.resolve(model.as_str()).ok()?.into_iter();
            return places.find(|(place, _)| !Arc::ptr_eq(place, member));
        };
        let (vendor, _) = relay.slugs.iter().find(|(_, known)| *known == slug)?;
        let vendor = self.providers.member(vendor.as_str())?;
        Some((Arc::clone(vendor), ModelId::new(model)))
    }
}
