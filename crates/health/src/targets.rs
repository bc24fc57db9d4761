//! All targets, by what tells them apart.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::standing::Standing;
use crate::target::{Policy, Target};

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
    /// How many are kept. Clients choose models' names, so there is no end to the keys. Beyond this, those are forgotten
    /// of which nothing is known that a new one would not show; then, if need be, all that nobody uses.
    pub const MOST: usize = 2_048;

    /// None yet.
    #[must_use]
    pub const fn new(policy: Policy) -> Self {
        Self {
            policy,
            known: RwLock::new(BTreeMap::new()),
        }
    }

    /// The target with this key.
    pub fn target(&self, key: &K, now: Duration) -> Arc<Target> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(target) = known.get(key) {
            return Arc::clone(target);
        }
        drop(known);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= Self::MOST {
            make_room(&mut known, Self::MOST, now);
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

    /// What an attempt more at the target with this key would cost, as [`Target::cost`] has it.
    pub fn cost(&self, key: &K, now: Duration) -> f64 {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let new = || Target::new(self.policy).cost(now);
        known.get(key).map_or_else(new, |target| target.cost(now))
    }

    /// What is known of a target, if it was asked for before.
    pub fn known(&self, key: &K) -> Option<Arc<Target>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(key).map(Arc::clone)
    }

    /// All that were asked for so far, by key.
    pub fn all(&self) -> Vec<(K, Arc<Target>)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let pair = |(key, target): (&K, &Arc<Target>)| (key.clone(), Arc::clone(target));
        known.iter().map(pair).collect()
    }
}

/// Who holds a target keeps it.
fn make_room<K: Ord>(known: &mut BTreeMap<K, Arc<Target>>, most: usize, now: Duration) {
    let is_used = |target: &Arc<Target>| Arc::strong_count(target) > 1;
    known.retain(|_, target| is_used(target) || !target.is_like_new(now));
    if known.len() >= most {
        known.retain(|_, target| is_used(target));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;

    const NOW: Duration = Duration::from_secs(100);

    #[test]
    fn a_key_always_means_the_same_target() {
        let targets = Targets::new(Policy::default());
        let first = targets.target(&"a", NOW);
        first.record(Outcome::Failed, NOW, 0.5);
        assert!(Arc::ptr_eq(&first, &targets.target(&"a", NOW)));
        assert!(!Arc::ptr_eq(&first, &targets.target(&"b", NOW)));
        assert_eq!(targets.all().len(), 2);
    }

    #[test]
    fn who_was_never_asked_costs_what_a_new_target_does_and_is_not_made_for_that() {
        let targets = Targets::new(Policy::default());
        let cost = targets.cost(&"a", NOW);
        assert!(targets.all().is_empty());
        assert_eq!(targets.target(&"a", NOW).cost(NOW), cost);
        let _place = targets.target(&"a", NOW).admit(NOW).unwrap();
        assert_eq!(targets.cost(&"a", NOW), cost * 2.0);
    }

    #[test]
    fn keys_without_end_are_forgotten_but_for_those_in_use() {
        let targets = Targets::new(Policy::default());
        let used = targets.target(&0, NOW);
        for key in 1..=Targets::<usize>::MOST * 2 {
            targets.target(&key, NOW);
        }
        assert!(targets.all().len() <= Targets::<usize>::MOST);
        assert!(Arc::ptr_eq(&used, &targets.target(&0, NOW)));
    }

    #[test]
    fn what_is_known_of_a_failing_target_outlives_names_that_clients_make_up() {
        let targets = Targets::new(Policy::default());
        for _ in 0..5 {
            targets.target(&0, NOW).record(Outcome::Failed, NOW, 0.5);
        }
        let rest = Duration::from_secs(20);
        targets
            .target(&1, NOW)
            .record(Outcome::Paused { rest }, NOW, 0.5);
        for key in 2..Targets::<usize>::MOST * 3 {
            targets.target(&key, NOW).record(Outcome::Healthy, NOW, 0.5);
        }
        for key in [0, 1] {
            assert!(matches!(targets.standing(&key, NOW), Standing::Out(_)));
        }
    }

    #[test]
    fn failures_without_end_are_forgotten_as_well() {
        let targets = Targets::new(Policy::default());
        for key in 0..Targets::<usize>::MOST * 2 {
            targets.target(&key, NOW).record(Outcome::Failed, NOW, 0.5);
        }
        assert!(targets.all().len() <= Targets::<usize>::MOST);
    }
}
