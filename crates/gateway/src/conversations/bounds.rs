//! How much is kept, and for how long.

use std::time::Duration;

use super::{Conversation, ConversationError};

/// The bounds of a store. What was used least recently goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConversationBounds {
    /// How long a conversation is kept after its response was made. Using it adds nothing.
    pub ttl: Duration,
    /// How many conversations there are at most.
    pub entries: u64,
    /// How many bytes of text all of them have together.
    pub bytes: u64,
    /// How many of these one client may have.
    pub client_bytes: u64,
    /// How many one conversation may have.
    pub conversation_bytes: u64,
}

impl ConversationBounds {
    /// For a store in memory: a day, 10,000 conversations, 64 MiB in all, 32 of one client, 8 MiB each,
    /// which is room for some pictures.
    pub const MEMORY: Self = Self {
        ttl: Duration::from_secs(24 * 60 * 60),
        entries: 10_000,
        bytes: 64 << 20,
        client_bytes: 32 << 20,
        conversation_bytes: 8 << 20,
    };

    /// For a store on disk: thirty days, as at OpenAI, 50,000 conversations, 1 GiB in all, 256 MiB of one
    /// client, 16 MiB each.
    pub const DISK: Self = Self {
        ttl: Duration::from_secs(30 * 24 * 60 * 60),
        entries: 50_000,
        bytes: 1 << 30,
        client_bytes: 256 << 20,
        conversation_bytes: 16 << 20,
    };

    /// Weighs a conversation that is to be kept.
    ///
    /// # Errors
    /// [`ConversationError::TooLarge`] if room for it could not be made by letting go of others.
    pub fn weigh(&self, conversation: &Conversation) -> Result<u64, ConversationError> {
        let bytes = conversation.bytes();
        let limit = self
            .conversation_bytes
            .min(self.client_bytes)
            .min(self.bytes);
        if bytes > limit || self.entries == 0 {
            return Err(ConversationError::TooLarge { bytes, limit });
        }
        Ok(bytes)
    }
}
