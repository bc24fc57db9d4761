//! Finding keys in what comes in pieces.

use super::Access;

/// Looks for the gateway's keys in what a provider says piece by piece, wherever the pieces are cut.
#[derive(Debug)]
pub(crate) struct KeyWatch {
    access: Access,
    /// The length of the longest key, less one.
    overlap: usize,
    /// The end of what came before, of at most that length.
    tail: Vec<u8>,
}

impl KeyWatch {
    pub(crate) fn new(access: Access) -> Self {
        Self {
            overlap: access.longest_guarded().saturating_sub(1),
            access,
            tail: Vec::new(),
        }
    }

    /// Whether a key ends within this piece.
    pub(crate) fn sees_key(&mut self, piece: &[u8]) -> bool {
        let overlap = self.overlap;
        if overlap == 0 {
            return false;
        }
        let start = &piece[..piece.len().min(overlap)];
        self.tail.extend_from_slice(start);
        let found = self.access.gives_key_away(&self.tail) || self.access.gives_key_away(piece);
        if piece.len() > start.len() {
            self.tail.clear();
            self.tail.extend_from_slice(&piece[piece.len() - overlap..]);
        }
        self.tail.drain(..self.tail.len().saturating_sub(overlap));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::access;
    use super::*;

    #[test]
    fn every_key_is_seen_wherever_it_is_cut() {
        let keys = [
            "a-key-of-some-length",
            "another-key",
            "one-more-key-of-another-length",
        ];
        let guarded = [keys[0], keys[2]];
        let seen = |text: &str, size| {
            let mut watch = KeyWatch::new(access(&keys));
            text.as_bytes()
                .chunks(size)
                .any(|piece| watch.sees_key(piece))
        };
        for key in guarded {
            let said = format!("before {key} behind");
            let harmless = said.replace("length", "lengthy");
            let harmless = harmless.replace("key", "kex");
            for size in 1..=said.len() {
                assert!(seen(&said, size), "{key} in pieces of {size}");
                assert!(!seen(&harmless, size), "{key} in pieces of {size}");
            }
        }
    }

    #[test]
    fn nothing_is_kept_where_nothing_is_looked_for() {
        let mut watch = KeyWatch::new(access(&["short"]));
        assert!(!watch.sees_key(b"short"));
        assert!(watch.tail.is_empty());
    }
}
