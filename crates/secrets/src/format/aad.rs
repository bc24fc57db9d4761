//! What a ciphertext is bound to.

use super::bytes::Writer;

/// Associated data in one canonical form: each value behind its kind and its length, so that no two
/// different rows of values give the same bytes. It is not stored; whoever opens a box says again where it
/// stands, and is refused if that is elsewhere.
pub(crate) struct Aad(Writer);

impl Aad {
    const ABSENT: u8 = 0;
    const PRESENT: u8 = 1;
    const NUMBER: u8 = 2;
    const UNSIGNED: u8 = 3;

    /// `domain` tells one kind of ciphertext from all others.
    pub(crate) fn new(domain: &'static str) -> Self {
        Self(Writer::default()).bytes(domain.as_bytes())
    }

    /// The length is 64 bits wide, so that it is the true one for anything that fits into memory.
    pub(crate) fn bytes(self, value: &[u8]) -> Self {
        let length = u64::try_from(value.len()).unwrap_or(u64::MAX);
        Self(self.0.u8(Self::PRESENT).u64(length).raw(value))
    }

    pub(crate) fn text(self, value: &str) -> Self {
        self.bytes(value.as_bytes())
    }

    pub(crate) fn optional_text(self, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(value),
            None => self.absent(),
        }
    }

    pub(crate) fn number(self, value: impl Into<i64>) -> Self {
        Self(self.0.u8(Self::NUMBER).i64(value.into()))
    }

    /// A kind of its own: the largest would otherwise look like negative ones.
    pub(crate) fn unsigned(self, value: u64) -> Self {
        Self(self.0.u8(Self::UNSIGNED).u64(value))
    }

    pub(crate) fn optional_number(self, value: Option<i64>) -> Self {
        match value {
            Some(value) => self.number(value),
            None => self.absent(),
        }
    }

    fn absent(self) -> Self {
        Self(self.0.u8(Self::ABSENT))
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0.finish()
    }
}
