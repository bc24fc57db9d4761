//! Finding a key in what a provider says.

use memchr::arch::all::packedpair::Finder;

/// Shorter keys stand in answers by chance.
const MIN_GUARDED_BYTES: usize = 12;

/// What is worked out beforehand to find one key quickly: which two of its bytes are rare in texts, and those two.
/// A `memmem::Finder` would do as well, but for its own copy of the key, which nobody can wipe.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guard {
    finder: Finder,
    key_bytes: usize,
}

impl Guard {
    /// `None` for a key that is too short to tell from a word.
    pub(super) fn new(key: &str) -> Option<Self> {
        let key = key.as_bytes();
        if key.len() < MIN_GUARDED_BYTES {
            return None;
        }
        let finder = Finder::new(key)?;
        Some(Self {
            finder,
            key_bytes: key.len(),
        })
    }

    pub(super) const fn key_bytes(&self) -> usize {
        self.key_bytes
    }

    /// Whether the key for which this was made stands in `said`. It is asked for only where it might.
    pub(super) fn finds<'k>(&self, key: impl Fn() -> &'k [u8], said: &[u8]) -> bool {
        let mut rest = said;
        while rest.len() >= self.key_bytes
            && let Some(at) = self.finder.find_prefilter(rest)
        {
            if rest[at..].starts_with(key()) {
                return true;
            }
            rest = &rest[at + 1..];
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use memchr::memmem;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_keys_are_not_looked_for() {
        assert!(Guard::new("short-key-1").is_none());
        assert!(Guard::new("long-enough-").is_some());
    }

    proptest! {
        /// Few letters, so that parts of the key are everywhere.
        #[test]
        fn it_finds_what_a_plain_search_finds(key in "[ab]{12,14}|[a-zA-Z0-9]{12,40}", said in "[ab]{0,60}", at in 0_usize..61, whole: bool) {
            let mut said = said;
            if whole {
                said.insert_str(at.min(said.len()), &key);
            }
            let expected = memmem::find(said.as_bytes(), key.as_bytes()).is_some();
            let guard = Guard::new(&key).unwrap();
            prop_assert_eq!(guard.finds(|| key.as_bytes(), said.as_bytes()), expected);
        }
    }
}
