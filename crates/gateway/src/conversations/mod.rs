//! Conversations that the gateway keeps, for clients whose calls go on from an earlier answer and
//! providers that keep nothing.
//!
//! A store holds texts and knows no dialect. What it holds is bounded in every direction, so that a store is
//! a cache: a conversation may be gone before its time, and a client then sends it whole.

mod bounds;
mod keep;
mod memory;
mod resume;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use orchestra_types::KeyId;

use crate::transport::BoxError;

pub use bounds::ConversationBounds;
pub(crate) use keep::Keep;
pub use memory::MemoryConversations;
pub(crate) use resume::{Resumed, resume};

/// Whose conversation, and the response that it ends with. No client reaches another's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConversationKey {
    /// The client's key; `None` for all who call without one, which are one and the same to the gateway.
    pub client: Option<KeyId>,
    /// The response's id, as the client was told it.
    pub id: Arc<str>,
}

/// A conversation up to the end of one response. Both texts are JSON in the words of the Responses API.
#[derive(Clone, PartialEq, Eq)]
pub struct Conversation {
    /// A list of items: what the model was told, earlier turns included.
    pub input: Arc<str>,
    /// The response object that the client got, with what it answered.
    pub response: Arc<str>,
}

impl Conversation {
    /// What it weighs against the bounds.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.input.len() as u64 + self.response.len() as u64
    }
}

impl fmt::Debug for Conversation {
    /// The size, not the words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Conversation({} bytes)", self.bytes())
    }
}

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConversationError {
    /// It would take more room than a single conversation gets.
    #[error("the conversation takes {bytes} bytes, and no more than {limit} are kept of one")]
    TooLarge {
        /// What it takes.
        bytes: u64,
        /// What it may take.
        limit: u64,
    },
    /// The store is out of order.
    #[error("the store of conversations failed")]
    Failed(#[source] BoxError),
}

/// The outcome of asking a store. The future owns all it needs; dropping it may leave the request undone.
pub type ConversationFuture<T> = Pin<Box<dyn Future<Output = Result<T, ConversationError>> + Send>>;

/// Keeps conversations: [`MemoryConversations`], or whatever an application brings.
pub trait Conversations: fmt::Debug + Send + Sync {
    /// Fetches a conversation, which counts as a use of it. `None` if there is none, no longer,
    /// or it is another client's.
    fn load(&self, key: ConversationKey) -> ConversationFuture<Option<Conversation>>;

    /// Keeps a conversation, in place of one under the same key, and lets go of what no longer fits.
    ///
    /// # Errors
    /// [`ConversationError::TooLarge`] if it exceeds the bounds on its own.
    fn save(&self, key: ConversationKey, conversation: Conversation) -> ConversationFuture<()>;

    /// Forgets a conversation. Says whether there was one.
    fn delete(&self, key: ConversationKey) -> ConversationFuture<bool>;
}
