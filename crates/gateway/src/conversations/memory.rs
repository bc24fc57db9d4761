//! Conversations in this process's memory.

use std::collections::{BTreeMap, HashMap};
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use orchestra_types::{Clock, KeyId};

use super::{
    Conversation, ConversationBounds, ConversationError, ConversationFuture, ConversationKey,
    Conversations,
};

/// Keeps conversations until the process ends. Every operation is done when it returns; none waits.
#[derive(Debug)]
pub struct MemoryConversations {
    bounds: ConversationBounds,
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
}

impl MemoryConversations {
    /// An empty store.
    #[must_use]
    pub fn new(bounds: ConversationBounds, clock: Arc<dyn Clock>) -> Self {
        Self {
            bounds,
            clock,
            kept: Mutex::default(),
        }
    }

    /// No operation leaves anything half done, so what a panic elsewhere left behind is sound.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(
        &self,
        key: ConversationKey,
        conversation: Conversation,
    ) -> Result<(), ConversationError> {
        let bytes = self.bounds.weigh(&conversation)?;
        let now = self.clock.monotonic();
        let mut kept = self.kept();
        kept.expire(now);
        kept.remove(&key);
        kept.insert(key, conversation, bytes, now + self.bounds.ttl);
        kept.shrink(&self.bounds);
        Ok(())
    }
}

impl Conversations for MemoryConversations {
    fn load(&self, key: ConversationKey) -> ConversationFuture<Option<Conversation>> {
        let mut kept = self.kept();
        kept.expire(self.clock.monotonic());
        Box::pin(ready(Ok(kept.touch(&key))))
    }

    fn save(&self, key: ConversationKey, conversation: Conversation) -> ConversationFuture<()> {
        Box::pin(ready(self.put(key, conversation)))
    }

    fn delete(&self, key: ConversationKey) -> ConversationFuture<bool> {
        let mut kept = self.kept();
        kept.expire(self.clock.monotonic());
        Box::pin(ready(Ok(kept.remove(&key).is_some())))
    }
}

/// Everything that is kept, and in which order it goes.
#[derive(Debug, Default)]
struct Kept {
    entries: HashMap<ConversationKey, Entry>,
    /// All keys, by their last use.
    all: Shelf,
    /// The same of each client.
    clients: HashMap<Option<KeyId>, Shelf>,
    /// All keys, by their end and the number of their making: the first goes first.
    ends: BTreeMap<(Duration, u64), ConversationKey>,
    /// The number of the next use.
    next: u64,
}

#[derive(Debug)]
struct Entry {
    conversation: Conversation,
    bytes: u64,
    end: (Duration, u64),
    used: u64,
}

/// Keys by the number of their last use.
#[derive(Debug, Default)]
struct Shelf {
    bytes: u64,
    order: BTreeMap<u64, ConversationKey>,
}

impl Shelf {
    fn add(&mut self, key: &ConversationKey, used: u64, bytes: u64) {
        self.bytes += bytes;
        self.order.insert(used, key.clone());
    }

    fn take(&mut self, used: u64, bytes: u64) {
        self.bytes -= bytes;
        self.order.remove(&used);
    }

    fn oldest(&self) -> Option<ConversationKey> {
        self.order.values().next().cloned()
    }
}

impl Kept {
    fn insert(
        &mut self,
        key: ConversationKey,
        conversation: Conversation,
        bytes: u64,
        until: Duration,
    ) {
        let used = self.number();
        let end = (until, used);
        self.all.add(&key, used, bytes);
        let client = self.clients.entry(key.client.clone()).or_default();
        client.add(&key, used, bytes);
        self.ends.insert(end, key.clone());
        let entry = Entry {
            conversation,
            bytes,
            end,
            used,
        };
        self.entries.insert(key, entry);
    }

    fn remove(&mut self, key: &ConversationKey) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        self.ends.remove(&entry.end);
        self.all.take(entry.used, entry.bytes);
        if let Some(client) = self.clients.get_mut(&key.client) {
            client.take(entry.used, entry.bytes);
            if client.order.is_empty() {
                self.clients.remove(&key.client);
            }
        }
        Some(entry)
    }

    /// Fetches a conversation and moves it to the end of the order.
    fn touch(&mut self, key: &ConversationKey) -> Option<Conversation> {
        let used = self.number();
        let entry = self.entries.get_mut(key)?;
        let before = std::mem::replace(&mut entry.used, used);
        let client = self.clients.get_mut(&key.client);
        for shelf in client.into_iter().chain([&mut self.all]) {
            shelf.take(before, entry.bytes);
            shelf.add(key, used, entry.bytes);
        }
        Some(entry.conversation.clone())
    }

    /// Lets go of what has reached its end.
    fn expire(&mut self, now: Duration) {
        while let Some((_, key)) = self.ends.first_key_value().filter(|(end, _)| end.0 <= now) {
            let key = key.clone();
            self.remove(&key);
        }
    }

    /// Makes room: within the client that has just got something more, then among all.
    fn shrink(&mut self, bounds: &ConversationBounds) {
        while let Some(key) = self.surplus(bounds) {
            self.remove(&key);
        }
    }

    fn surplus(&self, bounds: &ConversationBounds) -> Option<ConversationKey> {
        let newest = self.all.order.last_key_value()?.1;
        let client = self.clients.get(&newest.client)?;
        if client.bytes > bounds.client_bytes {
            return client.oldest();
        }
        let full = self.all.bytes > bounds.bytes || self.entries.len() as u64 > bounds.entries;
        full.then(|| self.all.oldest()).flatten()
    }

    const fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}
