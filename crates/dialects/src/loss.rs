//! What one dialect says and another cannot.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;

use crate::Dialect;
use crate::canonical::{Extras, NOTE_MARK, Place, path};

/// Something a client asked for, or a provider answered, that did not reach the other side as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The field, in the terms of the side that wrote it: `messages[3].content[1].cache_control`.
    /// Fields of an answer begin with `answer.`.
    pub path: String,
    /// What became of it.
    pub kind: LossKind,
    /// Who said it.
    pub from: Dialect,
    /// Who cannot.
    pub to: Dialect,
}

/// What became of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LossKind {
    /// It is gone.
    Dropped,
    /// Something like it was sent: a clamped number, a nearby word, text in place of structure.
    Approximated,
    /// The other side needs something that nobody said, and a default was sent.
    Defaulted,
}

impl LossKind {
    /// One word for headers, logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::Approximated => "approximated",
            Self::Defaulted => "defaulted",
        }
    }
}

impl fmt::Display for Loss {
    /// As in the response header: `messages[0].name=dropped`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.path, self.kind.as_str())
    }
}

/// Collects what a translation from one dialect to another loses. A path is listed once.
#[derive(Clone, Debug)]
pub struct Losses {
    from: Dialect,
    to: Dialect,
    list: Vec<Loss>,
    /// The hashes of the listed paths: a hostile body may lose as many fields as it has bytes, and each path
    /// must not be compared with all others.
    listed: HashSet<u64>,
    hasher: RandomState,
}

impl Losses {
    /// Nothing lost yet.
    #[must_use]
    pub fn new(from: Dialect, to: Dialect) -> Self {
        Self {
            from,
            to,
            list: Vec::new(),
            listed: HashSet::new(),
            hasher: RandomState::new(),
        }
    }

    /// The dialect of the side whose words are translated.
    #[must_use]
    pub const fn from(&self) -> Dialect {
        self.from
    }

    /// From now on the words of another dialect are translated.
    pub(crate) const fn now_from(&mut self, from: Dialect) {
        self.from = from;
    }

    /// Whether both sides speak one dialect, so that extras and opaque parts return verbatim.
    #[must_use]
    pub fn within_one_dialect(&self) -> bool {
        self.from == self.to
    }

    /// What was lost, in the order of its discovery.
    #[must_use]
    pub fn list(&self) -> &[Loss] {
        &self.list
    }

    /// Hands the list over.
    #[must_use]
    pub fn into_list(self) -> Vec<Loss> {
        self.list
    }

    /// Whether nothing was lost.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The field at these places is gone.
    pub fn dropped(&mut self, places: &[Place]) {
        self.add(path(places), LossKind::Dropped);
    }

    /// Something like the field at these places was sent.
    pub fn approximated(&mut self, places: &[Place]) {
        self.add(path(places), LossKind::Approximated);
    }

    /// The target needs a field of this name, and a default was sent.
    pub fn defaulted(&mut self, name: &'static str) {
        self.add(name.to_owned(), LossKind::Defaulted);
    }

    /// All members of the object at these places that have no field in the canonical form are gone.
    ///
    /// The ids of items and `"status": "completed"`, which the Responses API puts on everything it answers
    /// and clients hand back, say nothing to anybody else: they are no losses. Nor are a codec's own notes
    /// ([`NOTE_MARK`]).
    pub fn dropped_extras(&mut self, places: &[Place], extras: &Extras) {
        let responses = self.from == Dialect::OpenAiResponses && !places.is_empty();
        for (name, value) in extras {
            let label = name == "id" || (name == "status" && value.as_str() == "\"completed\"");
            if responses && label || name.starts_with(NOTE_MARK) {
                continue;
            }
            let object = path(places);
            let path = if object.is_empty() {
                name.clone()
            } else {
                format!("{object}.{name}")
            };
            self.add(path, LossKind::Dropped);
        }
    }

    /// Adds a loss.
    pub fn add(&mut self, path: String, kind: LossKind) {
        if self.listed.insert(self.hasher.hash_one(&path)) {
            let (from, to) = (self.from, self.to);
            self.list.push(Loss {
                path,
                kind,
                from,
                to,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_listed_once_however_many_there_are() {
        let mut losses = Losses::new(Dialect::OpenAiChat, Dialect::AnthropicMessages);
        for round in 0..2 {
            for index in 0..100_000 {
                losses.dropped(&[Place::item("messages", index), Place::member("name")]);
            }
            losses.defaulted("max_tokens");
            assert_eq!(losses.list().len(), 100_001, "round {round}");
        }
        assert_eq!(losses.list()[1].to_string(), "messages[1].name=dropped");
    }
}
