//! GHASH's field of 2^128 elements, slowly (NIST SP 800-38D, section 6.3).

use std::ops::{Add, Mul};

/// A polynomial over the field of two elements, modulo `x^128 + x^7 + x^2 + x + 1`. The first bit of a block is the
/// coefficient of 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element(pub(super) u128);

impl Element {
    const ONE: Self = Self(1 << 127);

    pub(super) fn of(block: &[u8]) -> Self {
        let mut whole = [0; 16];
        whole[..block.len()].copy_from_slice(block);
        Self(u128::from_be_bytes(whole))
    }

    pub(super) fn bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    pub(super) fn power(self, exponent: u128) -> Self {
        (0..128).rev().fold(Self::ONE, |power, bit| {
            let square = power * power;
            match exponent >> bit & 1 {
                1 => square * self,
                _ => square,
            }
        })
    }

    /// By Fermat: the group has `2^128 - 1` elements.
    pub(super) fn inverse(self) -> Self {
        self.power(u128::MAX - 1)
    }
}

#[expect(
    clippy::suspicious_arithmetic_impl,
    reason = "adding over two elements is exclusive or"
)]
impl Add for Element {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }
}

impl Mul for Element {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let (mut product, mut shifted) = (0, other.0);
        for bit in (0..128).rev() {
            if self.0 >> bit & 1 == 1 {
                product ^= shifted;
            }
            let carry = shifted & 1;
            shifted >>= 1;
            shifted ^= carry * (0xe1 << 120);
        }
        Self(product)
    }
}

/// The lengths in bits, the block that GHASH ends with.
pub(super) fn lengths(aad: &[u8], text: &[u8]) -> Element {
    let bits = |bytes: &[u8]| u128::try_from(bytes.len() * 8).unwrap();
    Element(bits(aad) << 64 | bits(text))
}

/// GHASH of associated data and ciphertext under the key `h`.
pub(super) fn ghash(h: Element, aad: &[u8], text: &[u8]) -> Element {
    let blocks = aad.chunks(16).chain(text.chunks(16)).map(Element::of);
    let ends = blocks.chain([lengths(aad, text)]);
    ends.fold(Element(0), |hash, block| (hash + block) * h)
}

#[test]
fn it_is_a_field() {
    let (a, b) = (Element(0x1234_5678 << 90 | 7), Element(u128::MAX / 3));
    assert_eq!(a * Element::ONE, a);
    assert_eq!(a * b, b * a);
    assert_eq!((a + b) * a, a * a + b * a);
    assert_eq!(a * a.inverse(), Element::ONE);
    assert_eq!(a.power(5), a * a * a * a * a);
}
