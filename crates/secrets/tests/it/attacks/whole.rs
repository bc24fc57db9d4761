//! What a store holds, read to the last bit, and whether all of it fits together.

use std::collections::BTreeMap;

use orchestra_secrets::{Ask, Name, SlotKind, State, Store, StoreError};

/// Everything that callers can see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    /// State and value of each version; there is no value of what is revoked.
    pub(crate) secrets: BTreeMap<(Name, u32), (State, Option<String>)>,
    pub(crate) slots: Vec<(u32, SlotKind)>,
    /// Number and state of each.
    pub(crate) keys: Vec<(u32, &'static str)>,
    pub(crate) root_version: u64,
}

impl Whole {
    /// Reads everything.
    ///
    /// # Panics
    /// If a part of the store does not fit the others, or a secret cannot be read.
    pub(crate) async fn of(store: &Store) -> Self {
        let report = store.verify().await.unwrap();
        assert!(report.is_whole(), "{report:?}");
        let mut secrets = BTreeMap::new();
        for entry in store.entries(None).await.unwrap() {
            let ask = Ask {
                version: Some(entry.version),
                ..Ask::current(entry.name.clone())
            };
            let value = match store.fetch(&ask).await {
                Ok(fetched) => Some(fetched.secret.expose().to_owned()),
                Err(StoreError::Revoked { .. }) if entry.state == State::Revoked => None,
                Err(error) => panic!("{} {}: {error}", entry.name, entry.version),
            };
            secrets.insert((entry.name, entry.version), (entry.state, value));
        }
        let status = store.status().await.unwrap();
        let whole = Self {
            secrets,
            slots: status
                .slots
                .iter()
                .map(|slot| (slot.id, slot.kind))
                .collect(),
            keys: status
                .keys
                .iter()
                .map(|key| (key.version, key.state))
                .collect(),
            root_version: status.root_version,
        };
        whole.check();
        whole
    }

    fn check(&self) {
        let active = self.keys.iter().filter(|(_, state)| *state == "active");
        assert_eq!(active.count(), 1, "{:?}", self.keys);
        let current = |state: &State| *state == State::Current;
        let mut names: BTreeMap<&Name, u32> = BTreeMap::new();
        for ((name, _), (state, _)) in &self.secrets {
            *names.entry(name).or_default() += u32::from(current(state));
        }
        assert!(names.values().all(|count| *count <= 1), "{names:?}");
    }

    /// The current value of a name.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let (_, value) = self
            .secrets
            .iter()
            .filter(|((found, _), _)| found.name() == name)
            .map(|(_, secret)| secret)
            .find(|(state, _)| *state == State::Current)?;
        value.as_deref()
    }
}
