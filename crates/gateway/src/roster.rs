//! The providers of a gateway, which may be exchanged while calls run.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use crate::providers::Providers;

/// The providers that a gateway works with at a time. They are exchanged all at once; a call goes on with those that it
/// found when it was planned.
#[derive(Debug)]
pub struct Roster(ArcSwap<Providers>);

impl Roster {
    /// The providers as they are now. Takes no lock.
    #[must_use]
    pub fn now(&self) -> Guard<Arc<Providers>> {
        self.0.load()
    }

    /// From now on calls find these.
    pub fn exchange(&self, providers: Arc<Providers>) {
        self.0.store(providers);
    }
}

impl From<Providers> for Roster {
    fn from(providers: Providers) -> Self {
        Self(ArcSwap::from_pointee(providers))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use orchestra_providers::{Catalogue, Provider, Registry, Row};
    use orchestra_types::ProviderId;

    use super::*;
    use crate::keys::Keys;
    use crate::providers::Member;

    #[test]
    fn what_did_not_change_stays_when_providers_are_exchanged() {
        let provider = |name: &str, also: &str| {
            let row = Row {
                kind: Some("openai".to_owned()),
                also_called: Some(vec![also.to_owned()]),
                ..Row::default()
            };
            let id = ProviderId::new(name).unwrap();
            let row = Catalogue::embedded().complete(&id, &row).unwrap();
            Provider::build(id, &row).unwrap()
        };
        let member = |name: &str| Member::new(provider(name, "other"), Keys::NotNeeded);
        let list = vec![provider("openai", "other")];
        let registry = Registry::build(list, &Catalogue::embedded(), &BTreeMap::new()).unwrap();
        let roster = Roster::from(Providers::new(registry, |_| Keys::NotNeeded).unwrap());
        let before = Arc::clone(&roster.now());
        let night = Arc::new(member("night").unwrap());
        let grown = before.with_added(vec![Arc::clone(&night)]).unwrap();
        roster.exchange(Arc::new(grown));
        let now = roster.now();
        let same = |one: &Providers, name: &str, other: &Arc<Member>| {
            one.member(name).is_some_and(|own| Arc::ptr_eq(own, other))
        };
        assert!(same(&now, "openai", before.member("openai").unwrap()));
        assert!(same(&now, "night", &night) && now.is_added(&night));
        // What it is called elsewhere leads to the one that was there first.
        assert!(same(&now, "other", before.member("openai").unwrap()));
        assert!(
            before.member("night").is_none(),
            "whoever began before goes on"
        );
        let day = Arc::new(member("day").unwrap());
        let next = now.with_added(vec![Arc::clone(&night), day]).unwrap();
        assert!(same(&next, "night", &night));
        assert!(next.with_added(Vec::new()).unwrap().member("day").is_none());
        let taken = Arc::new(member("openai").unwrap());
        assert!(before.with_added(vec![taken]).is_err());
    }
}
