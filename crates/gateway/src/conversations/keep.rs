//! Keeping a conversation once its answer is whole.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use orchestra_dialects::{Endpoint, kept};
use orchestra_types::KeyId;
use tokio::time::timeout;

use super::{Conversation, ConversationError, ConversationKey, Conversations};
use crate::call::Call;
use crate::outgoing::{Outgoing, WayBack};

/// How long a store may take. The client waits for it.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// A conversation that lacks nothing but its answer.
#[derive(Debug)]
pub(crate) struct Keep {
    store: Arc<dyn Conversations>,
    client: Option<KeyId>,
    input: Arc<str>,
}

impl Keep {
    /// What is to be kept of a call, if anything: providers of the client's own dialect keep their answers
    /// themselves.
    pub(crate) fn of(
        store: Option<&Arc<dyn Conversations>>,
        call: &Call,
        outgoing: &Outgoing,
        client: Option<&KeyId>,
    ) -> Option<Self> {
        let foreign =
            call.endpoint == Endpoint::Responses && outgoing.way_back == WayBack::Translated;
        let store = store.filter(|_| foreign)?;
        let wanted = call.request().ok()?.state.store != Some(false);
        wanted.then(|| Self {
            store: Arc::clone(store),
            client: client.cloned(),
            input: kept::items(call.member("input")).into(),
        })
    }

    /// Keeps the conversation with this answer to it. Says whether that succeeded; the call has, either way.
    pub(crate) async fn with(self, response: &str) -> bool {
        let Some(id) = kept::response_id(response) else {
            return false;
        };
        let key = ConversationKey {
            client: self.client,
            id: id.into(),
        };
        let conversation = Conversation {
            input: self.input,
            response: response.into(),
        };
        let id = Arc::clone(&key.id);
        let saved = within_patience(self.store.save(key, conversation)).await;
        if let Err(error) = &saved {
            note(&id, error, "a conversation is not kept");
        }
        saved.is_ok()
    }
}

/// Writes down that a store failed.
pub(super) fn note(id: &str, error: &ConversationError, what: &str) {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::warn!(id, %error, cause, "{what}");
}

/// Waits for a store, but not for long.
pub(super) async fn within_patience<T>(
    asked: impl Future<Output = Result<T, ConversationError>>,
) -> Result<T, ConversationError> {
    let slow = |_| ConversationError::Failed(format!("it took longer than {PATIENCE:?}").into());
    timeout(PATIENCE, asked).await.map_err(slow)?
}
