//! The providers in use: those of the configuration, and those that the secret store has besides.

use std::collections::BTreeMap;
use std::sync::Arc;

use orchestra_gateway::{Keys, Member, Providers};
use orchestra_types::ProviderId;

use super::Keeper;
use crate::secrets::added::{self, Definition, Definitions, Workshop};
use crate::secrets::standing::chain;
use crate::secrets::wants::ProviderWants;

/// The providers that are handed keys.
#[derive(Clone)]
pub(super) struct InUse {
    pub(super) all: Arc<Providers>,
    pub(super) wants: Arc<[ProviderWants]>,
    /// What those are made of that are not configured.
    definitions: Arc<Definitions>,
    /// Why some of these are not in use.
    unusable: BTreeMap<ProviderId, String>,
}

impl InUse {
    pub(super) fn configured(all: &Arc<Providers>, wants: &[ProviderWants]) -> Self {
        Self {
            all: Arc::clone(all),
            wants: wants.into(),
            definitions: Arc::default(),
            unusable: BTreeMap::new(),
        }
    }

    /// The provider as it is, if what it is made of says the same.
    fn unchanged(&self, slug: &ProviderId, definition: &Definition) -> Option<&Arc<Member>> {
        let before = self.definitions.get(slug)?;
        let member = self.all.member(slug.as_str())?;
        let same = self.all.is_added(member) && before.is_called_as(definition);
        same.then_some(member)
    }
}

impl Keeper {
    /// What is in use when these are the providers besides those of the configuration; `None` if they are already. Who did not
    /// change stays, with keys and health.
    pub(super) fn draft(&self, definitions: &Arc<Definitions>) -> Option<InUse> {
        let before = self.books().providers.clone();
        if before.definitions == *definitions {
            return None;
        }
        let mut members = Vec::new();
        let mut wants = self.wants.clone();
        let mut unusable = BTreeMap::new();
        for (place, (slug, definition)) in definitions.iter().enumerate() {
            let made = match before.unchanged(slug, definition) {
                _ if place >= added::MOST => Err(format!("at most {} are made", added::MOST)),
                Some(member) => Ok(Arc::clone(member)),
                None => member(&self.workshop, slug, definition, &before.all),
            };
            let made = made.and_then(|member| Ok((wants_of(&member)?, member)));
            match made {
                Ok((own, member)) => {
                    wants.push(own);
                    members.push(member);
                }
                Err(reason) => {
                    tracing::error!("provider {slug} of the secret store is not used: {reason}");
                    unusable.insert(slug.clone(), reason);
                }
            }
        }
        let all = before.all.with_added(members);
        // Each name is there once, and none is a configured one's.
        let all = all.map_err(|error| tracing::error!("{error}")).ok()?;
        Some(InUse {
            all: Arc::new(all),
            wants: wants.into(),
            definitions: Arc::clone(definitions),
            unusable,
        })
    }

    /// From now on these are handed keys. Calls find them with the next [`Keeper::install`].
    pub(super) fn adopt(&self, draft: InUse) {
        let mut books = self.books();
        let before = std::mem::replace(&mut books.providers, draft);
        let now = books.providers.all.clone();
        // Who is new, or came anew under its name, has been told nothing.
        books.told.retain(|id, _| {
            let [one, other] = [&before.all, &now].map(|all| all.member(id.as_str()));
            matches!((one, other), (Some(one), Some(other)) if Arc::ptr_eq(one, other))
        });
    }

    /// The providers that were made while servers ran, as far as is known now.
    pub(crate) fn definitions(&self) -> Arc<Definitions> {
        Arc::clone(&self.books().providers.definitions)
    }

    /// Why a provider that was made is not in use, if that is so.
    pub(crate) fn why_unusable(&self, slug: &ProviderId) -> Option<String> {
        self.books().providers.unusable.get(slug).cloned()
    }

    /// What providers are made of.
    pub(crate) const fn workshop(&self) -> &Workshop {
        &self.workshop
    }
}

/// A provider that nobody knows anything of, without its key.
fn member(
    workshop: &Workshop,
    slug: &ProviderId,
    definition: &Definition,
    beside: &Providers,
) -> Result<Arc<Member>, String> {
    let base_url = definition.base_url.as_deref();
    let built = workshop.build(slug, &definition.kind, base_url, beside);
    let provider = built.map_err(|error| chain(&error))?;
    let member = Member::new(provider, Keys::Sealed);
    member.map(Arc::new).map_err(|error| error.to_string())
}

fn wants_of(member: &Member) -> Result<ProviderWants, String> {
    added::wants(&member.provider).map_err(|error| chain(&error))
}
