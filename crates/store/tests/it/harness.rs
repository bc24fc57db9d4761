//! Stores to be tested, and a clock that stands until it is moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use orchestra_gateway::{
    Conversation, ConversationBounds, ConversationError, ConversationKey, Conversations,
    MemoryConversations,
};
use orchestra_store::SqliteConversations;
use orchestra_types::{Clock, KeyId};
use tempfile::TempDir;

/// A clock in the test's hand.
#[derive(Debug, Default)]
pub(crate) struct Hand(AtomicU64);

impl Hand {
    pub(crate) fn advance(&self, time: Duration) {
        let seconds = time.as_secs();
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed))
    }

    fn unix(&self) -> Duration {
        Duration::from_secs(1_800_000_000) + self.monotonic()
    }
}

/// One store and its clock.
pub(crate) struct Store {
    pub(crate) name: &'static str,
    pub(crate) store: Arc<dyn Conversations>,
    pub(crate) clock: Arc<Hand>,
    _folder: Option<TempDir>,
}

/// One store of each kind.
pub(crate) async fn stores(bounds: ConversationBounds) -> [Store; 2] {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("conversations.db");
    let clock = Arc::new(Hand::default());
    let file = SqliteConversations::open(&path, bounds, Arc::clone(&clock) as Arc<dyn Clock>);
    let file = Store {
        name: "file",
        store: Arc::new(file.await.unwrap()),
        clock,
        _folder: Some(folder),
    };
    let clock = Arc::new(Hand::default());
    let memory = MemoryConversations::new(bounds, Arc::clone(&clock) as Arc<dyn Clock>);
    let memory = Store {
        name: "memory",
        store: Arc::new(memory),
        clock,
        _folder: None,
    };
    [memory, file]
}

/// The names of clients; an empty one calls without a key.
pub(crate) fn key(client: &str, id: &str) -> ConversationKey {
    ConversationKey {
        client: KeyId::new(client).ok(),
        id: id.into(),
    }
}

/// A conversation of this many bytes that no other one is like.
pub(crate) fn conversation(word: &str, bytes: usize) -> Conversation {
    let input = format!("[\"{word}\"]");
    let rest = bytes - input.len();
    Conversation {
        input: input.into(),
        response: "r".repeat(rest).into(),
    }
}

impl Store {
    pub(crate) async fn save(&self, client: &str, id: &str, bytes: usize) {
        let saved = self.store.save(key(client, id), conversation(id, bytes));
        saved
            .await
            .unwrap_or_else(|error| panic!("{}: {error:?}", self.name));
    }

    pub(crate) async fn refuses(&self, client: &str, id: &str, bytes: usize) -> ConversationError {
        let saved = self.store.save(key(client, id), conversation(id, bytes));
        saved.await.expect_err(self.name)
    }

    pub(crate) async fn load(&self, client: &str, id: &str) -> Option<Conversation> {
        self.store.load(key(client, id)).await.unwrap()
    }

    /// Which of these are there. Looking uses them, in this order.
    pub(crate) async fn there(&self, client: &str, ids: &str) -> String {
        let mut there = String::new();
        for id in ids.chars() {
            if self.load(client, &id.to_string()).await.is_some() {
                there.push(id);
            }
        }
        there
    }
}
