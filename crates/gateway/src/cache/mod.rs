//! Answers that are kept for calls that ask the same again.
//!
//! Whether a target's answers are kept is said by the tree that leads there, or by the call. What is asked is one key, made
//! of all that the answer may depend on (`key.rs`); what is kept are the bytes that the client got.

mod kept;
mod key;
mod replay;
mod rules;
mod shelf;
mod storing;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use orchestra_routing::{CacheMode, Settings};
use orchestra_types::Rng;

use crate::call::Call;

pub(crate) use kept::Kept;
pub(crate) use key::Asked;
pub(crate) use replay::Hit;
pub use replay::{CacheHit, CacheUse};
pub use rules::{CacheRules, CacheWish};
pub use shelf::CacheReport;
use shelf::Shelf;
pub(crate) use storing::Storing;

use key::CacheKey;

/// Where an answer is looked for, and how long it is kept there.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    key: CacheKey,
    max_age: Duration,
    /// Whether what is there is not good enough.
    refresh: bool,
}

/// The answers of one gateway. Nothing is taken for it before the first call that wants it.
#[derive(Debug)]
pub(crate) struct AnswerCache {
    rules: CacheRules,
    rng: Arc<dyn Rng>,
    shelf: OnceLock<Shelf>,
}

impl AnswerCache {
    pub(crate) fn new(rules: CacheRules, rng: Arc<dyn Rng>) -> Arc<Self> {
        Arc::new(Self {
            rules,
            rng,
            shelf: OnceLock::new(),
        })
    }

    fn shelf(&self) -> &Shelf {
        self.shelf
            .get_or_init(|| Shelf::new(&self.rules, self.rng.as_ref()))
    }

    /// How long an answer to the call is kept where these settings hold; `None` if it is neither kept nor looked for. A
    /// tree comes before the call.
    pub(crate) fn wanted(&self, call: &Call, said: &Settings) -> Option<Duration> {
        let wish = call.directions.cache.as_deref();
        let cache = said.cache.or_else(|| wish?.usual)?;
        if !self.rules.enabled || cache.mode == CacheMode::Off {
            return None;
        }
        let asked = || wish?.max_age;
        Some(cache.max_age.or_else(asked).unwrap_or(self.rules.max_age))
    }

    /// Where the answer to what is asked belongs.
    pub(crate) fn slot(&self, asked: &Asked<'_>, max_age: Duration) -> Slot {
        let wish = asked.call.directions.cache.as_deref();
        Slot {
            key: asked.key(self.shelf().salt()),
            max_age,
            refresh: wish.is_some_and(|wish| wish.refresh),
        }
    }

    /// What is kept there at the time `now`, and its age. Nothing if it is older than the call wants, or than it was to
    /// become.
    pub(crate) fn find(&self, slot: &Slot, now: Duration) -> Option<(Arc<Kept>, Duration)> {
        if slot.refresh {
            return None;
        }
        self.shelf().find(&slot.key, slot.max_age, now)
    }

    fn keep(&self, slot: Slot, kept: Kept) {
        self.shelf().keep(slot.key, kept);
    }

    /// How much there is.
    pub(crate) fn report(&self) -> CacheReport {
        self.shelf.get().map(Shelf::report).unwrap_or_default()
    }
}

impl Slot {
    /// What comes of a call for which nothing was found here.
    pub(crate) const fn not_found(&self) -> CacheUse {
        if self.refresh {
            CacheUse::Refresh
        } else {
            CacheUse::Miss
        }
    }
}
