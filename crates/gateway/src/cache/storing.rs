//! An answer on its way to the client that is to be kept once it is whole.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use orchestra_types::Usage;

use super::kept::{Kept, Label};
use super::{AnswerCache, Slot};
use crate::respond::LOSSES;

/// A place for an answer, and what has come of it.
pub(crate) struct Storing {
    cache: Arc<AnswerCache>,
    slot: Slot,
    label: Label,
    /// The answer so far, if it comes as a stream.
    body: Vec<u8>,
}

impl Storing {
    pub(crate) fn new(cache: &Arc<AnswerCache>, slot: Slot) -> Self {
        Self {
            cache: Arc::clone(cache),
            slot,
            label: Label::default(),
            body: Vec::new(),
        }
    }

    /// With what the client is told in front of the answer. Of the provider's own headers none stays: its request ids and
    /// what is left of its limits are those of one call.
    pub(crate) fn labelled(mut self: Box<Self>, headers: &HeaderMap, streamed: bool) -> Box<Self> {
        self.label = Label {
            content_type: headers.get(CONTENT_TYPE).cloned(),
            losses: headers.get(LOSSES).cloned(),
            streamed,
        };
        self
    }

    /// Takes a copy of what the client gets next. `false` if the answer is too large to be kept.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> bool {
        let fits = self.body.len() + bytes.len() <= self.cache.rules.max_entry_bytes;
        if fits {
            self.body.extend_from_slice(bytes);
        }
        fits
    }

    /// Keeps what has come: it is the whole answer.
    pub(crate) fn keep(self, usage: Option<Usage>, finish: Option<String>, now: Duration) {
        let kept = Kept {
            // Without the room that it was given to grow.
            body: self.body.into_boxed_slice().into(),
            label: self.label,
            usage,
            finish,
            since: now,
            max_age: self.slot.max_age,
        };
        self.cache.keep(self.slot, kept);
    }

    /// Keeps an answer in one piece, unless it is too large.
    pub(crate) fn keep_whole(
        mut self,
        body: &Bytes,
        usage: Option<Usage>,
        finish: Option<String>,
        now: Duration,
    ) {
        self.body
            .reserve_exact(body.len().min(self.cache.rules.max_entry_bytes));
        if self.add(body) {
            self.keep(usage, finish, now);
        }
    }
}

impl fmt::Debug for Storing {
    /// The size, not the words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Storing")
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
