//! The keys that applications present.

use std::collections::BTreeMap;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use orchestra_types::KeyId;
use sha2::Sha256;

/// Shorter client keys are refused: they could be guessed.
pub const MIN_KEY_LENGTH: usize = 16;

/// Client keys, of which only keyed hashes are kept.
///
/// A presented key costs one HMAC-SHA-256 and one table look-up, whether it is known or
/// not. The hash is keyed with a pepper that only this process knows, so a caller can
/// neither steer the look-up nor learn from its time how close a guess came.
#[derive(Clone)]
pub struct ClientKeys {
    hasher: Hmac<Sha256>,
    by_hash: BTreeMap<[u8; 32], KeyId>,
}

/// Keys that cannot stand in one table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKeys {
    /// A key that could be guessed.
    #[error("client key {0:?} is shorter than {MIN_KEY_LENGTH} characters")]
    TooShort(KeyId),
    /// A key that no HTTP header can carry as it is.
    #[error("client key {0:?} holds blanks, control characters or non-ASCII text")]
    NotAToken(KeyId),
    /// Two names for one key: a call could not be attributed.
    #[error("client keys {0:?} and {1:?} are the same key")]
    Same(KeyId, KeyId),
    /// Two keys of one name.
    #[error("there are two client keys named {0:?}")]
    SameName(KeyId),
}

impl ClientKeys {
    /// Builds the table. `pepper` is random, drawn once a process.
    ///
    /// # Errors
    /// [`InvalidKeys`] if a key is too weak or two entries collide.
    pub fn new<'a>(
        pepper: [u8; 64],
        keys: impl IntoIterator<Item = (KeyId, &'a str)>,
    ) -> Result<Self, InvalidKeys> {
        let hasher = Hmac::new(&pepper.into());
        let mut table = Self {
            hasher,
            by_hash: BTreeMap::new(),
        };
        for (id, key) in keys {
            table.add(id, key)?;
        }
        Ok(table)
    }

    fn add(&mut self, id: KeyId, key: &str) -> Result<(), InvalidKeys> {
        if key.len() < MIN_KEY_LENGTH {
            return Err(InvalidKeys::TooShort(id));
        }
        if !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(InvalidKeys::NotAToken(id));
        }
        if self.by_hash.values().any(|known| *known == id) {
            return Err(InvalidKeys::SameName(id));
        }
        match self.by_hash.insert(self.hash(key), id.clone()) {
            None => Ok(()),
            Some(first) => Err(InvalidKeys::Same(first, id)),
        }
    }

    fn hash(&self, key: &str) -> [u8; 32] {
        self.hasher
            .clone()
            .chain_update(key.as_bytes())
            .finalize()
            .into_bytes()
            .into()
    }

    /// Whose key this is; `None` for a key that nobody holds.
    #[must_use]
    pub fn identify(&self, presented: &str) -> Option<&KeyId> {
        self.by_hash.get(&self.hash(presented))
    }

    /// Whether there is no key at all, so that nobody could be told from anybody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_hash.is_empty()
    }
}

impl fmt::Debug for ClientKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_hash.values()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> KeyId {
        KeyId::new(name).unwrap()
    }

    #[test]
    fn a_key_is_found_by_its_whole_text_only() {
        let keys = ClientKeys::new(
            [1; 64],
            [
                (id("a"), "a-key-of-twenty-chars"),
                (id("b"), "another-key-entirely"),
            ],
        )
        .unwrap();
        assert_eq!(keys.identify("another-key-entirely"), Some(&id("b")));
        for wrong in [
            "",
            "a-key-of-twenty-char",
            "a-key-of-twenty-chars ",
            "A-key-of-twenty-chars",
            "a",
        ] {
            assert_eq!(keys.identify(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn weak_and_colliding_keys_are_refused() {
        let check = |pairs: Vec<(KeyId, &str)>| ClientKeys::new([0; 64], pairs).unwrap_err();
        assert_eq!(
            check(vec![(id("a"), "short")]),
            InvalidKeys::TooShort(id("a"))
        );
        assert_eq!(
            check(vec![(id("a"), "a key with blanks in it")]),
            InvalidKeys::NotAToken(id("a"))
        );
        let key = "one-key-for-two-names";
        assert_eq!(
            check(vec![(id("a"), key), (id("b"), key)]),
            InvalidKeys::Same(id("a"), id("b"))
        );
        let pair = vec![(id("a"), key), (id("a"), "some-other-key-text")];
        assert_eq!(check(pair), InvalidKeys::SameName(id("a")));
    }

    #[test]
    fn printing_the_table_shows_names_only() {
        let keys = ClientKeys::new([3; 64], [(id("app"), "the-key-that-stays-hidden")]).unwrap();
        assert_eq!(format!("{keys:?}"), r#"{"app"}"#);
    }
}
