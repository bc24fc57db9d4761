//! `[overload]`: what happens when there are more calls than can be served.

use std::collections::BTreeMap;

use orchestra_gateway::{Overload, Priorities, Priority};
use orchestra_providers::Registry;
use orchestra_types::KeyId;
use serde::Deserialize;

use super::{BuildError, Config, Seconds};

/// `[overload]`; the defaults are those of [`Overload`].
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OverloadConfig {
    /// How long a call waits for a place in all.
    pub max_wait_seconds: Option<Seconds>,
    /// How many wait in one line; 0, and nobody waits.
    pub max_waiting: Option<usize>,
    /// Calls that are served at one time.
    pub max_calls: Option<usize>,
    /// Who comes first.
    pub priority: PriorityConfig,
}

/// `[overload.priority]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PriorityConfig {
    /// The priority of a client's calls, and the highest that they can ask for, by the name of its key.
    pub clients: BTreeMap<String, PriorityWord>,
    /// The highest that a client's calls can ask for, by the name of its key, where it is another.
    pub may_ask: BTreeMap<String, PriorityWord>,
    /// The highest that the calls of all other clients can ask for, `normal` by default.
    pub most: PriorityWord,
    /// The priority of calls for a model that ask for none, by the name that clients use.
    pub models: BTreeMap<String, PriorityWord>,
}

/// `"high"`, `"normal"` or `"low"`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PriorityWord {
    /// First.
    High,
    /// As good as any.
    #[default]
    Normal,
    /// The first to be turned away.
    Low,
}

impl From<PriorityWord> for Priority {
    fn from(word: PriorityWord) -> Self {
        match word {
            PriorityWord::High => Self::High,
            PriorityWord::Normal => Self::Normal,
            PriorityWord::Low => Self::Low,
        }
    }
}

impl Config {
    pub(super) fn overload(&self, registry: &Registry) -> Result<Overload, BuildError> {
        let (own, usual) = (&self.overload, Overload::default());
        let max_calls = own
            .max_calls
            .unwrap_or_else(|| usual.max_calls.min(self.most_calls()));
        if max_calls == 0 {
            return Err(BuildError::ZeroLimit("overload.max_calls"));
        }
        Ok(Overload {
            max_wait: own
                .max_wait_seconds
                .map_or(usual.max_wait, Seconds::duration),
            max_waiting: own.max_waiting.unwrap_or(usual.max_waiting),
            max_calls,
            priorities: self.priorities(registry)?,
        })
    }

    /// So many that a fifth of the connections is left to those who wait, and to those who ask how the server fares.
    fn most_calls(&self) -> usize {
        let connections = self.server.max_connections;
        (connections - connections / 5).max(1)
    }

    /// Clients and models must be there.
    fn priorities(&self, registry: &Registry) -> Result<Priorities, BuildError> {
        let own = &self.overload.priority;
        let mut priorities = Priorities {
            clients: self.of_clients(&own.clients)?,
            may_ask: self.of_clients(&own.may_ask)?,
            most: own.most.into(),
            ..Priorities::default()
        };
        for (name, word) in &own.models {
            let found = self.check_model(name, registry);
            found.map_err(BuildError::PriorityOfModel)?;
            priorities.models.insert(name.clone(), (*word).into());
        }
        Ok(priorities)
    }

    fn of_clients(
        &self,
        words: &BTreeMap<String, PriorityWord>,
    ) -> Result<BTreeMap<KeyId, Priority>, BuildError> {
        let of_client = |(name, word): (&String, &PriorityWord)| {
            if !self.has_client(name) {
                return Err(BuildError::PriorityOfNobody(name.clone()));
            }
            Ok((KeyId::new(name)?, (*word).into()))
        };
        words.iter().map(of_client).collect()
    }

    /// Without a list there may be the one key of the environment.
    fn has_client(&self, name: &str) -> bool {
        let listed = &self.server.client_keys;
        listed.iter().any(|key| key.name == name) || listed.is_empty() && name == "default"
    }
}
