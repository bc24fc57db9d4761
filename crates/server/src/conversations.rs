//! The store of conversations that the configuration asks for.

use std::sync::Arc;

use orchestra_gateway::{Conversations, MemoryConversations};
use orchestra_store::{OpenError, SqliteConversations};
use orchestra_types::SystemClock;

use crate::config::ConversationStore;

/// Opens the store; `None` if there is to be none.
pub(crate) async fn open(
    store: ConversationStore,
) -> Result<Option<Arc<dyn Conversations>>, OpenError> {
    let clock = Arc::new(SystemClock::new());
    Ok(match store {
        ConversationStore::Off => None,
        ConversationStore::Memory(bounds) => {
            Some(Arc::new(MemoryConversations::new(bounds, clock)))
        }
        ConversationStore::File(path, bounds) => {
            let opened = SqliteConversations::open(&path, bounds, clock).await?;
            Some(Arc::new(opened))
        }
    })
}
