//! Addresses that calls and trees bring along.
//!
//! Whoever may name an address may have the gateway call it (server-side request forgery), so only origins that the operator
//! listed count, compared in the one form that both the list and the connection are written in. A key that the gateway holds
//! never goes there.

use std::fmt;
use std::sync::Arc;

use orchestra_providers::Provider;
use orchestra_secrets::Origin;

use super::{CallersKey, Finder};
use crate::keys::Keys;
use crate::providers::Member;
use crate::refusal::Refusal;

/// Why an address is not called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UnusableHost(String);

impl Finder<'_> {
    /// The provider with this name at another address, for one call, with the key that came with it if there is one.
    ///
    /// # Errors
    /// What the client is told if that is not to be.
    pub(crate) fn elsewhere(
        &self,
        name: &str,
        host: &str,
        key: Option<&CallersKey>,
    ) -> Result<Arc<Member>, Refusal> {
        let provider = self
            .provider(name)
            .ok_or_else(|| Refusal::no_such_provider(name))?;
        let refused = |error: UnusableHost| Refusal::custom_host(&error.to_string());
        let provider = self.moved(provider, host, key.is_some()).map_err(refused)?;
        match key {
            Some(key) => Self::lend(provider, key),
            None => {
                let member = Member::guest(provider, Keys::NotNeeded);
                let member = member.map_err(|_| Refusal::no_such_provider(name))?;
                Ok(Arc::new(member))
            }
        }
    }

    /// The provider at another address, if that is one of those that the operator listed.
    pub(super) fn moved(
        &self,
        provider: &Provider,
        host: &str,
        has_key: bool,
    ) -> Result<Provider, UnusableHost> {
        let moved = provider.at(host);
        let moved = moved.map_err(|error| UnusableHost(error.to_string()))?;
        let allowed = &self.routes.custom_hosts;
        let origin = Origin::of_url(moved.origin());
        let listed = origin.is_ok_and(|origin| allowed.contains(&origin));
        if !listed {
            return Err(UnusableHost(not_listed(moved.origin(), allowed)));
        }
        if provider.key_required() && !has_key {
            return Err(UnusableHost(format!(
                "the gateway's own key of provider `{}` is not sent to {}: bring a key along, or configure a provider with \
                 this `base_url`",
                provider.id(),
                moved.origin()
            )));
        }
        Ok(moved)
    }
}

fn not_listed(origin: &str, allowed: &[Origin]) -> String {
    struct List<'a>(&'a [Origin]);
    impl fmt::Display for List<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let names: Vec<&str> = self.0.iter().map(Origin::as_str).collect();
            if names.is_empty() {
                f.write_str("none is")
            } else {
                write!(f, "there are {}", names.join(", "))
            }
        }
    }
    format!(
        "{origin} is not among the `custom_hosts` that the operator lists in [portkey]: {}; add it there, or configure a provider \
         with this `base_url`",
        List(allowed)
    )
}
