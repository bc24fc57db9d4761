//! Where conversations are kept for clients of the Responses API.

use std::path::PathBuf;

use orchestra_gateway::ConversationBounds;
use serde::Deserialize;

use super::BuildError;
use super::seconds::Seconds;

/// The longest time that a conversation may be kept: ten years.
const LONGEST: u64 = 10 * 365 * 24 * 60 * 60;

/// `[responses]`; the defaults are [`ConversationBounds::MEMORY`] and [`ConversationBounds::DISK`].
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResponsesConfig {
    /// Where conversations are kept, in memory by default.
    pub store: StoreKind,
    /// The database's file, needed where the store is one.
    pub path: Option<PathBuf>,
    /// How long a conversation is kept.
    pub ttl_seconds: Option<Seconds<LONGEST>>,
    /// How many conversations are kept.
    pub max_conversations: Option<u64>,
    /// How many bytes all of them have together.
    pub max_bytes: Option<u64>,
    /// How many bytes those of one client have.
    pub max_bytes_per_client: Option<u64>,
    /// How many bytes one conversation has.
    pub max_bytes_per_conversation: Option<u64>,
}

/// The kinds of stores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    /// In the process; a restart forgets them.
    #[default]
    Memory,
    /// In a SQLite file.
    Sqlite,
    /// Nowhere.
    Off,
}

/// Where conversations are to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConversationStore {
    /// In memory.
    Memory(ConversationBounds),
    /// In a SQLite file.
    File(PathBuf, ConversationBounds),
    /// Nowhere.
    Off,
}

impl ResponsesConfig {
    pub(super) fn build(&self) -> Result<ConversationStore, BuildError> {
        match (self.store, &self.path) {
            (StoreKind::Sqlite, None) => Err(BuildError::StoreWithoutPath),
            (StoreKind::Memory | StoreKind::Off, Some(_)) => Err(BuildError::PathWithoutStore),
            (StoreKind::Sqlite, Some(path)) => {
                let bounds = self.bounds(ConversationBounds::DISK)?;
                Ok(ConversationStore::File(path.clone(), bounds))
            }
            (StoreKind::Memory, None) => {
                let bounds = self.bounds(ConversationBounds::MEMORY)?;
                Ok(ConversationStore::Memory(bounds))
            }
            (StoreKind::Off, None) => Ok(ConversationStore::Off),
        }
    }

    fn bounds(&self, usual: ConversationBounds) -> Result<ConversationBounds, BuildError> {
        let bound = |name, own: Option<u64>, usual| match own {
            Some(0) => Err(BuildError::ZeroLimit(name)),
            own => Ok(own.unwrap_or(usual)),
        };
        Ok(ConversationBounds {
            ttl: self.ttl_seconds.map_or(usual.ttl, Seconds::duration),
            entries: bound(
                "responses.max_conversations",
                self.max_conversations,
                usual.entries,
            )?,
            bytes: bound("responses.max_bytes", self.max_bytes, usual.bytes)?,
            client_bytes: bound(
                "responses.max_bytes_per_client",
                self.max_bytes_per_client,
                usual.client_bytes,
            )?,
            conversation_bytes: bound(
                "responses.max_bytes_per_conversation",
                self.max_bytes_per_conversation,
                usual.conversation_bytes,
            )?,
        })
    }
}
