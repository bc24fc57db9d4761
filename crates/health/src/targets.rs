//! All targets, by what tells them apart.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::target::{Policy, Standing, Target};

/// Targets by key, made when they are first asked for. What a key is, the user of this crate decides.
pub struct Targets<K> {
    policy: Policy,
    known: RwLock<BTreeMap<K, Arc<Target>>>,
}

impl<K> fmt::Debug for Targets<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Targets")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl<K: Ord + Clone> Targets<K> {
    /// How many are kept. Clients choose models' names, so there is no end to the keys; beyond this, those that nobody
    /// uses are forgotten.
    pub const MOST: usize = 10_000;

    /// None yet.
    #[must_use]
    pub const fn new(policy: Policy) -> Self {
        Self {
            policy,
            known: RwLock::new(BTreeMap::new()),
        }
    }

    /// The target with this key.
    pub fn target(&self, key: &K) -> Arc<Target> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(target) = known.get(key) {
            return Arc::clone(target);
        }
        drop(known);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= Self::MOST {
            known.retain(|_, target| Arc::strong_count(target) > 1);
        }
        let made = || Arc::new(Target::new(self.policy));
        Arc::clone(known.entry(key.clone()).or_insert_with(made))
    }

    /// Whether the target with this key may be asked. Of one that nobody asked for yet nothing bad is known.
    pub fn standing(&self, key: &K, now: Duration) -> Standing {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let usual = Standing::Ready { share: 1.0 };
        known.get(key).map_or(usual, |target| target.standing(now))
    }

    /// All that were asked for so far, by key.
    pub fn all(&self) -> Vec<(K, Arc<Target>)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let pair = |(key, target): (&K, &Arc<Target>)| (key.clone(), Arc::clone(target));
        known.iter().map(pair).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;

    #[test]
    fn a_key_always_means_the_same_target() {
        let targets = Targets::new(Policy::default());
        let first = targets.target(&"a");
        first.record(Outcome::Failed, Duration::ZERO, 0.5);
        assert!(Arc::ptr_eq(&first, &targets.target(&"a")));
        assert!(!Arc::ptr_eq(&first, &targets.target(&"b")));
        assert_eq!(targets.all().len(), 2);
    }

    #[test]
    fn keys_without_end_are_forgotten_but_for_those_in_use() {
        let targets = Targets::new(Policy::default());
        let used = targets.target(&0);
        for key in 1..=Targets::<usize>::MOST * 2 {
            targets.target(&key);
        }
        assert!(targets.all().len() <= Targets::<usize>::MOST);
        assert!(Arc::ptr_eq(&used, &targets.target(&0)));
    }
}
