//! A running checksum, so that a body of any size can be compared without being kept.

/// FNV-1a in 64 bits over a sequence of bytes.
///
/// It finds corruption and reordering, not tampering.
/// Source of the constants: the FNV page of its authors, and RFC 9923.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksum(u64);

impl Checksum {
    /// The checksum of no bytes at all.
    pub const EMPTY: Self = Self(0xcbf2_9ce4_8422_2325);

    const PRIME: u64 = 0x0000_0100_0000_01b3;

    /// Takes in the next bytes; how they are divided over calls does not matter.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |sum, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(Self::PRIME)
        });
    }

    /// The checksum of everything taken in so far.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }
}

/// The checksum of these bytes, as the echo endpoint reports it (in 16 hexadecimal digits).
#[must_use]
pub fn checksum(bytes: &[u8]) -> u64 {
    let mut sum = Checksum::EMPTY;
    sum.update(bytes);
    sum.value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_published_vectors() {
        assert_eq!(checksum(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(checksum(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(checksum(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn does_not_depend_on_how_the_bytes_are_divided() {
        let mut sum = Checksum::EMPTY;
        sum.update(b"foo");
        sum.update(b"bar");
        assert_eq!(sum.value(), checksum(b"foobar"));
    }
}
